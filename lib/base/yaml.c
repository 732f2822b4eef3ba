/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recursive reader of libyaml's events. libyaml leaves all meaning to its caller: types of plain
 * scalars, repeated keys, aliases, merge keys, depth. What is read here is what sigs.k8s.io/yaml
 * (and so kubectl) makes of the same text, but yes, no, on, off stay the strings they look like.
 */
#include "base/json_scan.h"
#include "base/yaml.h"
#include "base/yaml_scalar.h"

#include <string.h>
#include <yaml.h>

/* Aliases can make a short text grow without end ("billion laughs"). Weight: 1 a value plus 1 per
   32 bytes of text. Anchors are looked up one by one. */
#define MAX_ALIASED_WEIGHT 250000
#define MAX_ANCHORS 1000

#define CORE "tag:yaml.org,2002:"

struct anchor {
    struct anchor *next;
    struct json *value; /* a copy: a merged or replaced original may be gone */
    char name[];
};

struct loader {
    yaml_parser_t parser;
    const char *text;
    const char *what;
    struct anchor *anchors; /* of this document, newest first */
    int anchor_count;
    size_t aliased;
    int depth;
};

static inline void llmd__auto_event(yaml_event_t *event)
{
    yaml_event_delete(event);
}

static llmd_error *load_node(struct loader *loader, const yaml_event_t *event, struct json **out);

static int line_of(const yaml_event_t *event)
{
    return (int)event->start_mark.line + 1;
}

static llmd_error *refuse(const struct loader *loader, const yaml_event_t *event, const char *why)
{
    return llmd__error(LLMD_E_INVALID, "%s:%d: %s", loader->what, line_of(event), why);
}

static int line_at(const char *text, size_t offset)
{
    int line = 1;

    for (size_t i = 0; i < offset && text[i]; i++)
        line += text[i] == '\n';
    return line;
}

/* A bracket that is never closed is noticed behind the last line, where nobody would look. */
static int problem_line(const struct loader *loader)
{
    const yaml_parser_t *parser = &loader->parser;
    size_t len = strlen(loader->text);
    int last = line_at(loader->text, len > 0 ? len - 1 : 0);
    int line = (int)parser->problem_mark.line + 1;

    return line > last && parser->context ? (int)parser->context_mark.line + 1 : line;
}

static llmd_error *reader_error(const struct loader *loader, const char *problem)
{
    return llmd__error_set_advice(llmd__error(LLMD_E_INVALID, "%s:%d: %s", loader->what,
                                              line_at(loader->text, loader->parser.problem_offset),
                                              problem),
                                  "save it as UTF-8 text");
}

/* What trips people most: a text with ": " or " #" in it, and tabs. */
static llmd_error *parser_error(const struct loader *loader)
{
    const yaml_parser_t *parser = &loader->parser;
    const char *problem = parser->problem ? parser->problem : "cannot be read";

    if (parser->error == YAML_MEMORY_ERROR)
        return NO_MEMORY;
    if (parser->error == YAML_READER_ERROR)
        return reader_error(loader, problem);
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "%s:%d: YAML: %s%s%s", loader->what, problem_line(loader),
                    problem, parser->context ? " " : "", parser->context ? parser->context : ""),
        "indent with spaces, alike for one level, close what was opened, and put texts with "
        "\": \" or \" #\" in quotes");
}

static llmd_error *next_event(struct loader *loader, yaml_event_t *event)
{
    return yaml_parser_parse(&loader->parser, event) ? NULL : parser_error(loader);
}

/* --- anchors and aliases --- */

static void forget_anchors(struct loader *loader)
{
    while (loader->anchors) {
        struct anchor *anchor = loader->anchors;
        loader->anchors = anchor->next;
        llmd__json_free(anchor->value);
        llmd__free(anchor);
    }
    loader->anchor_count = 0;
}

/* Adds the weight of the tree and returns its height. */
static int measure(const struct json *json, size_t *weight)
{
    int height = 0;

    *weight += 1 + (strlen(llmd__json_text(json)) + strlen(llmd__json_key(json))) / 32;
    JSON_EACH(item, json) {
        int below = measure(item, weight);
        height = below > height ? below : height;
    }
    return height + 1;
}

