/* SPDX-License-Identifier: Apache-2.0 */
#include "service/missing_preset.h"
#include "support/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define WORDS                                                                                      \
    "LLMInferenceServiceConfig \"kserve-config-llm-scheduler\" not found in namespaces [llm "      \
    "kserve]"

static void put(struct scene *scene, const char *status, const char *message, int observed)
{
    AUTO(json) struct json *service = NULL;

    none(llmd__json_make(&service,
                         "{'metadata': {'name': 'qwen', 'namespace': 'llm', 'generation': 2},"
                         " 'status': {'observedGeneration': %d, 'conditions': [{'type':"
                         " 'PresetsCombined', 'status': %s, 'message': %s}]}}",
                         observed, status, message));
    none(llmd__scene_put(scene, SCENE_SERVICE, service));
}

/* Only these words, of the newest spec, are worth asking about. */
static void test_words(void **state)
{
    struct scene scene;

    (void)state;
    none(llmd__scene_init(&scene, "llm", "qwen"));
    assert_null(llmd__missing_preset(&scene));
    put(&scene, "False", WORDS, 2);
    assert_string_equal(llmd__missing_preset(&scene), WORDS);
    put(&scene, "False", WORDS, 1);
    assert_null(llmd__missing_preset(&scene));
    put(&scene, "True", "", 2);
    assert_null(llmd__missing_preset(&scene));
    put(&scene, "False", "the template does not fit", 2);
    assert_null(llmd__missing_preset(&scene));
    put(&scene, "False", "LLMInferenceServiceConfig \"x\" not found", 2);
    assert_null(llmd__missing_preset(&scene));
    llmd__scene_free(&scene);
}

static void test_fields(void **state)
{
    AUTO(str) char *fields = llmd__missing_preset_fields(WORDS);

    (void)state;
    assert_string_equal(fields, "metadata.name=kserve-config-llm-scheduler");
}

static void test_is_there(void **state)
{
    static const struct {
        const char *list;
        bool there;
    } rows[] = {
        {"{'items': [{'metadata': {'namespace': 'kserve'}}]}", true},
        {"{'items': [{'metadata': {'namespace': 'llm'}}]}", true},
        {"{'items': [{'metadata': {'namespace': 'other'}}, {'metadata': {'namespace': 'llm'}}]}",
         true},
        {"{'items': [{'metadata': {'namespace': 'serve'}}]}", false},
        {"{'items': [{'metadata': {'namespace': 'll'}}]}", false},
        {"{'items': [{'metadata': {'namespace': 'llm2'}}]}", false},
        {"{'items': [{'metadata': {}}]}", false},
        {"{'items': []}", false},
        {"{}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(json) struct json *list = NULL;

        none(llmd__json_make(&list, rows[i].list));
        if (llmd__missing_preset_is_there(WORDS, list) != rows[i].there)
            fail_msg("%s", rows[i].list);
    }
    /* Not allowed to look. */
    assert_false(llmd__missing_preset_is_there(WORDS, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
