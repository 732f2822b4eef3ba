/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libllmd connects to, by RFC 3986 but narrower: http and https only, no user info (it would
 * end up in logs and errors), nothing that could split a request line. libcurl parses the URL again
 * when it connects; this parser is what says "no" in good time and in our words.
 */
#include "base/url.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A URL with one of these may hold a password or a token: the error does not show it. */
static llmd_error *refuse(const char *text, const char *why)
{
    if (strpbrk(text, "@?#"))
        return llmd__error(LLMD_E_INVALID, "URL: %s", why);
    return llmd__error(LLMD_E_INVALID, "URL \"%.200s\": %s", text, why);
}

static bool has_blank_or_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text <= 0x20 || *text == 0x7F)
            return true;
    }
    return false;
}

static llmd_error *keep(char **slot, const char *text, size_t len)
{
    *slot = llmd__strndup(text, len);
    CHECK_MEMORY(*slot);
    return NULL;
}

static llmd_error *parse_scheme(const char *text, struct url *url, const char **rest)
{
    if (strncasecmp(text, "https://", 8) == 0) {
        *rest = text + 8;
        url->port = 443;
        return keep(&url->scheme, "https", 5);
    }
    if (strncasecmp(text, "http://", 7) == 0) {
        *rest = text + 7;
        url->port = 80;
        return keep(&url->scheme, "http", 4);
    }
    return refuse(text, "must begin with http:// or https://");
}

/* ":8443" up to the end of the authority; an empty port is the scheme's (RFC 3986 3.2.3). */
static bool parse_port(const char *at, const char *end, int *port)
{
    int value = 0;

    if (at == end)
        return true;
    if (*at++ != ':')
        return false;
    if (at == end)
        return true;
    for (; at < end; at++) {
        if (!isdigit((unsigned char)*at) || value > 65535)
            return false;
        value = value * 10 + (*at - '0');
    }
    *port = value;
    return value >= 1 && value <= 65535;
}

static bool is_host_char(char c)
{
    return isalnum((unsigned char)c) || strchr("-._~", c) || (unsigned char)c >= 0x80;
}

static bool is_host(const char *at, const char *end)
{
    while (at < end && is_host_char(*at))
        at++;
    return at == end;
}

static llmd_error *parse_host(const char *text, const char *at, const char *end, struct url *url)
{
    const char *close = *at == '[' ? memchr(at, ']', (size_t)(end - at)) : NULL;
    const char *host = close ? at + 1 : at;
    const char *colon = memchr(at, ':', (size_t)(end - at));
    const char *host_end = close ? close : colon ? colon : end;

    if (memchr(at, '@', (size_t)(end - at)))
        return refuse(text, "must not carry a user or password; use credentials");
    if (host == host_end)
        return refuse(text, "has no host");
    bool literal = close && strspn(host, "0123456789abcdefABCDEF:.") >= (size_t)(close - host);
    if (!literal && (*at == '[' || !is_host(host, host_end)))
        return refuse(text, "has a host with characters that cannot stand there");
    if (!parse_port(close ? close + 1 : host_end, end, &url->port))
        return refuse(text, "has a port that is not 1 to 65535");
    return keep(&url->host, host, (size_t)(host_end - host));
}

static llmd_error *parse_path(const char *at, struct url *url)
{
    size_t len = strcspn(at, "?#");
    const char *query = at + len;

    if (*query == '?')
        TRY(keep(&url->query, query + 1, strcspn(query + 1, "#")));
    while (len > 0 && at[len - 1] == '/')
        len--;
    return len ? keep(&url->path, at, len) : keep(&url->path, "/", 1);
}

static llmd_error *parse(const char *text, struct url *url)
{
    const char *at = text;

    if (has_blank_or_control(text))
        return refuse("?", "holds blanks or control characters");
    TRY(parse_scheme(text, url, &at));
    const char *end = at + strcspn(at, "/?#");
    TRY(parse_host(text, at, end, url));
    return parse_path(end, url);
}

llmd_error *llmd__url_parse(const char *text, struct url *out)
{
    memset(out, 0, sizeof(*out));
    if (!text || !*text)
        return llmd__error(LLMD_E_INVALID, "URL: missing");
    llmd_error *error = parse(text, out);
    if (error)
        llmd__url_free(out);
    return error;
}

void llmd__url_free(struct url *url)
{
    llmd__free(url->scheme);
    llmd__free(url->host);
    llmd__free(url->path);
    llmd__free(url->query);
    memset(url, 0, sizeof(*url));
}

/* RFC 3986 2.3: all but the unreserved characters. */
void llmd__url_escape(struct buf *buf, const char *text)
{
    for (; text && *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
            llmd__buf_char(buf, (char)c);
        else
            llmd__buf_format(buf, "%%%02X", c);
    }
}
