/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/google_advice.h"

#include <stdio.h>
#include <string.h>

#define QUOTAS "https://console.cloud.google.com/iam-admin/quotas"
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const struct json *llmd__google_error_info(const struct json *status)
{
    JSON_EACH(detail, llmd__json_member(status, "details")) {
        if (*llmd__json_str(detail, "reason"))
            return detail;
    }
    return NULL;
}

/* ---- reasons of ErrorInfo with an advice of their own ---- */

static const struct {
    const char *reason, *advice;
} reasons[] = {
    {"BILLING_DISABLED", "link the project with a billing account: "
                         "https://console.cloud.google.com/billing/projects"},
    {"CONSUMER_INVALID", "no such project for this account: check the project's id"},
    {"CONSUMER_SUSPENDED", "the project is suspended: its owner must write to Google's support"},
    {"RESOURCE_PROJECT_INVALID", "no such project: check the project's id"},
    {"USER_PROJECT_DENIED",
     "grant the account roles/serviceusage.serviceUsageConsumer on the quota project, or choose "
     "another one: gcloud auth application-default set-quota-project PROJECT"},
    {"ACCESS_TOKEN_SCOPE_INSUFFICIENT",
     "the token has too few scopes: ask for https://www.googleapis.com/auth/cloud-platform (on a "
     "VM: its access scopes)"},
    {"ACCESS_TOKEN_TYPE_UNSUPPORTED",
     "give an OAuth access token; an identity token or an API key does not do"},
    {"CREDENTIALS_MISSING", "no credentials reached Google: a proxy may have removed them"},
};

static const char *advice_of_reason(const char *reason)
{
    for (size_t i = 0; i < COUNT(reasons); i++) {
        if (strcmp(reasons[i].reason, reason) == 0)
            return reasons[i].advice;
    }
    return NULL;
}

/* ---- organisation policies ---- */

static const struct {
    const char *constraint, *advice;
} constraints[] = {
    {"compute.vmExternalIpAccess", "set privateNodes: true"},
    {"gcp.resourceLocations", "choose a location that it allows"},
    {"gcp.restrictServiceUsage", "the service is not among those that it allows"},
    {"compute.requireShieldedVm", "set secureBoot: true in the pools"},
    {"compute.restrictSharedVpcSubnetworks", "choose a subnetwork that it allows"},
    {"iam.disableServiceAccountCreation", "name a serviceAccount that exists"},
};

/* "constraints/compute.vmExternalIpAccess", "customConstraints/custom.denyCostlyMachineTypes". */
static void find_constraint(const char *text, char *name, size_t size)
{
    const char *at = strstr(text, "customConstraints/");
    size_t len;

    *name = '\0';
    if (!at)
        at = strstr(text, "constraints/");
    if (!at)
        return;
    len = strcspn(at, " \t\n\"'`,;:()[]<>");
    while (len && at[len - 1] == '.')
        len--;
    if (len < size)
        snprintf(name, size, "%.*s", (int)len, at);
}

static void advise_policy(llmd_error *error, const char *message, const struct json *info)
{
    char name[200];

    find_constraint(message, name, sizeof(name));
    if (!*name)
        find_constraint(llmd__json_str(info, "metadata.constraint"), name, sizeof(name));
    if (!*name) {
        llmd__error_set_advice(error, "ask the organisation's administrator which policy it is");
        return;
    }
    for (size_t i = 0; i < COUNT(constraints); i++) {
        if (strstr(name, constraints[i].constraint)) {
            llmd__error_set_advice(error, "the organisation's policy %s: %s", name,
                                   constraints[i].advice);
            return;
        }
    }
    llmd__error_set_advice(error, "ask the organisation's administrator about the policy %s", name);
}

/* ---- quotas ---- */

/* The text between the quotes that `mark` ends with, and the end of it; NULL if there is none. */
static const char *quoted(const char *text, const char *mark, struct buf *out)
{
    const char *at = strstr(text, mark);
    char quote = mark[strlen(mark) - 1];
    const char *end = at ? strchr(at + strlen(mark), quote) : NULL;

    llmd__buf_reset(out);
    if (!end)
        return NULL;
    llmd__buf_add(out, at + strlen(mark), (size_t)(end - at) - strlen(mark));
    return end;
}

/* resource "CPUS": request requires '12.0' and is short '4.0'; several follow one another. */
static void list_short(const char *message, struct buf *list)
{
    AUTO(buf) struct buf metric = BUF_INIT, amount = BUF_INIT;

    while ((message = quoted(message, "resource \"", &metric))) {
        const char *next = strstr(message, "resource \"");
        const char *end = quoted(message, "is short '", &amount);

        llmd__buf_format(list, "%s%s", list->len ? ", " : "", llmd__buf_text(&metric));
        if (end && (!next || end < next))
            llmd__buf_format(list, " (%s more)", llmd__buf_text(&amount));
        list->failed = list->failed || metric.failed || amount.failed;
    }
}

/* Quota 'TPUS_PER_TPU_FAMILY' exceeded. Limit: 0.0 in region europe-west4. */
static void list_limit(const char *message, struct buf *list)
{
    AUTO(buf) struct buf metric = BUF_INIT;
    const char *limit;

    while ((message = quoted(message, "Quota '", &metric))) {
        limit = strncmp(message, "' exceeded. Limit: ", 19) == 0 ? message + 19 : "";
        llmd__buf_format(list, "%s%s", list->len ? ", " : "", llmd__buf_text(&metric));
        if (*limit)
            llmd__buf_format(list, " (the limit is %.*s)", (int)strspn(limit, "0123456789."),
                             limit);
        list->failed = list->failed || metric.failed;
    }
}

