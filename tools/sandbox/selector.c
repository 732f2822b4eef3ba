/* SPDX-License-Identifier: Apache-2.0 */
/* Selectors are parsed anew for each object: they are short, and this keeps them pure. */
#include "sandbox/selector.h"

#include "sandbox/conn.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *label_of(const struct json *object, const char *key)
{
    const struct json *label = llmd__json_member(llmd__json_get(object, "metadata.labels"), key);
    return label ? llmd__json_text(label) : NULL;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t len = strlen(text);
    while (len && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    return text;
}

/* Is value one of "(a, b)"? */
static bool in_set(const char *value, char *set)
{
    char *save = NULL;
    for (char *item = strtok_r(set, "(),", &save); item; item = strtok_r(NULL, "(),", &save))
        if (strcmp(trim(item), value) == 0)
            return true;
    return false;
}

static bool set_term(const struct json *object, char *term, bool *known)
{
    char *open = strchr(term, '(');
    char *word = open ? strstr(term, " notin") : NULL;
    bool negative = word != NULL;
    if (open && !word)
        word = strstr(term, " in");
    *known = open && word;
    if (!*known)
        return false;
    *word = '\0';
    const char *value = label_of(object, trim(term));
    bool found = value && in_set(value, open);
    return negative ? !found : found;
}

static bool label_term(const struct json *object, char *term)
{
    bool known;
    bool result = set_term(object, term, &known);
    if (known)
        return result;
    if (*term == '!')
        return !label_of(object, trim(term + 1));
    char *equals = strchr(term, '=');
    if (!equals)
        return label_of(object, term) != NULL;
    bool negative = equals > term && equals[-1] == '!';
    const char *wanted = trim(equals + 1 + (equals[1] == '='));
    equals[negative ? -1 : 0] = '\0';
    const char *value = label_of(object, trim(term));
    bool same = value && strcmp(value, wanted) == 0;
    return negative ? !same : same;
}

static bool field_term(const struct json *object, char *term)
{
    char *equals = strchr(term, '=');
    if (!equals)
        return false;
    bool negative = equals > term && equals[-1] == '!';
    const char *wanted = trim(equals + 1 + (equals[1] == '='));
    equals[negative ? -1 : 0] = '\0';
    const struct json *value = llmd__json_get(object, trim(term));
    bool same = strcmp(value ? llmd__json_text(value) : "", wanted) == 0;
    return negative ? !same : same;
}

/* Commas inside parentheses do not part terms. */
static char *next_term(char **rest)
{
    char *start = *rest;
    int depth = 0;
    if (!start || !*start)
        return NULL;
    for (char *at = start;; at++) {
        depth += (*at == '(') - (*at == ')');
        if (*at && (*at != ',' || depth > 0))
            continue;
        *rest = *at ? at + 1 : at;
        *at = '\0';
        return trim(start);
    }
}

static bool all_terms(const char *selector, const struct json *object,
                      bool (*matches)(const struct json *, char *))
{
    if (!selector || !*selector)
        return true;
    char *copy = must_strndup(selector, strlen(selector));
    char *rest = copy;
    bool all = true;
    for (char *term = next_term(&rest); term && all; term = next_term(&rest))
        all = !*term || matches(object, term);
    free(copy);
    return all;
}

bool selector_labels(const char *selector, const struct json *object)
{
    return all_terms(selector, object, label_term);
}

bool selector_fields(const char *selector, const struct json *object)
{
    return all_terms(selector, object, field_term);
}

static bool expression_matches(const struct json *expression, const struct json *object)
{
    const char *value = label_of(object, llmd__json_str(expression, "key"));
    const char *operator= llmd__json_str(expression, "operator");
    if (strcmp(operator, "Exists") == 0)
        return value != NULL;
    if (strcmp(operator, "DoesNotExist") == 0)
        return value == NULL;
    bool found = false;
    JSON_EACH(item, llmd__json_get(expression, "values"))
        found = found || (value && strcmp(value, llmd__json_text(item)) == 0);
    return strcmp(operator, "NotIn") == 0 ? !found : found;
}

bool selector_matches(const struct json *selector, bool plain, const struct json *object)
{
    const struct json *labels = plain ? selector : llmd__json_get(selector, "matchLabels");
    JSON_EACH(label, labels) {
        const char *value = label_of(object, llmd__json_key(label));
        if (!value || strcmp(value, llmd__json_text(label)) != 0)
            return false;
    }
    if (plain)
        return true;
    JSON_EACH(expression, llmd__json_get(selector, "matchExpressions"))
        if (!expression_matches(expression, object))
            return false;
    return true;
}
