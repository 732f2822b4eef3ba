/* SPDX-License-Identifier: Apache-2.0 */
#include "support/torture.h"
#include "unit/fields_table.h"

struct row {
    const char *key, *value, *message, *advice;
};

/* What a file would say is what a setter says, without lines. */
static const struct row bad_rows[] = {
    {"nmae", "x", "disk spec: nmae: unknown key", "did you mean \"name\"?"},
    {"scaling.mx", "1", "disk spec: scaling.mx: unknown key", "did you mean \"max\"?"},
    {"", "1", "disk spec: : unknown key", NULL},
    {NULL, "1", "disk spec: the key is NULL", NULL},
    {"token", "***", "disk spec: token: \"***\" only stands for a secret",
     "give the secret itself: specs are printed without theirs"},
    {"replicas", "three", "disk spec: replicas: want an integer, got \"three\"",
     "write a number, without quotes"},
    {"replicas", "", "disk spec: replicas: want an integer, got \"\"", NULL},
    {"replicas", " 3", "disk spec: replicas: want an integer, got \" 3\"", NULL},
    {"replicas", "0x10", "disk spec: replicas: want an integer, got \"0x10\"", NULL},
    {"replicas", "2.5", "disk spec: replicas: want an integer of 64 bits, got 2.5", NULL},
    {"replicas", "3000000000",
     "disk spec: replicas: want an integer from -2147483648 to 2147483647, got 3000000000", NULL},
    {"public", "yes", "disk spec: public: want true or false, got \"yes\"", NULL},
    {"ratio", "nan", "disk spec: ratio: want a number, got \"nan\"", NULL},
    {"name", "bad", "disk spec: name: is bad", NULL},
    {"name", "\xff", "disk spec: name: the value is not UTF-8", NULL},
    {"name.x", "1", "disk spec: name.x: name has no members that can be set", "set name itself"},
    {"overlay.x", "1", "disk spec: overlay.x: overlay has no members that can be set",
     "set overlay as a whole, in JSON or YAML"},
    {"args", "--a", "disk spec: args: want an array of strings, got a string",
     "write a list, such as [a, b]"},
    {"args", "[a, 1]", "disk spec: args: want an array of strings, and item 2 is an integer", NULL},
    {"args", "[", NULL, NULL},
    {"args", "a: 1\n---\nb: 2", "disk spec: args: want one value, got several documents", NULL},
    {"labels.", "1", "disk spec: labels.: a name is missing behind the dot", NULL},
    {"preset", "tpu-v6e-4",
     "disk spec: preset: want one of cpu, tpu-v6e-1t, tpu-v6e-4t, got \"tpu-v6e-4\"",
     "did you mean \"tpu-v6e-4t\"?"},
    {"scaling", "{mx: 1}", "disk spec: scaling.mx: unknown key", "did you mean \"max\"?"},
    {"pools", "[{}, {size: many}]", "disk spec: pools[1].size: want an integer, got \"many\"",
     NULL},
    {"pools[0].size", "3", "disk spec: pools[0].size: unknown key", NULL},
    {"download", "maybe", "disk spec: download: want true or false, got \"maybe\"", NULL},
};

static void test_set_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_rows) / sizeof(*bad_rows); i++) {
        const struct row *row = &bad_rows[i];
        struct spec spec = {0};
        AUTO(error)
        llmd_error *error = llmd__fields_set(spec_fields, row->key, row->value, "disk spec", &spec);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
        if (row->message)
            assert_string_equal(llmd_error_message(error), row->message);
        if (row->advice)
            assert_string_equal(llmd_error_advice(error), row->advice);
        llmd__fields_free(spec_fields, &spec);
    }
}

