/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fields.h"
#include "base/yaml.h"
#include "support/torture.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

struct scaling {
    int min;
    int max;
    bool enabled;
};

struct spec {
    char *name;
    char *token;
    int replicas;
    int64_t bytes;
    bool public;
    double ratio;
    struct json *args;
    struct json *labels;
    struct json *overlay;
    char *preset;
    struct scaling scaling;
};

static llmd_error *check_name(const struct json *value)
{
    if (strcmp(llmd__json_text(value), "bad") == 0)
        return llmd__error(LLMD_E_INVALID, "is bad");
    return NULL;
}

#define SCALING(member) .offset = offsetof(struct scaling, member)
static const struct field scaling_fields[] = {
    {.name = "min", .type = FIELD_INT, SCALING(min), .unset = -1, .doc = "Least replicas"},
    {.name = "max", .type = FIELD_INT, SCALING(max), .doc = "Most replicas"},
    {.name = "enabled", .type = FIELD_BOOL, SCALING(enabled), .unset = true},
    FIELD_END,
};

#define SPEC(member) .offset = offsetof(struct spec, member)
static const struct field spec_fields[] = {
    {.name = "name", .type = FIELD_STRING, SPEC(name), .check = check_name, .doc = "Its name"},
    {.name = "token", .type = FIELD_SECRET, SPEC(token), .doc = "Token"},
    {.name = "replicas", .type = FIELD_INT, SPEC(replicas), .doc = "How many"},
    {.name = "bytes", .type = FIELD_INT64, SPEC(bytes)},
    {.name = "public", .type = FIELD_BOOL, SPEC(public)},
    {.name = "ratio", .type = FIELD_DOUBLE, SPEC(ratio)},
    {.name = "args", .type = FIELD_STRINGS, SPEC(args)},
    {.name = "labels", .type = FIELD_MAP, SPEC(labels)},
    {.name = "overlay", .type = FIELD_JSON, SPEC(overlay)},
    {.name = "preset",
     .type = FIELD_STRING,
     SPEC(preset),
     .values = "cpu|tpu-v6e-1t|tpu-v6e-4t",
     .doc = "Accelerator"},
    {.name = "scaling",
     .type = FIELD_OBJECT,
     SPEC(scaling),
     .fields = scaling_fields,
     .doc = "How it grows"},
    FIELD_END,
};

static llmd_error *read_text(const char *text, struct spec *spec)
{
    AUTO(json) struct json *json = NULL;

    TRY(llmd__yaml_parse(text, "svc.yaml", &json));
    return llmd__fields_read(spec_fields, json, "svc.yaml", spec);
}

static const char full[] = "name: qwen\n"
                           "token: s3cr3t\n"
                           "replicas: 2\n"
                           "bytes: 9007199254740993\n"
                           "public: true\n"
                           "ratio: 1\n"
                           "args: [--a, --b]\n"
                           "labels: {team: \"1\"}\n"
                           "overlay: {spec: {x: [1, null]}}\n"
                           "preset: tpu-v6e-4t\n"
                           "scaling:\n"
                           "  min: 0\n"
                           "  max: 3\n"
                           "  enabled: false\n";

static const char full_json[] =
    "{\"name\":\"qwen\",\"token\":\"***\",\"replicas\":2,\"bytes\":9007199254740993,"
    "\"public\":true,\"ratio\":1,\"args\":[\"--a\",\"--b\"],\"labels\":{\"team\":\"1\"},"
    "\"overlay\":{\"spec\":{\"x\":[1,null]}},\"preset\":\"tpu-v6e-4t\","
    "\"scaling\":{\"min\":0,\"max\":3,\"enabled\":false}}";

static void expect_json(const struct spec *spec, const char *want)
{
    AUTO(json) struct json *json = NULL;
    AUTO(str) char *text = NULL;

    assert_null(llmd__fields_json(spec_fields, spec, &json));
    assert_null(llmd__json_print(json, &text));
    assert_string_equal(text, want);
}

static void test_read_all_types(void **state)
{
    struct spec spec = {.scaling = {.min = -1, .enabled = true}};

    (void)state;
    expect_json(&spec, "{}");
    assert_null(read_text(full, &spec));
    assert_string_equal(spec.token, "s3cr3t");
    assert_int_equal(spec.bytes, 9007199254740993);
    assert_int_equal(spec.scaling.max, 3);
    expect_json(&spec, full_json);
    /* Reading again replaces; null leaves what was there. */
    assert_null(read_text("name: other\nlabels: {}\nargs: null\n", &spec));
    assert_string_equal(spec.name, "other");
    assert_int_equal(llmd__json_count(spec.labels), 0);
    assert_int_equal(llmd__json_count(spec.args), 2);
    llmd__fields_free(spec_fields, &spec);
    assert_null(spec.name);
    assert_null(spec.overlay);
}

