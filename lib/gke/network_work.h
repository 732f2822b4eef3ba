/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of a network task share. */
#ifndef LLMD_GKE_NETWORK_WORK_H
#define LLMD_GKE_NETWORK_WORK_H

#include "gke/compute_operation.h"
#include "gke/look.h"
#include "gke/network.h"

struct network_work {
    llmd_gke *gke;
    llmd_network_spec *spec;
    struct json *used;    /* ranges of the network, strings */
    struct json *subnets; /* its proxy-only ones in the region */
    struct json *address; /* the static one; NULL: not there */
    char range[20];       /* of the subnet that is made */
    bool made_subnet, made_address;
    bool tried_address; /* to make it: what is then not there stays so */
    bool nat, private_nodes;
    int users; /* forwarding rules that need the proxies */
    step_id end;
    struct json *result;
};

llmd_error *llmd__network_work_new(const llmd_gke *gke, const llmd_network_spec *spec,
                                   struct network_work **out);
void llmd__network_work_free(void *work);
DEFINE_AUTO(network_work, struct network_work *, llmd__network_work_free)

/* A task of two steps, one that decides and the end, and the looks that they wait for. */
struct network_task {
    const struct step_class *decide, *end;
    llmd_error *(*add_looks)(struct network_work *work, struct graph *graph, step_id decision);
};
llmd_error *llmd__network_task(const llmd_gke *gke, const llmd_network_spec *spec,
                               const struct network_task *task, llmd_task **out);

const char *llmd__network_name(const struct network_work *work);
const char *llmd__network_subnet(const struct network_work *work);
/* A look for which the end waits. what: "subnets"; path behind /compute/v1/projects/P. */
llmd_error *llmd__network_look(struct network_work *work, struct graph *graph, const char *what,
                               look_fn on_answer, step_id *out, const char *path_format, ...)
    PRINTF_LIKE(6, 7);
/* A mutation in the region for which the end waits. Its on_done gets the work. */
llmd_error *llmd__network_change(struct network_work *work, struct graph *graph,
                                 const struct mutation *mutation);
llmd_error *llmd__network_tell(struct graph *graph, llmd_level level, const char *subject,
                               const char *reason, const char *advice, const char *format, ...)
    PRINTF_LIKE(6, 7);

#endif
