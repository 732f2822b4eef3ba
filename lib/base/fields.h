/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field tables: one table per spec or snapshot drives reading, checking, error messages and the
 * page docs/spec.md.
 */
#ifndef LLMD_BASE_FIELDS_H
#define LLMD_BASE_FIELDS_H

#include "base/json.h"

enum field_type {
    FIELD_STRING,  /* char *: owned */
    FIELD_SECRET,  /* char *: owned, wiped, printed as *** */
    FIELD_INT,     /* int */
    FIELD_INT64,   /* int64_t */
    FIELD_BOOL,    /* bool */
    FIELD_DOUBLE,  /* double */
    FIELD_STRINGS, /* struct json *: array of strings */
    FIELD_MAP,     /* struct json *: object of strings */
    FIELD_JSON,    /* struct json *: anything */
    FIELD_OBJECT   /* nested struct, inline: see `fields` */
};

struct field {
    const char *name; /* key in the spec; path in a snapshot */
    enum field_type type;
    size_t offset;
    /* NULL, or a check: returns NULL or a message-carrying error without position. */
    llmd_error *(*check)(const struct json *value);
    const char *doc;            /* one line for docs/spec.md */
    const struct field *fields; /* FIELD_OBJECT: its table */
    const char *values;         /* "tpu-v6e-1t|tpu-v6e-4t": the allowed ones */
    int64_t unset;              /* numbers and bool: the value that means unset */
};
#define FIELD_END                                                                                  \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* Reads object into the struct at base. Unknown keys are refused with the nearest known one; wrong
   types with key and line: "WHAT:7: replicas: want an integer, got a string". null is unset. After
   an error the struct holds what was read so far: llmd__fields_free. */
llmd_error *llmd__fields_read(const struct field *fields, const struct json *object,
                              const char *what, void *base);
/* Fills a snapshot: `name` is a path; missing or mistyped values stay zero; nothing is refused. */
llmd_error *llmd__fields_fill(const struct field *fields, const struct json *object, void *base);
/* The struct as JSON, unset members left out, secrets as "***". */
llmd_error *llmd__fields_json(const struct field *fields, const void *base, struct json **out);
void llmd__fields_free(const struct field *fields, void *base); /* frees the members only */
/* A Markdown table of the fields, for docs/spec.md. */
void llmd__fields_doc(const struct field *fields, struct buf *buf);
/* The nearest of the names (NULL-ended), or NULL when none is near. */
const char *llmd__nearest(const char *word, const char *const *names);

#endif
