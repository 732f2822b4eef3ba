/* SPDX-License-Identifier: Apache-2.0 */
#include "base/yaml.h"
#include "support/torture.h"
#include "unit/fields_table.h"

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
                           "  enabled: false\n"
                           "pools:\n"
                           "- machine: ct6e\n"
                           "  token: s3cr3t\n"
                           "  zones: [a, b]\n"
                           "  disks: [{gb: 4503599627370497, speed: 0}, {}]\n"
                           "- size: 0\n"
                           "  spot: false\n"
                           "  disks: []\n"
                           "download: false\n";

static const char full_json[] =
    "{\"name\":\"qwen\",\"token\":\"***\",\"replicas\":2,\"bytes\":9007199254740993,"
    "\"public\":true,\"ratio\":1,\"args\":[\"--a\",\"--b\"],\"labels\":{\"team\":\"1\"},"
    "\"overlay\":{\"spec\":{\"x\":[1,null]}},\"preset\":\"tpu-v6e-4t\","
    "\"scaling\":{\"min\":0,\"max\":3,\"enabled\":false},"
    "\"pools\":[{\"machine\":\"ct6e\",\"token\":\"***\",\"zones\":[\"a\",\"b\"],"
    "\"disks\":[{\"gb\":4503599627370497,\"speed\":0},{}]},"
    "{\"size\":0,\"spot\":false,\"disks\":[]}],\"download\":false}";

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
    const struct pool *pools = spec.pools.items;
    assert_int_equal(spec.pools.count, 2);
    assert_string_equal(pools[0].token, "s3cr3t");
    assert_int_equal(pools[0].size, -1);
    assert_true(pools[0].spot);
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
     "scaling, pools, download"},
    {"scaling:\n  mx: 1", "svc.yaml:2: scaling.mx: unknown key", "did you mean \"max\"?"},
    {"name: '***'\ntoken: '***'", "svc.yaml:2: token: \"***\" only stands for a secret",
     "give the secret itself: specs are printed without theirs"},
    {"scaling: 3", "svc.yaml:1: scaling: want an object, got an integer",
     "write a mapping, such as {key: value}"},
    {"scaling:\n  max: x", "svc.yaml:2: scaling.max: want an integer, got \"x\"",
     "write a number, without quotes"},
    {"replicas: '2'", "svc.yaml:1: replicas: want an integer, got \"2\"",
     "write a number, without quotes"},
    {"replicas: 2.5", "svc.yaml:1: replicas: want an integer of 64 bits, got 2.5", ""},
    {"replicas: 3000000000",
     "svc.yaml:1: replicas: want an integer from -2147483648 to 2147483647, got 3000000000", ""},
    {"bytes: 9223372036854775808",
     "svc.yaml:1: bytes: want an integer of 64 bits, got 9223372036854775808", ""},
    {"public: yes", "svc.yaml:1: public: want true or false, got \"yes\"",
     "write true or false, without quotes"},
    {"ratio: [1]", "svc.yaml:1: ratio: want a number, got an array",
     "write a number, without quotes"},
    {"name: 1", "svc.yaml:1: name: want a string, got an integer", "put it in quotes"},
    {"name: {}", "svc.yaml:1: name: want a string, got an object", "write one text"},
    {"name: bad", "svc.yaml:1: name: is bad", ""},
    {"args: x", "svc.yaml:1: args: want an array of strings, got a string",
     "write a list, such as [a, b]"},
    {"args:\n  - a\n  - 1\n  - [2]",
     "svc.yaml:3: args: want an array of strings, and item 2 is an integer",
     "put numbers and true or false in quotes"},
    {"labels:\n  b: x\n\n  a: true",
     "svc.yaml:4: labels: want an object of strings, and \"a\" is a boolean",
     "put numbers and true or false in quotes"},
    {"preset: tpu-v6e-4",
     "svc.yaml:1: preset: want one of cpu, tpu-v6e-1t, tpu-v6e-4t, got \"tpu-v6e-4\"",
     "did you mean \"tpu-v6e-4t\"?"},
    {"preset: v6e-4", "svc.yaml:1: preset: want one of cpu, tpu-v6e-1t, tpu-v6e-4t, got \"v6e-4\"",
     "did you mean \"tpu-v6e-4t\"?"},
    {"preset: v6", "svc.yaml:1: preset: want one of cpu, tpu-v6e-1t, tpu-v6e-4t, got \"v6\"", ""},
    {"preset: tpu", "svc.yaml:1: preset: want one of cpu, tpu-v6e-1t, tpu-v6e-4t, got \"tpu\"",
     "did you mean \"cpu\"?"},
    {"pools: {}", "svc.yaml:1: pools: want an array of objects, got an object",
     "write a list, such as [a, b]"},
    {"pools: [{}, 3]", "svc.yaml:1: pools[1]: want an object, got an integer",
     "write a mapping, such as {key: value}"},
    {"pools:\n- {}\n- machine: e3",
     "svc.yaml:3: pools[1].machine: want one of e2, ct6e, got \"e3\"", "did you mean \"e2\"?"},
    {"pools: [{szie: 3}]", "svc.yaml:1: pools[0].szie: unknown key", "did you mean \"size\"?"},
    {"pools: [{size: 101}]", "svc.yaml:1: pools[0].size: want 0 to 100, got 101", ""},
    {"pools:\n- disks:\n  - {}\n  - gb: 9",
     "svc.yaml:4: pools[0].disks[1].gb: want 10 or more, got 9", ""},
    {"pools: [{}, {}, {}, {}]", "svc.yaml:1: pools: too many", ""},
    {"pools: [null]", "svc.yaml:1: pools[0]: want an object, got null",
     "write a mapping, such as {key: value}"},
    {"download: 1", "svc.yaml:1: download: want true or false, got an integer",
     "write true or false, without quotes"},
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
    assert_string_equal(llmd_error_message(error), "spec: replicas: want an integer, got \"x\"");
    AUTO(error) llmd_error *none = llmd__fields_read(spec_fields, NULL, "spec", &spec);
    assert_string_equal(llmd_error_message(none), "spec: want an object, got nothing");
}

