/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On AWS the subject token is a signed but unsent request "who am I?", which Google's token service
 * sends on. Keys come from the environment or from the instance's metadata server (IMDSv2).
 */
#include "auth/google_url.h"
#include "auth/secret.h"
#include "auth/sigv4.h"
#include "auth/subject_token.h"
#include "auth/token_request.h"

#include "base/clock.h"
#include "base/environment.h"
#include "base/url.h"

#include <string.h>

#define SESSION_TTL "X-aws-ec2-metadata-token-ttl-seconds: 300"
#define SESSION_HEADER "X-aws-ec2-metadata-token: "

struct aws {
    const struct google_file *file;
    struct token_url region, keys, session; /* closed: not in the file */
};

struct aws_keys {
    char *region;
    char *id;
    char *secret;
    char *session_token; /* NULL: none */
};

static void aws_free(struct aws *aws)
{
    llmd__token_url_close(&aws->region);
    llmd__token_url_close(&aws->keys);
    llmd__token_url_close(&aws->session);
    llmd__free(aws);
}

DEFINE_AUTO(aws, struct aws *, aws_free)

static void release(void *data)
{
    aws_free(data);
}

static void keys_free(struct aws_keys *keys)
{
    llmd__free(keys->region);
    llmd__free_secret(keys->id);
    llmd__free_secret(keys->secret);
    llmd__free_secret(keys->session_token);
}

static llmd_error *copy(const char *text, char **out)
{
    *out = llmd__strdup(text);
    return *out ? NULL : NO_MEMORY;
}

/* One line of the instance's metadata server. */
static llmd_error *ask(llmd_context *ctx, const struct token_url *url,
                       const struct token_request *request, const char *what, struct buf *out)
{
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;

    TRY(llmd__token_request(ctx, url, request, &reply));
    if (reply.status != 200)
        return llmd__error(LLMD_E_DENIED, "%s: asked for the %s, it answered %d",
                           llmd__http_base_url(url->http), what, reply.status);
    llmd__buf_add(out, reply.body.data, strcspn(llmd__buf_text(&reply.body), "\r\n"));
    return llmd__buf_check(out);
}

/* "X-aws-ec2-metadata-token: ..." for the questions that follow, or "". */
static llmd_error *open_session(llmd_context *ctx, const struct aws *aws, struct buf *header)
{
    const char *const ttl[] = {SESSION_TTL, NULL};
    const struct token_request request = {.method = "PUT", .headers = ttl};

    if (!aws->session.http)
        return NULL;
    llmd__buf_str(header, SESSION_HEADER);
    return ask(ctx, &aws->session, &request, "session token", header);
}

static llmd_error *find_region(llmd_context *ctx, const struct aws *aws, const char *const *headers,
                               struct aws_keys *keys)
{
    const char *region = llmd__environment("AWS_REGION");
    AUTO(buf) struct buf zone = BUF_INIT;
    const struct token_request request = {.headers = headers};

    if (!region)
        region = llmd__environment("AWS_DEFAULT_REGION");
    if (region)
        return copy(region, &keys->region);
    if (!aws->region.http)
        return llmd__error(LLMD_E_INVALID, "the AWS region is unknown: set AWS_REGION");
    TRY(ask(ctx, &aws->region, &request, "availability zone", &zone));
    /* "us-east-1b" is a zone of us-east-1. */
    keys->region = llmd__strndup(llmd__buf_text(&zone), zone.len ? zone.len - 1 : 0);
    return keys->region ? NULL : NO_MEMORY;
}

static llmd_error *read_keys(const struct buf *text, struct aws_keys *keys)
{
    AUTO(secret_json) struct json *answer = NULL;

    llmd_error *error = llmd__json_parse(llmd__buf_text(text), text->len, "keys", &answer);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    llmd_error_free(error); /* it may quote a key */
    const char *session_token = llmd__json_str(answer, "Token");
    if (!llmd__json_str(answer, "AccessKeyId")[0] || !llmd__json_str(answer, "SecretAccessKey")[0])
        return llmd__error(LLMD_E_PROTOCOL, "the metadata server of AWS gave no keys");
    TRY(copy(llmd__json_str(answer, "AccessKeyId"), &keys->id));
    TRY(copy(llmd__json_str(answer, "SecretAccessKey"), &keys->secret));
    return session_token[0] ? copy(session_token, &keys->session_token) : NULL;
}

