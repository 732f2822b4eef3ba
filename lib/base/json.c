/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct json is cJSON's node; nothing outside this file knows. Fields that we use our own way:
 *
 *   type         numbers are cJSON_Raw with their source text in valuestring, so that no digit is
 *                lost; LATCHED and REPEATED are bits that cJSON leaves alone
 *   valuedouble  the number, when a double is enough
 *   valueint     the line of the source (cJSON's own use of it saturates and is deprecated)
 */
#include "base/json.h"
#include "base/json_scan.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A child of this node could not be made: no memory. */
#define LATCHED (1 << 16)
/* A member whose key stood before in the same object. */
#define REPEATED (1 << 17)

/* Up to here comparing every pair of keys is faster than sorting, and takes no memory. */
#define FEW_MEMBERS 8

/* 2^53: up to here every integer is a double. */
#define MAX_EXACT_DOUBLE 9007199254740992.0

static pthread_once_t hooked = PTHREAD_ONCE_INIT;

static void hook_cjson(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = llmd__malloc, .free_fn = llmd__free});
}

/* cJSON's hooks belong to the whole program, which may use cJSON itself: ours are set for tests
   only. So what hangs on a node comes from cJSON_malloc, whatever stands behind it. */
static void watch_memory(void)
{
    if (llmd__alloc_watched())
        pthread_once(&hooked, hook_cjson);
}

static char *new_node_text(const char *text, size_t len)
{
    char *copy = cJSON_malloc(len + 1);

    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

static cJSON *node(const struct json *json)
{
    return (cJSON *)json;
}

static struct json *shell(const cJSON *item)
{
    return (struct json *)item;
}

static int kind(const struct json *json)
{
    return json ? node(json)->type & 0xFF : cJSON_Invalid;
}

/* --- repeated keys --- */

struct keyed {
    cJSON *item;
    size_t index; /* in the source, because qsort is not stable */
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    int order = strcmp(x->item->string, y->item->string);

    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void mark_repeated_few(cJSON *object)
{
    cJSON *item, *before;

    cJSON_ArrayForEach(item, object)
    {
        for (before = object->child; before != item; before = before->next) {
            if (strcmp(before->string, item->string) == 0)
                item->type |= REPEATED;
        }
    }
}

/* Sorted, because a hostile object may have a million keys. */
static llmd_error *mark_repeated_many(cJSON *object, size_t count)
{
    struct keyed *sorted = llmd__malloc(count * sizeof(*sorted));
    size_t index = 0;
    cJSON *item;

    CHECK_MEMORY(sorted);
    cJSON_ArrayForEach(item, object)
    {
        sorted[index] = (struct keyed){item, index};
        index++;
    }
    qsort(sorted, count, sizeof(*sorted), by_key);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(sorted[i - 1].item->string, sorted[i].item->string) == 0)
            sorted[i].item->type |= REPEATED;
    }
    llmd__free(sorted);
    return NULL;
}

static llmd_error *mark_repeated(cJSON *object)
{
    size_t count = llmd__json_count(shell(object));

    if (count > FEW_MEMBERS)
        return mark_repeated_many(object, count);
    mark_repeated_few(object);
    return NULL;
}

llmd_error *llmd__json_find_repeated(struct json *object, const struct json **out)
{
    cJSON *item;

    *out = NULL;
    TRY(mark_repeated(node(object)));
    cJSON_ArrayForEach(item, node(object))
    {
        if (item->type & REPEATED) {
            *out = shell(item);
            return NULL;
        }
    }
    return NULL;
}

llmd_error *llmd__json_drop_repeated(struct json *object)
{
    cJSON *next;

    TRY(mark_repeated(node(object)));
    for (cJSON *item = node(object)->child; item; item = next) {
        next = item->next;
        if (item->type & REPEATED)
            cJSON_Delete(cJSON_DetachItemViaPointer(node(object), item));
    }
    return NULL;
}

