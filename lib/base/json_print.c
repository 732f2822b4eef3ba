/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cJSON's printer would do for compact text, but indents with tabs and tells nothing of builders
 * that latched.
 */
#include "base/json.h"

struct printer {
    struct buf *buf;
    bool pretty;
    int depth;
};

static void print_value(struct printer *to, const struct json *json);

static void new_line(struct printer *to)
{
    if (!to->pretty)
        return;
    llmd__buf_char(to->buf, '\n');
    for (int i = 0; i < to->depth; i++)
        llmd__buf_add(to->buf, "  ", 2);
}

static void print_key(struct printer *to, const struct json *member)
{
    llmd__buf_json(to->buf, llmd__json_key(member));
    llmd__buf_str(to->buf, to->pretty ? ": " : ":");
}

static void print_items(struct printer *to, const struct json *json, bool keys)
{
    llmd__buf_char(to->buf, keys ? '{' : '[');
    to->depth++;
    JSON_EACH(item, json) {
        if (item != llmd__json_first(json))
            llmd__buf_char(to->buf, ',');
        new_line(to);
        if (keys)
            print_key(to, item);
        print_value(to, item);
    }
    to->depth--;
    if (llmd__json_first(json))
        new_line(to);
    llmd__buf_char(to->buf, keys ? '}' : ']');
}

static void print_value(struct printer *to, const struct json *json)
{
    switch (llmd__json_type(json)) {
    case JSON_BOOL:
        llmd__buf_str(to->buf, llmd__json_bool(json, NULL, false) ? "true" : "false");
        break;
    case JSON_INT:
    case JSON_DOUBLE:
        llmd__buf_str(to->buf, llmd__json_text(json));
        break;
    case JSON_STRING:
        llmd__buf_json(to->buf, llmd__json_text(json));
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        print_items(to, json, llmd__json_type(json) == JSON_OBJECT);
        break;
    default:
        llmd__buf_str(to->buf, "null");
    }
}

static llmd_error *print(const struct json *json, bool pretty, char **out)
{
    AUTO(buf) struct buf buf = BUF_SECRET; /* a manifest may be a Secret */

    *out = NULL;
    TRY(llmd__json_check(json));
    print_value(&(struct printer){.buf = &buf, .pretty = pretty}, json);
    return llmd__buf_take(&buf, out);
}

llmd_error *llmd__json_print(const struct json *json, char **out)
{
    return print(json, false, out);
}

llmd_error *llmd__json_print_pretty(const struct json *json, char **out)
{
    return print(json, true, out);
}

const char *llmd__json_type_name(enum json_type type)
{
    static const char *const names[] = {"nothing",  "null",     "a boolean", "an integer",
                                        "a number", "a string", "an array",  "an object"};

    return (unsigned)type < sizeof(names) / sizeof(*names) ? names[type] : "nothing";
}
