/* SPDX-License-Identifier: Apache-2.0 */
/* Status answers, as an API server 1.34 gives them, to errors. */
#include "kube/status.h"

#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct answer {
    int status;
    const char *body;
    llmd_code code;
    const char *message, *reason, *advice; /* advice: a part of it, or NULL for none */
    bool retryable;
    int64_t retry_after_ms;
} answers[] = {
    {403,
     "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Forbidden\",\"code\":403,"
     "\"message\":"
     "\"deployments.apps is forbidden: User \\\"jane\\\" cannot create resource "
     "\\\"deployments\\\" "
     "in API group \\\"apps\\\" in the namespace \\\"llm\\\"\"}",
     LLMD_E_DENIED,
     "apply x: 403 Forbidden: deployments.apps is forbidden: User \"jane\" cannot create resource "
     "\"deployments\" in API group \"apps\" in the namespace \"llm\"",
     "Forbidden", "allow \"create\" on \"deployments\" in API group \"apps\" to \"jane\""},
    {403, "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"exceeded quota: q\"}",
     LLMD_E_DENIED, "apply x: 403 Forbidden: exceeded quota: q", "Forbidden", "ResourceQuota"},
    {403,
     "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"roles is forbidden: user "
     "\\\"jane\\\" is attempting to grant RBAC permissions not currently held\"}",
     LLMD_E_DENIED,
     "apply x: 403 Forbidden: roles is forbidden: user \"jane\" is attempting to grant RBAC "
     "permissions not currently held",
     "Forbidden", "cluster-admin"},
    {401, "{\"kind\":\"Status\",\"reason\":\"Unauthorized\",\"message\":\"Unauthorized\"}",
     LLMD_E_DENIED, "apply x: 401 Unauthorized: Unauthorized", "Unauthorized", "log in again"},
    {404,
     "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"namespaces \\\"llm\\\" not "
     "found\","
     "\"details\":{\"name\":\"llm\",\"kind\":\"namespaces\"}}",
     LLMD_E_NOT_FOUND, "apply x: 404 Not Found: namespaces \"llm\" not found", "NotFound",
     "create the namespace first"},
    {404,
     "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"the server could not find the "
     "requested resource\",\"details\":{}}",
     LLMD_E_NOT_FOUND, "apply x: 404 Not Found: the server could not find the requested resource",
     "NotFound", "install the CRD"},
    {404,
     "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"pods \\\"p\\\" not found\","
     "\"details\":{\"name\":\"p\",\"kind\":\"pods\"}}",
     LLMD_E_NOT_FOUND, "apply x: 404 Not Found: pods \"p\" not found", "NotFound", NULL},
    {409,
     "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"message\":\"Apply failed with 3 conflicts\","
     "\"details\":{\"causes\":[{\"reason\":\"FieldManagerConflict\",\"message\":\"conflict with "
     "\\\"kubectl\\\" using apps/v1\",\"field\":\".spec.replicas\"},{\"reason\":"
     "\"FieldManagerConflict\",\"message\":\"conflict with \\\"kubectl\\\" using apps/v1\","
     "\"field\":\".spec.paused\"},{\"reason\":\"FieldManagerConflict\",\"message\":\"conflict with "
     "\\\"helm\\\"\",\"field\":\".metadata.labels.app\"}]}}",
     LLMD_E_CONFLICT,
     "apply x: 409 Conflict: \"kubectl\" owns .spec.replicas, .spec.paused; \"helm\" owns "
     ".metadata.labels.app",
     "Conflict", "take them over with force"},
    {409, "{\"kind\":\"Status\",\"reason\":\"AlreadyExists\",\"message\":\"it exists\"}",
     LLMD_E_EXISTS, "apply x: 409 Conflict: it exists", "AlreadyExists", NULL},
    {410, "{\"kind\":\"Status\",\"reason\":\"Expired\",\"message\":\"too old\"}", LLMD_E_CONFLICT,
     "apply x: 410 Gone: too old", "Expired", "begin again"},
    {422,
     "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"message\":\"Pod \\\"p\\\" is invalid: "
     "spec.a: Required value\",\"details\":{\"causes\":[{\"message\":\"Required value\",\"field\":"
     "\"spec.a\"},{\"message\":\"must be\\nshort\",\"field\":\"spec.b\"}]}}",
     LLMD_E_INVALID,
     "apply x: 422 Unprocessable Entity: Pod \"p\" is invalid: spec.a: Required value; spec.b: "
     "must "
     "be short",
     "Invalid", NULL},
    {429,
     "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\",\"message\":\"slow down\",\"details\":{"
     "\"retryAfterSeconds\":3}}",
     LLMD_E_BUSY, "apply x: 429 Too Many Requests: slow down", "TooManyRequests", "later", true,
     3000},
    {429,
     "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\",\"message\":\"never\",\"details\":{"
     "\"retryAfterSeconds\":9223372036854775807}}",
     LLMD_E_BUSY, "apply x: 429 Too Many Requests: never", "TooManyRequests", "later", true, 0},
    {500,
     "{\"kind\":\"Status\",\"reason\":\"InternalError\",\"message\":\"Internal error occurred: "
     "failed calling webhook \\\"w\\\": dial tcp: connect: connection refused\"}",
     LLMD_E_REMOTE,
     "apply x: 500 Internal Server Error: Internal error occurred: failed calling webhook \"w\": "
     "dial tcp: connect: connection refused",
     "InternalError", "wait for its Deployment", true},
    {503, "<html>nginx</html>", LLMD_E_REMOTE, NULL, "", NULL, true},
    {400, "", LLMD_E_INVALID, NULL, "", NULL},
};