/* --- parsing: cJSON builds the tree, then one walk adds what it lost: lines and number texts ---
 */

struct source {
    const char *at;
    const char *end;
    const char *what;
    int line;
};

/* The text passed the scan, so what stands between values is known to be right. */
static void skip_between(struct source *source)
{
    while (source->at < source->end && strchr(" \t\r\n,:]}", *source->at)) {
        source->line += *source->at == '\n';
        source->at++;
    }
}

static void skip_string(struct source *source)
{
    for (source->at++; *source->at != '"'; source->at++)
        source->at += *source->at == '\\';
    source->at++;
}

static llmd_error *keep_number(cJSON *item, struct source *source)
{
    size_t len = llmd__json_scan_number(source->at, (size_t)(source->end - source->at));

    if (!isfinite(item->valuedouble))
        return llmd__error(LLMD_E_INVALID, "%s:%d: the number %.*s is out of range", source->what,
                           source->line, (int)len, source->at);
    item->valuestring = new_node_text(source->at, len);
    CHECK_MEMORY(item->valuestring);
    item->type = cJSON_Raw;
    source->at += len;
    return NULL;
}

static llmd_error *annotate(cJSON *item, struct source *source);

static llmd_error *annotate_children(cJSON *parent, struct source *source)
{
    cJSON *item;

    source->at++;
    cJSON_ArrayForEach(item, parent)
    {
        TRY(annotate(item, source));
    }
    if (!cJSON_IsObject(parent))
        return NULL;
    return llmd__json_refuse_repeated(shell(parent), source->what, "object");
}

static llmd_error *annotate(cJSON *item, struct source *source)
{
    skip_between(source);
    item->valueint = source->line;
    if (item->string) {
        skip_string(source);
        skip_between(source);
    }
    switch (item->type & 0xFF) {
    case cJSON_Array:
    case cJSON_Object:
        return annotate_children(item, source);
    case cJSON_Number:
        return keep_number(item, source);
    case cJSON_String:
        skip_string(source);
        return NULL;
    default:
        while (source->at < source->end && *source->at >= 'a' && *source->at <= 'z')
            source->at++;
        return NULL;
    }
}

llmd_error *llmd__json_parse(const char *text, size_t len, const char *what, struct json **out)
{
    *out = NULL;
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        len -= 3;
    }
    TRY(llmd__json_scan(text, len, what));
    watch_memory();
    AUTO(json) struct json *json = shell(cJSON_ParseWithLengthOpts(text, len, NULL, false));
    CHECK_MEMORY(json);
    TRY(annotate(node(json), &(struct source){text, text + len, what, 1}));
    *out = TAKE(json);
    return NULL;
}

void llmd__json_free(struct json *json)
{
    cJSON_Delete(node(json));
}

static void wipe_texts(const struct json *json)
{
    const char *text = llmd__json_text(json);

    llmd__wipe((char *)(uintptr_t)text, strlen(text)); /* our own tree */
    JSON_EACH(child, json)
        wipe_texts(child);
}

void llmd__json_free_secret(struct json *json)
{
    if (json)
        wipe_texts(json);
    llmd__json_free(json);
}

llmd_error *llmd__json_copy(const struct json *json, struct json **out)
{
    *out = NULL;
    if (!json)
        return NO_MEMORY;
    watch_memory();
    struct json *copy = shell(cJSON_Duplicate(node(json), true));
    CHECK_MEMORY(copy);
    cJSON_free(TAKE(node(copy)->string)); /* the key stays with the original's parent */
    *out = copy;
    return NULL;
}

/* --- looking --- */

enum json_type llmd__json_type(const struct json *json)
{
    switch (kind(json)) {
    case cJSON_NULL:
        return JSON_NULL;
    case cJSON_True:
    case cJSON_False:
        return JSON_BOOL;
    case cJSON_Raw:
        return strpbrk(node(json)->valuestring, ".eE") ? JSON_DOUBLE : JSON_INT;
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_Object:
        return JSON_OBJECT;
    default:
        return JSON_NONE;
    }
}

