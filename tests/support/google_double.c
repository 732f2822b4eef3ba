/* SPDX-License-Identifier: Apache-2.0 */
#include "support/google_double.h"

#include "support/key.h"

#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define CLOUD_SCOPE "https://www.googleapis.com/auth/cloud-platform"

static char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text_of(const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    return text;
}

static int hex(char c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static char *unescaped(const char *text, size_t len)
{
    char *out = calloc(len + 1, 1);
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        bool coded = text[i] == '%' && i + 2 < len;
        out[count++] = (char)(coded ? hex(text[i + 1]) * 16 + hex(text[i + 2]) : text[i]);
        i += coded ? 2 : 0;
    }
    return out;
}

/* A form's field; "" when it is not there. */
static char *field(const struct request *request, const char *name)
{
    size_t name_len = strlen(name);

    for (const char *at = request->body; *at; at += strcspn(at, "&"), at += *at == '&') {
        size_t len = strcspn(at, "&");
        if (len > name_len && strncmp(at, name, name_len) == 0 && at[name_len] == '=')
            return unescaped(at + name_len + 1, len - name_len - 1);
    }
    return strdup("");
}

static bool field_is(const struct request *request, const char *name, const char *want)
{
    char *have = field(request, name);
    bool same = strcmp(have, want) == 0;

    free(have);
    return same;
}

static void refuse(struct conn *conn, const char *word, const char *description)
{
    char *text = text_of("{\"error\":\"%s\",\"error_description\":\"%s\"}", word, description);

    reply_json(conn, 400, text);
    free(text);
}

static void refuse_as_google(struct conn *conn, int status, const char *message)
{
    char *text = text_of("{\"error\":{\"code\":%d,\"message\":\"%s\",\"status\":\"%s\"}}", status,
                         message, status == 401 ? "UNAUTHENTICATED" : "PERMISSION_DENIED");

    reply_json(conn, status, text);
    free(text);
}

static void give(struct conn *conn, struct google_double *google)
{
    const char *quote = google->as_text ? "\"" : "";
    const char *rotated = google->rotates ? ",\"refresh_token\":\"" REFRESH_TOKEN "2\"" : "";

    if (google->answer_ms)
        conn_wait(conn, google->answer_ms);
    unsigned number = atomic_fetch_add(&google->issued, 1) + 1;
    char *text =
        text_of("{\"access_token\":\"" TOKEN_PREFIX "%u\",\"expires_in\":%s%d%s,"
                "\"token_type\":\"Bearer\"%s}",
                number, quote, google->expires_in ? google->expires_in : 3600, quote, rotated);
    reply_json(conn, 200, text);
    free(text);
}

