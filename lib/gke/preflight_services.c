/* SPDX-License-Identifier: Apache-2.0 */
/* Services that must be on, and organisation policies as far as they can be read. */
#include "gke/preflight.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *service;
    bool required;
    const char *what_for;
} services[] = {
    {"container", true, "clusters"},
    {"compute", true, "nodes and load balancers"},
    {"iam", true, "service accounts"},
    {"serviceusage", true, "enabling services"},
    /* Without it a regional Gateway comes up and later answers "fault filter abort" (P10). */
    {"networkservices", true, "regional Gateways"},
    {"cloudresourcemanager", false, "looking at the project"},
    {"cloudquotas", false, "the TPU quota"},
    {"cloudbilling", false, "prices"},
    {"monitoring", false, "metrics of the nodes, and the TPU quota in use"},
    {"logging", false, "logs of the nodes"},
    {"artifactregistry", false, "images"},
};

static llmd_error *tell_disabled(struct preflight_ask *ask, struct graph *graph)
{
    bool required = services[ask->index].required;
    bool enable = ask->preflight->spec->enable_missing;
    struct check check = {required && !enable ? LLMD_LEVEL_ERROR : LLMD_LEVEL_WARNING, ask->subject,
                          "SERVICE_DISABLED", ""};
    AUTO(str)
    char *advice =
        llmd__format("set enableMissing, or enable it: https://console.developers."
                     "google.com/apis/api/%s.googleapis.com/overview?project=%s",
                     services[ask->index].service, llmd_gke_project(ask->preflight->gke));

    CHECK_MEMORY(advice);
    check.advice = required && enable ? "cluster apply switches it on, which takes a "
                                        "minute or two"
                                      : advice;
    return llmd__preflight_tell(ask->preflight, graph, &check,
                                "%s API is not enabled (needed for "
                                "%s)",
                                services[ask->index].service, services[ask->index].what_for);
}

static llmd_error *on_service(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "SERVICE", ""};

    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    if (strcmp(llmd__json_str(answer->json, "state"), "ENABLED") != 0)
        return tell_disabled(ask, graph);
    return llmd__preflight_tell(ask->preflight, graph, &check, "enabled");
}

llmd_error *llmd__preflight_services(struct preflight *preflight, struct graph *graph)
{
    char subject[160];

    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        snprintf(subject, sizeof(subject), "Service/%s.googleapis.com", services[i].service);
        TRY(llmd__preflight_look(preflight, graph, GOOGLE_SERVICE_USAGE, subject, i, on_service,
                                 NULL, NULL, "/v1/projects/%s/services/%s.googleapis.com",
                                 llmd_gke_project(preflight->gke), services[i].service));
    }
    return NULL;
}

/* ---- organisation policies ---- */

enum policy { POLICY_LOCATIONS, POLICY_EXTERNAL_IP, POLICY_LOAD_BALANCERS, POLICY_COUNT };
static const char *const policies[POLICY_COUNT] = {"gcp.resourceLocations",
                                                   "compute.vmExternalIpAccess",
                                                   "compute.restrictLoadBalancerCreationForTypes"};

static bool any_rule(const struct json *policy, const char *flag)
{
    JSON_EACH(rule, llmd__json_get(policy, "spec.rules")) {
        if (llmd__json_bool(rule, flag, false))
            return true;
    }
    return false;
}

/* Whether a value of gcp.resourceLocations covers the place: "europe-west4", "in:eu-locations". */
static bool covers(const char *value, const char *location, const char *region)
{
    static const char *const groups[][2] = {
        {"eu", "europe-"}, {"europe", "europe-"}, {"us", "us-"}, {"asia", "asia-"}};
    size_t len;

    if (strcmp(value, location) == 0 || strcmp(value, region) == 0)
        return true;
    if (strncmp(value, "in:", 3) != 0)
        return false;
    value += 3;
    len = strcspn(value, "\n");
    if (len > 10 && strcmp(value + len - 10, "-locations") == 0)
        len -= 10;
    if (strlen(region) == len && strncmp(value, region, len) == 0)
        return true;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (strlen(groups[i][0]) == len && strncmp(value, groups[i][0], len) == 0)
            return strncmp(region, groups[i][1], strlen(groups[i][1])) == 0;
    return false;
}

