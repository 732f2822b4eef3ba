/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_scan.h"
#include "base/utf8.h"

#include <ctype.h>
#include <string.h>

struct scan {
    const char *text;
    const char *at;
    const char *end;
    const char *what;
    int depth;
};

/* Values nest; the depth cap bounds the recursion. */
static llmd_error *scan_value(struct scan *scan);

/* Lines are counted only when there is an error to tell: good text is scanned once. */
static llmd_error *refuse_as(const struct scan *scan, llmd_code code, const char *why)
{
    int line = 1;
    const char *start = scan->text;

    for (const char *at = scan->text; at < scan->at; at++) {
        if (*at == '\n') {
            line++;
            start = at + 1;
        }
    }
    return llmd__error(code, "%s:%d:%d: %s", scan->what, line, (int)(scan->at - start) + 1, why);
}

static llmd_error *refuse(const struct scan *scan, const char *why)
{
    return refuse_as(scan, LLMD_E_INVALID, scan->at < scan->end ? why : "the JSON text ends early");
}

static void skip_blank(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static bool next_is(const struct scan *scan, char c)
{
    return scan->at < scan->end && *scan->at == c;
}

/* Four hex digits behind \u; -1: they are not. */
static int hex4(const struct scan *scan)
{
    int value = 0;

    if (scan->end - scan->at < 6)
        return -1;
    for (int i = 2; i < 6; i++) {
        unsigned char c = (unsigned char)scan->at[i];
        if (!isxdigit(c))
            return -1;
        value = value * 16 + (isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

/* RFC 8259 section 7: characters past U+FFFF are two escapes, high surrogate first. */
static llmd_error *scan_unicode_escape(struct scan *scan)
{
    int code = hex4(scan);

    if (code < 0)
        return refuse(scan, "\\u wants four hexadecimal digits");
    if (code == 0)
        return refuse(scan, "the escape \\u0000 (NUL) is not supported in strings");
    if (code >= 0xDC00 && code <= 0xDFFF)
        return refuse(scan, "a low surrogate without a high one");
    bool high = code >= 0xD800 && code <= 0xDBFF;
    scan->at += 6;
    if (!high)
        return NULL;
    int low =
        next_is(scan, '\\') && scan->end - scan->at > 1 && scan->at[1] == 'u' ? hex4(scan) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
        return refuse(scan, "a high surrogate without a low one");
    scan->at += 6;
    return NULL;
}

static llmd_error *scan_escape(struct scan *scan)
{
    if (scan->end - scan->at < 2) {
        scan->at = scan->end;
        return refuse(scan, "");
    }
    if (scan->at[1] == 'u')
        return scan_unicode_escape(scan);
    if (scan->at[1] == '\0' || !strchr("\"\\/bfnrt", scan->at[1]))
        return refuse(scan, "an unknown escape in a string");
    scan->at += 2;
    return NULL;
}

static llmd_error *scan_string(struct scan *scan)
{
    scan->at++;
    while (scan->at < scan->end && *scan->at != '"') {
        unsigned char c = (unsigned char)*scan->at;
        if (c == '\\') {
            TRY(scan_escape(scan));
            continue;
        }
        if (c == 0)
            return refuse(scan, "a NUL byte in a string");
        if (c < 0x20)
            return refuse(scan, "a control character in a string; write it as an escape");
        size_t step = llmd__utf8_char(scan->at, (size_t)(scan->end - scan->at));
        if (step == 0)
            return refuse(scan, "bytes that are not UTF-8");
        scan->at += step;
    }
    if (scan->at == scan->end)
        return refuse(scan, "");
    scan->at++;
    return NULL;
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && isdigit((unsigned char)*at))
        at++;
    return at;
}

/* RFC 8259 section 6. 0123 ends after its 0; who calls looks at what follows. */
size_t llmd__json_scan_number(const char *text, size_t len)
{
    const char *end = text + len;
    const char *at = text;

    if (at < end && *at == '-')
        at++;
    if (at == end || !isdigit((unsigned char)*at))
        return 0;
    at = *at == '0' ? at + 1 : skip_digits(at, end);
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        at = skip_digits(at, end);
        if (at == fraction)
            return 0;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        const char *exponent = at;
        at = skip_digits(at, end);
        if (at == exponent)
            return 0;
    }
    return (size_t)(at - text);
}

static llmd_error *scan_number(struct scan *scan)
{
    size_t len = llmd__json_scan_number(scan->at, (size_t)(scan->end - scan->at));

    if (len == 0)
        return refuse_as(scan, LLMD_E_INVALID, "not a number as JSON writes it");
    if (len > LLMD__JSON_MAX_NUMBER)
        return refuse(scan, "a number of more than 60 characters");
    if (scan->at + len < scan->end && isdigit((unsigned char)scan->at[len]))
        return refuse(scan, "a number must not begin with 0");
    scan->at += len;
    return NULL;
}

static llmd_error *scan_member(struct scan *scan)
{
    if (!next_is(scan, '"'))
        return refuse(scan, "want a key in double quotes");
    TRY(scan_string(scan));
    skip_blank(scan);
    if (!next_is(scan, ':'))
        return refuse(scan, "want ':' after the key");
    scan->at++;
    return scan_value(scan);
}

/* An array or an object, both are items between brackets. */
static llmd_error *scan_items(struct scan *scan, char close, llmd_error *(*item)(struct scan *))
{
    if (++scan->depth > LLMD__JSON_MAX_DEPTH)
        return refuse_as(scan, LLMD_E_TOO_LARGE, "nested deeper than 256 levels");
    scan->at++;
    skip_blank(scan);
    for (bool first = true; !next_is(scan, close); first = false) {
        if (!first && !next_is(scan, ','))
            return refuse(scan, close == ']' ? "want ',' or ']'" : "want ',' or '}'");
        scan->at += !first;
        skip_blank(scan);
        TRY(item(scan));
        skip_blank(scan);
    }
    scan->at++;
    scan->depth--;
    return NULL;
}

static llmd_error *scan_word(struct scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};

    for (int i = 0; i < 3; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(scan->end - scan->at) >= len && memcmp(scan->at, words[i], len) == 0) {
            scan->at += len;
            return NULL;
        }
    }
    return refuse(scan, "want a JSON value");
}

static llmd_error *scan_value(struct scan *scan)
{
    skip_blank(scan);
    if (next_is(scan, '{'))
        return scan_items(scan, '}', scan_member);
    if (next_is(scan, '['))
        return scan_items(scan, ']', scan_value);
    if (next_is(scan, '"'))
        return scan_string(scan);
    if (next_is(scan, '-') || (scan->at < scan->end && isdigit((unsigned char)*scan->at)))
        return scan_number(scan);
    return scan_word(scan);
}

llmd_error *llmd__json_scan(const char *text, size_t len, const char *what)
{
    struct scan scan = {.text = text, .at = text, .end = text + len, .what = what};

    if (len > LLMD__JSON_MAX_BYTES)
        return llmd__error(LLMD_E_TOO_LARGE, "%s: more than 256 MiB of JSON", what);
    skip_blank(&scan);
    if (scan.at == scan.end)
        return llmd__error(LLMD_E_INVALID, "%s: empty, want JSON", what);
    TRY(scan_value(&scan));
    skip_blank(&scan);
    if (scan.at < scan.end)
        return refuse(&scan, "text after the JSON value");
    return NULL;
}
