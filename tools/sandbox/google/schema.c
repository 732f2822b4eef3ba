/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/google/schema.h"

#include "sandbox/store.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct place {
    const struct schema *schema;
    const char *message; /* whose field this is */
    char path[512];
    struct violations *out;
};

static const struct message *find_message(const struct schema *schema, const char *name, size_t len)
{
    for (size_t i = 0; i < schema->count; i++)
        if (strlen(schema->messages[i].name) == len &&
            memcmp(schema->messages[i].name, name, len) == 0)
            return &schema->messages[i];
    return NULL;
}

/* The type's text after "name:", NULL if the message has no such field. */
static const char *field_type(const struct message *message, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = message->fields; (at = strstr(at, name)); at += len)
        if ((at == message->fields || at[-1] == ' ') && at[len] == ':')
            return at + len + 1;
    return NULL;
}

/* Errors name proto fields: nodePools is node_pools there. */
static void append_name(const struct place *place, char *path, size_t size, const char *name)
{
    size_t at = strlen(path);
    if (at && at + 1 < size)
        path[at++] = '.';
    for (; *name && at + 2 < size; name++) {
        if (isupper((unsigned char)*name) && !place->schema->camel)
            path[at++] = '_';
        path[at++] = place->schema->camel ? *name : (char)tolower((unsigned char)*name);
    }
    path[at] = '\0';
}

static void add_violation(const struct place *place, const char *field, char *description)
{
    struct violations *out = place->out;
    if (!out->entries)
        out->entries = llmd__json_array();
    llmd__buf_format(&out->text, "%s%s", out->text.len ? "\n" : "", description);
    llmd__json_add(out->entries, MAKE("{'field':%s,'description':%s}", field, description));
    llmd__free(description);
}

static void unknown_name(const struct place *place, const char *name)
{
    add_violation(place, place->path,
                  *place->path
                      ? llmd__format("Invalid JSON payload received. Unknown name \"%s\" at '%s': "
                                     "Cannot find field.",
                                     name, place->path)
                      : llmd__format("Invalid JSON payload received. Unknown name \"%s\": Cannot "
                                     "find field.",
                                     name));
}

static void bad_value(const struct place *place, const char *type, const struct json *value)
{
    AUTO(str) char *text = NULL;
    if (llmd__json_type(value) == JSON_OBJECT || llmd__json_type(value) == JSON_ARRAY)
        text = llmd__format("%s", place->path);
    else if (llmd__json_type(value) == JSON_STRING)
        text = llmd__format("\"%s\"", llmd__json_text(value));
    else
        must(llmd__json_print(value, &text));
    add_violation(place, place->path,
                  llmd__format("Invalid value at '%s' (%s), %s", place->path, type, text));
}

static bool is_integer(const struct json *value)
{
    int64_t number;
    char *end;
    if (llmd__json_type(value) == JSON_STRING) {
        const char *text = llmd__json_text(value);
        strtoll(text, &end, 10);
        return *text && !*end;
    }
    return llmd__json_to_int(value, &number);
}

static bool is_duration(const struct json *value)
{
    char *end;
    const char *text = llmd__json_text(value);
    if (llmd__json_type(value) != JSON_STRING)
        return false;
    strtod(text, &end);
    return end != text && strcmp(end, "s") == 0;
}

/* type is "e(Effect,A,B)"; the unspecified value is always one of them. */
static void check_enum(const struct place *place, const char *type, const struct json *value)
{
    const char *text = llmd__json_text(value);
    size_t len = strlen(text);
    const char *end = strchr(type, ')');
    const char *at = type + 2 + strcspn(type + 2, ",)");
    if (llmd__json_type(value) == JSON_INT)
        return; /* numeric enums are valid on the wire; tests/google forbids them to libllmd */
    for (; llmd__json_type(value) == JSON_STRING && at < end; at += 1 + strcspn(at + 1, ",)"))
        if (strcspn(at + 1, ",)") == len && memcmp(at + 1, text, len) == 0)
            return;
    if (len > 11 && strcmp(text + len - 11, "UNSPECIFIED") == 0)
        return;
    AUTO(str)
    char *name = llmd__format("type.googleapis.com/%s.%s.%.*s", place->schema->package,
                              place->message, (int)strcspn(type + 2, ",)"), type + 2);
    bad_value(place, name, value);
}

