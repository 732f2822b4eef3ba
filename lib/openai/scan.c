/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict JSON walker that keeps slices of the few members a chunk is about. A tree per chunk
 * costs several times more (tests/bench/bench_scan.c), and a stream has one chunk per token. The
 * rule that keeps it honest: in doubt it says "unusual" and the JSON parser decides.
 */
#include "openai/scan.h"

#include <string.h>

#define MAX_DEPTH 24  /* chunks nest 5 deep; the JSON parser's own cap is far higher */
#define MAX_DIGITS 18 /* always fits int64 */

struct cursor {
    const char *at;
    const char *end;
    int depth;
    unsigned seen; /* members met so far, to refuse doubles */
    struct chunk *chunk;
};

enum member {
    MEMBER_ID = 1 << 0,
    MEMBER_MODEL = 1 << 1,
    MEMBER_CREATED = 1 << 2,
    MEMBER_CHOICES = 1 << 3,
    MEMBER_USAGE = 1 << 4,
    MEMBER_INDEX = 1 << 5,
    MEMBER_TEXT = 1 << 6,
    MEMBER_REASONING = 1 << 7,
    MEMBER_FINISH = 1 << 8,
    MEMBER_DELTA = 1 << 9,
    MEMBER_PROMPT_TOKENS = 1 << 10,
    MEMBER_COMPLETION_TOKENS = 1 << 11,
    MEMBER_DETAILS = 1 << 12,
    MEMBER_CACHED = 1 << 13
};

typedef bool (*member_fn)(struct cursor *c, struct slice key);

static bool skip_value(struct cursor *c);

static inline void skip_space(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
}

