/* SPDX-License-Identifier: Apache-2.0 */
/* What Google refused: each text that is on record, and what the library makes of it. */
#include "gke/google_error.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct json *parse(const char *text)
{
    struct json *json = NULL;
    llmd_error *error = llmd__json_make(&json, text);

    if (error)
        fail_msg("%s: %s", text, llmd_error_message(error));
    return json;
}

struct expected {
    enum trouble class;
    llmd_code code;
    const char *reason;
    bool retryable;
    const char *says[4]; /* in message or advice */
};

static void check(const llmd_error *error, enum trouble class, const struct expected *expected,
                  const char *input)
{
    const char *message = llmd_error_message(error), *advice = llmd_error_advice(error);

    if (class != expected->class || llmd_error_code(error) != expected->code ||
        strcmp(llmd_error_reason(error), expected->reason) != 0 ||
        llmd_error_retryable(error) != expected->retryable)
        fail_msg("%s: class %d (want %d), %s, reason %s, retryable %d: %s", input, class,
                 expected->class, llmd_code_name(llmd_error_code(error)), llmd_error_reason(error),
                 llmd_error_retryable(error), message);
    if (class != TROUBLE_UNKNOWN && !*advice)
        fail_msg("%s: no next step: %s", input, message);
    for (size_t i = 0; i < 4 && expected->says[i]; i++) {
        if (!strstr(message, expected->says[i]) && !strstr(advice, expected->says[i]))
            fail_msg("\"%s\" is neither in \"%s\" nor in \"%s\"", expected->says[i], message,
                     advice);
    }
}

/* ---- answers: gke.md 5.2 ---- */

struct answer {
    const char *id; /* of the pitfall, or the situation */
    int status;
    const char *error; /* ' stands for " */
    struct expected expected;
};

#define INFO(reason, metadata)                                                                     \
    "'details':[{'@type':'type.googleapis.com/google.rpc.ErrorInfo','reason':'" reason             \
    "','domain':'googleapis.com','metadata':{" metadata "}}]"

