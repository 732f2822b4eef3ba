/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all specs have in common. A new one needs its struct, with `struct spec head` first; its
 * field table; one spec_type; and SPEC_FUNCTIONS for the public functions:
 *
 *     struct llmd_disk_spec {
 *         struct spec head;
 *         char *name;
 *         int size_gb;
 *     };
 *     static const struct field disk_fields[] = { ... FIELD_END };
 *     static llmd_disk_spec no_disk;
 *     static const struct spec_type disk_type = {
 *         .what = "disk spec", .size = sizeof(llmd_disk_spec), .fields = disk_fields,
 *         .none = &no_disk, .check = check_disk,
 *     };
 *     SPEC_FUNCTIONS(llmd_disk_spec, disk_type)
 *     SPEC_FILE_FUNCTIONS(llmd_disk_spec, disk_type)
 *
 *     llmd_disk_spec *llmd_disk_spec_new(const char *name)
 *     {
 *         llmd_disk_spec *spec = llmd__spec_new(&disk_type);
 *         llmd__spec_text(spec, &spec->name, name);
 *         return spec;
 *     }
 *
 * The call that uses the spec begins with TRY(llmd__spec_check(spec)), and what outlives that call
 * keeps a llmd__spec_copy().
 */
#ifndef LLMD_BASE_SPEC_H
#define LLMD_BASE_SPEC_H

#include "base/fields.h"

struct spec_type {
    const char *what; /* "service spec", for errors */
    size_t size;
    const struct field *fields; /* its offsets count from the whole struct */
    void *none;                 /* a static struct of zeros: a spec that there was no memory for */
    /* NULL, or whether the members fit together; errors without position ("name is missing"). */
    llmd_error *(*check)(const void *spec);
    /* NULL, or says of what check() says where in the text that is. Takes the error. */
    llmd_error *(*locate)(llmd_error *error, const char *what, const struct json *source);
    const char *follow; /* "service wait": who parses a manifest instead is sent there; or NULL */
};

/* The first member of every spec. */
struct spec {
    const struct spec_type *type; /* NULL in the static one */
    llmd_error *bad;              /* the first bad key or value that was set */
};

void *llmd__spec_new(const struct spec_type *type); /* nothing is said yet; never NULL */
void llmd__spec_free(void *spec);                   /* NULL and the static one are allowed */
/* For constructors: copies a text into a member, "" as NULL; the check of the whole judges it. */
void llmd__spec_text(void *spec, char **member, const char *text);
void llmd__spec_set(void *spec, const char *key, const char *value);
/* The first bad value that was set, or what the type's check says, with the spec's name. */
llmd_error *llmd__spec_check(const void *spec);
llmd_error *llmd__spec_parse(const struct spec_type *type, const char *text, void **out);
llmd_error *llmd__spec_parse_file(const struct spec_type *type, const char *path, void **out);
/* As _parse takes it, secrets as "***". */
llmd_error *llmd__spec_json(const void *spec, char **out);
llmd_error *llmd__spec_copy(const void *spec, void **out);

/* llmd_x_spec_set, _parse and _free of a spec_type. */
#define SPEC_FUNCTIONS(name, spec_type)                                                            \
    void name##_set(name *spec, const char *key, const char *value)                                \
    {                                                                                              \
        llmd__spec_set(spec, key, value);                                                          \
    }                                                                                              \
    llmd_error *name##_parse(const char *text, name **out)                                         \
    {                                                                                              \
        void *parsed = NULL;                                                                       \
        REQUIRE(out);                                                                              \
        *out = NULL;                                                                               \
        REQUIRE(text);                                                                             \
        TRY(llmd__spec_parse(&(spec_type), text, &parsed));                                        \
        *out = parsed;                                                                             \
        return NULL;                                                                               \
    }                                                                                              \
    void name##_free(name *spec)                                                                   \
    {                                                                                              \
        llmd__spec_free(spec);                                                                     \
    }

/* llmd_x_spec_parse_file and _json of a spec_type. */
#define SPEC_FILE_FUNCTIONS(name, spec_type)                                                       \
    llmd_error *name##_parse_file(const char *path, name **out)                                    \
    {                                                                                              \
        void *parsed = NULL;                                                                       \
        REQUIRE(out);                                                                              \
        *out = NULL;                                                                               \
        REQUIRE(path);                                                                             \
        TRY(llmd__spec_parse_file(&(spec_type), path, &parsed));                                   \
        *out = parsed;                                                                             \
        return NULL;                                                                               \
    }                                                                                              \
    llmd_error *name##_json(const name *spec, char **out)                                          \
    {                                                                                              \
        REQUIRE(out);                                                                              \
        *out = NULL;                                                                               \
        REQUIRE(spec);                                                                             \
        return llmd__spec_json(spec, out);                                                         \
    }

#endif