const struct json *llmd__json_member(const struct json *json, const char *key)
{
    if (kind(json) != cJSON_Object)
        return NULL;
    return shell(cJSON_GetObjectItemCaseSensitive(node(json), key));
}

struct json *llmd__json_edit(struct json *json, const char *path)
{
    return (struct json *)llmd__json_get(json, path);
}

const char *llmd__json_text(const struct json *json)
{
    bool has_text = kind(json) == cJSON_String || kind(json) == cJSON_Raw;

    return has_text ? node(json)->valuestring : "";
}

const char *llmd__json_str(const struct json *json, const char *path)
{
    const struct json *value = llmd__json_get(json, path);

    return kind(value) == cJSON_String ? node(value)->valuestring : "";
}

bool llmd__json_to_int(const struct json *json, int64_t *value)
{
    char *end;

    if (kind(json) != cJSON_Raw)
        return false;
    if (llmd__json_type(json) == JSON_DOUBLE) {
        double number = node(json)->valuedouble;
        if (number != trunc(number) || fabs(number) > MAX_EXACT_DOUBLE)
            return false;
        *value = (int64_t)number;
        return true;
    }
    errno = 0;
    long long number = strtoll(node(json)->valuestring, &end, 10);
    if (errno == ERANGE || *end)
        return false;
    *value = number;
    return true;
}

int64_t llmd__json_int(const struct json *json, const char *path, int64_t otherwise)
{
    int64_t value = otherwise;

    return llmd__json_to_int(llmd__json_get(json, path), &value) ? value : otherwise;
}

double llmd__json_double(const struct json *json, const char *path, double otherwise)
{
    const struct json *value = llmd__json_get(json, path);

    return kind(value) == cJSON_Raw ? node(value)->valuedouble : otherwise;
}

bool llmd__json_bool(const struct json *json, const char *path, bool otherwise)
{
    const struct json *value = llmd__json_get(json, path);

    return llmd__json_type(value) == JSON_BOOL ? kind(value) == cJSON_True : otherwise;
}

static bool holds_children(const struct json *json)
{
    return kind(json) == cJSON_Array || kind(json) == cJSON_Object;
}

size_t llmd__json_count(const struct json *json)
{
    return holds_children(json) ? (size_t)cJSON_GetArraySize(node(json)) : 0;
}

const struct json *llmd__json_first(const struct json *json)
{
    return holds_children(json) ? shell(node(json)->child) : NULL;
}

const struct json *llmd__json_next(const struct json *json)
{
    return json ? shell(node(json)->next) : NULL;
}

const char *llmd__json_key(const struct json *json)
{
    return json && node(json)->string ? node(json)->string : "";
}

int llmd__json_line(const struct json *json)
{
    return json ? node(json)->valueint : 0;
}

void llmd__json_set_line(struct json *json, int line)
{
    if (json)
        node(json)->valueint = line;
}

/* --- building --- */

struct json *llmd__json_object(void)
{
    watch_memory();
    return shell(cJSON_CreateObject());
}

struct json *llmd__json_array(void)
{
    watch_memory();
    return shell(cJSON_CreateArray());
}

struct json *llmd__json_new_bool(bool value)
{
    watch_memory();
    return shell(cJSON_CreateBool(value));
}

struct json *llmd__json_new_null(void)
{
    watch_memory();
    return shell(cJSON_CreateNull());
}

/* A null node that becomes what text and type say: cJSON has no constructor that takes a length. */
static struct json *new_text(int type, const char *text, size_t len)
{
    struct json *json = llmd__json_new_null();

    if (!json)
        return NULL;
    node(json)->valuestring = new_node_text(text, len);
    if (!node(json)->valuestring) {
        llmd__json_free(json);
        return NULL;
    }
    node(json)->type = type;
    return json;
}

