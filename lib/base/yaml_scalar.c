/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_scan.h"
#include "base/yaml_scalar.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const trues[] = {"true", "True", "TRUE", NULL};
static const char *const falses[] = {"false", "False", "FALSE", NULL};
static const char *const not_finite[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                         "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
                                         ".NaN",  ".NAN",  NULL};

/* The digits behind 0x, 0o, 0b or a leading 0; *base is 10 when there is no such prefix. */
static const char *strip_prefix(const char *digits, int *base)
{
    *base = 10;
    if (digits[0] != '0' || !digits[1])
        return digits;
    switch (digits[1]) {
    case 'x':
    case 'X':
        *base = 16;
        return digits + 2;
    case 'o':
    case 'O':
        *base = 8;
        return digits + 2;
    case 'b':
    case 'B':
        *base = 2;
        return digits + 2;
    default:
        *base = 8;
        return digits + 1;
    }
}

/* An integer of another base, as decimal text in out; false: it is none, or does not fit 64 bits.
 */
static bool read_based(const char *text, struct buf *out)
{
    int base;
    char *end;
    bool negative = *text == '-';
    const char *digits = strip_prefix(text + (*text == '-' || *text == '+'), &base);

    /* strtoull would take blanks, signs and a second 0x. */
    if (base == 10 || !isxdigit((unsigned char)*digits) || strpbrk(digits, "xX"))
        return false;
    errno = 0;
    unsigned long long value = strtoull(digits, &end, base);
    if (*end || errno == ERANGE || (negative && value > (unsigned long long)INT64_MAX + 1))
        return false;
    llmd__buf_format(out, "%s%llu", negative && value ? "-" : "", value);
    return true;
}

static size_t count_digits(const char *at)
{
    return strspn(at, "0123456789");
}

/* "[+-]digits[.digits][e[+-]digits]" where either side of the dot may be empty; out gets the text
   as JSON writes it: "+.5" is 0.5, "1." is 1, "0899" is 899. False: it is no number. */
static bool read_decimal(const char *text, struct buf *out)
{
    const char *at = text + (*text == '-' || *text == '+');
    size_t whole = count_digits(at);
    const char *fraction = at[whole] == '.' ? at + whole + 1 : at + whole;
    size_t places = at[whole] == '.' ? count_digits(fraction) : 0;
    const char *exponent = fraction + places;
    const char *power = exponent;

    if (whole + places == 0)
        return false;
    if (*exponent == 'e' || *exponent == 'E') {
        power = exponent + 1 + (exponent[1] == '-' || exponent[1] == '+');
        if (count_digits(power) == 0)
            return false;
        power += count_digits(power);
    }
    if (*power)
        return false;
    for (; whole > 1 && *at == '0'; whole--)
        at++;
    llmd__buf_str(out, *text == '-' ? "-" : "");
    llmd__buf_add(out, whole ? at : "0", whole ? whole : 1);
    if (places)
        llmd__buf_format(out, ".%.*s", (int)places, fraction);
    llmd__buf_str(out, exponent);
    return true;
}

static bool may_be_number(const char *text)
{
    return isdigit((unsigned char)*text) || (*text && strchr("+-.", *text));
}

/* The text without underscores, as a JSON number in out; out stays empty if it is none. */
static llmd_error *read_number(const char *text, struct buf *out)
{
    AUTO(buf) struct buf plain = BUF_SECRET; /* tokens, too, may begin with a digit */

    for (const char *at = text; *at; at++) {
        if (*at != '_')
            llmd__buf_char(&plain, *at);
    }
    TRY(llmd__buf_check(&plain));
    if (!read_based(llmd__buf_text(&plain), out))
        read_decimal(llmd__buf_text(&plain), out);
    return llmd__buf_check(out);
}

/* 12e4567 may be the start of a commit's hash: what no double holds is a string, as in go-yaml. */
static llmd_error *new_number(const char *text, const char *digits, struct json **out)
{
    if (strlen(digits) > LLMD__JSON_MAX_NUMBER)
        return llmd__error(LLMD_E_INVALID, "a number of more than %d characters",
                           LLMD__JSON_MAX_NUMBER);
    AUTO(json) struct json *number = llmd__json_new_number(digits);
    CHECK_MEMORY(number);
    bool in_range = llmd__json_type(number) != JSON_NULL;
    *out = in_range ? TAKE(number) : llmd__json_new_str(text, strlen(text));
    CHECK_MEMORY(*out);
    return NULL;
}

/* What is not a string begins with one of few characters, and words are short: most plain scalars
   are told apart without looking at any table. */
static bool is_plain_string(const char *text, size_t len)
{
    if (len == 0)
        return false;
    switch (*text) {
    case 'n':
    case 'N':
    case 't':
    case 'T':
    case 'f':
    case 'F':
        return len > 5;
    case '~':
        return len > 1;
    default:
        return !isdigit((unsigned char)*text) && !strchr("+-.", *text);
    }
}

static llmd_error *resolve(const char *text, struct json **out)
{
    AUTO(buf) struct buf digits = BUF_INIT;

    if (is_one_of(text, not_finite))
        return llmd__error(LLMD_E_INVALID, "%s: JSON has no infinity and no NaN", text);
    if (may_be_number(text))
        TRY(read_number(text, &digits));
    if (digits.len)
        return new_number(text, llmd__buf_text(&digits), out);
    if (is_one_of(text, nulls))
        *out = llmd__json_new_null();
    else if (is_one_of(text, trues) || is_one_of(text, falses))
        *out = llmd__json_new_bool(is_one_of(text, trues));
    else
        *out = llmd__json_new_str(text, strlen(text));
    CHECK_MEMORY(*out);
    return NULL;
}

llmd_error *llmd__yaml_scalar(const char *text, size_t len, struct json **out)
{
    if (is_plain_string(text, len)) {
        *out = llmd__json_new_str(text, len);
        CHECK_MEMORY(*out);
        return NULL;
    }
    AUTO(secret) char *copy = llmd__strndup(text, len);
    AUTO(json) struct json *value = NULL;

    CHECK_MEMORY(copy);
    TRY(resolve(copy, &value));
    *out = TAKE(value);
    return NULL;
}