static void test_copy(void **state)
{
    struct spec spec = {.scaling = {.min = -1, .enabled = true}}, copy = {0};

    (void)state;
    assert_null(read_text(full, &spec));
    assert_null(llmd__fields_copy(spec_fields, &spec, &copy));
    llmd__fields_free(spec_fields, &spec);
    assert_string_equal(copy.token, "s3cr3t");
    expect_json(&copy, full_json);
    llmd__fields_free(spec_fields, &copy);
}

struct snapshot {
    struct field_list pools;
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
    {.name = "status.pools",
     .type = FIELD_LIST,
     SNAPSHOT(pools),
     .fields = pool_fields,
     .size = sizeof(struct pool)},
    FIELD_END,
};

static const char object[] =
    "{\"metadata\":{\"name\":\"qwen\",\"generation\":7},\"spec\":{\"replicas\":3,"
    "\"scaling\":{\"max\":9,\"unknown\":1}},"
    "\"status\":{\"pools\":[{\"machine\":\"x\"},7,{\"size\":1}],\"addresses\":[{\"value\":\"10.0.0."
    "1\"}],\"ready\":true,\"conditions\":[1]}}";

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
    const struct pool *pools = snapshot.pools.items;
    assert_int_equal(snapshot.pools.count, 3);
    assert_string_equal(pools[0].machine, "x");
    assert_int_equal(pools[1].size, -1);
    assert_int_equal(pools[2].size, 1);
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
    assert_non_null(strstr(page.data, "| `pools` | list of objects | Machines |\n"));
    assert_non_null(strstr(page.data, "| `pools[].machine` | string | Type: e2\\|ct6e |\n"));
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
    struct spec copy = {0};
    llmd_error *error = read_text(data, &spec);

    if (!error)
        error = llmd__fields_copy(spec_fields, &spec, &copy);
    llmd__fields_free(spec_fields, &spec);
    if (!error)
        error = llmd__fields_json(spec_fields, &copy, &json);
    llmd__fields_free(spec_fields, &copy);
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
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_fill_forgives),
        cmocka_unit_test(test_doc),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