/* Aliases of aliases would get round the depth cap, so the copy's height counts as well. */
static llmd_error *copy_counted(struct loader *loader, const yaml_event_t *event,
                                const struct json *json, struct json **out)
{
    int height = measure(json, &loader->aliased);

    if (loader->aliased > MAX_ALIASED_WEIGHT || loader->depth + height > LLMD__JSON_MAX_DEPTH + 1)
        return llmd__error(LLMD_E_TOO_LARGE, "%s:%d: anchors and aliases make the text too large",
                           loader->what, line_of(event));
    return llmd__json_copy(json, out);
}

static llmd_error *remember(struct loader *loader, const yaml_event_t *event, const char *name,
                            const struct json *value)
{
    if (!name)
        return NULL;
    if (++loader->anchor_count > MAX_ANCHORS)
        return llmd__error(LLMD_E_TOO_LARGE, "%s:%d: more than %d anchors", loader->what,
                           line_of(event), MAX_ANCHORS);
    struct anchor *anchor = llmd__calloc(1, sizeof(*anchor) + strlen(name) + 1);
    CHECK_MEMORY(anchor);
    memcpy(anchor->name, name, strlen(name));
    anchor->next = loader->anchors;
    loader->anchors = anchor;
    return copy_counted(loader, event, value, &anchor->value);
}

static llmd_error *load_alias(struct loader *loader, const yaml_event_t *event, struct json **out)
{
    const char *name = (const char *)event->data.alias.anchor;

    for (struct anchor *anchor = loader->anchors; anchor; anchor = anchor->next) {
        if (strcmp(anchor->name, name) == 0)
            return copy_counted(loader, event, anchor->value, out);
    }
    return llmd__error(LLMD_E_INVALID, "%s:%d: the alias *%s has no anchor before it", loader->what,
                       line_of(event), name);
}

/* --- nodes --- */

static bool is_tag(const yaml_char_t *tag, const char *core_name)
{
    const char *text = (const char *)tag;

    return strncmp(text, CORE, strlen(CORE)) == 0 && strcmp(text + strlen(CORE), core_name) == 0;
}

static llmd_error *unknown_tag(const struct loader *loader, const yaml_event_t *event,
                               const yaml_char_t *tag)
{
    return llmd__error(LLMD_E_INVALID, "%s:%d: the tag %.80s is not supported here", loader->what,
                       line_of(event), (const char *)tag);
}

static bool wants_string(const yaml_event_t *event)
{
    const yaml_char_t *tag = event->data.scalar.tag;

    if (!tag)
        return event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    /* "!" alone: no type; go-yaml reads a timestamp into a string too. */
    return strcmp((const char *)tag, "!") == 0 || is_tag(tag, "str") || is_tag(tag, "timestamp");
}

static bool tag_fits(const yaml_char_t *tag, enum json_type type)
{
    switch (type) {
    case JSON_NULL:
        return is_tag(tag, "null");
    case JSON_BOOL:
        return is_tag(tag, "bool");
    case JSON_INT:
        return is_tag(tag, "int") || is_tag(tag, "float");
    case JSON_DOUBLE:
        return is_tag(tag, "float");
    default:
        return false;
    }
}

static llmd_error *load_scalar(struct loader *loader, const yaml_event_t *event, struct json **out)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    const yaml_char_t *tag = event->data.scalar.tag;

    if (memchr(text, 0, len))
        return refuse(loader, event, "a NUL in a string is not supported");
    if (wants_string(event)) {
        *out = llmd__json_new_str(text, len);
        CHECK_MEMORY(*out);
        return NULL;
    }
    llmd_error *error = llmd__yaml_scalar(text, len, out);
    if (error)
        return llmd__error_wrap(error, "%s:%d", loader->what, line_of(event));
    return tag && !tag_fits(tag, llmd__json_type(*out)) ? unknown_tag(loader, event, tag) : NULL;
}

static llmd_error *load_items(struct loader *loader, struct json *array)
{
    for (;;) {
        AUTO(event) yaml_event_t event = {0};
        AUTO(json) struct json *value = NULL;
        TRY(next_event(loader, &event));
        if (event.type == YAML_SEQUENCE_END_EVENT)
            return NULL;
        TRY(load_node(loader, &event, &value));
        llmd__json_add(array, TAKE(value));
    }
}

