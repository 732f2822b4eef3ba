/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/backend.h"

#include "kube/object.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "gkegw1-"
#define POOL_PORT "-54321-"

bool llmd__backend_mark(const char *rule, char mark[LLMD__BACKEND_MARK + 1])
{
    if (strncmp(rule, PREFIX, strlen(PREFIX)) != 0 || strlen(rule) <= LLMD__BACKEND_MARK ||
        rule[LLMD__BACKEND_MARK - 1] != '-')
        return false;
    snprintf(mark, LLMD__BACKEND_MARK + 1, "%s", rule);
    return true;
}

/* "default-qwen-inference-p" of default and qwen-inference-pool, each cut somewhere; behind the
   pool's whole name more may follow ("-ip-1234": the Service that the controller makes of it). */
static bool is_cut_of(const char *text, size_t len, const char *ns, const char *pool)
{
    size_t whole = strlen(pool);

    for (size_t cut = 1; cut <= strlen(ns) && cut + 1 < len; cut++) {
        const char *rest = text + cut + 1;
        size_t left = len - cut - 1;

        if (strncmp(text, ns, cut) != 0)
            return false;
        if (text[cut] == '-' && strncmp(rest, pool, left < whole ? left : whole) == 0 &&
            (left <= whole || rest[whole] == '-'))
            return true;
    }
    return false;
}

bool llmd__is_pool_backend(const char *name, const char *mark, const char *ns, const char *pool)
{
    const char *port = strstr(name, POOL_PORT);

    if (strncmp(name, mark, strlen(mark)) != 0 || !port || port < name + strlen(mark))
        return false;
    return is_cut_of(name + strlen(mark), (size_t)(port - name) - strlen(mark), ns, pool);
}

void llmd__backend_health(const struct json *answer, struct backend_health *health)
{
    JSON_EACH(status, llmd__json_member(answer, "healthStatus")) {
        bool good = strcmp(llmd__json_str(status, "healthState"), "HEALTHY") == 0;

        health->total++;
        health->healthy += good;
        if (!good && !health->unhealthy[0])
            snprintf(health->unhealthy, sizeof(health->unhealthy), "%.60s:%d",
                     llmd__json_str(status, "ipAddress"), (int)llmd__json_int(status, "port", 0));
    }
}

const char *llmd__check_path(const struct json *check)
{
    static const char *const paths[] = {"httpHealthCheck.requestPath",
                                        "httpsHealthCheck.requestPath",
                                        "http2HealthCheck.requestPath"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (*llmd__json_str(check, paths[i]))
            return llmd__json_str(check, paths[i]);
    }
    return "";
}

const char *llmd__policy_path(const struct json *policy)
{
    return llmd__check_path(llmd__json_get(policy, "spec.default.config"));
}

bool llmd__policy_ignored(const struct json *policy, const char *asked_path)
{
    return policy && asked_path && strcmp(asked_path, llmd__policy_path(policy)) != 0;
}

const struct json *llmd__policy_of_pool(const struct json *list, const char *pool)
{
    JSON_EACH(policy, llmd__json_member(list, "items")) {
        if (strcmp(llmd__json_str(policy, "spec.targetRef.kind"), "InferencePool") == 0 &&
            strcmp(llmd__json_str(policy, "spec.targetRef.name"), pool) == 0)
            return policy;
    }
    return NULL;
}

llmd_error *llmd__policy_again(const struct json *policy, struct json **out)
{
    return llmd__json_make(
        out,
        "{'apiVersion': 'networking.gke.io/v1', 'kind': 'HealthCheckPolicy', 'metadata': {'name': "
        "%s, 'namespace': %s, 'labels': %j, 'annotations': %j}, 'spec': %j}",
        llmd__object_name(policy), llmd__object_ns(policy),
        llmd__json_get(policy, "metadata.labels"), llmd__json_get(policy, "metadata.annotations"),
        llmd__json_member(policy, "spec"));
}