static const struct answer answers[] = {
    {"not found",
     404,
     "'status':'NOT_FOUND','message':'Not found: projects/P/locations/L/clusters/C.',"
     "'errors':[{'message':'m','domain':'global','reason':'notFound'}]",
     {TROUBLE_NOT_FOUND, LLMD_E_NOT_FOUND, "NOT_FOUND", false, {"Not found: projects/P"}}},
    {"P109",
     409,
     "'status':'ALREADY_EXISTS','message':'Already exists: projects/P/zones/Z/clusters/C.',"
     "'errors':[{'reason':'alreadyExists'}]",
     {TROUBLE_EXISTS, LLMD_E_EXISTS, "ALREADY_EXISTS", false, {"Already exists"}}},
    {"P109, a name that sounds like trouble",
     409,
     "'status':'ALREADY_EXISTS','message':'Already exists: projects/P/zones/Z/clusters/STOCKOUT.'",
     {TROUBLE_EXISTS, LLMD_E_EXISTS, "ALREADY_EXISTS", false, {NULL}}},
    {"stale etag",
     409,
     "'status':'ABORTED','message':'The etag does not match.'",
     {TROUBLE_CONFLICT, LLMD_E_CONFLICT, "ABORTED", true, {"read again"}}},
    {"P107, as Compute Engine's front says it",
     409,
     "'message':'The resource is not ready.','errors':[{'reason':'operationInProgress'}]",
     {TROUBLE_RUNNING, LLMD_E_BUSY, "CLUSTER_ALREADY_HAS_OPERATION", true, {"wait"}}},
    {"P107",
     400,
     "'status':'FAILED_PRECONDITION','message':'Cluster is running incompatible operation "
     "operation-1700000000000-0a1b2c3d-aaaa-bbbb.'," INFO("CLUSTER_ALREADY_HAS_OPERATION", ""),
     {TROUBLE_RUNNING, LLMD_E_BUSY, "CLUSTER_ALREADY_HAS_OPERATION", true, {"wait"}}},
    {"P107, older",
     400,
     "'status':'FAILED_PRECONDITION','message':'Operation operation-1700000000000-0a1b2c3d is "
     "currently creating a node pool for cluster Y. Please wait and try again once it is done.',"
     "'errors':[{'reason':'failedPrecondition'}]",
     {TROUBLE_RUNNING, LLMD_E_BUSY, "CLUSTER_ALREADY_HAS_OPERATION", true, {"wait"}}},
    {"P108",
     429,
     "'status':'RESOURCE_EXHAUSTED','message':'Too many operations: cluster \\'X\\' hits the "
     "concurrent operations quota 5'",
     {TROUBLE_THROTTLED, LLMD_E_BUSY, "RESOURCE_EXHAUSTED", true, {"quota 5", "slowly"}}},
    {"P4",
     403,
     "'status':'PERMISSION_DENIED','message':'Insufficient regional quota to satisfy request: "
     "resource \\'CPUS\\': request requires `12.0` and is short `4.0`. project has a quota of "
     "`8.0`','errors':[{'reason':'forbidden'}]",
     {TROUBLE_QUOTA,
      LLMD_E_FAILED,
      "QUOTA_EXCEEDED",
      false,
      {"CPUS (4.0 more)", "iam-admin/quotas", "requires"}}},
    {"P4, several",
     403,
     "'status':'PERMISSION_DENIED','message':'(1) insufficient regional quota to satisfy request: "
     "resource \\'CPUS\\': request requires `12.0` and is short `4.0`. (2) insufficient regional "
     "quota to satisfy request: resource \\'IN_USE_ADDRESSES\\': request requires `9.0` and is "
     "short `1.0`.'",
     {TROUBLE_QUOTA,
      LLMD_E_FAILED,
      "QUOTA_EXCEEDED",
      false,
      {"ask for more of CPUS (4.0 more), IN_USE_ADDRESSES (1.0 more) at", "(2) insufficient"}}},
    {"P4, TPUs",
     403,
     "'status':'PERMISSION_DENIED','message':'Quota `TPUS_PER_TPU_FAMILY` exceeded. Limit: 0.0 in "
     "region europe-west4.'",
     {TROUBLE_QUOTA,
      LLMD_E_FAILED,
      "QUOTA_EXCEEDED",
      false,
      {"TPUS_PER_TPU_FAMILY (the limit is 0.0)"}}},
    {"P10",
     403,
     "'status':'PERMISSION_DENIED','message':'Kubernetes Engine API has not been used in project "
     "1 before or it is disabled.'," INFO(
         "SERVICE_DISABLED", "'service':'container.googleapis.com','consumer':'projects/1',"
                             "'activationUrl':'https://console.example/enable'"),
     {TROUBLE_SERVICE_DISABLED,
      LLMD_E_DENIED,
      "SERVICE_DISABLED",
      true,
      {"enableMissing", "container.googleapis.com", "https://console.example/enable"}}},
    {"P10, by text",
     403,
     "'status':'PERMISSION_DENIED','message':'NetworkServices API is not enabled'",
     {TROUBLE_SERVICE_DISABLED, LLMD_E_DENIED, "SERVICE_DISABLED", true, {"enableMissing"}}},
    {"missing permission",
     403,
     "'status':'PERMISSION_DENIED','message':'Required \\'container.clusters.create\\' "
     "permission(s) for \\'projects/P\\'.','errors':[{'reason':'forbidden'}]",
     {TROUBLE_PERMISSION,
      LLMD_E_DENIED,
      "PERMISSION_DENIED",
      false,
      {"container.clusters.create", "roles/container.admin"}}},
    {"missing permission, for programs",
     403,
     "'status':'PERMISSION_DENIED','message':'Permission denied.'," INFO(
         "IAM_PERMISSION_DENIED", "'permission':'container.clusters.create','resource':'x'"),
     {TROUBLE_PERMISSION,
      LLMD_E_DENIED,
      "IAM_PERMISSION_DENIED",
      false,
      {"container.clusters.create", "roles/container.admin"}}},
    {"expired token",
     401,
     "'status':'UNAUTHENTICATED','message':'Request had invalid authentication credentials.'," INFO(
         "ACCESS_TOKEN_EXPIRED", ""),
     {TROUBLE_AUTH,
      LLMD_E_DENIED,
      "ACCESS_TOKEN_EXPIRED",
      false,
      {"gcloud auth application-default login"}}},
    {"no credentials",
     401,
     "'status':'UNAUTHENTICATED','message':'m'," INFO("CREDENTIALS_MISSING", ""),
     {TROUBLE_AUTH, LLMD_E_DENIED, "CREDENTIALS_MISSING", false, {"proxy"}}},
    {"wrong kind of token",
     401,
     "'status':'UNAUTHENTICATED','message':'m'," INFO("ACCESS_TOKEN_TYPE_UNSUPPORTED", ""),
     {TROUBLE_AUTH, LLMD_E_DENIED, "ACCESS_TOKEN_TYPE_UNSUPPORTED", false, {"OAuth access token"}}},
    {"scopes",
     403,
     "'status':'PERMISSION_DENIED','message':'Request had insufficient authentication "
     "scopes.'," INFO("ACCESS_TOKEN_SCOPE_INSUFFICIENT", ""),
     {TROUBLE_PERMISSION,
      LLMD_E_DENIED,
      "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
      false,
      {"auth/cloud-platform"}}},
    {"billing",
     403,
     "'status':'PERMISSION_DENIED','message':'m'," INFO("BILLING_DISABLED", ""),
     {TROUBLE_PROJECT, LLMD_E_DENIED, "BILLING_DISABLED", false, {"billing account"}}},
    {"no such consumer",
     403,
     "'status':'PERMISSION_DENIED','message':'m'," INFO("CONSUMER_INVALID", ""),
     {TROUBLE_PROJECT, LLMD_E_DENIED, "CONSUMER_INVALID", false, {"project's id"}}},
    {"suspended",
     403,
     "'status':'PERMISSION_DENIED','message':'m'," INFO("CONSUMER_SUSPENDED", ""),
     {TROUBLE_PROJECT, LLMD_E_DENIED, "CONSUMER_SUSPENDED", false, {"suspended"}}},
    {"no such project",
     400,
     "'status':'INVALID_ARGUMENT','message':'m'," INFO("RESOURCE_PROJECT_INVALID", ""),
     {TROUBLE_PROJECT, LLMD_E_DENIED, "RESOURCE_PROJECT_INVALID", false, {"project's id"}}},
    {"quota project denied",
     403,
     "'status':'PERMISSION_DENIED','message':'m'," INFO("USER_PROJECT_DENIED", ""),
     {TROUBLE_PROJECT,
      LLMD_E_DENIED,
      "USER_PROJECT_DENIED",
      false,
      {"roles/serviceusage.serviceUsageConsumer", "set-quota-project"}}},
    {"P135",
     403,
     "'status':'PERMISSION_DENIED','message':'The cloudquotas.googleapis.com API requires a quota "
     "project, which is not set by default.'," INFO("SERVICE_DISABLED",
                                                    "'service':'cloudquotas.googleapis.com'"),
     {TROUBLE_PROJECT, LLMD_E_DENIED, "SERVICE_DISABLED", false, {"set-quota-project"}}},
    {"locations by policy",
     400,
     "'status':'FAILED_PRECONDITION','message':'Location europe-west4 violates constraint "
     "constraints/gcp.resourceLocations.'," INFO("LOCATION_ORG_POLICY_VIOLATED", ""),
     {TROUBLE_ORG_POLICY,
      LLMD_E_DENIED,
      "ORG_POLICY",
      false,
      {"constraints/gcp.resourceLocations", "choose a location"}}},
    {"P5",
     400,
     "'status':'FAILED_PRECONDITION','message':'Operation denied by org policy: "
     "[customConstraints/custom.denyCostlyMachineTypes : No costly machines].'",
     {TROUBLE_ORG_POLICY,
      LLMD_E_DENIED,
      "ORG_POLICY",
      false,
      {"administrator", "the policy customConstraints/custom.denyCostlyMachineTypes"}}},
    {"P5, one with a way out",
     400,
     "'status':'FAILED_PRECONDITION','message':'Constraint "
     "constraints/compute.vmExternalIpAccess violated for project 1.'",
     {TROUBLE_ORG_POLICY, LLMD_E_DENIED, "ORG_POLICY", false, {"privateNodes: true"}}},
    {"API rate",
     429,
     "'status':'RESOURCE_EXHAUSTED','message':'Quota exceeded.'," INFO(
         "RATE_LIMIT_EXCEEDED", "'quota_metric':'container.googleapis.com/reads',"
                                "'quota_limit':'ReadsPerMinute'"),
     {TROUBLE_THROTTLED,
      LLMD_E_BUSY,
      "RATE_LIMIT_EXCEEDED",
      true,
      {"container.googleapis.com/reads", "ReadsPerMinute"}}},
    {"API rate, older",
     403,
     "'message':'Rate Limit Exceeded','errors':[{'reason':'rateLimitExceeded'}]",
     {TROUBLE_THROTTLED, LLMD_E_BUSY, "RESOURCE_EXHAUSTED", true, {NULL}}},
    {"P137",
     400,
     "'status':'INVALID_ARGUMENT','message':'Invalid JSON payload received. Unknown name \\'x\\' "
     "at `cluster`: Cannot find field.','details':[{'@type':'type.googleapis.com/google.rpc."
     "BadRequest','fieldViolations':[{'field':'cluster'}]}]",
     {TROUBLE_CONFIG, LLMD_E_INVALID, "INVALID_ARGUMENT", false, {"Unknown name", "overlay"}}},
    {"wrong enum",
     400,
     "'status':'INVALID_ARGUMENT','message':'Invalid value at `cluster.releaseChannel.channel` "
     "(type.googleapis.com/google.container.v1.ReleaseChannel.Channel), \\'regular\\''",
     {TROUBLE_CONFIG, LLMD_E_INVALID, "INVALID_ARGUMENT", false, {"overlay"}}},
    {"bad version",
     400,
     "'status':'INVALID_ARGUMENT','message':'Master version \\'1.99\\' is unsupported.'",
     {TROUBLE_CONFIG, LLMD_E_INVALID, "INVALID_ARGUMENT", false, {"release channel"}}},
    {"P104",
     400,
     "'status':'INVALID_ARGUMENT','message':'TPU topology can`t be specified with single-host TPU "
     "slice pool; please remove the tpu_topology from the node pool creation request'",
     {TROUBLE_CONFIG, LLMD_E_INVALID, "INVALID_ARGUMENT", false, {"leave topology out"}}},
    {"P105",
     400,
     "'status':'INVALID_ARGUMENT','message':'Enabling NetworkPolicy for clusters with "
     "DatapathProvider=ADVANCED_DATAPATH is not allowed.'",
     {TROUBLE_CONFIG, LLMD_E_INVALID, "INVALID_ARGUMENT", false, {"enforces them itself"}}},
    {"P113",
     400,
     "'status':'INVALID_ARGUMENT','message':'Invalid machine type e2-standard-4 in zone "
     "us-central2-b: GCE_NOT_FOUND'",
     {TROUBLE_CONFIG, LLMD_E_INVALID, "INVALID_ARGUMENT", false, {"no such machine type"}}},
    {"P115",
     400,
     "'status':'INVALID_ARGUMENT','message':'Node labels with key "
     "\\'cloud.google.com/compute-class\\' are managed by GKE or Kubernetes and must not be "
     "manually specified'",
     {TROUBLE_CONFIG, LLMD_E_INVALID, "INVALID_ARGUMENT", false, {"leave the label out"}}},
    {"Google itself",
     500,
     "'status':'INTERNAL','message':'Internal error.','details':[{'@type':'type.googleapis.com/"
     "google.rpc.RequestInfo','requestId':'0xabc123'}]",
     {TROUBLE_TRANSIENT, LLMD_E_REMOTE, "UNAVAILABLE", true, {"[request 0xabc123]"}}},
    {"unavailable",
     503,
     "'status':'UNAVAILABLE','message':'The service is currently unavailable.'",
     {TROUBLE_TRANSIENT, LLMD_E_REMOTE, "UNAVAILABLE", true, {NULL}}},
};

