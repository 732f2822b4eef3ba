/* SPDX-License-Identifier: Apache-2.0 */
/* Whose project it is and what the caller may do in it. */
#include "gke/preflight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONSOLE "https://console.cloud.google.com"

/* ---- permissions ---- */

static const struct {
    const char *permission;
    bool required; /* else it only hides something from us */
} permissions[] = {
    {"container.clusters.create", true},
    {"container.clusters.get", true},
    {"container.clusters.list", true},
    {"container.clusters.update", true},
    {"container.clusters.delete", true},
    {"container.clusters.getCredentials", true},
    {"container.clusters.connect", false},
    {"container.operations.get", true},
    {"container.operations.list", true},
    {"container.clusterRoles.create", true}, /* KServe's install: roles/editor has it not (P9) */
    {"compute.networks.get", true},
    {"compute.subnetworks.get", true},
    {"compute.subnetworks.list", true},
    {"compute.subnetworks.create", false},
    {"compute.subnetworks.use", true},
    {"compute.regions.get", true},
    {"compute.zones.get", true},
    {"compute.machineTypes.get", true},
    {"compute.acceleratorTypes.list", false},
    {"compute.instanceGroupManagers.get", false},
    {"compute.addresses.create", false},
    {"compute.addresses.get", false},
    {"compute.addresses.delete", false},
    {"compute.healthChecks.get", false},
    {"compute.healthChecks.update", false},
    {"serviceusage.services.get", false},
    {"serviceusage.services.enable", false},
    {"resourcemanager.projects.get", true},
    {"cloudquotas.quotas.get", false},
};

static llmd_error *tell_permissions(struct preflight *preflight, struct graph *graph,
                                    const char *subject, const struct json *answer)
{
    AUTO(buf) struct buf missing = BUF_INIT;
    size_t count = sizeof(permissions) / sizeof(permissions[0]), absent = 0;
    bool refuse = false;
    struct check check = {LLMD_LEVEL_INFO, subject, "PERMISSIONS", ""};

    for (size_t i = 0; i < count; i++) {
        if (llmd__json_holds(llmd__json_member(answer, "permissions"), permissions[i].permission))
            continue;
        absent++;
        refuse = refuse || permissions[i].required;
        llmd__buf_format(&missing, "%s%s", missing.len ? ", " : "", permissions[i].permission);
    }
    TRY(llmd__buf_check(&missing));
    if (!absent)
        return llmd__preflight_tell(preflight, graph, &check, "all %zu permissions are held",
                                    count);
    check.level = refuse ? LLMD_LEVEL_ERROR : LLMD_LEVEL_WARNING;
    check.reason = "PERMISSION_DENIED";
    check.advice = "grant roles/container.admin and roles/compute.networkAdmin (roles/editor is "
                   "not enough: it may not create ClusterRoles)";
    return llmd__preflight_tell(preflight, graph, &check, "%zu of %zu permissions are missing: %s",
                                absent, count, missing.data);
}

static llmd_error *on_permissions(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;

    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    return tell_permissions(ask->preflight, graph, ask->subject, answer->json);
}

static llmd_error *ask_permissions(struct preflight *preflight, struct graph *graph)
{
    AUTO(buf) struct buf body = BUF_INIT;
    const char *project = llmd_gke_project(preflight->gke);
    char subject[160];

    llmd__buf_str(&body, "{\"permissions\":[");
    for (size_t i = 0; i < sizeof(permissions) / sizeof(permissions[0]); i++)
        llmd__buf_format(&body, "%s\"%s\"", i ? "," : "", permissions[i].permission);
    llmd__buf_str(&body, "]}");
    TRY(llmd__buf_check(&body));
    snprintf(subject, sizeof(subject), "Permissions/%s", project);
    return llmd__preflight_look(preflight, graph, GOOGLE_RESOURCE_MANAGER, subject, 0,
                                on_permissions, body.data, NULL,
                                "/v1/projects/%s:testIamPermissions", project);
}

/* ---- the nodes' account ---- */

static llmd_error *on_account_there(void *data, struct graph *graph,
                                    const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct check check = {LLMD_LEVEL_ERROR, ask->subject, "PERMISSION_DENIED",
                          "grant roles/iam.serviceAccountUser on this account"};

    if (answer->trouble != TROUBLE_NOT_FOUND)
        return llmd__preflight_tell(
            ask->preflight, graph, &check,
            "iam.serviceAccounts.actAs on the account of the nodes is missing");
    check.reason = "NODE_ACCOUNT_MISSING";
    check.advice = "name one that exists as the pools' serviceAccount, with "
                   "roles/container.defaultNodeServiceAccount";
    return llmd__preflight_tell(ask->preflight, graph, &check,
                                "the service account of the nodes does not exist");
}

/* An account that is not there has no permissions either, by Google's word: so it is asked for. */
static llmd_error *on_account(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "NODE_ACCOUNT", ""};

    if (answer->refusal && answer->trouble != TROUBLE_NOT_FOUND)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    if (llmd__json_holds(llmd__json_member(answer->json, "permissions"),
                         "iam.serviceAccounts.actAs"))
        return llmd__preflight_tell(ask->preflight, graph, &check,
                                    "nodes may be given this account");
    return llmd__preflight_look(ask->preflight, graph, GOOGLE_IAM, ask->subject, 0,
                                on_account_there, NULL, NULL, "/v1/projects/%s/serviceAccounts/%s",
                                llmd_gke_project(ask->preflight->gke),
                                strchr(ask->subject, '/') + 1);
}