static void check(const struct answer *answer)
{
    AUTO(error) llmd_error *error = llmd__status_error(answer->status, answer->body, "apply x");

    assert_int_equal(llmd_error_code(error), answer->code);
    assert_int_equal(llmd_error_http_status(error), answer->status);
    assert_int_equal(strncmp(llmd_error_message(error), "apply x: ", 9), 0);
    if (answer->message)
        assert_string_equal(llmd_error_message(error), answer->message);
    assert_string_equal(llmd_error_reason(error), answer->reason);
    if (answer->advice && !strstr(llmd_error_advice(error), answer->advice))
        fail_msg("want \"%s\" in \"%s\"", answer->advice, llmd_error_advice(error));
    if (answer->message && !answer->advice)
        assert_string_equal(llmd_error_advice(error), "");
    assert_int_equal(llmd_error_retryable(error), answer->retryable);
    assert_int_equal(llmd_error_retry_after_ms(error), answer->retry_after_ms);
}

static void answers_become_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        check(&answers[i]);
}

static void long_messages_are_cut_between_characters(void **state)
{
    AUTO(buf) struct buf body = BUF_INIT;

    (void)state;
    llmd__buf_str(&body, "{\"kind\":\"Status\",\"message\":\"x");
    for (int i = 0; i < 3000; i++)
        llmd__buf_str(&body, "\xC3\xA9");
    llmd__buf_str(&body, "\"}");
    AUTO(error) llmd_error *error = llmd__status_error(400, llmd__buf_text(&body), "w");
    const char *message = llmd_error_message(error);
    assert_true(strlen(message) < 2200);
    assert_string_equal(message + strlen(message) - 5, "\xC3\xA9...");
}

static void passing_refusals_are_known(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum status_passing passing;
    } cases[] = {
        {500, "failed calling webhook \"w\": connect: connection refused", PASSING_WEBHOOK},
        {500, "failed calling webhook \"w\": no endpoints available for service", PASSING_WEBHOOK},
        {500, "failed calling webhook: x509: certificate signed by unknown authority",
         PASSING_WEBHOOK},
        {500, "conversion webhook for g, Kind=K failed: Post: EOF", PASSING_WEBHOOK},
        {500, "failed calling webhook \"w\": it has a bug", PASSING_NO},
        {400, "admission webhook \"w\" denied the request: connection refused", PASSING_NO},
        {500, "etcdserver: leader changed", PASSING_STORE},
        {403, "pods is forbidden: error looking up service account llm/default", PASSING_ACCOUNT},
        {409, "the object has been modified; please apply your changes", PASSING_CHANGED},
        {403, "forbidden", PASSING_NO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(llmd__status_passing(cases[i].status, cases[i].body), cases[i].passing);
}

static llmd_error *explain_all(void *data)
{
    (void)data;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        AUTO(error)
        llmd_error *error = llmd__status_error(answers[i].status, answers[i].body, "apply x");
        if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
            return TAKE(error);
    }
    return NULL;
}

static void memory_may_end(void **state)
{
    (void)state;
    torture(explain_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_become_errors),
        cmocka_unit_test(long_messages_are_cut_between_characters),
        cmocka_unit_test(passing_refusals_are_known),
        cmocka_unit_test(memory_may_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
