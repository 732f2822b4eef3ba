/* SPDX-License-Identifier: Apache-2.0 */
/* A spec with a field of every type, for the tests of base/fields*.c. */
#ifndef TESTS_UNIT_FIELDS_TABLE_H
#define TESTS_UNIT_FIELDS_TABLE_H

#include "base/fields.h"

#include <setjmp.h>
#include <stdarg.h>
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
    struct field_list pools;
    struct json *download;
};

struct pool {
    char *machine;
    char *token;
    int size;
    bool spot;
    struct json *zones;
    struct field_list disks;
};

struct disk {
    int64_t gb;
    double speed;
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

#define DISK(member) .offset = offsetof(struct disk, member)
static const struct field disk_fields[] = {
    {.name = "gb", .type = FIELD_INT64, DISK(gb), .min = 10},
    {.name = "speed", .type = FIELD_DOUBLE, DISK(speed), .unset = -1},
    FIELD_END,
};

static llmd_error *check_pool_count(const struct json *value)
{
    return llmd__json_count(value) > 3 ? llmd__error(LLMD_E_INVALID, "too many") : NULL;
}

#define POOL(member) .offset = offsetof(struct pool, member)
static const struct field pool_fields[] = {
    {.name = "machine", .type = FIELD_STRING, POOL(machine), .values = "e2|ct6e", .doc = "Type"},
    {.name = "token", .type = FIELD_SECRET, POOL(token)},
    {.name = "size", .type = FIELD_INT, POOL(size), .unset = -1, .max = 100},
    {.name = "spot", .type = FIELD_BOOL, POOL(spot), .unset = true},
    {.name = "zones", .type = FIELD_STRINGS, POOL(zones)},
    {.name = "disks",
     .type = FIELD_LIST,
     POOL(disks),
     .fields = disk_fields,
     .size = sizeof(struct disk)},
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
    {.name = "pools",
     .type = FIELD_LIST,
     SPEC(pools),
     .fields = pool_fields,
     .size = sizeof(struct pool),
     .check = check_pool_count,
     .doc = "Machines"},
    {.name = "download", .type = FIELD_JSON, SPEC(download), .json = JSON_BOOL},
    FIELD_END,
};

static void expect_json(const struct spec *spec, const char *want)
{
    AUTO(json) struct json *json = NULL;
    AUTO(str) char *text = NULL;

    assert_null(llmd__fields_json(spec_fields, spec, &json));
    assert_null(llmd__json_print(json, &text));
    assert_string_equal(text, want);
}

#endif
