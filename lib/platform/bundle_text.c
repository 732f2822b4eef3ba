/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/bundle_text.h"

#include "kube/object.h"

#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>

/* Ends a document wherever it is, and makes a line that the text does not have. */
#define END_MARK "\n...\n#\n"

static size_t line_count(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += *text == '\n' || !text[1];
    return count;
}

size_t llmd__bundle_open_line(const char *text)
{
    size_t len = strlen(text);

    return len && text[len - 1] != '\n' ? line_count(text) : 0;
}

/* ---- what it is, if it is no manifests ---- */

static llmd_error *empty(const char *what)
{
    return llmd__error_set_advice(
        llmd__error_set_reason(llmd__error(LLMD_E_INVALID, "%s: is empty", what), "BundleEmpty"),
        "fetch it again: a download or a copy may have broken off before its first byte");
}

static llmd_error *page(const char *what)
{
    return llmd__error_set_advice(
        llmd__error_set_reason(
            llmd__error(LLMD_E_INVALID, "%s: is a web page, not manifests", what), "NotManifests"),
        "a proxy's login or an error page stands in its place: log in there, or fetch the raw file "
        "from its publisher");
}

static llmd_error *cut(const char *text, const char *what, const char *why)
{
    return llmd__error_set_advice(
        llmd__error_set_reason(llmd__error(LLMD_E_INVALID,
                                           "%s: ends in the middle, at line %zu: %s", what,
                                           line_count(text), why),
                               "BundleCut"),
        "fetch it again: a download or a copy broke off there");
}

/* No manifest begins with "<"; "<<" would be YAML. */
static bool is_page(const char *text)
{
    if (!strncmp(text, "\xEF\xBB\xBF", 3))
        text += 3;
    text += strspn(text, " \t\r\n");
    return text[0] == '<' && text[1] != '<';
}

const char *llmd__bundle_glance(const char *text)
{
    if (!text[strspn(text, " \t\r\n")])
        return "is empty";
    return is_page(text) ? "is a web page" : NULL;
}

/* ---- where it ends ---- */

/* "WHAT:12: ..." */
static size_t line_of(const llmd_error *error, const char *what)
{
    const char *message = llmd_error_message(error);
    size_t len = strlen(what);

    return strlen(message) > len && message[len] == ':' ? strtoul(message + len + 1, NULL, 10) : 0;
}

/* Something is open at the end, if a mark behind it is what the parser stumbles on. */
static llmd_error *is_open(const char *text, const char *what, bool *open)
{
    AUTO(str) char *marked = llmd__format("%s" END_MARK, text);
    AUTO(json) struct json *read = NULL;
    AUTO(error) llmd_error *error = NULL;

    *open = false;
    CHECK_MEMORY(marked);
    error = llmd__yaml_parse_all(marked, what, &read);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return TAKE(error);
    *open = error && line_of(error, what) > line_count(text);
    return NULL;
}

/* Takes the parser's error. What is wrong in a last line without an end is wrong for want of it:
   "image: quay.io/a/b:". */
static llmd_error *unreadable(const char *text, const char *what, llmd_error *error)
{
    size_t open_line = llmd__bundle_open_line(text);
    AUTO(error) llmd_error *taken = error;
    bool open;

    if (llmd_error_code(error) != LLMD_E_INVALID)
        return TAKE(taken);
    TRY(is_open(text, what, &open));
    open = open || (open_line && line_of(error, what) == open_line);
    return open ? cut(text, what, "what was begun there is not YAML without its end") : TAKE(taken);
}

static bool is_headless(const struct json *document)
{
    if (llmd__json_type(llmd__json_member(document, "items")) == JSON_ARRAY)
        return false; /* a List has no name */
    return !*llmd__json_str(document, "apiVersion") || !*llmd__json_str(document, "kind") ||
           !*llmd__object_name(document);
}

static llmd_error *no_manifest(const struct json *document, const char *what)
{
    return llmd__error_set_advice(
        llmd__error_set_reason(
            llmd__error(LLMD_E_INVALID, "%s:%d: is no manifest: want an object, got %s", what,
                        llmd__json_line(document), llmd__json_type_name(llmd__json_type(document))),
            "NotManifests"),
        "want the YAML of a release, with apiVersion, kind and metadata");
}

/* A word alone is what a cut leaves of "apiVersion:", if manifests come before it. */
static llmd_error *check_documents(const char *text, const char *what, const struct json *read)
{
    size_t left = llmd__json_count(read);
    bool first = true;

    JSON_EACH(document, read) {
        bool is_last = --left == 0;

        if (llmd__json_type(document) != JSON_OBJECT && (first || !is_last))
            return no_manifest(document, what);
        if (is_last && is_headless(document))
            return cut(text, what, "its last document has no apiVersion, kind or name");
        first = false;
    }
    return NULL;
}

llmd_error *llmd__bundle_read(const char *text, const char *what, struct json *documents)
{
    AUTO(json) struct json *read = NULL;
    llmd_error *error;
    struct json *document;

    if (!text[strspn(text, " \t\r\n")])
        return empty(what);
    if (is_page(text))
        return page(what);
    error = llmd__yaml_parse_all(text, what, &read);
    if (error)
        return unreadable(text, what, error);
    TRY(check_documents(text, what, read));
    while ((document = llmd__json_shift(read)))
        llmd__json_add(documents, document);
    return llmd__json_check(documents);
}