/* ` stands for an apostrophe, which the templates take for a quote. */
static char *body_of(const struct answer *answer)
{
    AUTO(str)
    char *template = llmd__format("{'error':{'code':%d,%s}}", answer->status, answer->error);
    struct json *json = NULL;
    char *body = NULL;

    for (char *c = template; *c; c++) {
        if (c[0] == '\\' && c[1] == '\'')
            c[1] = '"';
    }
    json = parse(template);
    assert_null(llmd__json_print(json, &body));
    llmd__json_free(json);
    for (char *c = body; *c; c++)
        *c = *c == '`' ? '\'' : *c;
    return body;
}

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        const struct answer *answer = &answers[i];
        enum trouble class = TROUBLE_UNKNOWN;
        char *body = body_of(answer);
        llmd_error *error = llmd__google_refusal(answer->status, body, "cluster llm", &class);

        check(error, class, &answer->expected, answer->id);
        assert_int_equal(llmd_error_http_status(error), answer->status);
        assert_int_equal(strncmp(llmd_error_message(error), "cluster llm: ", 13), 0);
        llmd_error_free(error);
        llmd_free(body);
    }
}

static void test_page_of_a_proxy(void **state)
{
    enum trouble class = TROUBLE_UNKNOWN;
    llmd_error *error =
        llmd__google_refusal(502, "<html>Bad Gateway</html>", "cluster llm", &class);

    (void)state;
    assert_int_equal(class, TROUBLE_TRANSIENT);
    assert_true(llmd_error_retryable(error));
    assert_int_equal(llmd_error_http_status(error), 502);
    llmd_error_free(error);
    error = llmd__google_refusal(502, "", "cluster llm", NULL);
    assert_int_equal(llmd_error_http_status(error), 502);
    llmd_error_free(error);
}

