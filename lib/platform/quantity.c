/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/quantity.h"

#include <inttypes.h>
#include <string.h>

/* apimachinery's pkg/api/resource/suffix.go; exponents ("1e3") are written by nobody. */
static const char *const decimal[] = {"m", "", "k", "M", "G", "T", "P", "E"};
static const char *const binary[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
#define DECIMALS (sizeof(decimal) / sizeof(decimal[0]))
#define BINARIES (sizeof(binary) / sizeof(binary[0]))

static size_t find(const char *suffix, const char *const *list, size_t count)
{
    size_t at = 0;

    while (at < count && strcmp(list[at], suffix) != 0)
        at++;
    return at;
}

bool llmd__quantity_is(const char *text)
{
    size_t whole = strspn(text, "0123456789"), part = 0;

    text += whole;
    if (*text == '.') {
        part = strspn(++text, "0123456789");
        text += part;
    }
    if (!whole && !part)
        return false;
    if ((*text == 'e' || *text == 'E') && text[1]) { /* "E" alone is a unit */
        text += 1 + (text[1] == '+' || text[1] == '-');
        return *text && !text[strspn(text, "0123456789")];
    }
    return !strcmp(text, "n") || !strcmp(text, "u") || find(text, decimal, DECIMALS) < DECIMALS ||
           find(text, binary, BINARIES) < BINARIES;
}

/* Digits, with at most three behind a point: as thousandths. */
static const char *read_number(const char *text, int64_t *thousandths)
{
    int64_t value = 0;
    int places = 0;
    bool digits = false, point = false;

    for (; (*text >= '0' && *text <= '9') || (*text == '.' && !point); text++) {
        point = point || *text == '.';
        if (*text == '.')
            continue;
        if (value > INT64_MAX / 100000 || (point && ++places > 3))
            return NULL;
        value = value * 10 + (*text - '0');
        digits = true;
    }
    for (; places < 3; places++)
        value *= 10;
    *thousandths = value;
    return digits ? text : NULL;
}

/* The largest suffix that leaves a whole number. */
static char *settle(int64_t value, size_t at, const char *const *list, size_t count, int64_t step)
{
    while (value && value % step == 0 && at + 1 < count) {
        value /= step;
        at++;
    }
    return llmd__format("%" PRId64 "%s", value, value ? list[at] : "");
}

char *llmd__quantity(const char *text)
{
    int64_t thousandths;
    const char *suffix = read_number(text, &thousandths);
    size_t at = suffix ? find(suffix, decimal, DECIMALS) : DECIMALS;

    if (at > 0 && at < DECIMALS) /* thousandths of it are of the suffix before */
        return settle(thousandths, at - 1, decimal, DECIMALS, 1000);
    if (!suffix || thousandths % 1000 != 0)
        return llmd__strdup(text);
    if (at == 0)
        return settle(thousandths / 1000, 0, decimal, DECIMALS, 1000);
    at = find(suffix, binary, BINARIES);
    return at < BINARIES ? settle(thousandths / 1000, at, binary, BINARIES, 1024)
                         : llmd__strdup(text);
}

static llmd_error *settle_members(struct json *list)
{
    AUTO(json) struct json *settled = llmd__json_object();
    const struct json *item;

    CHECK_MEMORY(settled);
    JSON_EACH(quantity, list) {
        AUTO(str) char *text = llmd__quantity(llmd__json_text(quantity));
        CHECK_MEMORY(text);
        llmd__json_set_str(settled, llmd__json_key(quantity), text);
    }
    TRY(llmd__json_check(settled));
    while ((item = llmd__json_first(settled)) != NULL) {
        const char *key = llmd__json_key(item);
        llmd__json_set_str(list, key, llmd__json_text(item));
        llmd__json_remove(settled, key);
    }
    return llmd__json_check(list);
}

static bool holds_quantities(const struct json *json)
{
    const char *key = llmd__json_key(json);

    return llmd__json_type(json) == JSON_OBJECT &&
           (strcmp(key, "limits") == 0 || strcmp(key, "requests") == 0);
}

/* The tree is the caller's own, and changing a member's text leaves the list of members whole. */
llmd_error *llmd__quantities_settle(struct json *json)
{
    if (holds_quantities(json))
        return settle_members(json);
    if (llmd__json_type(json) != JSON_OBJECT && llmd__json_type(json) != JSON_ARRAY)
        return NULL;
    JSON_EACH(member, json)
        TRY(llmd__quantities_settle((struct json *)member));
    return NULL;
}