static void list_info(const struct json *info, struct buf *list)
{
    const char *metric = llmd__json_str(info, "metadata.quota_metric");
    const char *limit = llmd__json_str(info, "metadata.quota_limit");

    if (*metric)
        llmd__buf_format(list, "%s%s%s", metric, *limit ? " by " : "", limit);
}

static bool advise_quota(llmd_error *error, const char *message, const struct json *info)
{
    AUTO(buf) struct buf list = BUF_INIT;

    list_short(message, &list);
    list_limit(message, &list);
    if (!list.len)
        list_info(info, &list);
    if (!list.len && !list.failed)
        return false;
    llmd__error_set_advice(error, "ask for more of %s at " QUOTAS ", or want less",
                           llmd__buf_text(&list));
    return true;
}

/* ---- stock-outs ---- */

#define MAX_DEPTH 12

static void add_zones(const struct json *zones, struct buf *out)
{
    if (llmd__json_type(zones) == JSON_STRING && *llmd__json_text(zones))
        llmd__buf_format(out, "%s%s", out->len ? ", " : "", llmd__json_text(zones));
    JSON_EACH(zone, zones) {
        add_zones(zone, out);
    }
}

/* Compute Engine has it under errorDetails[].errorInfo.metadatas, google.rpc under metadata. */
static void find_zones(const struct json *value, int depth, struct buf *out)
{
    if (depth > MAX_DEPTH || out->len)
        return;
    if (strcmp(llmd__json_key(value), "zonesAvailable") == 0) {
        add_zones(value, out);
        return;
    }
    JSON_EACH(member, value) {
        find_zones(member, depth + 1, out);
    }
}

void llmd__google_zones_available(const struct json *error, struct buf *out)
{
    llmd__buf_reset(out);
    find_zones(error, 0, out);
}

static bool advise_zones(llmd_error *error, const struct json *status)
{
    AUTO(buf) struct buf zones = BUF_INIT;

    llmd__google_zones_available(status, &zones);
    if (!zones.len)
        return false;
    llmd__error_set_advice(error,
                           "Google names zones that had capacity: %s; put them into the "
                           "pool's fallbacks",
                           llmd__buf_text(&zones));
    return true;
}

/* ---- what GKE refuses for good ---- */

static const struct {
    const char *word, *advice;
} configs[] = {
    {"Unsupported TPU configuration",
     "no retry helps: GKE has no such TPU in this zone, or machine type and topology do not go "
     "together; cluster preflight names zones"},
    {"TPU topology can't be specified", "leave topology out: each node is a slice of its own"},
    {"GCE_NOT_FOUND", "the zone has no such machine type: name another one for that pool, or "
                      "another zone"},
    {"ersion \"", "leave version out, or name one of the release channel's"},
    {"DatapathProvider=ADVANCED_DATAPATH",
     "leave network policies out: Dataplane V2 enforces them itself"},
    {"must not be manually specified", "leave the label out: GKE sets it itself"},
    {"kubernetes label is not allowed", "use a prefix of your own for the label"},
    {"Cannot find field", "look at the overlay: Google knows no such key"},
    {"Invalid value at", "look at the overlay: Google takes another value there"},
    {"Flex start node pools", "see flexStart in docs/spec.md"},
};

static bool advise_config(llmd_error *error, const char *message)
{
    for (size_t i = 0; i < COUNT(configs); i++) {
        if (strstr(message, configs[i].word)) {
            llmd__error_set_advice(error, "%s", configs[i].advice);
            return true;
        }
    }
    return false;
}

/* ---- all together ---- */

static bool advise_service(llmd_error *error, const struct json *info)
{
    const char *service = llmd__json_str(info, "metadata.service");
    const char *url = llmd__json_str(info, "metadata.activationUrl");

    if (!*service)
        return false;
    llmd__error_set_advice(error, "set enableMissing in the spec, or enable %s%s%s", service,
                           *url ? ": " : "", url);
    return true;
}

static bool advise_permission(llmd_error *error, const struct json *info)
{
    const char *permission = llmd__json_str(info, "metadata.permission");

    if (!*permission)
        return false;
    llmd__error_set_advice(error,
                           "grant the account %s: roles/container.admin has those of container, "
                           "roles/compute.viewer what is read of compute",
                           permission);
    return true;
}

/* What Google's own words say more than the class; false: nothing. */
static bool advise_specially(llmd_error *error, enum trouble class, const char *message,
                             const struct json *status)
{
    const struct json *info = llmd__google_error_info(status);

    switch (class) {
    case TROUBLE_STOCKOUT:
        return advise_zones(error, status);
    case TROUBLE_CONFIG:
        return advise_config(error, message);
    case TROUBLE_QUOTA:
        return advise_quota(error, message, info);
    case TROUBLE_SERVICE_DISABLED:
        return advise_service(error, info);
    case TROUBLE_PERMISSION:
        return advise_permission(error, info);
    case TROUBLE_ORG_POLICY:
        advise_policy(error, message, info);
        return true;
    default:
        return false;
    }
}

void llmd__google_advise(llmd_error *error, enum trouble class, const char *message,
                         const struct json *status, const char *usual)
{
    const char *advice =
        advice_of_reason(llmd__json_str(llmd__google_error_info(status), "reason"));

    if (strstr(message, "requires a quota project"))
        advice = advice_of_reason("USER_PROJECT_DENIED");
    if (advice)
        llmd__error_set_advice(error, "%s", advice);
    else if (!advise_specially(error, class, message, status) && usual)
        llmd__error_set_advice(error, "%s", usual);
}