static inline bool take(struct cursor *c, char wanted)
{
    skip_space(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static inline bool take_word(struct cursor *c, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
        return false;
    c->at += len;
    return true;
}

/* One bit per byte that is a quote, a backslash or a control character: the has-zero-byte trick.
   Its borrow can only mark bytes behind a true one, so the first mark is exact. */
static inline uint64_t special_bytes(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
    return (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
            ((backslash - ones) & ~backslash)) &
           highs;
}

static inline void skip_plain(struct cursor *c)
{
    uint64_t word, special;
    while (c->end - c->at >= 8) {
        memcpy(&word, c->at, 8);
        special = special_bytes(word);
        if (special && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
            c->at += __builtin_ctzll(special) / 8;
            return;
        }
        if (special)
            break;
        c->at += 8;
    }
    while (c->at < c->end && *c->at != '"' && *c->at != '\\' && (unsigned char)*c->at >= 0x20)
        c->at++;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits at text, or -1. */
static int hex4(const char *text)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(text[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Surrogates and NUL are left to the parser. */
static bool skip_escape(struct cursor *c)
{
    if (c->end - c->at < 2)
        return false;
    if (c->at[1] != 'u') {
        if (!c->at[1] || !strchr("\"\\/bfnrt", c->at[1]))
            return false;
        c->at += 2;
        return true;
    }
    int value = c->end - c->at < 6 ? -1 : hex4(c->at + 2);
    if (value <= 0 || (value >= 0xD800 && value <= 0xDFFF))
        return false;
    c->at += 6;
    return true;
}

static bool string(struct cursor *c, struct slice *out)
{
    if (!take(c, '"'))
        return false;
    *out = (struct slice){.at = c->at};
    for (;;) {
        skip_plain(c);
        if (c->at == c->end)
            return false;
        if (*c->at == '"')
            break;
        if (*c->at != '\\' || !skip_escape(c))
            return false;
        out->escaped = true;
    }
    out->len = (size_t)(c->at++ - out->at);
    return true;
}

/* Inlined, both lengths are constants and the comparison is one or two words. */
static inline bool is(struct slice key, const char *name)
{
    return key.len == strlen(name) && memcmp(key.at, name, strlen(name)) == 0;
}

static bool once(struct cursor *c, enum member member)
{
    bool first = !(c->seen & member);
    c->seen |= member;
    return first;
}

static bool take_null(struct cursor *c)
{
    skip_space(c);
    return take_word(c, "null");
}

static bool string_or_null(struct cursor *c, enum member member, struct slice *out)
{
    return once(c, member) && (take_null(c) || string(c, out));
}

static size_t skip_digits(struct cursor *c)
{
    const char *start = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return (size_t)(c->at - start);
}

/* Only what a count can be: no sign, no fraction, no leading zero. */
static bool count(struct cursor *c, enum member member, int64_t *out)
{
    if (!once(c, member))
        return false;
    skip_space(c);
    const char *start = c->at;
    size_t digits = skip_digits(c);
    if (!digits || digits > MAX_DIGITS || (digits > 1 && *start == '0'))
        return false;
    if (c->at < c->end && (*c->at == '.' || (*c->at | 0x20) == 'e'))
        return false;
    *out = 0;
    for (const char *p = start; p < c->at; p++)
        *out = *out * 10 + (*p - '0');
    return true;
}

static bool skip_exponent(struct cursor *c)
{
    if (c->at == c->end || (*c->at | 0x20) != 'e')
        return true;
    c->at++;
    if (c->at < c->end && (*c->at == '+' || *c->at == '-'))
        c->at++;
    size_t digits = skip_digits(c);
    return digits == 1 || digits == 2; /* no overflow to infinity here */
}

static bool skip_number(struct cursor *c)
{
    if (c->at < c->end && *c->at == '-')
        c->at++;
    const char *start = c->at;
    size_t digits = skip_digits(c);
    if (!digits || digits > MAX_DIGITS || (digits > 1 && *start == '0'))
        return false;
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        digits = skip_digits(c);
        if (!digits || digits > MAX_DIGITS)
            return false;
    }
    return skip_exponent(c);
}

static bool object(struct cursor *c, member_fn member)
{
    struct slice key;
    if (!take(c, '{') || ++c->depth > MAX_DEPTH)
        return false;
    if (take(c, '}')) {
        c->depth--;
        return true;
    }
    do {
        skip_space(c);
        if (!string(c, &key) || key.escaped || !take(c, ':') || !member(c, key))
            return false;
    } while (take(c, ','));
    c->depth--;
    return take(c, '}');
}

static bool skip_member(struct cursor *c, struct slice key)
{
    (void)key;
    return skip_value(c);
}

static bool skip_array(struct cursor *c)
{
    if (!take(c, '[') || ++c->depth > MAX_DEPTH)
        return false;
    if (take(c, ']')) {
        c->depth--;
        return true;
    }
    do {
        if (!skip_value(c))
            return false;
    } while (take(c, ','));
    c->depth--;
    return take(c, ']');
}

static bool skip_value(struct cursor *c)
{
    struct slice ignored;
    skip_space(c);
    switch (c->at < c->end ? *c->at : '\0') {
    case '"':
        return string(c, &ignored);
    case '{':
        return object(c, skip_member);
    case '[':
        return skip_array(c);
    case 't':
        return take_word(c, "true");
    case 'f':
        return take_word(c, "false");
    case 'n':
        return take_word(c, "null");
    default:
        return skip_number(c);
    }
}

/* Fragments of tool calls are merged from a tree; that there are none is said by null or []. */
static bool no_tool_calls(struct cursor *c)
{
    return take_null(c) || (take(c, '[') && take(c, ']'));
}

static bool delta_member(struct cursor *c, struct slice key)
{
    if (is(key, "content"))
        return string_or_null(c, MEMBER_TEXT, &c->chunk->text);
    if (is(key, "reasoning") || is(key, "reasoning_content"))
        return string_or_null(c, MEMBER_REASONING, &c->chunk->reasoning);
    if (is(key, "tool_calls"))
        return no_tool_calls(c);
    return skip_value(c);
}

static bool choice_member(struct cursor *c, struct slice key)
{
    int64_t index;
    if (is(key, "delta"))
        return once(c, MEMBER_DELTA) && object(c, delta_member);
    if (is(key, "text"))
        return string_or_null(c, MEMBER_TEXT, &c->chunk->text);
    if (is(key, "finish_reason"))
        return string_or_null(c, MEMBER_FINISH, &c->chunk->finish_reason);
    if (is(key, "message"))
        return take_null(c);
    if (!is(key, "index"))
        return skip_value(c);
    if (!count(c, MEMBER_INDEX, &index) || index > INT32_MAX)
        return false;
    c->chunk->index = (int)index;
    return true;
}

static bool choices(struct cursor *c)
{
    if (!take(c, '['))
        return false;
    if (take(c, ']'))
        return true;
    c->chunk->has_choice = true;
    return object(c, choice_member) && take(c, ']');
}

static bool details_member(struct cursor *c, struct slice key)
{
    if (!is(key, "cached_tokens"))
        return skip_value(c);
    return take_null(c) || count(c, MEMBER_CACHED, &c->chunk->usage.cached_tokens);
}

static bool usage_member(struct cursor *c, struct slice key)
{
    if (is(key, "prompt_tokens"))
        return count(c, MEMBER_PROMPT_TOKENS, &c->chunk->usage.prompt_tokens);
    if (is(key, "completion_tokens"))
        return count(c, MEMBER_COMPLETION_TOKENS, &c->chunk->usage.completion_tokens);
    if (is(key, "prompt_tokens_details"))
        return once(c, MEMBER_DETAILS) && (take_null(c) || object(c, details_member));
    return skip_value(c);
}

/* "object":"error" marks the flat error of older vLLM. */
static bool object_kind(struct cursor *c)
{
    struct slice kind;
    return string(c, &kind) && !is(kind, "error");
}

static bool event_member(struct cursor *c, struct slice key)
{
    if (is(key, "choices"))
        return once(c, MEMBER_CHOICES) && choices(c);
    if (is(key, "id"))
        return string_or_null(c, MEMBER_ID, &c->chunk->id);
    if (is(key, "model"))
        return string_or_null(c, MEMBER_MODEL, &c->chunk->model);
    if (is(key, "created"))
        return count(c, MEMBER_CREATED, &c->chunk->created);
    if (is(key, "usage"))
        return once(c, MEMBER_USAGE) && (take_null(c) || object(c, usage_member));
    if (is(key, "error"))
        return take_null(c); /* an "error":null is no error */
    if (is(key, "object"))
        return object_kind(c);
    return skip_value(c);
}

bool llmd__scan(const char *json, size_t len, struct chunk *out)
{
    struct cursor c = {.at = json, .end = json + len, .chunk = out};
    *out = CHUNK_INIT;
    if (!object(&c, event_member))
        return false;
    skip_space(&c);
    return c.at == c.end;
}

static struct slice tree_slice(const struct json *value)
{
    if (llmd__json_type(value) != JSON_STRING)
        return (struct slice){0};
    const char *text = llmd__json_text(value);
    return (struct slice){.at = text, .len = strlen(text)};
}

/* Models of several modalities answer a list of parts; the first text is the text. */
static struct slice content_slice(const struct json *content)
{
    if (llmd__json_type(content) != JSON_ARRAY)
        return tree_slice(content);
    JSON_EACH(part, content) {
        struct slice text = tree_slice(llmd__json_member(part, "text"));
        if (text.at)
            return text;
    }
    return (struct slice){0};
}

static struct slice either(struct slice wanted, struct slice otherwise)
{
    return wanted.at ? wanted : otherwise;
}

static void read_choice(const struct json *choice, struct chunk *out)
{
    /* Beam search streams one event that is a whole answer: "message" instead of "delta". */
    const struct json *part = llmd__json_member(choice, "delta");
    if (llmd__json_type(part) != JSON_OBJECT)
        part = llmd__json_member(choice, "message");
    int64_t index = llmd__json_int(choice, "index", 0);
    out->has_choice = true;
    out->index = index < 0 || index > INT32_MAX ? 0 : (int)index;
    out->text = either(content_slice(llmd__json_member(part, "content")),
                       tree_slice(llmd__json_member(choice, "text")));
    out->reasoning = either(tree_slice(llmd__json_member(part, "reasoning")),
                            tree_slice(llmd__json_member(part, "reasoning_content")));
    out->finish_reason = tree_slice(llmd__json_member(choice, "finish_reason"));
}

void llmd__chunk_read(const struct json *event, const struct json *choice, struct chunk *out)
{
    *out = CHUNK_INIT;
    if (choice)
        read_choice(choice, out);
    out->id = tree_slice(llmd__json_member(event, "id"));
    out->model = tree_slice(llmd__json_member(event, "model"));
    out->created = llmd__json_int(event, "created", 0);
    out->usage.prompt_tokens = llmd__json_int(event, "usage.prompt_tokens", -1);
    out->usage.completion_tokens = llmd__json_int(event, "usage.completion_tokens", -1);
    out->usage.cached_tokens =
        llmd__json_int(event, "usage.prompt_tokens_details.cached_tokens", -1);
}

static size_t put_utf8(unsigned value, char *out)
{
    if (value < 0x80) {
        out[0] = (char)value;
        return 1;
    }
    if (value < 0x800) {
        out[0] = (char)(0xC0 | value >> 6);
        out[1] = (char)(0x80 | (value & 0x3F));
        return 2;
    }
    out[0] = (char)(0xE0 | value >> 12);
    out[1] = (char)(0x80 | (value >> 6 & 0x3F));
    out[2] = (char)(0x80 | (value & 0x3F));
    return 3;
}

static char plain_escape(char c)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *at = strchr(from, c);
    return at ? to[at - from] : c;
}

size_t llmd__slice_copy(struct slice slice, char *out)
{
    if (!slice.len)
        return 0;
    if (!slice.escaped) {
        memcpy(out, slice.at, slice.len);
        return slice.len;
    }
    const char *at = slice.at, *end = slice.at + slice.len;
    size_t len = 0;
    while (at < end) {
        const char *backslash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((backslash ? backslash : end) - at);
        memcpy(out + len, at, plain);
        len += plain;
        at += plain;
        if (!backslash)
            break;
        if (at[1] == 'u') {
            len += put_utf8((unsigned)hex4(at + 2), out + len);
            at += 6;
        } else {
            out[len++] = plain_escape(at[1]);
            at += 2;
        }
    }
    return len;
}

void llmd__scan_replace_nul(char *json, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++) {
        if (json[i] != '\\')
            continue;
        if (len - i >= 6 && memcmp(json + i, "\\u0000", 6) == 0)
            memcpy(json + i, "\\ufffd", 6);
        i++; /* the escaped character is no escape itself */
    }
}
