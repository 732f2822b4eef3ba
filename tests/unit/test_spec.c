/* SPDX-License-Identifier: Apache-2.0 */
/* What all specs share: keeping the first bad value, parsing, copying, and having no memory. */
#include "base/spec.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct llmd_disk_spec {
    struct spec head;
    char *name, *token;
    int size_gb, copies;
} llmd_disk_spec;

#define AT(member) .offset = offsetof(llmd_disk_spec, member)
static const struct field disk_fields[] = {
    {.name = "name", .type = FIELD_STRING, AT(name)},
    {.name = "token", .type = FIELD_SECRET, AT(token)},
    {.name = "sizeGb", .type = FIELD_INT, AT(size_gb), .min = 10, .unset = 100},
    {.name = "copies", .type = FIELD_INT, AT(copies)},
    FIELD_END,
};

static llmd_error *check_disk(const void *object)
{
    const llmd_disk_spec *spec = object;

    return spec->name ? NULL : llmd__error(LLMD_E_INVALID, "name is missing");
}

static llmd_disk_spec no_memory;
static const struct spec_type disk_type = {
    .what = "disk spec",
    .size = sizeof(llmd_disk_spec),
    .fields = disk_fields,
    .none = &no_memory,
    .check = check_disk,
    .follow = "disk wait",
};

void llmd_disk_spec_set(llmd_disk_spec *spec, const char *key, const char *value);
void llmd_disk_spec_free(llmd_disk_spec *spec);
llmd_error *llmd_disk_spec_parse(const char *text, llmd_disk_spec **out);
llmd_error *llmd_disk_spec_parse_file(const char *path, llmd_disk_spec **out);
llmd_error *llmd_disk_spec_json(const llmd_disk_spec *spec, char **out);
SPEC_FUNCTIONS(llmd_disk_spec, disk_type)
SPEC_FILE_FUNCTIONS(llmd_disk_spec, disk_type)
DEFINE_AUTO(disk_spec, llmd_disk_spec *, llmd_disk_spec_free)

static llmd_disk_spec *disk_spec_new(const char *name)
{
    llmd_disk_spec *spec = llmd__spec_new(&disk_type);

    llmd__spec_text(spec, &spec->name, name);
    return spec;
}

static void expect(llmd_error *error, const char *message)
{
    assert_string_equal(llmd_error_message(error), message);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    llmd_error_free(error);
}

static void test_new_is_blank(void **state)
{
    AUTO(disk_spec) llmd_disk_spec *spec = disk_spec_new("a");
    AUTO(str) char *text = NULL;

    (void)state;
    assert_null(llmd__spec_check(spec));
    assert_int_equal(spec->size_gb, 100);
    assert_null(llmd_disk_spec_json(spec, &text));
    assert_string_equal(text, "{\"name\":\"a\"}");
}

static void test_first_bad_value_is_kept(void **state)
{
    AUTO(disk_spec) llmd_disk_spec *spec = disk_spec_new("a");
    char *text = (char *)1;
    void *copy = NULL;

    (void)state;
    llmd_disk_spec_set(spec, "copies", "2");
    llmd_disk_spec_set(spec, "sizeGb", "9");
    llmd_disk_spec_set(spec, "cpoies", "3");
    llmd_disk_spec_set(spec, "copies", "4");
    expect(llmd__spec_check(spec), "disk spec a: sizeGb: want 10 or more, got 9");
    expect(llmd__spec_check(spec), "disk spec a: sizeGb: want 10 or more, got 9");
    expect(llmd_disk_spec_json(spec, &text), "disk spec a: sizeGb: want 10 or more, got 9");
    assert_null(text);
    assert_int_equal(spec->copies, 2);
    assert_null(llmd__spec_copy(spec, &copy));
    expect(llmd__spec_check(copy), "disk spec a: sizeGb: want 10 or more, got 9");
    llmd__spec_free(copy);
}

static void test_whole_is_checked(void **state)
{
    AUTO(disk_spec) llmd_disk_spec *spec = disk_spec_new("");
    llmd_disk_spec *parsed = (llmd_disk_spec *)1;

    (void)state;
    expect(llmd__spec_check(spec), "disk spec (unnamed): name is missing");
    llmd_disk_spec_set(spec, "copies", "x");
    expect(llmd__spec_check(spec), "disk spec (unnamed): copies: want an integer, got \"x\"");
    expect(llmd_disk_spec_parse("copies: 1", &parsed), "disk spec: name is missing");
    assert_null(parsed);
}

