/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/google_url.h"

#include "base/url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void free_url(struct url *url)
{
    llmd__url_free(url);
}

#define URL __attribute__((cleanup(free_url))) struct url

static bool is_loopback(const struct url *url)
{
    return strcmp(url->host, "127.0.0.1") == 0 || strcmp(url->host, "::1") == 0 ||
           strcasecmp(url->host, "localhost") == 0;
}

static bool is_allowed_loopback(const struct url *url)
{
    const char *allowed = getenv("LLMD_ALLOW_LOOPBACK_TOKEN_URLS");

    return allowed && strcmp(allowed, "1") == 0 && is_loopback(url);
}

static bool is_https(const struct url *url)
{
    return strcmp(url->scheme, "https") == 0;
}

static bool is_under(const char *host, const char *domain)
{
    size_t host_len = strlen(host);
    size_t len = strlen(domain);

    return len && host_len > len + 1 && host[host_len - len - 1] == '.' &&
           strcasecmp(host + host_len - len, domain) == 0;
}

static llmd_error *parse(const char *text, const char *what, struct url *out)
{
    return llmd__error_wrap(llmd__url_parse(text, out), "%s", what);
}

bool llmd__url_is_local(const char *text)
{
    URL url = {0};

    llmd_error *error = llmd__url_parse(text, &url);
    llmd_error_free(error);
    return !error && (is_loopback(&url) || strncmp(url.host, "169.254.", 8) == 0);
}

llmd_error *llmd__url_check_secure(const char *text, const char *what)
{
    URL url = {0};

    TRY(parse(text, what, &url));
    if (is_https(&url) || is_loopback(&url))
        return NULL;
    return llmd__error(LLMD_E_INVALID, "%s: it must be https, or secrets would go in clear", what);
}

llmd_error *llmd__url_check_google(const char *text, const char *what)
{
    const char *universe = getenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN");
    URL url = {0};

    TRY(parse(text, what, &url));
    if (is_allowed_loopback(&url))
        return NULL;
    if (is_https(&url) &&
        (is_under(url.host, "googleapis.com") || (universe && is_under(url.host, universe))))
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID,
                    "%s: %s://%s is no https host of googleapis.com, so it gets no "
                    "token",
                    what, url.scheme, url.host),
        "do not use credentials files of unknown origin; for another universe set "
        "GOOGLE_CLOUD_UNIVERSE_DOMAIN");
}

llmd_error *llmd__url_check_link_local(const char *text, const char *what)
{
    URL url = {0};

    TRY(parse(text, what, &url));
    if (is_allowed_loopback(&url) || strcmp(url.host, "169.254.169.254") == 0 ||
        strcasecmp(url.host, "fd00:ec2::254") == 0)
        return NULL;
    return llmd__error(LLMD_E_INVALID, "%s: %s is not the address of the metadata server of AWS",
                       what, url.host);
}
