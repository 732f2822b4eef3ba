/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One model of the server: scheme, port, probes, TLS arguments and the load balancer's policies all
 * come from here, because they break silently when they disagree. Pure.
 */
#ifndef LLMD_SERVICE_SERVER_H
#define LLMD_SERVICE_SERVER_H

#include "service/kserve.h"
#include "service/presets.h"

#define LLMD__SERVER_PORT 8000 /* KServe's receiver; cannot be changed */
#define LLMD__SERVER_HEALTH "/health"

struct server {
    const struct preset *preset;
    enum kserve_release release;
    bool tls;            /* the server itself speaks TLS */
    bool tls_args;       /* and we must say so: the preset does not */
    bool own_command;    /* args are no longer appended: say all */
    bool parallel_field; /* spec.parallelism reaches the command line */
    bool download;
    int parallel;     /* 0: nothing said */
    char *model_name; /* NULL: KServe's, the service's name */
};

llmd_error *llmd__server_new(const llmd_service_spec *spec, const struct kserve *kserve,
                             struct server *out);
void llmd__server_free(struct server *server);
const char *llmd__server_scheme(const struct server *server); /* "HTTP", "HTTPS" */
/* The arguments of container main, and its command or NULL. */
llmd_error *llmd__server_args(const struct server *server, const llmd_service_spec *spec,
                              struct json **command, struct json **args);
/* Container main, as KServe merges it by name with its preset. */
llmd_error *llmd__server_container(const struct server *server, const llmd_service_spec *spec,
                                   struct json **out);

static inline void llmd__auto_server(struct server *server)
{
    llmd__server_free(server);
}

#endif
