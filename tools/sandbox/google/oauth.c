/* SPDX-License-Identifier: Apache-2.0 */
/* Where tokens come from: the token endpoint, STS, impersonation. */
#include "sandbox/google/call.h"
#include "sandbox/google/tokens.h"
#include "sandbox/conn.h"
#include "base/base64.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The value of a form's field, decoded, for free(); "" when absent. */
static char *form_field(const struct api_call *call, const char *name)
{
    struct request form = {.query = (char *)call->request->body};
    char *value = request_query(&form, name);
    return value ? value : must_strndup("", 0);
}

static bool field_is(const struct api_call *call, const char *name, const char *want)
{
    char *value = form_field(call, name);
    bool same = strcmp(value, want) == 0;
    free(value);
    return same;
}

static struct json *oauth_error(struct api_call *call, const char *error, const char *description)
{
    call->status = strcmp(error, "invalid_client") == 0 ? 401 : 400;
    return MAKE("{'error':%s,'error_description':%s}", error, description);
}

static struct json *token_answer(struct api_call *call, const char *scope)
{
    AUTO(str) char *token = tokens_issue(call->google->tokens);
    return MAKE("{'access_token':%s,'expires_in':%d,'scope':%s,'token_type':'Bearer'}", token,
                tokens_seconds(call->google->tokens), scope);
}

static struct json *refresh(struct api_call *call)
{
    if (!field_is(call, "client_id", SANDBOX_CLIENT_ID) ||
        !field_is(call, "client_secret", SANDBOX_CLIENT_SECRET))
        return oauth_error(call, "invalid_client", "The OAuth client was not found.");
    if (!field_is(call, "refresh_token", SANDBOX_REFRESH_TOKEN) ||
        fault_on(call->google, "token-revoked", ""))
        return oauth_error(call, "invalid_grant", "Token has been expired or revoked.");
    return token_answer(call, "https://www.googleapis.com/auth/cloud-platform");
}

/* ---- service accounts: a signed assertion ---- */

/* JWTs have the alphabet of URLs and no padding. */
static llmd_error *decode_url(const char *start, size_t len, struct buf *out)
{
    AUTO(buf) struct buf text = BUF_INIT;
    for (size_t i = 0; i < len; i++)
        llmd__buf_char(&text, start[i] == '-' ? '+' : start[i] == '_' ? '/' : start[i]);
    while (text.len % 4)
        llmd__buf_char(&text, '=');
    return llmd__base64_decode(llmd__buf_text(&text), "assertion", out);
}

static struct json *jwt_part(const char *start, const char *end)
{
    AUTO(buf) struct buf raw = BUF_INIT;
    struct json *json = NULL;
    AUTO(error) llmd_error *bad = decode_url(start, (size_t)(end - start), &raw);
    if (bad)
        return NULL;
    AUTO(error) llmd_error *unread = llmd__json_parse(raw.data, raw.len, "assertion", &json);
    return unread ? NULL : json;
}

static const char *claims_fault(const struct api_call *call, const struct json *claims)
{
    int64_t now = llmd__clock_wall_ms() / 1000;
    int64_t issued = llmd__json_int(claims, "iat", 0);
    int64_t expires = llmd__json_int(claims, "exp", 0);
    AUTO(str) char *audience = llmd__format("%s/oauth2.googleapis.com/token", call->google->url);
    AUTO(str) char *short_audience = llmd__format("%s/token", call->google->url);
    const char *aud = llmd__json_str(claims, "aud");
    if (strcmp(aud, audience) != 0 && strcmp(aud, short_audience) != 0 &&
        strcmp(aud, "https://oauth2.googleapis.com/token") != 0)
        return "Invalid JWT: Failed audience check.";
    if (issued > now + 300 || issued < now - 3600 || expires - issued > 3600 || expires < now)
        return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
               "timeframe. Check your iat and exp values in the JWT claim.";
    if (strcmp(llmd__json_str(claims, "iss"), SANDBOX_SERVICE_ACCOUNT) != 0)
        return "Invalid grant: account not found";
    if (!*llmd__json_str(claims, "scope"))
        return "Invalid OAuth scope or ID token audience provided.";
    return NULL;
}