static void test_retry_info(void **state)
{
    llmd_error *error = llmd__google_refusal(
        429,
        "{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"m\",\"details\":["
        "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"3.5s\"}]}}",
        "x", NULL);

    (void)state;
    assert_int_equal(llmd_error_retry_after_ms(error), 3500);
    llmd_error_free(error);
}

/* ---- operations: gke.md 5.1, 5.3 ---- */

struct operation {
    const char *id;
    const char *json;
    struct expected expected;
};

#define FULL_STOCKOUT                                                                              \
    "Google Compute Engine: Not all instances running in IGM after 35m0s. Expected 1, running 0, " \
    "transitioning 1. Current errors: [GCE_STOCKOUT]: Instance 'x' creation failed: The zone 'z' " \
    "does not have enough resources available to fulfill the request."

static const struct operation operations[] = {
    {"P2",
     "{\"status\":\"DONE\",\"error\":{\"code\":8,\"message\":\"" FULL_STOCKOUT "\"}}",
     {TROUBLE_STOCKOUT, LLMD_E_FAILED, "GCE_STOCKOUT", true, {"35m0s", "fallbacks"}}},
    {"P2, several hosts",
     "{\"error\":{\"code\":8,\"message\":\"Atomic resize failed with [GCE_STOCKOUT]\"}}",
     {TROUBLE_STOCKOUT, LLMD_E_FAILED, "GCE_STOCKOUT", true, {"fallbacks"}}},
    {"P2, as a condition",
     "{\"nodepoolConditions\":[{\"code\":\"GCE_STOCKOUT\",\"message\":\"no machines\"}]}",
     {TROUBLE_STOCKOUT, LLMD_E_FAILED, "GCE_STOCKOUT", true, {"no machines"}}},
    {"P2, as a condition of the cluster without words",
     "{\"clusterConditions\":[{\"code\":\"GCE_STOCKOUT\"}]}",
     {TROUBLE_STOCKOUT, LLMD_E_FAILED, "GCE_STOCKOUT", true, {"GCE_STOCKOUT"}}},
    {"P2, with zones",
     "{\"error\":{\"code\":8,\"message\":\"Instance creation failed\",\"details\":[{\"reason\":"
     "\"resource_availability\",\"metadata\":{\"zonesAvailable\":\"europe-west4-b,"
     "europe-west4-c\"}}]}}",
     {TROUBLE_STOCKOUT,
      LLMD_E_FAILED,
      "GCE_STOCKOUT",
      true,
      {"europe-west4-b,europe-west4-c", "fallbacks"}}},
    {"P1",
     "{\"error\":{\"code\":9,\"message\":\"[CONDITION_NOT_MET]: Instance 'x' creation failed: "
     "Unsupported TPU configuration\"}}",
     {TROUBLE_CONFIG,
      LLMD_E_INVALID,
      "INVALID_ARGUMENT",
      false,
      {"no retry helps", "cluster preflight"}}},
    {"P1, filed with stock-outs",
     "{\"error\":{\"code\":8,\"message\":\"[GCE_STOCKOUT]: Unsupported TPU configuration\"}}",
     {TROUBLE_CONFIG, LLMD_E_INVALID, "INVALID_ARGUMENT", false, {"no retry helps"}}},
    {"P4",
     "{\"error\":{\"code\":8,\"message\":\"Quota 'TPUS_PER_TPU_FAMILY' exceeded. Limit: 4.0\"}}",
     {TROUBLE_QUOTA,
      LLMD_E_FAILED,
      "QUOTA_EXCEEDED",
      false,
      {"TPUS_PER_TPU_FAMILY (the limit is 4.0)"}}},
    {"P4, as a condition",
     "{\"nodepoolConditions\":[{\"code\":\"GCE_QUOTA_EXCEEDED\",\"message\":\"too few\"}]}",
     {TROUBLE_QUOTA, LLMD_E_FAILED, "QUOTA_EXCEEDED", false, {"too few"}}},
    {"exhausted, nobody says what",
     "{\"error\":{\"code\":8,\"message\":\"exhausted\"}}",
     {TROUBLE_UNKNOWN, LLMD_E_FAILED, "", false, {NULL}}},
    {"addresses",
     "{\"error\":{\"code\":9,\"message\":\"[IP_SPACE_EXHAUSTED]: IP space of 'pods' is "
     "exhausted\"}}",
     {TROUBLE_IP_EXHAUSTED, LLMD_E_FAILED, "IP_SPACE_EXHAUSTED", false, {"maxPodsPerNode"}}},
    {"IAM",
     "{\"error\":{\"code\":7,\"message\":\"[PERMISSIONS_ERROR]: x\"}}",
     {TROUBLE_PERMISSION, LLMD_E_DENIED, "PERMISSION_DENIED", false, {NULL}}},
    {"node account",
     "{\"clusterConditions\":[{\"code\":\"NODE_SERVICE_ACCOUNT_MISSING_PERMISSIONS\"}]}",
     {TROUBLE_PERMISSION, LLMD_E_DENIED, "PERMISSION_DENIED", false, {NULL}}},
    {"reservation",
     "{\"error\":{\"code\":9,\"message\":\"Specified reservation 'r' does not exist.\"}}",
     {TROUBLE_RESERVATION, LLMD_E_FAILED, "RESERVATION", false, {"state, zone"}}},
    {"reservation",
     "{\"error\":{\"code\":9,\"message\":\"Incompatible reservation 'r': state is not READY\"}}",
     {TROUBLE_RESERVATION, LLMD_E_FAILED, "RESERVATION", false, {NULL}}},
    {"P111: a status message alone",
     "{\"status\":\"DONE\",\"statusMessage\":\"All cluster resources were brought up, but the "
     "cluster has no nodes.\"}",
     {TROUBLE_UNKNOWN, LLMD_E_FAILED, "", false, {"brought up, but"}}},
    {"P111: an error without words",
     "{\"status\":\"DONE\",\"error\":{\"code\":13}}",
     {TROUBLE_UNKNOWN, LLMD_E_FAILED, "", false, {"the operation failed"}}},
    {"a code alone that is not clear",
     "{\"error\":{\"code\":9,\"message\":\"no\"}}",
     {TROUBLE_UNKNOWN, LLMD_E_FAILED, "", false, {NULL}}},
    {"a code that is none",
     "{\"error\":{\"code\":99,\"message\":\"no\"}}",
     {TROUBLE_UNKNOWN, LLMD_E_FAILED, "", false, {NULL}}},
    {"a code alone that is clear",
     "{\"error\":{\"code\":7,\"message\":\"no\"}}",
     {TROUBLE_PERMISSION, LLMD_E_DENIED, "PERMISSION_DENIED", false, {NULL}}},
};