/* Each row is set on the same spec, one after the other; then it looks so. */
static const struct row good_rows[] = {
    {"name", "007", "{\"name\":\"007\"}", NULL},
    {"name", "", "{\"name\":\"\"}", NULL},
    {"name", "\xc3\xa9: [", "{\"name\":\"\xc3\xa9: [\"}", NULL},
    {"name", NULL, "{}", NULL},
    {"token", "abc", "{\"token\":\"***\"}", NULL},
    {"token", NULL, "{}", NULL},
    {"replicas", "-3", "{\"replicas\":-3}", NULL},
    {"replicas", NULL, "{}", NULL},
    {"bytes", "9007199254740993", "{\"bytes\":9007199254740993}", NULL},
    {"bytes", NULL, "{}", NULL},
    {"public", "true", "{\"public\":true}", NULL},
    {"public", "false", "{}", NULL},
    {"ratio", "1e-1", "{\"ratio\":0.1}", NULL},
    {"ratio", NULL, "{}", NULL},
    {"args", "[--a, \"1\"]", "{\"args\":[\"--a\",\"1\"]}", NULL},
    {"args", "- --b", "{\"args\":[\"--b\"]}", NULL},
    {"args", "[]", "{\"args\":[]}", NULL},
    {"args", "null", "{}", NULL},
    {"labels", "{a: b}", "{\"labels\":{\"a\":\"b\"}}", NULL},
    {"labels.app.kubernetes.io/name", "1",
     "{\"labels\":{\"a\":\"b\",\"app.kubernetes.io/name\":\"1\"}}", NULL},
    {"labels.a", "", "{\"labels\":{\"a\":\"\",\"app.kubernetes.io/name\":\"1\"}}", NULL},
    {"labels.app.kubernetes.io/name", NULL, "{\"labels\":{\"a\":\"\"}}", NULL},
    {"labels", "c: d", "{\"labels\":{\"c\":\"d\"}}", NULL},
    {"labels", NULL, "{}", NULL},
    {"labels.e", NULL, "{\"labels\":{}}", NULL},
    {"labels", NULL, "{}", NULL},
    {"overlay", "spec: {x: [1, null]}", "{\"overlay\":{\"spec\":{\"x\":[1,null]}}}", NULL},
    {"overlay", "", "{}", NULL},
    {"scaling.max", "3", "{\"scaling\":{\"max\":3}}", NULL},
    {"scaling.enabled", "false", "{\"scaling\":{\"max\":3,\"enabled\":false}}", NULL},
    {"scaling", "{min: 1}", "{\"scaling\":{\"min\":1}}", NULL},
    {"scaling", NULL, "{}", NULL},
    {"pools", "[{size: 1}, {}]", "{\"pools\":[{\"size\":1},{}]}", NULL},
    {"pools", "[{machine: e2, disks: [{gb: 10}]}]",
     "{\"pools\":[{\"machine\":\"e2\",\"disks\":[{\"gb\":10}]}]}", NULL},
    {"pools", NULL, "{}", NULL},
    {"download", "false", "{\"download\":false}", NULL},
    {"download", NULL, "{}", NULL},
};

static void test_set(void **state)
{
    struct spec spec = {0};

    (void)state;
    llmd__fields_init(spec_fields, &spec);
    for (size_t i = 0; i < sizeof(good_rows) / sizeof(*good_rows); i++) {
        AUTO(error)
        llmd_error *error =
            llmd__fields_set(spec_fields, good_rows[i].key, good_rows[i].value, "s", &spec);
        assert_null(error);
        expect_json(&spec, good_rows[i].message);
    }
    llmd__fields_free(spec_fields, &spec);
}

static llmd_error *set_rows(void *data)
{
    struct spec spec = {0};
    llmd_error *error = NULL;

    (void)data;
    llmd__fields_init(spec_fields, &spec);
    for (size_t i = 0; !error && i < sizeof(good_rows) / sizeof(*good_rows); i++)
        error = llmd__fields_set(spec_fields, good_rows[i].key, good_rows[i].value, "s", &spec);
    llmd__fields_free(spec_fields, &spec);
    return error;
}

static llmd_error *set_bad_row(void *data)
{
    const struct row *row = data;
    struct spec spec = {0};
    llmd_error *error = llmd__fields_set(spec_fields, row->key, row->value, "s", &spec);

    llmd__fields_free(spec_fields, &spec);
    return error;
}

static void test_without_memory(void **state)
{
    (void)state;
    assert_true(torture(set_rows, NULL) > 100);
    for (size_t i = 0; i < sizeof(bad_rows) / sizeof(*bad_rows); i++)
        torture(set_bad_row, (void *)&bad_rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_refusals),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