static void check_message(struct place *place, const struct message *message,
                          const struct json *json);

static void check_map(const struct place *place, const struct json *value)
{
    if (llmd__json_type(value) != JSON_OBJECT) {
        bad_value(place, "Map", value);
        return;
    }
    JSON_EACH(item, value)
        if (llmd__json_type(item) != JSON_STRING) {
            struct place inner = *place;
            snprintf(inner.path, sizeof(inner.path), "%.400s[%.80s]", place->path,
                     llmd__json_key(item));
            bad_value(&inner, "TYPE_STRING", item);
        }
}

static void check_scalar(const struct place *place, char type, const struct json *value)
{
    enum json_type is = llmd__json_type(value);
    if (type == 's' && is != JSON_STRING)
        bad_value(place, "TYPE_STRING", value);
    else if (type == 'b' && is != JSON_BOOL)
        bad_value(place, "TYPE_BOOL", value);
    else if (type == 'i' && !is_integer(value))
        bad_value(place, "TYPE_INT32", value);
    else if (type == 'l' && !is_integer(value))
        bad_value(place, "TYPE_INT64", value);
    else if (type == 'n' && is != JSON_INT && is != JSON_DOUBLE)
        bad_value(place, "TYPE_DOUBLE", value);
    else if (type == 'd' && !is_duration(value))
        bad_value(place, "type.googleapis.com/google.protobuf.Duration", value);
    else if (type == 'm')
        check_map(place, value);
}

static void check_value(struct place *place, const char *type, const struct json *value)
{
    if (llmd__json_type(value) == JSON_NULL || *type == '*')
        return;
    if (*type == 'e') {
        check_enum(place, type, value);
        return;
    }
    if (*type != '@') {
        check_scalar(place, *type, value);
        return;
    }
    const struct message *message = find_message(place->schema, type + 1, strcspn(type + 1, " "));
    if (llmd__json_type(value) != JSON_OBJECT)
        bad_value(place, "type.googleapis.com/Message", value);
    else if (message)
        check_message(place, message, value);
}

static void check_field(const struct place *place, const char *type, const struct json *value)
{
    struct place inner = *place;
    append_name(&inner, inner.path, sizeof(inner.path), llmd__json_key(value));
    if (*type != '[') {
        check_value(&inner, type, value);
        return;
    }
    if (llmd__json_type(value) != JSON_ARRAY) {
        /* Google's parser takes a lone value as a list of one. */
        check_value(&inner, type + 1, value);
        return;
    }
    int index = 0;
    JSON_EACH(item, value) {
        struct place element = inner;
        size_t len = strlen(element.path);
        snprintf(element.path + len, sizeof(element.path) - len, "[%d]", index++);
        check_value(&element, type + 1, item);
    }
}

static void check_message(struct place *place, const struct message *message,
                          const struct json *json)
{
    struct place inner = *place;
    inner.message = message->name;
    JSON_EACH(value, json) {
        const char *type = field_type(message, llmd__json_key(value));
        if (type)
            check_field(&inner, type, value);
        else
            unknown_name(&inner, llmd__json_key(value));
    }
}

bool schema_check(const struct schema *schema, const char *message, const struct json *json,
                  struct violations *out)
{
    struct place place = {.schema = schema, .message = message, .out = out};
    const struct message *found = find_message(schema, message, strlen(message));
    if (found)
        check_message(&place, found, json);
    return out->text.len == 0;
}

void violations_free(struct violations *violations)
{
    llmd__buf_free(&violations->text);
    llmd__json_free(violations->entries);
}