struct json *llmd__json_new_str(const char *text, size_t len)
{
    return new_text(cJSON_String, text, len);
}

/* cJSON reads the value, because it looks after the locale's decimal point. */
struct json *llmd__json_new_number(const char *text)
{
    AUTO(json) struct json *number = NULL;

    watch_memory();
    size_t len = llmd__json_scan_number(text, strlen(text));
    if (len == 0 || text[len] || len > LLMD__JSON_MAX_NUMBER)
        return llmd__json_new_null();
    number = shell(cJSON_Parse(text));
    if (!number)
        return NULL;
    if (!isfinite(node(number)->valuedouble))
        return llmd__json_new_null();
    node(number)->valuestring = new_node_text(text, len);
    if (!node(number)->valuestring)
        return NULL;
    node(number)->type = cJSON_Raw;
    node(number)->valueint = 0;
    return TAKE(number);
}

struct json *llmd__json_new_int(int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)value);
    struct json *json = new_text(cJSON_Raw, text, strlen(text));
    if (json)
        node(json)->valuedouble = (double)value;
    return json;
}

/* printf writes the decimal point of the locale, which may be several bytes. */
static void use_decimal_dot(char *text)
{
    size_t digits = strspn(text, "-0123456789");
    size_t rest = strcspn(text + digits, "0123456789e");

    if (rest == 0)
        return;
    text[digits] = '.';
    memmove(text + digits + 1, text + digits + rest, strlen(text + digits + rest) + 1);
}

/* The shortest of the texts that read back as the same double. */
struct json *llmd__json_new_double(double value)
{
    char text[40];

    if (!isfinite(value))
        return llmd__json_new_null();
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    use_decimal_dot(text);
    struct json *json = new_text(cJSON_Raw, text, strlen(text));
    if (json)
        node(json)->valuedouble = value;
    return json;
}

static struct json *latch(struct json *parent, struct json *value)
{
    node(parent)->type |= LATCHED;
    llmd__json_free(value);
    return NULL;
}

struct json *llmd__json_append(struct json *object, const char *key, struct json *value)
{
    if (kind(object) != cJSON_Object) {
        llmd__json_free(value);
        return NULL;
    }
    if (!value || !cJSON_AddItemToObject(node(object), key, node(value)))
        return latch(object, value);
    return value;
}

struct json *llmd__json_set(struct json *object, const char *key, struct json *value)
{
    const struct json *old = llmd__json_member(object, key);

    if (!old || !value)
        return llmd__json_append(object, key, value);
    char *name = new_node_text(key, strlen(key));
    if (!name)
        return latch(object, value);
    cJSON_free(node(value)->string);
    node(value)->string = name;
    cJSON_ReplaceItemViaPointer(node(object), node(old), node(value));
    return value;
}

struct json *llmd__json_add(struct json *array, struct json *value)
{
    if (kind(array) != cJSON_Array) {
        llmd__json_free(value);
        return NULL;
    }
    if (!value)
        return latch(array, NULL);
    cJSON_AddItemToArray(node(array), node(value));
    return value;
}

struct json *llmd__json_shift(struct json *array)
{
    return kind(array) == cJSON_Array ? shell(cJSON_DetachItemFromArray(node(array), 0)) : NULL;
}

struct json *llmd__json_detach(struct json *object, const char *key)
{
    const struct json *old = llmd__json_member(object, key);

    if (!old)
        return NULL;
    cJSON *item = cJSON_DetachItemViaPointer(node(object), node(old));
    cJSON_free(TAKE(item->string));
    return shell(item);
}

llmd_error *llmd__json_check(const struct json *json)
{
    if (!json || node(json)->type & LATCHED)
        return NO_MEMORY;
    JSON_EACH(child, json) {
        TRY(llmd__json_check(child));
    }
    return NULL;
}