static llmd_error *ask_keys(llmd_context *ctx, const struct aws *aws, const char *const *headers,
                            struct aws_keys *keys)
{
    AUTO(buf) struct buf role = BUF_INIT;
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    const struct token_request of_role = {.headers = headers};

    if (!aws->keys.http)
        return llmd__error(LLMD_E_INVALID, "there are no AWS keys: set AWS_ACCESS_KEY_ID and "
                                           "AWS_SECRET_ACCESS_KEY");
    TRY(ask(ctx, &aws->keys, &of_role, "role", &role));
    AUTO(buf) struct buf path = BUF_INIT;
    llmd__buf_format(&path, "%s/", aws->keys.path);
    llmd__url_escape(&path, llmd__buf_text(&role));
    TRY(llmd__buf_check(&path));
    const struct token_request request = {.headers = headers, .path = llmd__buf_text(&path)};
    TRY(llmd__token_request(ctx, &aws->keys, &request, &reply));
    if (reply.status != 200)
        return llmd__error(LLMD_E_DENIED,
                           "the metadata server of AWS answered %d to the question "
                           "for keys",
                           reply.status);
    return read_keys(&reply.body, keys);
}

static llmd_error *find_keys(llmd_context *ctx, const struct aws *aws, const char *const *headers,
                             struct aws_keys *keys)
{
    const char *id = llmd__environment("AWS_ACCESS_KEY_ID");
    const char *secret = llmd__environment("AWS_SECRET_ACCESS_KEY");
    const char *session_token = llmd__environment("AWS_SESSION_TOKEN");

    if (!id || !secret)
        return ask_keys(ctx, aws, headers, keys);
    TRY(copy(id, &keys->id));
    TRY(copy(secret, &keys->secret));
    return session_token ? copy(session_token, &keys->session_token) : NULL;
}

static bool needs_metadata(void)
{
    bool has_region = llmd__environment("AWS_REGION") || llmd__environment("AWS_DEFAULT_REGION");

    return !has_region || !llmd__environment("AWS_ACCESS_KEY_ID") ||
           !llmd__environment("AWS_SECRET_ACCESS_KEY");
}

