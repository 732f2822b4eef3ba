/* SPDX-License-Identifier: Apache-2.0 */
/* A token that somebody else looks after: as a text, or in a file that he replaces. */
#include "auth/credentials.h"
#include "auth/secret.h"

#include "base/file.h"

#include <pthread.h>
#include <string.h>

#define MAX_TOKEN_FILE ((size_t)1 << 20)

struct given_token {
    char *path;           /* NULL: a fixed token */
    pthread_mutex_t lock; /* token and stamp, when there is a path */
    char *token;
    uint64_t stamp; /* of the file that token was read from */
};

static void given_free(struct given_token *given)
{
    llmd__free(given->path);
    llmd__free_secret(given->token);
    pthread_mutex_destroy(&given->lock);
    llmd__free(given);
}

DEFINE_AUTO(given, struct given_token *, given_free)

static struct given_token *given_new(void)
{
    struct given_token *given = llmd__calloc(1, sizeof *given);

    if (given)
        pthread_mutex_init(&given->lock, NULL);
    return given;
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
static llmd_error *read_token(struct given_token *given)
{
    AUTO(buf) struct buf text = BUF_SECRET;
    uint64_t stamp = llmd__file_stamp(given->path);

    TRY(llmd__file_read(given->path, MAX_TOKEN_FILE, &text));
    AUTO(secret) char *token = trimmed(llmd__buf_text(&text));
    CHECK_MEMORY(token);
    AUTO(str) char *what = llmd__format("token file %s", given->path);
    CHECK_MEMORY(what);
    TRY(llmd__secret_check_token(token, what));
    llmd__free_secret(given->token);
    given->token = TAKE(token);
    given->stamp = stamp;
    return NULL;
}

/* A rotated token is swapped in by rename, but some writers truncate first: while the file cannot
   be read, or is empty, the token that worked goes on. */
static llmd_error *freshen(struct given_token *given, bool refresh)
{
    uint64_t stamp = llmd__file_stamp(given->path);

    if (!refresh && stamp == given->stamp)
        return NULL;
    llmd_error *error = read_token(given);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    llmd_error_free(error);
    return NULL;
}

static llmd_error *authorize(llmd_context *ctx, void *data, bool refresh, struct buf *header)
{
    struct given_token *given = data;
    llmd_error *error = NULL;

    (void)ctx;
    pthread_mutex_lock(&given->lock);
    if (given->path)
        error = freshen(given, refresh);
    if (!error) {
        llmd__buf_str(header, "Bearer ");
        llmd__buf_str(header, given->token);
    }
    pthread_mutex_unlock(&given->lock);
    return error ? error : llmd__buf_check(header);
}

static void release(void *data)
{
    given_free(data);
}

static llmd_error *hand_out(struct given_token *given, const struct credentials_about *about,
                            llmd_credentials **out)
{
    const struct http_auth auth = {authorize, release, given};

    return llmd__credentials_new(&auth, about, out);
}

llmd_error *llmd__credentials_token(const char *token, const char *source, llmd_credentials **out)
{
    const struct credentials_about about = {.kind = "token", .source = source};

    *out = NULL;
    TRY(llmd__secret_check_token(token, source ? source : "the token"));
    AUTO(given) struct given_token *given = given_new();
    CHECK_MEMORY(given);
    given->token = llmd__strdup(token);
    CHECK_MEMORY(given->token);
    return hand_out(TAKE(given), &about, out);
}

llmd_error *llmd__credentials_file(const char *path, const char *source, llmd_credentials **out)
{
    const struct credentials_about about = {.kind = "file", .source = source ? source : path};

    *out = NULL;
    AUTO(given) struct given_token *given = given_new();
    CHECK_MEMORY(given);
    given->path = llmd__strdup(path);
    CHECK_MEMORY(given->path);
    TRY(read_token(given));
    return hand_out(TAKE(given), &about, out);
}

llmd_error *llmd_credentials_from_token(const char *token, llmd_credentials **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(token);
    return llmd__credentials_token(token, NULL, out);
}

llmd_error *llmd_credentials_from_file(const char *path, llmd_credentials **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(path);
    return llmd__credentials_file(path, NULL, out);
}
