/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API server's checks, made before anything is sent: its own message comes late (after objects
 * of the same manifest were made) and, for names that end up in labels or DNS, from elsewhere.
 * Limits: RFC 1123 2.1 with Kubernetes' 63 and 253.
 */
#include "base/buf.h"
#include "base/name.h"

#include <string.h>

#define MAX_LABEL 63
#define MAX_SUBDOMAIN 253

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_label(const char *name, size_t len)
{
    if (len == 0 || !is_alnum(name[0]) || !is_alnum(name[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_alnum(name[i]) && name[i] != '-')
            return false;
    }
    return true;
}

/* The next name that would do: "Qwen_3" becomes "qwen-3"; empty if nothing is left. */
static void suggest(const char *name, size_t max, struct buf *out)
{
    for (; *name && out->len < max; name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name | 0x20) : *name;
        if (is_alnum(c))
            llmd__buf_char(out, c);
        else if (out->len && out->data[out->len - 1] != '-')
            llmd__buf_char(out, '-');
    }
    while (out->len && out->data[out->len - 1] == '-')
        out->data[--out->len] = '\0';
}

static llmd_error *advise(llmd_error *error, const char *name, size_t max)
{
    AUTO(buf) struct buf better = BUF_INIT;

    suggest(name, max, &better);
    if (better.len)
        llmd__error_set_advice(error, "use for example \"%s\"", llmd__buf_text(&better));
    return error;
}

static llmd_error *too_long(const char *what, const char *name, size_t max)
{
    return advise(llmd__error(LLMD_E_INVALID, "%s \"%.40s...\": %zu characters, at most %zu", what,
                              name, strlen(name), max),
                  name, max);
}

static llmd_error *missing(const char *what)
{
    return llmd__error(LLMD_E_INVALID, "%s: missing", what);
}

llmd_error *llmd__name_check_object(const char *what, const char *name)
{
    if (!*name)
        return llmd__error(LLMD_E_INVALID, "%s: the name is empty", what);
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return llmd__error(LLMD_E_INVALID, "%s: a name has no blanks and control characters",
                               what);
    if (strcmp(name, ".") && strcmp(name, "..") && !strpbrk(name, "/%?#"))
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "%s: \"%s\" is no name of an object", what, name),
        "give the name alone; namespace and kind have arguments of their own");
}

llmd_error *llmd__name_check_label(const char *what, const char *name)
{
    if (!name || !*name)
        return missing(what);
    if (strlen(name) > MAX_LABEL)
        return too_long(what, name, MAX_LABEL);
    if (is_label(name, strlen(name)))
        return NULL;
    return advise(llmd__error(LLMD_E_INVALID,
                              "%s \"%s\": must be lower case letters, digits and '-', and begin "
                              "and end with a letter or digit (RFC 1123 label)",
                              what, name),
                  name, MAX_LABEL);
}

/* As Kubernetes does, the parts are not held to 63. */
static bool is_subdomain(const char *name)
{
    for (;;) {
        size_t len = strcspn(name, ".");
        if (!is_label(name, len))
            return false;
        if (!name[len])
            return true;
        name += len + 1;
    }
}

llmd_error *llmd__name_check_subdomain(const char *what, const char *name)
{
    if (!name || !*name)
        return missing(what);
    if (strlen(name) > MAX_SUBDOMAIN)
        return too_long(what, name, MAX_SUBDOMAIN);
    if (is_subdomain(name))
        return NULL;
    return advise(llmd__error(LLMD_E_INVALID,
                              "%s \"%s\": must be lower case letters, digits, '-' and '.', and "
                              "each part begin and end with a letter or digit (RFC 1123 subdomain)",
                              what, name),
                  name, MAX_SUBDOMAIN);
}

/* Kubernetes' own, wider than POSIX: dots and dashes pass, a leading digit does not. */
llmd_error *llmd__name_check_env(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.";
    static const char digits[] = "0123456789";

    if (!name || !*name)
        return missing("environment variable");
    const char *at = name;
    while (*at && (strchr(letters, *at) || (at > name && strchr(digits, *at))))
        at++;
    bool dots = strcmp(name, ".") == 0 || strncmp(name, "..", 2) == 0;
    if (!*at && !dots)
        return NULL;
    return llmd__error(LLMD_E_INVALID,
                       "environment variable \"%.80s\": must be letters, digits, '_', '-' and '.', "
                       "and not begin with a digit or \"..\"",
                       name);
}