static const char *assertion_fault(const struct api_call *call, const char *assertion)
{
    const char *first = strchr(assertion, '.');
    const char *second = first ? strchr(first + 1, '.') : NULL;
    AUTO(buf) struct buf signature = BUF_INIT;
    if (!second)
        return "Bad Request";
    AUTO(json) struct json *header = jwt_part(assertion, first);
    AUTO(json) struct json *claims = jwt_part(first + 1, second);
    AUTO(error) llmd_error *bad = decode_url(second + 1, strlen(second + 1), &signature);
    if (bad || !header || !claims || strcmp(llmd__json_str(header, "alg"), "RS256") != 0)
        return "Bad Request";
    const char *fault = claims_fault(call, claims);
    if (fault)
        return fault;
    bool good = tokens_verify(call->google->tokens, assertion, (unsigned long)(second - assertion),
                              (const unsigned char *)signature.data, signature.len);
    return good ? NULL : "Invalid JWT Signature.";
}

static struct json *assertion(struct api_call *call)
{
    char *text = form_field(call, "assertion");
    const char *fault = assertion_fault(call, text);
    free(text);
    if (fault)
        return oauth_error(call, "invalid_grant", fault);
    AUTO(str) char *token = tokens_issue(call->google->tokens);
    return MAKE("{'access_token':%s,'expires_in':%d,'token_type':'Bearer'}", token,
                tokens_seconds(call->google->tokens));
}

struct json *oauth_serve(struct api_call *call)
{
    if (strcmp(call->method, "POST") != 0) {
        call->status = 404;
        return oauth_error(call, "invalid_request", "Bad Request");
    }
    if (fault_take(call->google, "token-failure", call->line, NULL)) {
        call->status = 503;
        return MAKE("{'error':'temporarily_unavailable'}");
    }
    if (field_is(call, "grant_type", "refresh_token"))
        return refresh(call);
    if (field_is(call, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"))
        return assertion(call);
    return oauth_error(call, "unsupported_grant_type", "Invalid grant_type.");
}

/* ---- workload identity federation ---- */

struct json *sts_serve(struct api_call *call)
{
    if (!field_is(call, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"))
        return oauth_error(call, "unsupported_grant_type", "Invalid grant_type.");
    if (field_is(call, "subject_token", "") || field_is(call, "audience", ""))
        return oauth_error(call, "invalid_request", "Invalid value for \"subject_token\".");
    AUTO(str) char *token = tokens_issue(call->google->tokens);
    return MAKE("{'access_token':%s,'issued_token_type':"
                "'urn:ietf:params:oauth:token-type:access_token','token_type':'Bearer',"
                "'expires_in':%d}",
                token, tokens_seconds(call->google->tokens));
}

static struct json *generate_access_token(struct api_call *call)
{
    char expires[40];
    struct tm parts;
    time_t then = time(NULL) + tokens_seconds(call->google->tokens);
    if (llmd__json_count(llmd__json_get(call->body, "scope")) == 0)
        return api_invalid(call, "Request contains an invalid argument.");
    gmtime_r(&then, &parts);
    strftime(expires, sizeof(expires), "%Y-%m-%dT%H:%M:%SZ", &parts);
    AUTO(str) char *token = tokens_issue(call->google->tokens);
    return MAKE("{'accessToken':%s,'expireTime':%s}", token, expires);
}

struct json *credentials_serve(struct api_call *call)
{
    static const struct api_route routes[] = {
        {"POST", "projects/*/serviceAccounts/*:generateAccessToken", generate_access_token},
    };
    return DISPATCH(call, routes);
}
