/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/token_request.h"

#include "auth/secret.h"
#include "auth/token_answer.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/url.h"

#include <stdatomic.h>
#include <string.h>

#define TRIES 3
#define TIMEOUT_MS 30000
#define MAX_ANSWER ((size_t)1 << 20)
/* A longer Retry-After is an outage that the caller must hear of. */
#define LONGEST_PAUSE_MS 30000

static atomic_int first_pause_ms = 1000;

void llmd__token_set_pause_ms(int ms)
{
    atomic_store(&first_pause_ms, ms);
}

void llmd__token_url_close(struct token_url *url)
{
    llmd__http_put(url->http);
    llmd__free(url->path);
    *url = (struct token_url){0};
}

static llmd_error *check_url(const char *text)
{
    struct url parsed = {0};

    TRY(llmd__url_parse(text, &parsed));
    llmd__url_free(&parsed);
    return NULL;
}

/* Where the host ends; the rest is not part of what errors and logs call the place. */
static size_t origin_length(const char *url)
{
    const char *host = strstr(url, "://");
    size_t begin = host ? (size_t)(host - url) + 3 : 0;

    return begin + strcspn(url + begin, "/?#");
}

llmd_error *llmd__token_url_open(const char *url, const struct http_auth *auth, bool direct,
                                 struct token_url *out)
{
    const struct http_auth none = {0};
    size_t length = origin_length(url);

    *out = (struct token_url){0};
    llmd_error *error = check_url(url);
    AUTO(str) char *origin = llmd__strndup(url, length);
    AUTO(str) char *path = llmd__format("%s%s", url[length] == '/' ? "" : "/", url + length);
    if (!error && (!origin || !path))
        error = NO_MEMORY;
    if (error) {
        if (auth && auth->free)
            auth->free(auth->data);
        return error;
    }
    const struct http_config config = {
        .base_url = origin, .proxy_url = direct ? "" : NULL, .auth = auth ? *auth : none};
    TRY(llmd__http_open(&config, &out->http));
    out->path = TAKE(path);
    return NULL;
}

void llmd__form_add(struct buf *form, const char *name, const char *value)
{
    if (!value || !value[0])
        return;
    if (form->len)
        llmd__buf_char(form, '&');
    llmd__buf_str(form, name);
    llmd__buf_char(form, '=');
    llmd__url_escape(form, value);
}

llmd_error *llmd__form_basic(const char *name, const char *password, char **out)
{
    AUTO(buf) struct buf header = BUF_SECRET;
    AUTO(secret) char *both = llmd__format("%s:%s", name, password);

    CHECK_MEMORY(both);
    llmd__buf_str(&header, "Authorization: Basic ");
    llmd__base64_encode(both, strlen(both), false, &header);
    return llmd__buf_take(&header, out);
}

static bool should_repeat(const struct token_request *request, const llmd_error *error,
                          const struct http_reply *reply)
{
    if (error)
        return llmd_error_retryable(error);
    return llmd__token_is_temporary(reply) || (request->repeat_404 && reply->status == 404);
}

/* One, two, four seconds, give or take a tenth: clients that failed together do not come back
   together. */
static int64_t pause_ms(int tries, const struct http_reply *reply)
{
    int64_t plain_ms = (int64_t)atomic_load(&first_pause_ms) << (tries - 1);
    int64_t ms = (int64_t)((double)plain_ms * (0.9 + 0.2 * llmd__http_random()));

    return reply->retry_after_ms > ms ? reply->retry_after_ms : ms;
}

/* A wait that the deadline would end is not begun: what the server said is worth more. */
static bool may_wait(llmd_context *ctx, int64_t ms)
{
    return ms <= LONGEST_PAUSE_MS && (!llmd__context_has_deadline(ctx) ||
                                      llmd__clock_mono_ms() + ms < llmd__context_deadline_ms(ctx));
}

static llmd_error *ask_once(llmd_context *ctx, const struct token_url *url,
                            const struct token_request *request, struct http_reply *reply)
{
    const char *type = request->type ? request->type : "application/x-www-form-urlencoded";
    int64_t timeout_ms = request->timeout_ms ? request->timeout_ms : TIMEOUT_MS;
    const struct http_request sent = {.method = request->method ? request->method
                                                                : (request->body ? "POST" : "GET"),
                                      .path = request->path ? request->path : url->path,
                                      .content_type = request->body ? type : NULL,
                                      .body = request->body,
                                      .body_len = request->body ? strlen(request->body) : 0,
                                      .no_retry = true,
                                      .max_body = MAX_ANSWER,
                                      .secret_answer = true,
                                      .first_byte_timeout_ms = timeout_ms,
                                      .idle_timeout_ms = timeout_ms,
                                      .headers = request->headers,
                                      .want_header = request->want_header};

    return llmd__http_send(ctx, url->http, &sent, reply);
}

/* A server that is silent is out of reach for every thread; TIMEOUT would say that this one's own
   time was up. */
static llmd_error *tell_silence(llmd_context *ctx, llmd_error *error)
{
    if (llmd_error_code(error) != LLMD_E_TIMEOUT)
        return error;
    llmd_error *ended = llmd__context_check(ctx);
    if (!ended)
        return llmd__error_set_code(error, LLMD_E_UNREACHABLE);
    llmd_error_free(ended);
    return error;
}

llmd_error *llmd__token_request(llmd_context *ctx, const struct token_url *url,
                                const struct token_request *request, struct http_reply *reply)
{
    int most = request->tries ? request->tries : TRIES;

    for (int tries = 1;; tries++) {
        llmd_error *error = ask_once(ctx, url, request, reply);
        if (tries >= most || !should_repeat(request, error, reply))
            return tell_silence(ctx, error);
        int64_t ms = pause_ms(tries, reply);
        if (!may_wait(ctx, ms))
            return tell_silence(ctx, error);
        llmd_error_free(error);
        llmd__http_reply_free(reply);
        *reply = HTTP_REPLY_INIT;
        TRY(llmd__context_sleep(ctx, ms));
    }
}

llmd_error *llmd__token_ask(llmd_context *ctx, const struct token_url *url,
                            const struct token_request *request, struct json **out)
{
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;

    *out = NULL;
    TRY(llmd__token_request(ctx, url, request, &reply));
    return llmd__error_wrap(llmd__token_answer(&reply, request->body, out), "%s",
                            llmd__http_base_url(url->http));
}

llmd_error *llmd__token_fetch(llmd_context *ctx, const struct token_url *url,
                              const struct token_request *request, struct access_token *out)
{
    AUTO(secret_json) struct json *answer = NULL;

    TRY(llmd__token_ask(ctx, url, request, &answer));
    return llmd__error_wrap(llmd__access_token_read(answer, llmd__clock_wall_ms(), out), "%s",
                            llmd__http_base_url(url->http));
}
