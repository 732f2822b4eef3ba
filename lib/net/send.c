/* SPDX-License-Identifier: Apache-2.0 */
#include "net/send.h"

#include "net/fault.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

void llmd__http_reply_free(struct http_reply *reply)
{
    llmd__buf_free(&reply->body);
}

static void remember(struct attempt *attempt, const llmd_error *error)
{
    if (error)
        snprintf(attempt->last, sizeof attempt->last, "%s", llmd_error_message(error));
    else
        snprintf(attempt->last, sizeof attempt->last, "status %d", attempt->reply->status);
}

/* The credentials may be stale: asked once whether they have something newer. */
static bool refresh(struct attempt *attempt, llmd_error **error)
{
    bool changed = false;

    if (attempt->refreshed || *error || attempt->reply->status != 401)
        return false;
    attempt->refreshed = true;
    *error = llmd__http_refresh(attempt->ctx, attempt->http, &changed);
    return changed && !*error;
}

static bool may_repeat(const struct attempt *attempt)
{
    bool has_deadline = llmd__context_has_deadline(attempt->ctx);

    return !attempt->ended && !attempt->request->no_retry &&
           llmd__retry_allowed(attempt->class, attempt->request->idempotent) &&
           attempt->tries <
               llmd__retry_tries(attempt->class, llmd__http_heard(attempt->http), has_deadline);
}

/* Sleeps before the next try. A wait that the deadline would end is not begun: what the server said
   is worth more than "timeout". */
static bool pause_before_next(struct attempt *attempt, llmd_error **error)
{
    int64_t ms = llmd__retry_delay_ms(attempt->tries - 1, attempt->reply->retry_after_ms,
                                      llmd__http_random());

    if (llmd__context_has_deadline(attempt->ctx) &&
        llmd__clock_mono_ms() + ms >= llmd__context_deadline_ms(attempt->ctx))
        return false;
    remember(attempt, *error);
    if (llmd__log_on("http"))
        llmd__log(LLMD_LEVEL_DEBUG, "http", "%s: again in %d ms", attempt->last, (int)ms);
    llmd_error *ended = llmd__context_sleep(attempt->ctx, ms);
    if (!ended)
        return true;
    llmd_error_free(*error);
    *error = llmd__error_wrap(ended, "%s %s: waited to try again; the last try: %s",
                              attempt->request->method, llmd__http_base_url(attempt->http),
                              attempt->last);
    return false;
}

static llmd_error *tell_last(const struct attempt *attempt, llmd_error *error)
{
    if (!error || !attempt->ended || !attempt->last[0])
        return error;
    return llmd__error_wrap(error, "the try before: %s; then", attempt->last);
}

llmd_error *llmd__attempt_run(struct attempt *attempt,
                              llmd_error *(*once)(struct attempt *attempt, void *data), void *data)
{
    for (;;) {
        llmd__http_reply_free(attempt->reply);
        *attempt->reply = HTTP_REPLY_INIT;
        attempt->class = RETRY_NEVER;
        attempt->tries++;
        llmd_error *error = once(attempt, data);
        bool again =
            refresh(attempt, &error) || (may_repeat(attempt) && pause_before_next(attempt, &error));
        if (!again)
            return tell_last(attempt, error);
        llmd_error_free(error);
    }
}

static llmd_error *finish(struct attempt *attempt, struct exchange *exchange)
{
    llmd_error *error = llmd__exchange_result(exchange, &attempt->class);

    if (error)
        return error;
    *attempt->reply = exchange->reply;
    exchange->reply.body = BUF_INIT;
    return NULL;
}

static llmd_error *run(struct attempt *attempt, struct worker *worker, struct exchange *exchange)
{
    TRY(llmd__worker_attach(worker, exchange));
    llmd_error *error = llmd__worker_drive(attempt->ctx, worker, exchange, NULL);
    llmd__worker_detach(worker, exchange);
    attempt->ended = error != NULL;
    return error ? error : finish(attempt, exchange);
}

static llmd_error *send_once(struct attempt *attempt, void *data)
{
    AUTO(exchange) struct exchange *exchange = NULL;
    struct worker *worker;

    (void)data;
    TRY(llmd__exchange_open(attempt->ctx, attempt->http, attempt->request, false, NULL, &exchange));
    TRY(llmd__pool_borrow(attempt->http, &worker));
    llmd_error *error = run(attempt, worker, exchange);
    llmd__pool_return(attempt->http, worker);
    return error;
}

llmd_error *llmd__http_send(llmd_context *ctx, struct http *http,
                            const struct http_request *request, struct http_reply *reply)
{
    struct attempt attempt = {.ctx = ctx, .http = http, .request = request, .reply = reply};

    *reply = HTTP_REPLY_INIT;
    TRY(llmd__context_check(ctx));
    return llmd__attempt_run(&attempt, send_once, NULL);
}

llmd_error *llmd__http_status_error(int status, const char *body)
{
    llmd_code code = LLMD_E_REMOTE;

    if (status == 401 || status == 403)
        code = LLMD_E_DENIED;
    else if (status == 404)
        code = LLMD_E_NOT_FOUND;
    else if (status == 409)
        code = LLMD_E_CONFLICT;
    else if (status == 429)
        code = LLMD_E_BUSY;
    else if (status == 400 || status == 422)
        code = LLMD_E_INVALID;
    enum retry_class class = llmd__retry_class(status, true, true, false);
    /* One line, and not a page of HTML. */
    int len = 0;
    while (body && body[len] && body[len] != '\n' && body[len] != '\r' && len < 300)
        len++;
    llmd_error *error = llmd__error(code, "the server answered %d%s%.*s", status, len ? ": " : "",
                                    len, body ? body : "");
    llmd__error_set_retry(error, class != RETRY_NEVER, 0);
    return llmd__error_set_http_status(error, status);
}
