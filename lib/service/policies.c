/* SPDX-License-Identifier: Apache-2.0 */
#include "service/policies.h"
#include "service/secrets.h"

#define POOL_GROUP "inference.networking.k8s.io"
#define BACKEND_TIMEOUT_S 3600

struct target {
    const char *group, *kind, *name; /* what the policy is about */
    const char *suffix;              /* of the policy's name */
};

/* Group "" is the core one, of Services; it must be there, if empty. */
static llmd_error *target_ref(const struct target *target, struct json **out)
{
    return llmd__json_make(out, "{'group': %s, 'kind': %s, 'name': %s}", target->group,
                           target->kind, target->name);
}

/* GKE's policies all have this shape: what they say under spec.default, and whom they are about. */
static llmd_error *policy(const llmd_service_spec *spec, const char *ns, const char *kind,
                          const struct target *target, const struct json *defaults,
                          struct json *list)
{
    AUTO(str) char *name = llmd__format("%s-%s", spec->name, target->suffix);
    AUTO(json) struct json *metadata = NULL;
    AUTO(json) struct json *ref = NULL;
    struct json *object = NULL;

    CHECK_MEMORY(name);
    TRY(llmd__service_metadata(ns, name, spec->name, &metadata));
    TRY(target_ref(target, &ref));
    TRY(llmd__json_make(&object,
                        "{'apiVersion': 'networking.gke.io/v1', 'kind': %s, 'metadata': %j,"
                        " 'spec': {'default': %j, 'targetRef': %j}}",
                        kind, metadata, defaults, ref));
    llmd__json_add(list, object);
    return NULL;
}

/* A model server under load answers /health late: the timeout is as long as the interval. */
static llmd_error *health_defaults(const struct server *server, struct json **out)
{
    const char *member = server->tls ? "httpsHealthCheck" : "httpHealthCheck";

    return llmd__json_make(out,
                           "{'checkIntervalSec': 15, 'timeoutSec': 15, 'healthyThreshold': 1,"
                           " 'unhealthyThreshold': 2, 'logConfig': {'enabled': true},"
                           " 'config': {'type': %s, %s: {'port': %d, 'requestPath': %s}}}",
                           llmd__server_scheme(server), member, LLMD__SERVER_PORT,
                           LLMD__SERVER_HEALTH);
}

/* GKE's default of 30 s cuts every longer answer in its middle. */
static llmd_error *backend_defaults(const llmd_service_spec *spec, struct json **out)
{
    int timeout = spec->route.backend_timeout_s;

    return llmd__json_make(out, "{'timeoutSec': %d}", timeout ? timeout : BACKEND_TIMEOUT_S);
}

llmd_error *llmd__policies_manifests(const llmd_service_spec *spec, const struct server *server,
                                     const char *ns, const char *pool, const char *workload,
                                     struct json *list)
{
    const struct target pool_health = {POOL_GROUP, "InferencePool", pool, "pool-health"};
    const struct target pool_backend = {POOL_GROUP, "InferencePool", pool, "pool-backend"};
    const struct target workload_health = {"", "Service", workload, "workload-health"};
    AUTO(json) struct json *health = NULL;
    AUTO(json) struct json *backend = NULL;

    TRY(health_defaults(server, &health));
    TRY(backend_defaults(spec, &backend));
    /* The route's rules lead to the pool, but KServe's catch-all rule to the Service: both are
     * checked. */
    if (pool) {
        TRY(policy(spec, ns, "HealthCheckPolicy", &pool_health, health, list));
        TRY(policy(spec, ns, "GCPBackendPolicy", &pool_backend, backend, list));
    }
    return policy(spec, ns, "HealthCheckPolicy", &workload_health, health, list);
}
