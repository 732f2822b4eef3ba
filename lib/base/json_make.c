/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees from templates. The template is read directly, not pasted together as text first: so a
 * value can never change the shape of the manifest around it, and the nulls of a %j stay while
 * those of the template's own members are left out.
 */
#include "base/json.h"
#include "base/json_scan.h"

#include <string.h>

struct maker {
    const char *text; /* the whole template, for errors */
    const char *at;
    va_list args;
};

static llmd_error *make_value(struct maker *maker, struct json **out);

static llmd_error *bad_template(const struct maker *maker)
{
    return llmd__error(LLMD_E_INVALID, "template: cannot be read at byte %d: \"%.30s\"",
                       (int)(maker->at - maker->text), maker->at);
}

static char skip_blank(struct maker *maker)
{
    maker->at += strspn(maker->at, " \t\r\n");
    return *maker->at;
}

static llmd_error *expect(struct maker *maker, char c)
{
    if (skip_blank(maker) != c)
        return bad_template(maker);
    maker->at++;
    return NULL;
}

/* The character that an escape or %% stands for. */
static char literal_char(struct maker *maker)
{
    if (*maker->at == '%' && maker->at[1] == '%')
        maker->at++;
    if (*maker->at != '\\' || !maker->at[1])
        return *maker->at++;
    maker->at += 2;
    switch (maker->at[-1]) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    default:
        return maker->at[-1];
    }
}

static llmd_error *read_literal(struct maker *maker, struct buf *buf)
{
    char quote = *maker->at++;

    while (*maker->at && *maker->at != quote)
        llmd__buf_char(buf, literal_char(maker));
    if (!*maker->at)
        return bad_template(maker);
    maker->at++;
    return llmd__buf_check(buf);
}

static llmd_error *make_string(struct maker *maker, struct json **out)
{
    AUTO(buf) struct buf buf = BUF_INIT;

    TRY(read_literal(maker, &buf));
    *out = llmd__json_new_str(llmd__buf_text(&buf), buf.len);
    CHECK_MEMORY(*out);
    return NULL;
}

/* A key may be a %s; a NULL one leaves its member out. */
static llmd_error *read_key(struct maker *maker, struct buf *key, bool *absent)
{
    if (strncmp(maker->at, "%s", 2) == 0) {
        const char *text = va_arg(maker->args, const char *);
        maker->at += 2;
        *absent = !text;
        llmd__buf_str(key, text);
        return llmd__buf_check(key);
    }
    if (*maker->at != '\'' && *maker->at != '"')
        return bad_template(maker);
    return read_literal(maker, key);
}

static llmd_error *make_member(struct maker *maker, struct json *object)
{
    AUTO(buf) struct buf key = BUF_INIT;
    AUTO(json) struct json *value = NULL;
    bool absent = false;

    skip_blank(maker);
    TRY(read_key(maker, &key, &absent));
    TRY(expect(maker, ':'));
    TRY(make_value(maker, &value));
    if (absent || llmd__json_type(value) == JSON_NULL)
        return NULL;
    CHECK_MEMORY(llmd__json_set(object, llmd__buf_text(&key), TAKE(value)));
    return NULL;
}

static llmd_error *make_element(struct maker *maker, struct json *array)
{
    AUTO(json) struct json *value = NULL;

    TRY(make_value(maker, &value));
    if (llmd__json_type(value) != JSON_NULL)
        llmd__json_add(array, TAKE(value));
    return NULL;
}

static llmd_error *make_items(struct maker *maker, struct json *parent, char close,
                              llmd_error *(*item)(struct maker *, struct json *))
{
    maker->at++;
    for (bool first = true; skip_blank(maker) != close; first = false) {
        if (!first)
            TRY(expect(maker, ','));
        TRY(item(maker, parent));
    }
    maker->at++;
    return NULL;
}

static llmd_error *make_object(struct maker *maker, struct json **out)
{
    *out = llmd__json_object();
    CHECK_MEMORY(*out);
    return make_items(maker, *out, '}', make_member);
}

static llmd_error *make_array(struct maker *maker, struct json **out)
{
    *out = llmd__json_array();
    CHECK_MEMORY(*out);
    return make_items(maker, *out, ']', make_element);
}

static llmd_error *make_copy(const struct json *json, struct json **out)
{
    if (json)
        return llmd__json_copy(json, out);
    *out = llmd__json_new_null();
    CHECK_MEMORY(*out);
    return NULL;
}

static struct json *string_or_null(const char *text)
{
    return text ? llmd__json_new_str(text, strlen(text)) : llmd__json_new_null();
}

static llmd_error *make_placeholder(struct maker *maker, struct json **out)
{
    maker->at += 2;
    switch (maker->at[-1]) {
    case 's':
        *out = string_or_null(va_arg(maker->args, const char *));
        break;
    case 'd':
        *out = llmd__json_new_int(va_arg(maker->args, int));
        break;
    case 'I':
        *out = llmd__json_new_int(va_arg(maker->args, int64_t));
        break;
    case 'f':
        *out = llmd__json_new_double(va_arg(maker->args, double));
        break;
    case 'b':
        *out = llmd__json_new_bool(va_arg(maker->args, int));
        break;
    case 'j':
        return make_copy(va_arg(maker->args, const struct json *), out);
    default:
        maker->at -= 2;
        return bad_template(maker);
    }
    CHECK_MEMORY(*out);
    return NULL;
}

static llmd_error *make_word(struct maker *maker, struct json **out)
{
    size_t len = strcspn(maker->at, " \t\r\n,]}");
    AUTO(str) char *word = llmd__strndup(maker->at, len);

    CHECK_MEMORY(word);
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
        *out = llmd__json_new_bool(*word == 't');
    else if (strcmp(word, "null") == 0)
        *out = llmd__json_new_null();
    else if (len && llmd__json_scan_number(word, len) == len)
        *out = llmd__json_new_number(word);
    else
        return bad_template(maker);
    CHECK_MEMORY(*out);
    maker->at += len;
    return NULL;
}

static llmd_error *make_value(struct maker *maker, struct json **out)
{
    switch (skip_blank(maker)) {
    case '{':
        return make_object(maker, out);
    case '[':
        return make_array(maker, out);
    case '\'':
    case '"':
        return make_string(maker, out);
    case '%':
        return make_placeholder(maker, out);
    default:
        return make_word(maker, out);
    }
}

llmd_error *llmd__json_make(struct json **out, const char *template_text, ...)
{
    struct maker maker = {.text = template_text, .at = template_text};
    AUTO(json) struct json *json = NULL;

    *out = NULL;
    va_start(maker.args, template_text);
    llmd_error *error = make_value(&maker, &json);
    va_end(maker.args);
    TRY(error);
    if (skip_blank(&maker))
        return bad_template(&maker);
    *out = TAKE(json);
    return NULL;
}