static llmd_error *ask_account(struct preflight *preflight, struct graph *graph, const char *email)
{
    char subject[160];

    snprintf(subject, sizeof(subject), "NodeAccount/%s", email);
    return llmd__preflight_look(preflight, graph, GOOGLE_IAM, subject, 0, on_account,
                                "{\"permissions\":[\"iam.serviceAccounts.actAs\"]}", NULL,
                                "/v1/projects/%s/serviceAccounts/%s:testIamPermissions",
                                llmd_gke_project(preflight->gke), email);
}

static bool asked_before(const struct preflight *preflight, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (preflight->pools[i].service_account &&
            strcmp(preflight->pools[i].service_account, preflight->pools[index].service_account) ==
                0)
            return true;
    return false;
}

/* Pools that name none get Compute Engine's, which new organisations may not have. */
static llmd_error *ask_accounts(struct preflight *preflight, struct graph *graph)
{
    char standard[80];
    bool unnamed = false;

    for (size_t i = 0; i < preflight->pool_count; i++) {
        const char *email = preflight->pools[i].service_account;

        unnamed = unnamed || !email || !*email;
        if (email && *email && !asked_before(preflight, i))
            TRY(ask_account(preflight, graph, email));
    }
    if (!unnamed || !preflight->project_number)
        return NULL;
    snprintf(standard, sizeof(standard), "%lld-compute@developer.gserviceaccount.com",
             (long long)preflight->project_number);
    return ask_account(preflight, graph, standard);
}

/* ---- project ---- */

static llmd_error *tell_project(struct preflight *preflight, struct graph *graph,
                                const char *subject, const struct json *project)
{
    const char *state = llmd__json_str(project, "lifecycleState");
    struct check check = {LLMD_LEVEL_INFO, subject, "PROJECT", ""};

    if (strcmp(state, "ACTIVE") == 0)
        return llmd__preflight_tell(preflight, graph, &check, "active, number %s",
                                    llmd__json_str(project, "projectNumber"));
    check.level = LLMD_LEVEL_ERROR;
    check.reason = "PROJECT_NOT_ACTIVE";
    check.advice = "use another project, or restore this one";
    return llmd__preflight_tell(preflight, graph, &check, "the project is %s, not ACTIVE",
                                *state ? state : "of an unknown state");
}

static llmd_error *tell_no_project(struct preflight *preflight, struct graph *graph,
                                   const char *subject, const struct look_answer *answer)
{
    struct check check = {LLMD_LEVEL_ERROR, subject, "CREDENTIALS",
                          llmd_error_advice(answer->refusal)};

    if (answer->trouble == TROUBLE_NOT_FOUND || answer->trouble == TROUBLE_PERMISSION) {
        check.reason = "PROJECT_NOT_FOUND";
        check.advice = "check the project's id, and that these credentials may see it "
                       "(resourcemanager.projects.get)";
    } else if (answer->trouble != TROUBLE_AUTH &&
               llmd_error_code(answer->refusal) != LLMD_E_DENIED) {
        return llmd__preflight_unknown(preflight, graph, subject, answer);
    } else if (answer->trouble == TROUBLE_PROJECT || answer->trouble == TROUBLE_SERVICE_DISABLED) {
        return llmd__preflight_unknown(preflight, graph, subject, answer);
    }
    return llmd__preflight_refused(preflight, graph, &check, answer);
}

static llmd_error *on_project(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct preflight *preflight = ask->preflight;

    if (answer->refusal) {
        TRY(tell_no_project(preflight, graph, ask->subject, answer));
    } else {
        preflight->project_number =
            strtoll(llmd__json_str(answer->json, "projectNumber"), NULL, 10);
        TRY(tell_project(preflight, graph, ask->subject, answer->json));
    }
    return ask_accounts(preflight, graph);
}

/* ---- billing ---- */

static llmd_error *on_billing(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "BILLING", ""};

    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    if (llmd__json_bool(answer->json, "billingEnabled", false))
        return llmd__preflight_tell(ask->preflight, graph, &check, "enabled, %s",
                                    llmd__json_str(answer->json, "billingAccountName"));
    check.level = LLMD_LEVEL_ERROR;
    check.reason = "BILLING_DISABLED";
    check.advice = "link a billing account: " CONSOLE "/billing/linkedaccount";
    return llmd__preflight_tell(ask->preflight, graph, &check,
                                "billing is not enabled for this project");
}

llmd_error *llmd__preflight_project(struct preflight *preflight, struct graph *graph)
{
    const char *project = llmd_gke_project(preflight->gke);
    char subject[160];

    snprintf(subject, sizeof(subject), "Project/%s", project);
    TRY(llmd__preflight_look(preflight, graph, GOOGLE_RESOURCE_MANAGER, subject, 0, on_project,
                             NULL, NULL, "/v1/projects/%s", project));
    snprintf(subject, sizeof(subject), "Billing/%s", project);
    TRY(llmd__preflight_look(preflight, graph, GOOGLE_BILLING, subject, 0, on_billing, NULL, NULL,
                             "/v1/projects/%s/billingInfo", project));
    return ask_permissions(preflight, graph);
}