/* base64url without padding; for free(). */
static unsigned char *decoded(const char *text, size_t len, size_t *size)
{
    size_t padded = (len + 3) / 4 * 4;
    unsigned char *standard = calloc(padded + 1, 1);
    unsigned char *out = calloc(padded + 1, 1);

    memset(standard, '=', padded);
    for (size_t i = 0; i < len; i++)
        standard[i] = (unsigned char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
    int got = EVP_DecodeBlock(out, standard, (int)padded);
    *size = got > 0 ? (size_t)got - (padded - len) : 0;
    out[*size] = '\0';
    free(standard);
    return out;
}

static long number_in(const char *json, const char *key)
{
    const char *at = strstr(json, key);

    return at ? strtol(at + strlen(key), NULL, 10) : 0;
}

/* As Google words it. NULL: it is good. */
static const char *wrong_claims(const struct google_double *google, const char *claims)
{
    char *audience = text_of("\"aud\":\"%s/token\"", server_url(google->server));
    bool fits = strstr(claims, audience) != NULL;
    long issued = number_in(claims, "\"iat\":");
    long expires = number_in(claims, "\"exp\":");
    long now = (long)time(NULL);

    free(audience);
    if (!fits)
        return "Invalid JWT: Failed audience check.";
    /* The server's clock is five seconds behind. */
    if (issued > now - 5 || issued < now - 300 || expires - issued > 3600 || expires <= now)
        return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
               "timeframe. Check your iat and exp values in the JWT claim.";
    if (!strstr(claims, "\"iss\":\"" ACCOUNT "\""))
        return "Invalid grant: account not found";
    return strstr(claims, CLOUD_SCOPE) ? NULL : "Invalid OAuth scope or ID token audience";
}

static const char *wrong_assertion(const struct google_double *google, const char *assertion)
{
    const char *first = strchr(assertion, '.');
    const char *last = strrchr(assertion, '.');
    size_t claims_size, signature_size;

    if (!first || first == last)
        return "Invalid JWT";
    unsigned char *claims = decoded(first + 1, (size_t)(last - first - 1), &claims_size);
    unsigned char *signature = decoded(last + 1, strlen(last + 1), &signature_size);
    const char *wrong = wrong_claims(google, (const char *)claims);
    if (!key_signed(google->key, assertion, (size_t)(last - assertion), signature, signature_size))
        wrong = "Invalid JWT Signature.";
    free(claims);
    free(signature);
    return wrong;
}

static void by_assertion(struct conn *conn, const struct request *request,
                         struct google_double *google)
{
    char *assertion = field(request, "assertion");
    const char *wrong = wrong_assertion(google, assertion);

    free(assertion);
    if (wrong)
        refuse(conn, "invalid_grant", wrong);
    else
        give(conn, google);
}

static void by_refresh_token(struct conn *conn, const struct request *request,
                             struct google_double *google)
{
    const char *basic = request_header(request, "authorization");
    /* "client:GOCSPX-client-secret" */
    bool is_client = basic ? strcmp(basic, "Basic Y2xpZW50OkdPQ1NQWC1jbGllbnQtc2VjcmV0") == 0
                           : field_is(request, "client_id", "client") &&
                                 field_is(request, "client_secret", CLIENT_SECRET);
    bool again = google->rotates && atomic_load(&google->issued) > 0;

    if (!is_client)
        refuse(conn, "invalid_client", "The OAuth client was not found.");
    else if (!field_is(request, "refresh_token", again ? REFRESH_TOKEN "2" : REFRESH_TOKEN))
        refuse(conn, "invalid_grant", "Token has been expired or revoked.");
    else
        give(conn, google);
}

static void token_endpoint(struct conn *conn, const struct request *request, void *data)
{
    if (field_is(request, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"))
        by_assertion(conn, request, data);
    else if (field_is(request, "grant_type", "refresh_token"))
        by_refresh_token(conn, request, data);
    else
        refuse(conn, "unsupported_grant_type", "Invalid grant_type");
}

static void token_service(struct conn *conn, const struct request *request, void *data)
{
    struct google_double *google = data;
    bool is_exchange =
        field_is(request, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange") &&
        field_is(request, "requested_token_type", "urn:ietf:params:oauth:token-type:access_token");
    bool is_ours = field_is(request, "audience", AUDIENCE) ||
                   (field_is(request, "audience", WORKFORCE) &&
                    field_is(request, "options", "{\"userProject\":\"payer\"}"));
    bool is_aws =
        field_is(request, "subject_token_type", "urn:ietf:params:aws:token-type:aws4_request");

    free(google->seen_subject);
    google->seen_subject = field(request, "subject_token");
    if (!is_exchange || !is_ours)
        refuse(conn, "invalid_request", "Invalid value for audience.");
    else if (!is_aws && strcmp(google->seen_subject, SUBJECT_TOKEN) != 0)
        refuse(conn, "invalid_grant", "The subject token is not valid.");
    else
        give(conn, google);
}

static void iam_credentials(struct conn *conn, const struct request *request, void *data)
{
    struct google_double *google = data;
    const char *caller = request_header(request, "authorization");
    char expires[32];
    time_t end = time(NULL) + (google->expires_in ? google->expires_in : 3600);
    struct tm parts;

    if (!caller || strncmp(caller, "Bearer " TOKEN_PREFIX, 7 + strlen(TOKEN_PREFIX)) != 0) {
        refuse_as_google(conn, 401, "Request had invalid authentication credentials.");
        return;
    }
    if (!strstr(request->body, "\"scope\":[\"" CLOUD_SCOPE "\"") ||
        !strstr(request->body, "\"lifetime\":\"") || !strstr(request->path, ACCOUNT)) {
        refuse_as_google(conn, 403,
                         "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or "
                         "it may not exist).");
        return;
    }
    gmtime_r(&end, &parts);
    strftime(expires, sizeof expires, "%Y-%m-%dT%H:%M:%S", &parts);
    unsigned number = atomic_fetch_add(&google->issued, 1) + 1;
    char *text =
        text_of("{\"accessToken\":\"" TOKEN_PREFIX "%u\",\"expireTime\":\"%s.123456789Z\"}", number,
                expires);
    reply_json(conn, 200, text);
    free(text);
}

static void metadata(struct conn *conn, const struct request *request, void *data)
{
    static const struct {
        const char *path;
        const char *text;
    } rows[] = {
        {"/computeMetadata/v1/project/project-id", "acme"},
        {"/computeMetadata/v1/instance/service-accounts/default/email", ACCOUNT "\n"},
    };
    const char *flavor = request_header(request, "metadata-flavor");

    reply_header(conn, "Metadata-Flavor", "Google");
    if (!flavor || strcmp(flavor, "Google") != 0 || request_header(request, "x-forwarded-for")) {
        reply_text(conn, 403, "text/plain", "Missing Metadata-Flavor:Google header.");
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(request->path, rows[i].path) == 0) {
            reply_text(conn, 200, "application/text", rows[i].text);
            return;
        }
    if (strstr(request->path, "/default/token") && strstr(request->query, "cloud-platform"))
        give(conn, data);
    else
        reply_text(conn, 404, "text/html", "<html>not found</html>");
}

static void aws(struct conn *conn, const struct request *request, void *data)
{
    const char *session = request_header(request, "x-aws-ec2-metadata-token");
    bool is_put = strcmp(request->method, "PUT") == 0;

    (void)data;
    if (is_put && request_header(request, "x-aws-ec2-metadata-token-ttl-seconds"))
        reply_text(conn, 200, "text/plain", "session-1");
    else if (!session || strcmp(session, "session-1") != 0)
        reply_text(conn, 401, "text/plain", "Unauthorized");
    else if (strcmp(request->path, "/aws/zone") == 0)
        reply_text(conn, 200, "text/plain", "eu-west-3b");
    else if (strcmp(request->path, "/aws/keys") == 0)
        reply_text(conn, 200, "text/plain", "role");
    else if (strcmp(request->path, "/aws/keys/role") == 0)
        reply_json(conn, 200,
                   "{\"Code\":\"Success\",\"AccessKeyId\":\"AKIDEXAMPLE\","
                   "\"SecretAccessKey\":\"" AWS_SECRET "\",\"Token\":\"session/2\"}");
    else
        reply_text(conn, 404, "text/plain", "not found");
}

static char *escaped_pem(EVP_PKEY *key)
{
    char *pem = key_pem(key, NULL);
    char *out = calloc(2 * strlen(pem) + 1, 1);
    size_t len = 0;

    for (const char *at = pem; *at; at++) {
        if (*at == '\n')
            out[len++] = '\\';
        out[len++] = *at == '\n' ? 'n' : *at;
    }
    free(pem);
    return out;
}

void google_double_start(struct google_double *google)
{
    *google = (struct google_double){.server = server_start(NULL, NULL), .key = EVP_RSA_gen(2048)};
    google->pem = escaped_pem(google->key);
    server_on(google->server, "POST", "/token", token_endpoint, google);
    server_on(google->server, "POST", "/sts", token_service, google);
    server_on(google->server, "POST", "/v1/projects/-/serviceAccounts/*", iam_credentials, google);
    server_on(google->server, "GET", "/computeMetadata/*", metadata, google);
    server_on(google->server, NULL, "/aws/*", aws, google);
}

void google_double_stop(struct google_double *google)
{
    server_stop(google->server);
    EVP_PKEY_free(google->key);
    free(google->pem);
    free(google->seen_subject);
}

char *google_double_service_account(const struct google_double *google, const char *extra)
{
    return text_of("{\"type\":\"service_account\",\"client_email\":\"" ACCOUNT "\","
                   "\"private_key_id\":\"k1\",\"private_key\":\"%s\",\"project_id\":\"acme\","
                   "\"auth_uri\":\"https://accounts.google.com/o/oauth2/auth\","
                   "\"token_uri\":\"%s/token\"%s}",
                   google->pem, server_url(google->server), extra);
}

char *google_double_user(const struct google_double *google, const char *extra)
{
    return text_of("{\"type\":\"authorized_user\",\"account\":\"\",\"client_id\":\"client\","
                   "\"client_secret\":\"" CLIENT_SECRET "\",\"refresh_token\":\"" REFRESH_TOKEN
                   "\",\"token_uri\":\"%s/token\"%s}",
                   server_url(google->server), extra);
}

char *google_double_external(const struct google_double *google, const char *source,
                             bool impersonate)
{
    bool is_aws = strstr(source, "aws1") != NULL;
    char *url = text_of(",\"service_account_impersonation_url\":"
                        "\"%s/v1/projects/-/serviceAccounts/" ACCOUNT ":generateAccessToken\"",
                        server_url(google->server));
    char *text = text_of("{\"type\":\"external_account\",\"audience\":\"" AUDIENCE "\","
                         "\"subject_token_type\":\"urn:ietf:params:%s\","
                         "\"token_url\":\"%s/sts\",\"credential_source\":%s%s}",
                         is_aws ? "aws:token-type:aws4_request" : "oauth:token-type:jwt",
                         server_url(google->server), source, impersonate ? url : "");

    free(url);
    return text;
}

char *google_double_impersonated(const struct google_double *google, const char *source)
{
    return text_of("{\"type\":\"impersonated_service_account\",\"delegates\":[\"d@acme\"],"
                   "\"service_account_impersonation_url\":"
                   "\"%s/v1/projects/-/serviceAccounts/" ACCOUNT ":generateAccessToken\","
                   "\"source_credentials\":%s}",
                   server_url(google->server), source);
}