/* A key that is a number or a boolean becomes its text, as in sigs.k8s.io/yaml. */
static llmd_error *load_key(struct loader *loader, const yaml_event_t *event, struct json **out)
{
    AUTO(json) struct json *key = NULL;

    TRY(load_node(loader, event, &key));
    switch (llmd__json_type(key)) {
    case JSON_STRING:
    case JSON_INT:
    case JSON_DOUBLE:
        *out = TAKE(key);
        return NULL;
    case JSON_BOOL:
        *out = llmd__json_bool(key, NULL, false) ? llmd__json_new_str("true", 4)
                                                 : llmd__json_new_str("false", 5);
        CHECK_MEMORY(*out);
        return NULL;
    default:
        return refuse(loader, event, "a key must be a string");
    }
}

static bool is_merge_key(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && !event->data.scalar.tag &&
           event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           strcmp((const char *)event->data.scalar.value, "<<") == 0;
}

/* Keeps what << wants in a flat list of mappings, first ones first. */
static llmd_error *collect_merge(struct loader *loader, const yaml_event_t *event,
                                 struct json *value, struct json *merges)
{
    AUTO(json) struct json *owned = value;

    if (llmd__json_type(value) == JSON_OBJECT) {
        llmd__json_add(merges, TAKE(owned));
        return NULL;
    }
    if (llmd__json_type(value) != JSON_ARRAY)
        return refuse(loader, event, "<< wants a mapping or a list of mappings");
    while (llmd__json_first(value)) {
        struct json *item = llmd__json_shift(value);
        enum json_type type = llmd__json_type(item);
        llmd__json_add(merges, item);
        if (type != JSON_OBJECT)
            return refuse(loader, event, "<< wants a mapping or a list of mappings");
    }
    return NULL;
}

static llmd_error *load_member(struct loader *loader, const yaml_event_t *event,
                               struct json *object, struct json *merges)
{
    AUTO(event) yaml_event_t value_event = {0};
    AUTO(json) struct json *key = NULL;
    AUTO(json) struct json *value = NULL;

    if (!is_merge_key(event))
        TRY(load_key(loader, event, &key));
    TRY(next_event(loader, &value_event));
    TRY(load_node(loader, &value_event, &value));
    if (!key)
        return collect_merge(loader, event, TAKE(value), merges);
    llmd__json_set_line(value, line_of(event));
    CHECK_MEMORY(llmd__json_append(object, llmd__json_text(key), TAKE(value)));
    return NULL;
}

/* The mapping's own keys come first, so that they are the ones that stay. */
static llmd_error *apply_merges(struct json *object, const struct json *merges)
{
    if (!llmd__json_first(merges))
        return NULL;
    JSON_EACH(merge, merges) {
        JSON_EACH(member, merge) {
            struct json *copy = NULL;
            TRY(llmd__json_copy(member, &copy));
            CHECK_MEMORY(llmd__json_append(object, llmd__json_key(member), copy));
        }
    }
    return llmd__json_drop_repeated(object);
}

static llmd_error *load_members(struct loader *loader, struct json *object)
{
    AUTO(json) struct json *merges = llmd__json_array();

    CHECK_MEMORY(merges);
    for (;;) {
        AUTO(event) yaml_event_t event = {0};
        TRY(next_event(loader, &event));
        if (event.type == YAML_MAPPING_END_EVENT)
            break;
        TRY(load_member(loader, &event, object, merges));
    }
    TRY(llmd__json_refuse_repeated(object, loader->what, "mapping"));
    return apply_merges(object, merges);
}

static llmd_error *load_collection(struct loader *loader, const yaml_event_t *event,
                                   struct json **out)
{
    bool mapping = event->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag =
        mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;

    if (tag && strcmp((const char *)tag, "!") != 0 && !is_tag(tag, mapping ? "map" : "seq"))
        return unknown_tag(loader, event, tag);
    if (++loader->depth > LLMD__JSON_MAX_DEPTH)
        return llmd__error(LLMD_E_TOO_LARGE, "%s:%d: nested deeper than %d levels", loader->what,
                           line_of(event), LLMD__JSON_MAX_DEPTH);
    *out = mapping ? llmd__json_object() : llmd__json_array();
    CHECK_MEMORY(*out);
    TRY(mapping ? load_members(loader, *out) : load_items(loader, *out));
    loader->depth--;
    return NULL;
}