struct refusal {
    const char *text;
    const char *message;
    const char *advice;
};

static const struct refusal refusals[] = {
    {"name: a\nreplcas: 1", "svc.yaml:2: replcas: unknown key", "did you mean \"replicas\"?"},
    {"Replicas: 1", "svc.yaml:1: Replicas: unknown key", "did you mean \"replicas\"?"},
    {"nmae: 1", "svc.yaml:1: nmae: unknown key", "did you mean \"name\"?"},
    {"zzzzzzzz: 1", "svc.yaml:1: zzzzzzzz: unknown key",
     "known keys are name, token, replicas, bytes, public, ratio, args, labels, overlay, preset, "
     "scaling"},
    {"scaling:\n  mx: 1", "svc.yaml:2: scaling.mx: unknown key", "did you mean \"max\"?"},
    {"scaling: 3", "svc.yaml:1: scaling: want an object, got an integer", ""},
    {"scaling:\n  max: x", "svc.yaml:2: scaling.max: want an integer, got a string", ""},
    {"replicas: '2'", "svc.yaml:1: replicas: want an integer, got a string", ""},
    {"replicas: 2.5", "svc.yaml:1: replicas: want an integer of 64 bits, got 2.5", ""},
    {"replicas: 3000000000",
     "svc.yaml:1: replicas: want an integer from -2147483648 to 2147483647, got 3000000000", ""},
    {"bytes: 9223372036854775808",
     "svc.yaml:1: bytes: want an integer of 64 bits, got 9223372036854775808", ""},
    {"public: yes", "svc.yaml:1: public: want true or false, got a string", ""},
    {"ratio: [1]", "svc.yaml:1: ratio: want a number, got an array", ""},
    {"name: 1", "svc.yaml:1: name: want a string, got an integer", "put the value in quotes"},
    {"name: {}", "svc.yaml:1: name: want a string, got an object", ""},
    {"name: bad", "svc.yaml:1: name: is bad", ""},
    {"args: x", "svc.yaml:1: args: want an array of strings, got a string", ""},
    {"args: [a, 1]", "svc.yaml:1: args: want an array of strings, and not all of it is",
     "put numbers and true or false in quotes"},
    {"labels: {a: true}", "svc.yaml:1: labels: want an object of strings, and not all of it is",
     "put numbers and true or false in quotes"},
    {"preset: tpu-v6e-4",
     "svc.yaml:1: preset: want one of cpu, tpu-v6e-1t, tpu-v6e-4t, got \"tpu-v6e-4\"",
     "did you mean \"tpu-v6e-4t\"?"},
    {"preset: tpu", "svc.yaml:1: preset: want one of cpu, tpu-v6e-1t, tpu-v6e-4t, got \"tpu\"",
     "did you mean \"cpu\"?"},
    {"preset: ''", "svc.yaml:1: preset: want one of cpu, tpu-v6e-1t, tpu-v6e-4t, got \"\"", ""},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct spec spec = {0};
        AUTO(error) llmd_error *error = read_text(refusals[i].text, &spec);
        assert_string_equal(llmd_error_message(error), refusals[i].message);
        assert_string_equal(llmd_error_advice(error), refusals[i].advice);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
        llmd__fields_free(spec_fields, &spec);
    }
}

/* Without lines (a tree that was built) the position is left out. */
static void test_positions_without_lines(void **state)
{
    AUTO(json) struct json *json = llmd__json_object();
    struct spec spec = {0};

    (void)state;
    llmd__json_set_str(json, "replicas", "x");
    AUTO(error) llmd_error *error = llmd__fields_read(spec_fields, json, "spec", &spec);
    assert_string_equal(llmd_error_message(error), "spec: replicas: want an integer, got a string");
    AUTO(error) llmd_error *none = llmd__fields_read(spec_fields, NULL, "spec", &spec);
    assert_string_equal(llmd_error_message(none), "spec: want an object, got nothing");
}

struct snapshot {
    char *name;
    char *address;
    int replicas;
    int64_t generation;
    bool ready;
    struct json *conditions;
    struct scaling scaling;
};

#define SNAPSHOT(member) .offset = offsetof(struct snapshot, member)
static const struct field snapshot_fields[] = {
    {.name = "metadata.name", .type = FIELD_STRING, SNAPSHOT(name)},
    {.name = "status.addresses[0].value", .type = FIELD_STRING, SNAPSHOT(address)},
    {.name = "spec.replicas", .type = FIELD_INT, SNAPSHOT(replicas)},
    {.name = "metadata.generation", .type = FIELD_INT64, SNAPSHOT(generation)},
    {.name = "status.ready", .type = FIELD_BOOL, SNAPSHOT(ready)},
    {.name = "status.conditions", .type = FIELD_JSON, SNAPSHOT(conditions)},
    {.name = "spec.scaling", .type = FIELD_OBJECT, SNAPSHOT(scaling), .fields = scaling_fields},
    FIELD_END,
};

