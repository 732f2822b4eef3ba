/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/subject_token.h"

#include "auth/google_url.h"
#include "auth/secret.h"
#include "auth/token_request.h"

#include "base/file.h"

#include <string.h>

#define MAX_SUBJECT ((size_t)1 << 20)

static llmd_error *read_field(const struct json *format, const struct buf *text, const char *what,
                              struct buf *token)
{
    const char *name = llmd__json_str(format, "subject_token_field_name");
    AUTO(secret_json) struct json *answer = NULL;

    llmd_error *error = llmd__json_parse(llmd__buf_text(text), text->len, what, &answer);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    if (error) {
        llmd_error_free(error); /* it may quote the token */
        return llmd__error(LLMD_E_PROTOCOL, "%s: it is not JSON, as credential_source.format says",
                           what);
    }
    const struct json *field = llmd__json_member(answer, name);
    if (llmd__json_type(field) != JSON_STRING || !llmd__json_text(field)[0])
        return llmd__error(LLMD_E_PROTOCOL, "%s: it has no text under \"%s\"", what, name);
    llmd__buf_str(token, llmd__json_text(field));
    return llmd__buf_check(token);
}

llmd_error *llmd__subject_read(const struct google_file *file, const struct buf *text,
                               const char *what, struct buf *token)
{
    const struct json *format = llmd__json_member(file->credential_source, "format");

    if (strcmp(llmd__json_str(format, "type"), "json") == 0)
        return read_field(format, text, what, token);
    const char *all = llmd__buf_text(text);
    size_t end = text->len;
    while (end && strchr(" \t\r\n", all[end - 1]))
        end--;
    if (!end)
        return llmd__error(LLMD_E_PROTOCOL, "%s: it is empty, want a token", what);
    llmd__buf_add(token, all, end);
    return llmd__buf_check(token);
}

/* The file is replaced by whoever looks after it, so it is read each time. */
static llmd_error *get_from_file(llmd_context *ctx, void *data, struct buf *token)
{
    const struct google_file *file = data;
    const char *path = llmd__json_str(file->credential_source, "file");
    AUTO(buf) struct buf text = BUF_SECRET;

    (void)ctx;
    TRY(llmd__error_wrap(llmd__file_read(path, MAX_SUBJECT, &text), "subject token file"));
    return llmd__subject_read(file, &text, path, token);
}

llmd_error *llmd__subject_file_open(const struct google_file *file, struct subject_source *out)
{
    *out = (struct subject_source){get_from_file, NULL, (void *)(uintptr_t)file};
    return NULL;
}

struct url_source {
    const struct google_file *file;
    struct token_url url;
    char **headers; /* "Name: value", NULL-ended */
};

static void url_free(struct url_source *source)
{
    llmd__token_url_close(&source->url);
    for (char **header = source->headers; header && *header; header++)
        llmd__free_secret(*header);
    llmd__free(source->headers);
    llmd__free(source);
}

DEFINE_AUTO(url_source, struct url_source *, url_free)

static void release_url(void *data)
{
    url_free(data);
}

static llmd_error *get_from_url(llmd_context *ctx, void *data, struct buf *token)
{
    const struct url_source *source = data;
    const char *place = llmd__http_base_url(source->url.http);
    const struct token_request request = {.headers = (const char *const *)source->headers};
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;

    TRY(llmd__token_request(ctx, &source->url, &request, &reply));
    if (reply.status != 200)
        return llmd__error_set_http_status(
            llmd__error(reply.status < 500 ? LLMD_E_DENIED : LLMD_E_REMOTE,
                        "%s: asked for the subject token, it answered %d", place, reply.status),
            reply.status);
    return llmd__subject_read(source->file, &reply.body, place, token);
}

static llmd_error *set_headers(struct url_source *source, const struct json *headers)
{
    size_t count = 0;

    source->headers = llmd__calloc(llmd__json_count(headers) + 1, sizeof *source->headers);
    CHECK_MEMORY(source->headers);
    JSON_EACH(header, headers) {
        source->headers[count] =
            llmd__format("%s: %s", llmd__json_key(header), llmd__json_text(header));
        CHECK_MEMORY(source->headers[count++]);
    }
    return NULL;
}

llmd_error *llmd__subject_url_open(const struct google_file *file, struct subject_source *out)
{
    const char *url = llmd__json_str(file->credential_source, "url");
    AUTO(url_source) struct url_source *source = llmd__calloc(1, sizeof *source);

    CHECK_MEMORY(source);
    source->file = file;
    TRY(set_headers(source, llmd__json_member(file->credential_source, "headers")));
    TRY(llmd__error_wrap(llmd__token_url_open(url, NULL, llmd__url_is_local(url), &source->url),
                         "credential_source.url"));
    *out = (struct subject_source){get_from_url, release_url, TAKE(source)};
    return NULL;
}

llmd_error *llmd__subject_open(const struct google_file *file, struct subject_source *out)
{
    const struct json *source = file->credential_source;

    if (llmd__json_str(source, "environment_id")[0])
        return llmd__subject_aws_open(file, out);
    if (llmd__json_member(source, "executable"))
        return llmd__subject_executable_open(file, out);
    if (llmd__json_str(source, "file")[0])
        return llmd__subject_file_open(file, out);
    if (llmd__json_str(source, "url")[0])
        return llmd__subject_url_open(file, out);
    if (llmd__json_member(source, "certificate"))
        return llmd__error(LLMD_E_INVALID, "credential_source.certificate (X.509) is not supported;"
                                           " supported are file, url, executable and AWS");
    return llmd__error(LLMD_E_INVALID,
                       "credential_source has none of file, url, executable and environment_id");
}
