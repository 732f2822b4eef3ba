/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/credentials.h"

#include "base/file.h"
#include "base/ref.h"

#include <pthread.h>
#include <string.h>

#define MAX_TOKEN_FILE ((size_t)1 << 20)

struct llmd_credentials {
    struct ref ref;
    char *path;           /* NULL: a fixed token */
    pthread_mutex_t lock; /* token and stamp, when there is a path */
    char *token;
    uint64_t stamp; /* of the file that token was read from */
};

static llmd_credentials *credentials_get(const llmd_credentials *credentials)
{
    /* Handles are const for their users; the count is not part of what they see. */
    llmd_credentials *own = (llmd_credentials *)(uintptr_t)credentials;

    llmd__ref_get(&own->ref);
    return own;
}

void llmd_credentials_free(llmd_credentials *credentials)
{
    if (!credentials || !llmd__ref_put(&credentials->ref))
        return;
    llmd__free(credentials->path);
    llmd__free_secret(credentials->token);
    pthread_mutex_destroy(&credentials->lock);
    llmd__free(credentials);
}

/* What a header can carry, without saying what it is in the error. */
static llmd_error *check_token(const char *token, const char *what)
{
    if (!token[0])
        return llmd__error(LLMD_E_INVALID, "%s is empty", what);
    for (const char *at = token; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return llmd__error(LLMD_E_INVALID,
                               "%s has a space, a line break or a control character", what);
    return NULL;
}

static llmd_credentials *credentials_new(void)
{
    llmd_credentials *credentials = llmd__calloc(1, sizeof *credentials);

    if (!credentials)
        return NULL;
    llmd__ref_init(&credentials->ref);
    pthread_mutex_init(&credentials->lock, NULL);
    return credentials;
}

llmd_error *llmd_credentials_from_token(const char *token, llmd_credentials **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(token);
    TRY(check_token(token, "the token"));
    LLMD_AUTO(llmd_credentials) credentials = credentials_new();
    CHECK_MEMORY(credentials);
    credentials->token = llmd__strdup(token);
    CHECK_MEMORY(credentials->token);
    *out = TAKE(credentials);
    return NULL;
}

static void free_secret_buf(struct buf *buf)
{
    if (buf->data)
        llmd__wipe(buf->data, buf->cap);
    llmd__buf_free(buf);
}

/* A file written by an editor or a shell ends with a newline that is not part of the token. */
static char *trimmed(const char *text)
{
    size_t begin = strspn(text, " \t\r\n");
    size_t end = strlen(text);

    while (end > begin && strchr(" \t\r\n", text[end - 1]))
        end--;
    return llmd__strndup(text + begin, end - begin);
}

/* The stamp is taken before reading: a change in between is then seen at the next call. */
static llmd_error *read_token(llmd_credentials *credentials)
{
    __attribute__((cleanup(free_secret_buf))) struct buf text = BUF_INIT;
    uint64_t stamp = llmd__file_stamp(credentials->path);

    TRY(llmd__file_read(credentials->path, MAX_TOKEN_FILE, &text));
    AUTO(secret) char *token = trimmed(llmd__buf_text(&text));
    CHECK_MEMORY(token);
    AUTO(str) char *what = llmd__format("token file %s", credentials->path);
    CHECK_MEMORY(what);
    TRY(check_token(token, what));
    llmd__free_secret(credentials->token);
    credentials->token = TAKE(token);
    credentials->stamp = stamp;
    return NULL;
}

llmd_error *llmd_credentials_from_file(const char *path, llmd_credentials **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(path);
    LLMD_AUTO(llmd_credentials) credentials = credentials_new();
    CHECK_MEMORY(credentials);
    credentials->path = llmd__strdup(path);
    CHECK_MEMORY(credentials->path);
    TRY(read_token(credentials));
    *out = TAKE(credentials);
    return NULL;
}

/* A rotated token is swapped in by rename, but some writers truncate first: while the file cannot
   be read, or is empty, the token that worked goes on. */
static llmd_error *freshen(llmd_credentials *credentials, bool refresh)
{
    uint64_t stamp = llmd__file_stamp(credentials->path);

    if (!refresh && stamp == credentials->stamp)
        return NULL;
    llmd_error *error = read_token(credentials);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    llmd_error_free(error);
    return NULL;
}

static llmd_error *authorize(llmd_context *ctx, void *data, bool refresh, struct buf *header)
{
    llmd_credentials *credentials = data;
    llmd_error *error = NULL;

    (void)ctx;
    pthread_mutex_lock(&credentials->lock);
    if (credentials->path)
        error = freshen(credentials, refresh);
    if (!error) {
        llmd__buf_str(header, "Bearer ");
        llmd__buf_str(header, credentials->token);
    }
    pthread_mutex_unlock(&credentials->lock);
    return error ? error : llmd__buf_check(header);
}

static void release(void *data)
{
    llmd_credentials_free(data);
}

struct http_auth llmd__credentials_auth(const llmd_credentials *credentials)
{
    if (!credentials)
        return (struct http_auth){0};
    return (struct http_auth){authorize, release, credentials_get(credentials)};
}
