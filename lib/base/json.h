/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON, the only door to cJSON. Integers keep their exact text (cJSON changes those from 1e15 on),
 * NUL is refused in both forms, lookups are case-sensitive, duplicate keys are refused, depth and
 * size are capped.
 *
 * Paths: "status.addresses[0].value"; a key with a dot or bracket is quoted:
 * metadata.labels."app.kubernetes.io/name". NULL or "" is the value itself.
 *
 * Building latches: setters accept NULL objects and failures are reported once, by
 * llmd__json_check() or llmd__json_print().
 */
#ifndef LLMD_BASE_JSON_H
#define LLMD_BASE_JSON_H

#include "base/buf.h"

struct json; /* one value in a tree that its root owns */

/* `what` names the text in errors, "kubeconfig /home/me/.kube/config:3:14: ...". Bad text is
   LLMD_E_INVALID: who reads a server's answer makes that PROTOCOL (llmd__error_set_code). */
llmd_error *llmd__json_parse(const char *text, size_t len, const char *what, struct json **out);
void llmd__json_free(struct json *json);        /* a whole tree, or a detached part */
void llmd__json_free_secret(struct json *json); /* its texts overwritten */
llmd_error *llmd__json_copy(const struct json *json, struct json **out);

/*
 * Looking; every function accepts NULL and answers as for a missing value. member takes a key, not
 * a path; edit is get for changing; str is "" if the value is not a string.
 */
const struct json *llmd__json_get(const struct json *json, const char *path);
const struct json *llmd__json_member(const struct json *json, const char *key);
struct json *llmd__json_edit(struct json *json, const char *path);
const char *llmd__json_str(const struct json *json, const char *path);
int64_t llmd__json_int(const struct json *json, const char *path, int64_t otherwise);
double llmd__json_double(const struct json *json, const char *path, double otherwise);
bool llmd__json_bool(const struct json *json, const char *path, bool otherwise);

enum json_type {
    JSON_NONE,
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_DOUBLE,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};
enum json_type llmd__json_type(const struct json *json);
const char *llmd__json_type_name(enum json_type type); /* "a string", "an integer" */
/* The value itself. */
const char *llmd__json_text(const struct json *json); /* string's text, number's source text, "" */
bool llmd__json_to_int(const struct json *json, int64_t *value); /* false: not an exact int64 */
size_t llmd__json_count(const struct json *json);                /* members or elements */
const struct json *llmd__json_first(const struct json *json);
const struct json *llmd__json_next(const struct json *json);
const char *llmd__json_key(const struct json *json);   /* its key in its object, or "" */
int llmd__json_line(const struct json *json);          /* of the source; 0 unknown */
void llmd__json_set_line(struct json *json, int line); /* for base/yaml.c */
/* The order of keys does not count; 1 and 1.0 are equal. */
bool llmd__json_equal(const struct json *a, const struct json *b);
/* Whether a text is among those of an array or object. */
bool llmd__json_holds(const struct json *json, const char *text);

#define JSON_EACH(item, array)                                                                     \
    for (const struct json *item = llmd__json_first(array); item; item = llmd__json_next(item))

/*
 * Building. A setter replaces a member of the same key; the added child is returned. set and add
 * take the value over, and a NULL value latches; set_str and add_str of NULL do nothing. detach and
 * shift give a part to the caller, NULL if there is none.
 */
struct json *llmd__json_object(void);
struct json *llmd__json_array(void);
struct json *llmd__json_set(struct json *object, const char *key, struct json *value);
struct json *llmd__json_set_object(struct json *object, const char *key);
struct json *llmd__json_set_array(struct json *object, const char *key);
struct json *llmd__json_set_str(struct json *object, const char *key, const char *text);
struct json *llmd__json_set_int(struct json *object, const char *key, int64_t value);
struct json *llmd__json_set_double(struct json *object, const char *key, double value);
struct json *llmd__json_set_bool(struct json *object, const char *key, bool value);
struct json *llmd__json_set_null(struct json *object, const char *key);
struct json *llmd__json_add(struct json *array, struct json *value);
struct json *llmd__json_add_str(struct json *array, const char *text);
struct json *llmd__json_add_object(struct json *array);
struct json *llmd__json_new_str(const char *text, size_t len);
/* A number from its source text, kept exactly; null if that is not a finite JSON number. */
struct json *llmd__json_new_number(const char *text);
struct json *llmd__json_new_int(int64_t value);
struct json *llmd__json_new_double(double value); /* not finite: null */
struct json *llmd__json_new_bool(bool value);
struct json *llmd__json_new_null(void);
void llmd__json_remove(struct json *object, const char *key);
struct json *llmd__json_detach(struct json *object, const char *key);
struct json *llmd__json_shift(struct json *array);

/* For parsers: append looks for no member of the same key, which stays linear; the caller asks
   afterwards for the first member whose key stood before, or drops all those. */
struct json *llmd__json_append(struct json *object, const char *key, struct json *value);
llmd_error *llmd__json_find_repeated(struct json *object, const struct json **out);
llmd_error *llmd__json_drop_repeated(struct json *object);
/* An error that names both lines of a key that stands twice; noun: "mapping". */
llmd_error *llmd__json_refuse_repeated(struct json *object, const char *what, const char *noun);

/*
 * A tree from a template, for manifests: JSON in which ' stands for " and
 *   %s  a string, quoted and escaped (NULL: null)       %d int        %I int64_t
 *   %b  bool                                            %f double     %%  a percent sign
 *   %j  const struct json *, copied (NULL: null)
 * Placeholders stand for whole values or keys. Members and elements that are null are left out, so
 * what is unset is absent; nulls inside a %j stay.
 */
llmd_error *llmd__json_make(struct json **out, const char *template_text, ...);

/* RFC 7396: patch has the last word; null removes. target may be replaced as a whole.
   After an error (no memory) target is valid but may be half merged. */
llmd_error *llmd__json_merge(struct json **target, const struct json *patch);

llmd_error *llmd__json_check(const struct json *json); /* NO_MEMORY if building latched */
llmd_error *llmd__json_print(const struct json *json, char **out);        /* compact */
llmd_error *llmd__json_print_pretty(const struct json *json, char **out); /* two spaces */

DEFINE_AUTO(json, struct json *, llmd__json_free)
DEFINE_AUTO(secret_json, struct json *, llmd__json_free_secret)

#endif