static void test_operations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        struct json *json = NULL;
        enum trouble class = TROUBLE_UNKNOWN;
        llmd_error *error = NULL;

        assert_null(
            llmd__json_parse(operations[i].json, strlen(operations[i].json), "operation", &json));
        error = llmd__google_operation_error(json, "node pool tpu", &class);
        check(error, class, &operations[i].expected, operations[i].id);
        llmd_error_free(error);
        llmd__json_free(json);
    }
}

static void test_operation_that_went_well(void **state)
{
    struct json *json = parse("{'name':'operation-1','status':'DONE','statusMessage':''}");

    (void)state;
    assert_null(llmd__google_operation_error(json, "x", NULL));
    llmd__json_free(json);
}

/* ---- without memory ---- */

static llmd_error *refuse(void *body)
{
    return llmd__google_refusal(403, body, "cluster llm", NULL);
}

static llmd_error *fail_operation(void *text)
{
    AUTO(json) struct json *json = NULL;

    TRY(llmd__json_parse(text, strlen(text), "operation", &json));
    return llmd__google_operation_error(json, "node pool tpu", NULL);
}

static void test_without_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        char *body = body_of(&answers[i]);

        torture(refuse, body);
        llmd_free(body);
    }
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        torture(fail_operation, (void *)operations[i].json);
}

static void what_is_absent_is_told_apart(void **state)
{
    const char *machine = "cluster llm: Invalid machine type e2-standard-4 in zone us-central2-b";
    const char *place = "cluster llm: Location \"mars-1\" does not exist.";

    (void)state;
    assert_true(llmd__google_machine_absent(machine));
    assert_false(llmd__google_location_absent(machine));
    assert_true(llmd__google_location_absent(place));
    assert_false(llmd__google_machine_absent(place));
    assert_false(llmd__google_location_absent("reservation \"r\" does not exist"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_absent_is_told_apart),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_page_of_a_proxy),
        cmocka_unit_test(test_retry_info),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_operation_that_went_well),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