static bool any_covers(const struct preflight *preflight, const struct json *policy,
                       const char *list)
{
    JSON_EACH(rule, llmd__json_get(policy, "spec.rules")) {
        JSON_EACH(value, llmd__json_get(rule, list)) {
            if (covers(llmd__json_text(value), llmd_gke_location(preflight->gke),
                       llmd__gke_region(preflight->gke)))
                return true;
        }
    }
    return false;
}

static bool any_value(const struct json *policy, const char *list)
{
    JSON_EACH(rule, llmd__json_get(policy, "spec.rules")) {
        if (llmd__json_count(llmd__json_get(rule, list)))
            return true;
    }
    return false;
}

static bool location_refused(const struct preflight *preflight, const struct json *policy)
{
    if (any_rule(policy, "denyAll") || any_covers(preflight, policy, "values.deniedValues"))
        return true;
    return any_value(policy, "values.allowedValues") &&
           !any_covers(preflight, policy, "values.allowedValues");
}

/* NULL: nothing against it. */
static const char *against(const struct preflight *preflight, enum policy which,
                           const struct json *policy)
{
    switch (which) {
    case POLICY_LOCATIONS:
        return location_refused(preflight, policy) ? "resources may not be made in this location"
                                                   : NULL;
    case POLICY_EXTERNAL_IP:
        return any_rule(policy, "denyAll") && !preflight->spec->private_nodes
                   ? "nodes may not have public addresses; set privateNodes"
                   : NULL;
    case POLICY_LOAD_BALANCERS:
        return any_rule(policy, "denyAll") || any_value(policy, "values.deniedValues")
                   ? "some kinds of load balancers may not be made"
                   : NULL;
    default:
        return NULL;
    }
}

static llmd_error *on_policy(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "POLICY", ""};
    const char *why;

    /* No organisation above, or nothing said: no restriction. */
    if (answer->trouble == TROUBLE_NOT_FOUND)
        return llmd__preflight_tell(ask->preflight, graph, &check, "not set");
    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    why = against(ask->preflight, (enum policy)ask->index, answer->json);
    if (!why)
        return llmd__preflight_tell(ask->preflight, graph, &check, "nothing against it");
    check.reason = "ORG_POLICY";
    check.level = ask->index == POLICY_LOAD_BALANCERS ? LLMD_LEVEL_WARNING : LLMD_LEVEL_ERROR;
    check.advice = "ask the organisation's administrator, or choose what the policy allows";
    return llmd__preflight_tell(ask->preflight, graph, &check, "%s (constraints/%s)", why,
                                policies[ask->index]);
}

static const char *policy_name(const struct json *policy)
{
    const char *name = llmd__json_str(policy, "name"), *slash = strrchr(name, '/');

    return slash ? slash + 1 : name;
}

/* Custom constraints cannot be evaluated from outside: their names are what an administrator needs
   to hear (P5). */
static llmd_error *on_policies(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    AUTO(buf) struct buf names = BUF_INIT;
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "POLICY", ""};

    if (answer->refusal && answer->trouble != TROUBLE_NOT_FOUND)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    JSON_EACH(policy, llmd__json_member(answer->json, "policies")) {
        if (strncmp(policy_name(policy), "custom.", 7) == 0 && any_rule(policy, "enforce"))
            llmd__buf_format(&names, "%scustomConstraints/%s", names.len ? ", " : "",
                             policy_name(policy));
    }
    TRY(llmd__buf_check(&names));
    if (!names.len)
        return llmd__preflight_tell(ask->preflight, graph, &check,
                                    "no custom constraint is enforced on the project itself");
    check.level = LLMD_LEVEL_WARNING;
    check.reason = "ORG_POLICY";
    check.advice = "ask the organisation's administrator whether it refuses these machine types";
    return llmd__preflight_tell(ask->preflight, graph, &check, "enforced: %s", names.data);
}

llmd_error *llmd__preflight_policies(struct preflight *preflight, struct graph *graph)
{
    const char *project = llmd_gke_project(preflight->gke);
    char subject[160];

    for (size_t i = 0; i < POLICY_COUNT; i++) {
        snprintf(subject, sizeof(subject), "Policy/%s", policies[i]);
        TRY(llmd__preflight_look(preflight, graph, GOOGLE_ORG_POLICY, subject, i, on_policy, NULL,
                                 NULL, "/v2/projects/%s/policies/%s:getEffectivePolicy", project,
                                 policies[i]));
    }
    return llmd__preflight_look(preflight, graph, GOOGLE_ORG_POLICY, "Policy/custom", 0,
                                on_policies, NULL, NULL, "/v2/projects/%s/policies", project);
}