static const char object[] =
    "{\"metadata\":{\"name\":\"qwen\",\"generation\":7},\"spec\":{\"replicas\":3,"
    "\"scaling\":{\"max\":9,\"unknown\":1}},"
    "\"status\":{\"addresses\":[{\"value\":\"10.0.0.1\"}],\"ready\":true,\"conditions\":[1]}}";

static llmd_error *fill(void *data)
{
    AUTO(json) struct json *json = NULL;
    struct snapshot snapshot = {0};

    TRY(llmd__json_parse(data, strlen(data), "test", &json));
    llmd_error *error = llmd__fields_fill(snapshot_fields, json, &snapshot);
    llmd__fields_free(snapshot_fields, &snapshot);
    return error;
}

static void test_fill(void **state)
{
    AUTO(json) struct json *json = NULL;
    struct snapshot snapshot = {0};

    (void)state;
    assert_null(llmd__json_parse(object, strlen(object), "test", &json));
    assert_null(llmd__fields_fill(snapshot_fields, json, &snapshot));
    assert_string_equal(snapshot.name, "qwen");
    assert_string_equal(snapshot.address, "10.0.0.1");
    assert_int_equal(snapshot.replicas, 3);
    assert_int_equal(snapshot.generation, 7);
    assert_true(snapshot.ready);
    assert_int_equal(llmd__json_count(snapshot.conditions), 1);
    assert_int_equal(snapshot.scaling.max, 9);
    llmd__fields_free(snapshot_fields, &snapshot);
}

static void test_fill_forgives(void **state)
{
    AUTO(json) struct json *json = NULL;
    struct snapshot snapshot = {0};
    const char text[] = "{\"metadata\":{\"name\":1},\"spec\":{\"replicas\":99999999999,"
                        "\"scaling\":\"x\"},\"status\":{\"ready\":\"yes\"}}";

    (void)state;
    assert_null(llmd__json_parse(text, strlen(text), "test", &json));
    assert_null(llmd__fields_fill(snapshot_fields, json, &snapshot));
    assert_null(snapshot.name);
    assert_null(snapshot.address);
    assert_int_equal(snapshot.replicas, 0);
    assert_false(snapshot.ready);
    assert_null(llmd__fields_fill(snapshot_fields, NULL, &snapshot));
}

static void test_doc(void **state)
{
    AUTO(buf) struct buf page = BUF_INIT;

    (void)state;
    llmd__fields_doc(spec_fields, &page);
    assert_non_null(strstr(page.data, "| key | type | meaning |\n|---|---|---|\n"));
    assert_non_null(strstr(page.data, "| `token` | string, secret | Token |\n"));
    assert_non_null(strstr(page.data, "| `preset` | string | Accelerator: "
                                      "cpu\\|tpu-v6e-1t\\|tpu-v6e-4t |\n"));
    assert_non_null(strstr(page.data, "| `scaling.min` | integer | Least replicas |\n"));
}

static void test_nearest(void **state)
{
    static const char *const names[] = {"replicas", "model", "image", "x", NULL};
    static const struct {
        const char *word, *want;
    } rows[] = {
        {"replica", "replicas"},
        {"erplicas", "replicas"},
        {"modle", "model"},
        {"MODEL", "model"},
        {"imge", "image"},
        {"y", "x"},
        {"zebra", NULL},
        {"repl", NULL},
        {"thiswordiswaytoolongtobeanyofthekeysthatweknowsoitisnotevencompared", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *near = llmd__nearest(rows[i].word, names);
        if (rows[i].want)
            assert_string_equal(near, rows[i].want);
        else
            assert_null(near);
    }
}

static llmd_error *read_and_print(void *data)
{
    AUTO(json) struct json *json = NULL;
    AUTO(str) char *text = NULL;
    struct spec spec = {.scaling = {.min = -1, .enabled = true}};
    llmd_error *error = read_text(data, &spec);

    if (!error)
        error = llmd__fields_json(spec_fields, &spec, &json);
    llmd__fields_free(spec_fields, &spec);
    TRY(error);
    TRY(llmd__json_print(json, &text));
    return strcmp(text, full_json) == 0 ? NULL : llmd__error(LLMD_E_FAILED, "incomplete: %s", text);
}

static llmd_error *print_doc(void *data)
{
    AUTO(buf) struct buf page = BUF_INIT;

    (void)data;
    llmd__fields_doc(spec_fields, &page);
    return llmd__buf_check(&page);
}

static void test_without_memory(void **state)
{
    (void)state;
    assert_true(torture(read_and_print, (void *)full) > 100);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
        torture(read_and_print, (void *)refusals[i].text);
    torture(fill, (void *)object);
    torture(print_doc, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_all_types),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_positions_without_lines),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_fill_forgives),
        cmocka_unit_test(test_doc),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
