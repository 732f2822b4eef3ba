/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/condition.h"

#include "kube/object.h"

#include <ctype.h>
#include <string.h>

#define PATH_MAX_LEN 1024 /* bounds the recursion as well */

enum part_kind { PART_END, PART_NAME, PART_INDEX, PART_EACH, PART_FILTER, PART_BAD };

/* One step of a path. */
struct part {
    enum part_kind kind;
    char name[256];  /* NAME, FILTER: the key */
    char value[256]; /* FILTER: its text */
    size_t index;
};

/* .name up to the next dot or bracket; a backslash takes the next character as it is. */
static bool read_name(const char **at, char out[256])
{
    size_t len = 0;

    while (**at && **at != '.' && **at != '[') {
        if (**at == '\\' && (*at)[1])
            (*at)++;
        if (len == 255)
            return false;
        out[len++] = *(*at)++;
    }
    out[len] = '\0';
    return len > 0;
}

static bool read_quoted(const char **at, char out[256])
{
    char quote = **at;
    const char *end = quote == '\'' || quote == '"' ? strchr(*at + 1, quote) : NULL;
    size_t len = end ? (size_t)(end - *at) - 1 : 256;

    if (len > 255)
        return false;
    memcpy(out, *at + 1, len);
    out[len] = '\0';
    *at = end + 1;
    return true;
}