/* No refusal leaves people without a next step. */
static void test_every_refusal_advises(void **state)
{
    static const char *const texts[] = {"copies: 1",
                                        "name: a\nsizeGb: 1",
                                        "name: a: b",
                                        "\tname: a",
                                        "name: a\nname: b",
                                        "",
                                        "- a",
                                        "name: a\ncopeis: 1",
                                        "name: [a]",
                                        "name: a\n---\nname: b"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        llmd_disk_spec *spec = NULL;
        AUTO(error) llmd_error *error = llmd_disk_spec_parse(texts[i], &spec);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
        if (!llmd_error_advice(error)[0])
            fail_msg("no advice: %s", llmd_error_message(error));
        /* Indentation is the matter of what is no YAML, and of nothing else. */
        if (!strstr(llmd_error_advice(error), "indent") !=
            !strstr(llmd_error_message(error), "YAML:"))
            fail_msg("%s: %s", llmd_error_message(error), llmd_error_advice(error));
    }
    AUTO(disk_spec) llmd_disk_spec *set = disk_spec_new("a");
    llmd_disk_spec_set(set, "sizeGb", "1");
    AUTO(error) llmd_error *error = llmd__spec_check(set);
    assert_string_equal(llmd_error_advice(error), "docs/spec.md lists the keys and what they take");
}

static void test_manifest_is_sent_elsewhere(void **state)
{
    llmd_disk_spec *spec = NULL;
    LLMD_AUTO(llmd_error)
    error = llmd_disk_spec_parse("apiVersion: v1\nkind: Pod\n", &spec);

    (void)state;
    assert_string_equal(llmd_error_message(error),
                        "disk spec: this is a Kubernetes manifest (kind Pod), not a spec");
    assert_string_equal(llmd_error_advice(error),
                        "apply it as it is, with kube apply, and follow it with disk wait");
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_file(void **state)
{
    AUTO(disk_spec) llmd_disk_spec *spec = NULL;
    llmd_disk_spec *bad = NULL;
    char path[] = "/tmp/llmd-test-spec-XXXXXX";
    int descriptor = mkstemp(path);
    AUTO(str) char *message = llmd__format("%s:2: sizeGb: want 10 or more, got 2", path);

    (void)state;
    close(descriptor);
    write_file(path, "name: a\nsizeGb: 20\n");
    assert_null(llmd_disk_spec_parse_file(path, &spec));
    assert_int_equal(spec->size_gb, 20);
    write_file(path, "name: a\nsizeGb: 2\n");
    expect(llmd_disk_spec_parse_file(path, &bad), message);
    unlink(path);
    AUTO(error) llmd_error *error = llmd_disk_spec_parse_file(path, &bad);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_non_null(strstr(llmd_error_message(error), path));
    assert_null(bad);
}

static void test_nulls(void **state)
{
    llmd_disk_spec *spec = NULL;

    (void)state;
    llmd_disk_spec_set(NULL, "name", "x");
    llmd_disk_spec_free(NULL);
    expect(llmd_disk_spec_parse(NULL, &spec), "llmd_disk_spec_parse: text is NULL");
    expect(llmd_disk_spec_parse("{}", NULL), "llmd_disk_spec_parse: out is NULL");
}

static llmd_error *use(void *data)
{
    AUTO(disk_spec) llmd_disk_spec *spec = disk_spec_new("a");
    void *copy = NULL;

    (void)data;
    llmd_disk_spec_set(spec, "token", "secret");
    llmd_disk_spec_set(spec, "sizeGb", "12");
    llmd_error *error = llmd__spec_copy(spec, &copy);
    if (!error)
        error = llmd__spec_check(copy);
    llmd__spec_free(copy);
    return error;
}

static llmd_error *parse(void *data)
{
    AUTO(disk_spec) llmd_disk_spec *spec = NULL;

    return llmd_disk_spec_parse(data, &spec);
}

static void test_without_memory(void **state)
{
    (void)state;
    torture(use, NULL);
    torture(parse, "{name: a, token: b}");
    torture(parse, "{name: a, tokn: b}");
    torture(parse, "{kind: a, apiVersion: b}");
    /* The static one takes everything in silence, and the call that uses it tells. */
    llmd__alloc_fail_at(1);
    llmd_disk_spec *spec = disk_spec_new("a");
    llmd__alloc_fail_at(0);
    assert_ptr_equal(spec, &no_memory);
    llmd_disk_spec_set(spec, "name", "b");
    assert_null(spec->name);
    AUTO(error) llmd_error *error = llmd__spec_check(spec);
    assert_int_equal(llmd_error_code(error), LLMD_E_NO_MEMORY);
    llmd_disk_spec_free(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_is_blank),
        cmocka_unit_test(test_first_bad_value_is_kept),
        cmocka_unit_test(test_whole_is_checked),
        cmocka_unit_test(test_every_refusal_advises),
        cmocka_unit_test(test_manifest_is_sent_elsewhere),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_nulls),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