static llmd_error *find_all(llmd_context *ctx, const struct aws *aws, struct aws_keys *keys)
{
    AUTO(buf) struct buf session = BUF_SECRET;

    if (needs_metadata())
        TRY(open_session(ctx, aws, &session));
    const char *const headers[] = {session.len ? llmd__buf_text(&session) : NULL, NULL};
    TRY(find_region(ctx, aws, headers, keys));
    /* It becomes part of a host name. */
    if (strspn(keys->region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(keys->region))
        return llmd__error(LLMD_E_PROTOCOL, "the AWS region is no region's name");
    return find_keys(ctx, aws, headers, keys);
}

/* "https://sts.{region}.amazonaws.com?Action=..." */
static llmd_error *regional_url(const struct aws *aws, const char *region, char **out)
{
    const char *template =
        llmd__json_str(aws->file->credential_source, "regional_cred_verification_url");
    const char *mark = strstr(template, "{region}");

    *out = mark ? llmd__format("%.*s%s%s", (int)(mark - template), template, region,
                               mark + strlen("{region}"))
                : llmd__strdup(template);
    return *out ? NULL : NO_MEMORY;
}

static void compact_date(char date[17])
{
    char text[32];
    size_t len = 0;

    llmd__clock_format(llmd__clock_wall_ms(), text);
    for (const char *at = text; *at && *at != '.' && len < 15; at++)
        if (*at != '-' && *at != ':')
            date[len++] = *at;
    date[len++] = 'Z';
    date[len] = '\0';
}

static llmd_error *print_request(const char *url, const char *authorization,
                                 const struct sigv4_header *headers, size_t count,
                                 struct buf *token)
{
    AUTO(secret_json) struct json *request = NULL;
    AUTO(secret) char *text = NULL;

    TRY(llmd__json_make(&request,
                        "{'url': %s, 'method': 'POST', 'headers': [{'key': "
                        "'Authorization', 'value': %s}]}",
                        url, authorization));
    struct json *list = llmd__json_edit(request, "headers");
    for (size_t i = 0; i < count; i++) {
        struct json *header = llmd__json_add_object(list);
        llmd__json_set_str(header, "key", headers[i].name);
        llmd__json_set_str(header, "value", headers[i].value);
    }
    TRY(llmd__json_print(request, &text));
    llmd__url_escape(token, text);
    return llmd__buf_check(token);
}

static void free_url(struct url *url)
{
    llmd__url_free(url);
}

static llmd_error *sign(const struct aws *aws, const struct aws_keys *keys, struct buf *token)
{
    __attribute__((cleanup(free_url))) struct url parsed = {0};
    AUTO(str) char *url = NULL;
    AUTO(buf) struct buf authorization = BUF_SECRET;
    char date[17];

    TRY(regional_url(aws, keys->region, &url));
    TRY(llmd__url_parse(url, &parsed));
    compact_date(date);
    struct sigv4_header headers[4] = {{"host", parsed.host}, {"x-amz-date", date}};
    size_t count = 2;
    if (keys->session_token)
        headers[count++] = (struct sigv4_header){"x-amz-security-token", keys->session_token};
    headers[count++] = (struct sigv4_header){"x-goog-cloud-target-resource", aws->file->audience};
    const struct sigv4_request request = {.method = "POST",
                                          .path = parsed.path,
                                          .query = parsed.query ? parsed.query : "",
                                          .headers = headers,
                                          .header_count = count,
                                          .body = "",
                                          .region = keys->region,
                                          .service = "sts",
                                          .date = date};
    TRY(llmd__sigv4_sign(&request, keys->id, keys->secret, &authorization));
    return print_request(url, llmd__buf_text(&authorization), headers, count, token);
}

static llmd_error *get(llmd_context *ctx, void *data, struct buf *token)
{
    const struct aws *aws = data;
    __attribute__((cleanup(keys_free))) struct aws_keys keys = {0};

    llmd_error *error = find_all(ctx, aws, &keys);
    if (!error)
        error = sign(aws, &keys, token);
    return llmd__error_wrap(error, "AWS");
}

static llmd_error *open_url(const struct aws *aws, const char *member, struct token_url *out)
{
    const char *url = llmd__json_str(aws->file->credential_source, member);

    if (!url[0])
        return NULL;
    TRY(llmd__url_check_link_local(url, member));
    return llmd__token_url_open(url, NULL, true, out);
}

llmd_error *llmd__subject_aws_open(const struct google_file *file, struct subject_source *out)
{
    const struct json *spec = file->credential_source;
    AUTO(aws) struct aws *aws = llmd__calloc(1, sizeof *aws);

    CHECK_MEMORY(aws);
    aws->file = file;
    if (strcmp(llmd__json_str(spec, "environment_id"), "aws1") != 0)
        return llmd__error(LLMD_E_INVALID,
                           "credential_source.environment_id: only aws1 is supported");
    AUTO(str) char *example = NULL;
    TRY(regional_url(aws, "us-east-1", &example));
    TRY(llmd__url_check_secure(example, "regional_cred_verification_url"));
    TRY(open_url(aws, "region_url", &aws->region));
    TRY(open_url(aws, "url", &aws->keys));
    TRY(open_url(aws, "imdsv2_session_token_url", &aws->session));
    *out = (struct subject_source){get, release, TAKE(aws)};
    return NULL;
}