static const char *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return (const char *)event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return (const char *)event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return (const char *)event->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

static llmd_error *load_node(struct loader *loader, const yaml_event_t *event, struct json **out)
{
    AUTO(json) struct json *value = NULL;

    if (event->type == YAML_ALIAS_EVENT)
        TRY(load_alias(loader, event, &value));
    else if (event->type == YAML_SCALAR_EVENT)
        TRY(load_scalar(loader, event, &value));
    else
        TRY(load_collection(loader, event, &value));
    llmd__json_set_line(value, line_of(event));
    TRY(remember(loader, event, anchor_of(event), value));
    *out = TAKE(value);
    return NULL;
}

/* --- documents --- */

static llmd_error *load_document(struct loader *loader, struct json *documents)
{
    AUTO(event) yaml_event_t event = {0};
    AUTO(json) struct json *value = NULL;

    TRY(next_event(loader, &event));
    TRY(load_node(loader, &event, &value));
    forget_anchors(loader);
    if (llmd__json_type(value) != JSON_NULL)
        llmd__json_add(documents, TAKE(value));
    return NULL;
}

static llmd_error *load_stream(struct loader *loader, struct json *documents)
{
    for (;;) {
        AUTO(event) yaml_event_t event = {0};
        TRY(next_event(loader, &event));
        if (event.type == YAML_STREAM_END_EVENT)
            return NULL;
        if (event.type == YAML_DOCUMENT_START_EVENT)
            TRY(load_document(loader, documents));
    }
}

static llmd_error *parse_yaml(const char *text, const char *what, struct json *documents)
{
    struct loader loader = {.text = text, .what = what};

    if (!yaml_parser_initialize(&loader.parser))
        return NO_MEMORY;
    yaml_parser_set_encoding(&loader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&loader.parser, (const unsigned char *)text, strlen(text));
    llmd_error *error = load_stream(&loader, documents);
    forget_anchors(&loader);
    yaml_parser_delete(&loader.parser);
    return error;
}

/* libyaml refuses some JSON (pairs of surrogates) and is slower: JSON goes to the JSON parser, and
   only what that does not take is read as YAML's flow style. */
static llmd_error *parse_json(const char *text, const char *what, struct json *documents,
                              bool *done)
{
    AUTO(json) struct json *value = NULL;
    char first = text[strspn(text, " \t\r\n")];

    if (first != '{' && first != '[')
        return NULL;
    AUTO(error) llmd_error *error = llmd__json_parse(text, strlen(text), what, &value);
    if (llmd_error_code(error) == LLMD_E_INVALID)
        return NULL;
    TRY(TAKE(error));
    llmd__json_add(documents, TAKE(value));
    *done = true;
    return NULL;
}

llmd_error *llmd__yaml_parse_all(const char *text, const char *what, struct json **out)
{
    AUTO(json) struct json *documents = llmd__json_array();
    bool done = false;

    *out = NULL;
    CHECK_MEMORY(documents);
    if (strnlen(text, LLMD__JSON_MAX_BYTES + 1) > LLMD__JSON_MAX_BYTES)
        return llmd__error(LLMD_E_TOO_LARGE, "%s: more than 256 MiB of YAML", what);
    TRY(parse_json(text, what, documents, &done));
    if (!done)
        TRY(parse_yaml(text, what, documents));
    *out = TAKE(documents);
    return NULL;
}

llmd_error *llmd__yaml_parse(const char *text, const char *what, struct json **out)
{
    AUTO(json) struct json *documents = NULL;

    *out = NULL;
    TRY(llmd__yaml_parse_all(text, what, &documents));
    const struct json *first = llmd__json_first(documents);
    if (!first)
        return llmd__error(LLMD_E_INVALID, "%s: empty, want a mapping", what);
    if (llmd__json_type(first) != JSON_OBJECT)
        return llmd__error(LLMD_E_INVALID, "%s:%d: want a mapping, got %s", what,
                           llmd__json_line(first), llmd__json_type_name(llmd__json_type(first)));
    if (llmd__json_next(first))
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "%s:%d: want one document, got %zu", what,
                        llmd__json_line(llmd__json_next(first)), llmd__json_count(documents)),
            "give each its own file: \"---\" begins the next one");
    *out = llmd__json_shift(documents);
    return NULL;
}
