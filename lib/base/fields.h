/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field tables: one table per spec or snapshot drives reading, setting, checking, copying, error
 * messages and the page docs/spec.md.
 */
#ifndef LLMD_BASE_FIELDS_H
#define LLMD_BASE_FIELDS_H

#include "base/json.h"

enum field_type {
    FIELD_STRING,  /* char *: owned */
    FIELD_SECRET,  /* char *: owned, wiped, printed as FIELD_HIDDEN */
    FIELD_INT,     /* int */
    FIELD_INT64,   /* int64_t */
    FIELD_BOOL,    /* bool */
    FIELD_DOUBLE,  /* double */
    FIELD_STRINGS, /* struct json *: array of strings */
    FIELD_MAP,     /* struct json *: object of strings */
    FIELD_JSON,    /* struct json *: anything, or only what `json` says */
    FIELD_OBJECT,  /* nested struct, inline: see `fields` */
    FIELD_LIST     /* struct field_list: array of nested structs, see `fields` and `size` */
};

#define FIELD_HIDDEN "***"

/* A FIELD_LIST in its struct: `const struct node_pool *pools = spec->node_pools.items`. Unset is
   items NULL; an empty list that was said has items and no count. */
struct field_list {
    void *items;
    size_t count;
};

struct field {
    const char *name; /* key in the spec; path in a snapshot */
    enum field_type type;
    size_t offset;
    /* NULL, or a check: returns NULL or a message-carrying error without position. */
    llmd_error *(*check)(const struct json *value);
    const char *doc;            /* one line for docs/spec.md */
    const struct field *fields; /* FIELD_OBJECT, FIELD_LIST: their table */
    const char *values;         /* "tpu-v6e-1t|tpu-v6e-4t": the allowed ones */
    int64_t unset;              /* numbers and bool: the value that means unset */
    size_t size;                /* FIELD_LIST: of one item's struct */
    int64_t min, max;           /* integers: both 0 is any; max 0 or INT64_MAX is "min or more" */
    enum json_type json;        /* FIELD_JSON: JSON_OBJECT, JSON_ARRAY, JSON_BOOL; 0 is anything */
};
#define FIELD_END                                                                                  \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* A struct full of zeros becomes one in which nothing is said: every number its `unset`. */
void llmd__fields_init(const struct field *fields, void *base);
/* Reads object into the struct at base. Unknown keys are refused with the nearest known one; wrong
   types with key and line: "WHAT:7: pools[1].size: want an integer, got true or false". null is
   unset. After an error the struct holds what was read so far: llmd__fields_free. */
llmd_error *llmd__fields_read(const struct field *fields, const struct json *object,
                              const char *what, void *base);
/*
 * Sets one field by its key, nested by dots ("gateway.name"), from a text read as the field's type
 * says: a string takes it as it is; numbers and booleans strictly; lists, maps, objects and JSON
 * fields as JSON or YAML, and what was there is replaced. Below a map the rest of the key is the
 * map's own ("env.HF_HOME", "labels.app.kubernetes.io/name") and only that entry changes. NULL
 * unsets. Errors as of read: "WHAT: replicas: want an integer, got \"three\"".
 */
llmd_error *llmd__fields_set(const struct field *fields, const char *key, const char *value,
                             const char *what, void *base);
/* Fills a snapshot: `name` is a path; missing or mistyped values stay zero; nothing is refused. */
llmd_error *llmd__fields_fill(const struct field *fields, const struct json *object, void *base);
/* The struct as JSON, unset members left out, secrets as "***". */
llmd_error *llmd__fields_json(const struct field *fields, const void *base, struct json **out);
/* A deep copy into a struct full of zeros; after an error it holds a part: llmd__fields_free. */
llmd_error *llmd__fields_copy(const struct field *fields, const void *from, void *to);
/* Frees the members only, and leaves pointers NULL; numbers stay. */
void llmd__fields_free(const struct field *fields, void *base);
/* A Markdown table of the fields, for docs/spec.md. */
void llmd__fields_doc(const struct field *fields, struct buf *buf);

/* For fields_set.c. The field of this key (its first `len` bytes), or NULL. */
const struct field *llmd__field_find(const struct field *fields, const char *key, size_t len);
llmd_error *llmd__field_unknown(const struct field *fields, const char *key);
/* One field of the struct at base, from a value that stands in no file: no lines in errors. */
llmd_error *llmd__field_read(const struct field *field, const struct json *value, const char *what,
                             const char *path, void *base);
void llmd__list_free(const struct field *field, struct field_list *list);

/* The nearest of the names (NULL-ended), or NULL when none is near. */
const char *llmd__nearest(const char *word, const char *const *names);

static inline void *llmd__field_slot(const struct field *field, const void *base)
{
    return (char *)base + field->offset;
}

#endif