static bool skip(const char **at, const char *text)
{
    size_t len = strlen(text);

    if (strncmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

/* ?(@.key=="text")] */
static bool read_filter(const char **at, struct part *part)
{
    size_t len = strcspn(*at, "=)");

    part->kind = PART_FILTER;
    if (len == 0 || len > 255)
        return false;
    memcpy(part->name, *at, len);
    part->name[len] = '\0';
    *at += len;
    return skip(at, "==") && read_quoted(at, part->value) && skip(at, ")]");
}

static bool read_index(const char **at, struct part *part)
{
    part->kind = PART_INDEX;
    for (part->index = 0; isdigit((unsigned char)**at); (*at)++) {
        if (part->index > 100000)
            return false;
        part->index = part->index * 10 + (size_t)(**at - '0');
    }
    return skip(at, "]");
}

static bool read_bracket(const char **at, struct part *part)
{
    if (skip(at, "*]")) {
        part->kind = PART_EACH;
        return true;
    }
    if (skip(at, "?(@."))
        return read_filter(at, part);
    if (isdigit((unsigned char)**at))
        return read_index(at, part);
    part->kind = PART_NAME;
    return read_quoted(at, part->name) && skip(at, "]");
}

static struct part read_part(const char **at)
{
    struct part part = {.kind = PART_NAME};
    bool ok;

    if (!**at)
        return (struct part){.kind = PART_END};
    if (skip(at, "["))
        ok = read_bracket(at, &part);
    else
        ok = skip(at, ".") && read_name(at, part.name);
    if (!ok)
        part.kind = PART_BAD;
    return part;
}

static llmd_error *check_path(const char *path, const char *text)
{
    struct part part;

    do {
        part = read_part(&path);
        if (part.kind == PART_BAD)
            return llmd__error(LLMD_E_INVALID,
                               "wait: \"%.200s\": not a path that we understand: "
                               "use .name, ['name'], [0], [*], [?(@.key==\"text\")]",
                               text);
    } while (part.kind != PART_END);
    return NULL;
}

static llmd_error *unknown(const char *text)
{
    return llmd__error(LLMD_E_INVALID,
                       "wait: \"%.200s\" is not understood: use condition=TYPE, "
                       "condition=TYPE=STATUS, create, delete, jsonpath={.path}=VALUE or "
                       "jsonpath={.path}",
                       text);
}

static llmd_error *parse_status(const char *rest, const char *text, struct condition *out)
{
    size_t len = strcspn(rest, "=");

    if (!len || (rest[len] && !rest[len + 1]))
        return unknown(text);
    out->kind = CONDITION_STATUS;
    out->type = llmd__strndup(rest, len);
    out->value = llmd__strdup(rest[len] ? rest + len + 1 : "True");
    return out->type && out->value ? NULL : NO_MEMORY;
}

static llmd_error *parse_path(const char *rest, const char *text, struct condition *out)
{
    bool braces = *rest == '{';
    const char *end = braces ? strrchr(rest, '}') : rest + strcspn(rest, "=");
    const char *begin = rest + braces;

    out->kind = CONDITION_PATH;
    if (!end || end == begin || end - begin > PATH_MAX_LEN)
        return unknown(text);
    out->type = llmd__strndup(begin, (size_t)(end - begin));
    CHECK_MEMORY(out->type);
    end += braces;
    if (*end && *end != '=')
        return unknown(text);
    if (*end) {
        out->value = llmd__strdup(end + 1);
        CHECK_MEMORY(out->value);
    }
    return check_path(out->type, text);
}

static llmd_error *parse(const char *text, struct condition *out)
{
    const char *rest = text;

    if (skip(&rest, "condition="))
        return parse_status(rest, text, out);
    if (skip(&rest, "jsonpath="))
        return parse_path(rest, text, out);
    out->kind = strcmp(text, "create") == 0 ? CONDITION_CREATE : CONDITION_DELETE;
    if (out->kind == CONDITION_DELETE && strcmp(text, "delete") != 0)
        return unknown(text);
    return NULL;
}

llmd_error *llmd__condition_parse(const char *text, struct condition *out)
{
    llmd_error *error;

    *out = (struct condition){0};
    error = parse(text, out);
    if (error)
        llmd__condition_free(out);
    return error;
}

static llmd_error *same_value(const struct json *value, const char *wanted, bool *met)
{
    AUTO(str) char *printed = NULL;
    enum json_type type = llmd__json_type(value);

    *met = false;
    if (type == JSON_NONE || type == JSON_NULL)
        return NULL;
    *met = !wanted;
    if (!wanted)
        return NULL;
    if (type == JSON_STRING)
        *met = strcmp(llmd__json_text(value), wanted) == 0;
    if (type == JSON_STRING)
        return NULL;
    TRY(llmd__json_print(value, &printed));
    *met = strcmp(printed, wanted) == 0;
    return NULL;
}

static const struct json *element(const struct json *array, size_t index)
{
    const struct json *item = llmd__json_first(array);

    while (item && index--)
        item = llmd__json_next(item);
    return llmd__json_type(array) == JSON_ARRAY ? item : NULL;
}

static llmd_error *follow(const struct json *value, const char *path, const char *wanted,
                          bool *met);

/* Any element for which the rest of the path holds. */
static llmd_error *follow_each(const struct json *array, const struct part *part, const char *path,
                               const char *wanted, bool *met)
{
    *met = false;
    JSON_EACH(item, array) {
        if (part->kind == PART_FILTER &&
            strcmp(llmd__json_text(llmd__json_member(item, part->name)), part->value) != 0)
            continue;
        TRY(follow(item, path, wanted, met));
        if (*met)
            return NULL;
    }
    return NULL;
}

static llmd_error *follow(const struct json *value, const char *path, const char *wanted, bool *met)
{
    struct part part = read_part(&path);

    switch (part.kind) {
    case PART_END:
        return same_value(value, wanted, met);
    case PART_NAME:
        return follow(llmd__json_member(value, part.name), path, wanted, met);
    case PART_INDEX:
        return follow(element(value, part.index), path, wanted, met);
    default:
        return follow_each(value, &part, path, wanted, met);
    }
}

llmd_error *llmd__condition_met(const struct condition *condition, const struct json *object,
                                bool *met)
{
    *met = condition->kind == CONDITION_CREATE;
    if (condition->kind == CONDITION_STATUS)
        *met = llmd__object_condition_is(object, condition->type, condition->value);
    if (condition->kind == CONDITION_PATH)
        return follow(object, condition->type, condition->value, met);
    return NULL;
}

void llmd__condition_free(struct condition *condition)
{
    llmd__free(condition->type);
    llmd__free(condition->value);
    *condition = (struct condition){0};
}
