/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting a cluster: look -> record -> drain -> delete -> proof. Its pools go with it. */
#include "gke/calls.h"
#include "gke/connect.h"
#include "gke/drain.h"
#include "gke/removal.h"

#include <string.h>

struct deletion {
    llmd_gke *gke;
    char *name;
    struct leak *leak;
    struct drain drain;
    bool existed;
};

static void deletion_free(void *data)
{
    struct deletion *deletion = data;

    llmd__drain_free(&deletion->drain);
    llmd__leak_free(deletion->leak);
    llmd_gke_free(deletion->gke);
    llmd__free(deletion->name);
    llmd__free(deletion);
}

DEFINE_AUTO(deletion, struct deletion *, deletion_free)

static bool is_in(const struct json *cluster, const char *status)
{
    return strcmp(llmd__json_str(cluster, "status"), status) == 0;
}

/* One that is being made or deleted has nothing in it that could still be taken care of. */
static llmd_error *on_look(void *data, struct graph *graph, const struct json *cluster)
{
    AUTO(error) llmd_error *error = NULL;
    struct deletion *deletion = data;

    (void)graph;
    if (!cluster)
        return NULL;
    deletion->existed = true;
    TRY(llmd__leak_cluster(deletion->leak, cluster));
    if (is_in(cluster, "PROVISIONING") || is_in(cluster, "STOPPING"))
        return NULL;
    error = llmd__cluster_kube(deletion->gke, cluster, &deletion->drain.kube);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return TAKE(error);
    deletion->drain.hidden = error && llmd_error_code(error) != LLMD_E_BUSY;
    return NULL;
}

static llmd_error *result_advance(void *state, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    const struct deletion *deletion = state;
    AUTO(str) char *subject = llmd__format("Cluster/%s", deletion->name);
    struct json *result = NULL;

    (void)input;
    TRY(llmd__json_make(&result, "{'cluster': %s, 'existed': %b, 'drained': %j, 'leak': %j}",
                        deletion->name, deletion->existed, deletion->drain.found,
                        llmd__leak_result(deletion->leak)));
    llmd__graph_result(graph, result);
    CHECK_MEMORY(subject);
    action->kind = ACTION_FINISH;
    return llmd__graph_event(graph,
                             &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                  .subject = subject,
                                                  .reason = "Gone",
                                                  .message = "is gone, and so is what it had"});
}

static const struct step_class result_class = {.name = "result", .advance = result_advance};

static llmd_error *add_steps(struct graph *graph, struct deletion *deletion)
{
    struct removal_wish wish = {
        .gke = deletion->gke, .cluster = deletion->name, .on_look = on_look, .data = deletion};
    step_id order[6] = {-1, -1, -1, -1, -1, -1};

    TRY(llmd__removal_steps(graph, &wish, &order[0], &order[3]));
    TRY(llmd__leak_record_step(graph, deletion->leak, &order[1]));
    TRY(llmd__drain_step(graph, &deletion->drain, &order[2]));
    TRY(llmd__leak_proof_step(graph, deletion->leak, &order[4]));
    TRY(llmd__graph_add(graph, &result_class, deletion, &order[5]));
    deletion->drain.then = order[3];
    for (int i = 1; i < 6; i++)
        TRY(llmd__graph_need(graph, order[i], order[i - 1]));
    return NULL;
}

static llmd_error *deletion_new(const llmd_gke *gke, const char *name, bool drain,
                                struct deletion **out)
{
    AUTO(deletion) struct deletion *deletion = llmd__calloc(1, sizeof(*deletion));

    CHECK_MEMORY(deletion);
    deletion->gke = llmd__gke_ref(gke);
    deletion->name = llmd__strdup(name);
    CHECK_MEMORY(deletion->name);
    TRY(llmd__leak_new(gke, name, &deletion->leak));
    deletion->drain = (struct drain){.gke = deletion->gke,
                                     .name = deletion->name,
                                     .leak = deletion->leak,
                                     .drain = drain,
                                     .then = -1};
    *out = TAKE(deletion);
    return NULL;
}

llmd_error *llmd_cluster_delete(const llmd_gke *gke, const char *name, bool drain, llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    struct deletion *deletion = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    REQUIRE_CLUSTER(name);
    TRY(deletion_new(gke, name, drain, &deletion));
    TRY(llmd__graph_new(deletion, deletion_free, &graph));
    TRY(add_steps(graph, deletion));
    return llmd__task_new(TAKE(graph), out);
}
