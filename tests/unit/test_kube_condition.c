/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/condition.h"

#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char object_text[] =
    "{\"kind\":\"Pod\",\"metadata\":{\"generation\":3,\"annotations\":{\"a.b/c\":\"yes\"}},"
    "\"spec\":{\"replicas\":2,\"paused\":false},\"status\":{\"phase\":\"Running\","
    "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"},"
    "{\"type\":\"Old\",\"status\":\"True\",\"observedGeneration\":2},"
    "{\"type\":\"Bad\",\"status\":\"False\"}],\"addresses\":[{\"value\":\"10.0.0.1\"},"
    "{\"value\":\"10.0.0.2\"}],\"empty\":null}}";

static const struct {
    const char *condition;
    bool met;
} cases[] = {
    {"condition=Ready", true},
    {"condition=ready", true},
    {"condition=Ready=True", true},
    {"condition=Ready=False", false},
    {"condition=Bad=False", true},
    {"condition=Absent", false},
    {"condition=Old", false}, /* of an older generation */
    {"create", true},
    {"delete", false},
    {"jsonpath={.status.phase}=Running", true},
    {"jsonpath={.status.phase}=Pending", false},
    {"jsonpath=.status.phase=Running", true},
    {"jsonpath={.status.phase}", true},
    {"jsonpath={.status.nothing}", false},
    {"jsonpath={.status.empty}", false},
    {"jsonpath={.spec.replicas}=2", true},
    {"jsonpath={.spec.replicas}=20", false},
    {"jsonpath={.spec.paused}=false", true},
    {"jsonpath={.metadata.annotations.a\\.b/c}=yes", true},
    {"jsonpath={.metadata.annotations['a.b/c']}=yes", true},
    {"jsonpath={.status.addresses[1].value}=10.0.0.2", true},
    {"jsonpath={.status.addresses[2].value}=10.0.0.2", false},
    {"jsonpath={.status.addresses[*].value}=10.0.0.2", true},
    {"jsonpath={.status.addresses[*].value}=10.0.0.3", false},
    {"jsonpath={.status.conditions[?(@.type==\"Ready\")].status}=True", true},
    {"jsonpath={.status.conditions[?(@.type==\"Bad\")].status}=True", false},
    {"jsonpath={.status.phase.deeper}=x", false},
};

static llmd_error *judge(const char *text, bool *met)
{
    AUTO(json) struct json *object = NULL;
    struct condition condition;
    llmd_error *error;

    TRY(llmd__json_parse(object_text, strlen(object_text), "object", &object));
    TRY(llmd__condition_parse(text, &condition));
    error = llmd__condition_met(&condition, object, met);
    llmd__condition_free(&condition);
    return error;
}

static void conditions_are_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool met = !cases[i].met;
        assert_null(judge(cases[i].condition, &met));
        if (met != cases[i].met)
            fail_msg("%s: got %d", cases[i].condition, met);
    }
}

static void what_is_not_understood_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "Ready",
        "condition=",
        "condition=Ready=",
        "conditions=Ready",
        "deleted",
        "jsonpath=",
        "jsonpath={}",
        "jsonpath={.a",
        "jsonpath={.a}x",
        "jsonpath={a}",
        "jsonpath={.a[}",
        "jsonpath={.a[?(@.b)]}",
        "jsonpath={.a..b}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct condition condition;
        AUTO(error) llmd_error *error = llmd__condition_parse(bad[i], &condition);
        if (llmd_error_code(error) != LLMD_E_INVALID)
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

static llmd_error *judge_some(void *data)
{
    bool met;

    (void)data;
    TRY(judge("condition=Ready", &met));
    return judge("jsonpath={.spec.replicas}=2", &met);
}

static void memory_may_end(void **state)
{
    (void)state;
    torture(judge_some, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_are_judged),
        cmocka_unit_test(what_is_not_understood_is_refused),
        cmocka_unit_test(memory_may_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
