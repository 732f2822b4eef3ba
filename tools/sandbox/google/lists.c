/* SPDX-License-Identifier: Apache-2.0 */
/* Filters and pages of Compute Engine's lists. */
#include "sandbox/google/resources.h"

#include "sandbox/conn.h"

#include <stdlib.h>
#include <string.h>

/* "*" at the end matches the rest, as ".*" does in the older form. */
static bool value_matches(const char *have, const char *want)
{
    size_t len = strlen(want);
    if (len >= 2 && strcmp(want + len - 2, ".*") == 0)
        return strncmp(have, want, len - 2) == 0;
    if (len >= 1 && want[len - 1] == '*')
        return strncmp(have, want, len - 1) == 0;
    return strcmp(have, want) == 0;
}

static char *trim(char *text)
{
    text += strspn(text, " (\"");
    for (size_t len = strlen(text); len && strchr(" )\"", text[len - 1]); len--)
        text[len - 1] = '\0';
    return text;
}

/* One comparison: "name=x", "name eq x", "purpose != y", "name:x". */
static bool term_takes(char *term, const struct json *item)
{
    static const char *const signs[] = {"!=", "=", " ne ", " eq ", ":"};
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        char *at = strstr(term, signs[i]);
        if (!at)
            continue;
        *at = '\0';
        const struct json *value = llmd__json_get(item, trim(term));
        const char *have = llmd__json_text(value);
        const char *want = trim(at + strlen(signs[i]));
        if (llmd__json_type(value) == JSON_BOOL)
            have = llmd__json_bool(value, "", false) ? "true" : "false";
        if (signs[i][0] == ':')
            return strcmp(want, "*") == 0 ? value != NULL : strstr(have, want) != NULL;
        bool negated = signs[i][0] == '!' || strcmp(signs[i], " ne ") == 0;
        return value_matches(have, want) != negated;
    }
    return true;
}

bool filter_takes(const char *filter, const struct json *item)
{
    bool takes = true;
    if (!filter || !*filter)
        return true;
    char *copy = must_strndup(filter, strlen(filter));
    for (char *term = copy, *next; term && takes; term = next) {
        next = strstr(term, " AND ");
        if (!next && (next = strstr(term, ") ("))) {
            *next++ = '\0';
        } else if (next) {
            *next = '\0';
            next += 5;
        }
        takes = term_takes(term, item);
    }
    free(copy);
    return takes;
}

void page_items(const struct api_call *call, struct json *list, const char *member,
                struct json *items)
{
    char *size = api_query(call, "maxResults");
    char *token = api_query(call, "pageToken");
    size_t limit = size && strtol(size, NULL, 10) > 0 ? (size_t)strtol(size, NULL, 10) : 500;
    size_t skip = token ? strtoul(token, NULL, 10) : 0;
    size_t count = llmd__json_count(items);
    size_t index = 0;
    struct json *page = NULL;
    JSON_EACH(item, items) {
        if (index++ < skip || index > skip + limit)
            continue;
        if (!page)
            page = llmd__json_set_array(list, member);
        llmd__json_add(page, must_copy(item));
    }
    if (skip + limit < count) {
        AUTO(str) char *next = llmd__format("%zu", skip + limit);
        llmd__json_set_str(list, "nextPageToken", next);
    }
    llmd__json_free(items);
    free(size);
    free(token);
}
