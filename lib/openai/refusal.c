/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals are where users lose hours, so their words are kept and an advice is added for what was
 * seen in the field: the shapes are listed in the header, the causes behind them in advice_for().
 */
#include "openai/refusal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* A validation error may quote the whole request; people need its beginning. */
#define MAX_WORDS 600

/* The server's words, taken out of a body. */
struct words {
    struct buf message;
    char reason[64];
    bool of_model; /* the complaint is about "model" */
    int code;      /* error.code where it is a number, else 0 */
};

static llmd_code code_of(int status)
{
    switch (status) {
    case 401:
    case 403:
        return LLMD_E_DENIED;
    case 404:
    case 410:
        return LLMD_E_NOT_FOUND;
    case 408:
        return LLMD_E_REMOTE;
    case 409:
        return LLMD_E_CONFLICT;
    case 429:
        return LLMD_E_BUSY;
    default:
        if (status >= 500)
            return LLMD_E_REMOTE;
        return status >= 400 ? LLMD_E_INVALID : LLMD_E_PROTOCOL;
    }
}

static const char *status_name(int status)
{
    static const struct {
        int status;
        const char *name;
    } names[] = {
        {301, "Moved Permanently"},   {302, "Found"},
        {307, "Temporary Redirect"},  {308, "Permanent Redirect"},
        {400, "Bad Request"},         {401, "Unauthorized"},
        {403, "Forbidden"},           {404, "Not Found"},
        {405, "Method Not Allowed"},  {408, "Request Timeout"},
        {413, "Content Too Large"},   {415, "Unsupported Media Type"},
        {422, "Unprocessable"},       {426, "Upgrade Required"},
        {429, "Too Many Requests"},   {500, "Internal Server Error"},
        {501, "Not Implemented"},     {502, "Bad Gateway"},
        {503, "Service Unavailable"}, {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].status == status)
            return names[i].name;
    return "";
}

/* One line of printable text, cut at MAX_WORDS. */
static void add_line(struct buf *buf, const char *text, size_t len)
{
    bool space = false;
    for (size_t i = 0; i < len && text[i]; i++) {
        unsigned char c = (unsigned char)text[i];
        if (buf->len >= MAX_WORDS && (c & 0xC0) != 0x80) {
            llmd__buf_str(buf, "...");
            return;
        }
        if (c <= ' ' || c == 0x7F) {
            space = buf->len > 0;
            continue;
        }
        if (space)
            llmd__buf_char(buf, ' ');
        space = false;
        llmd__buf_char(buf, (char)c);
    }
}

/* A word for programs: cut rather than grown, a server may send anything. */
static void set_reason(struct words *words, const char *reason)
{
    size_t len = strnlen(reason, sizeof words->reason - 1);
    memcpy(words->reason, reason, len);
    words->reason[len] = '\0';
}

/* {"message","type","param","code"}: the member of OpenAI and vLLM, and the flat form. */
static void read_object(const struct json *error, struct words *words)
{
    const char *message = llmd__json_str(error, "message");
    const char *code = llmd__json_str(error, "code");
    const char *type = llmd__json_str(error, "type");
    add_line(&words->message, message, strlen(message));
    set_reason(words, *code ? code : type);
    words->code = (int)llmd__json_int(error, "code", 0);
    words->of_model = strcmp(llmd__json_str(error, "param"), "model") == 0 ||
                      strcmp(code, "model_not_found") == 0 ||
                      (strstr(message, "model") && strstr(message, "does not exist"));
}

/* FastAPI's detail is a text or a list of {"loc","msg","type"}. */
static void read_detail(const struct json *detail, struct words *words)
{
    if (llmd__json_type(detail) == JSON_STRING) {
        add_line(&words->message, llmd__json_text(detail), strlen(llmd__json_text(detail)));
        return;
    }
    const struct json *first = llmd__json_first(detail);
    const char *text = llmd__json_str(first, "msg");
    add_line(&words->message, text, strlen(text));
    set_reason(words, llmd__json_str(first, "type"));
    JSON_EACH(place, llmd__json_member(first, "loc")) {
        if (llmd__json_type(place) == JSON_STRING)
            llmd__buf_format(&words->message, " (%.60s)", llmd__json_text(place));
    }
}

static void read_json(const struct json *body, struct words *words)
{
    const struct json *error = llmd__json_member(body, "error");
    const struct json *detail = llmd__json_member(body, "detail");
    if (llmd__json_type(error) == JSON_OBJECT)
        read_object(error, words);
    else if (llmd__json_type(error) == JSON_STRING)
        add_line(&words->message, llmd__json_text(error), strlen(llmd__json_text(error)));
    else if (detail)
        read_detail(detail, words);
    else
        read_object(body, words);
}

/* A page of a proxy: its title says all there is; the rest is for browsers. */
static void read_page(const char *body, size_t len, struct words *words)
{
    const char *title = strcasestr(body, "<title>"), *end = NULL;
    if (title) {
        title += strlen("<title>");
        end = strchr(title, '<');
    }
    llmd__buf_format(&words->message, "an HTML page of %zu bytes", len);
    if (!end)
        return;
    llmd__buf_str(&words->message, ", titled ");
    add_line(&words->message, title, (size_t)(end - title));
}

/* The picker's "inference error: ResourceExhausted - ..." carries a reason. */
static void read_text(const char *body, size_t len, struct words *words)
{
    static const char prefix[] = "inference error: ";
    add_line(&words->message, body, len);
    if (strncmp(body, prefix, sizeof prefix - 1) != 0)
        return;
    const char *word = body + sizeof prefix - 1;
    size_t word_len = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    if (!word_len || word_len >= sizeof words->reason)
        return;
    memcpy(words->reason, word, word_len);
    words->reason[word_len] = '\0';
}

static void read_body(const struct buf *body, struct words *words)
{
    AUTO(json) struct json *tree = NULL;
    const char *text = llmd__buf_text(body);
    while (*text && isspace((unsigned char)*text))
        text++;
    size_t len = strlen(text);
    if (*text == '{') {
        /* Cut or broken JSON is shown as the text that it is. */
        llmd_error_free(llmd__json_parse(text, len, "error", &tree));
        if (tree) {
            read_json(tree, words);
            return;
        }
    }
    if (*text == '<')
        read_page(text, len, words);
    else if (*text)
        read_text(text, len, words);
}

static bool says(const struct words *words, const char *text)
{
    return strstr(llmd__buf_text(&words->message), text) != NULL;
}

/* Three 404s that mean three things: no such model, no such route, no such path on the server. */
static const char *advice_not_found(const struct words *words)
{
    if (words->of_model)
        return "use one of the served ids, which the endpoint's models call lists";
    if (!words->message.len)
        return "no route matches this path: behind a KServe gateway the base URL ends with "
               "/<namespace>/<service>";
    return "the server does not know this path: check the base URL (it goes without the call's own "
           "path) and whether the model supports this kind of call";
}

static const char *advice_unavailable(const struct words *words)
{
    if (says(words, "no healthy upstream"))
        return "the gateway sees no ready replica: wait for the service to be ready; on GKE check "
               "that a HealthCheckPolicy follows the InferencePool";
    if (says(words, "upstream connect error"))
        return "the gateway cannot talk to the model server: check that both agree on TLS "
               "(appProtocol) and that the server runs";
    return "no replica took the request: see what the service's health check says";
}

static const char *advice_bad_request(const struct words *words)
{
    if (says(words, "maximum context length"))
        return "shorten the prompt or ask for fewer tokens, or serve the model with a larger "
               "context (maxModelLen)";
    return NULL;
}

static const char *advice_for(int status, const struct words *words)
{
    switch (status) {
    case 400:
        return advice_bad_request(words);
    case 401:
        return "give the endpoint a valid token";
    case 403:
        return "the token is known but may not do this: ask for access, or look for a policy at "
               "the gateway";
    case 404:
        return advice_not_found(words);
    case 413:
        return "the request is larger than the gateway takes: shorten the prompt, or raise its "
               "limit for bodies";
    case 426:
        return "a proxy in between speaks HTTP/1.0, which the gateway refuses";
    case 429:
        return "send less at once, or later";
    case 503:
        return advice_unavailable(words);
    case 502:
        return "the gateway lost the model server: see what the service's health check says";
    case 504:
        return "a time limit at the gateway or its route ended the answer: raise it (on GKE a "
               "GCPBackendPolicy on the InferencePool) or stream";
    default:
        return status >= 300 && status < 400 ? "give the URL that the redirect leads to" : NULL;
    }
}

/* As net/retry sees it, told to callers who retry by themselves. */
static bool retryable(int status)
{
    return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

static llmd_error *make(const char *subject, int status, const struct words *words,
                        const char *request_id)
{
    const char *name = status_name(status);
    const char *message = llmd__buf_text(&words->message);
    const char *advice = advice_for(status, words);
    llmd_error *error =
        llmd__error(code_of(status), "%s%srefused: %d%s%s%s%s%s%s%s", subject, *subject ? " " : "",
                    status, *name ? " " : "", name, *message ? ": " : "", message,
                    *request_id ? " (request " : "", request_id, *request_id ? ")" : "");
    llmd__error_set_http_status(error, status);
    if (*words->reason)
        llmd__error_set_reason(error, words->reason);
    if (advice)
        llmd__error_set_advice(error, "%s", advice);
    return error;
}

llmd_error *llmd__refusal(const char *subject, const struct http_reply *reply)
{
    struct words words = {0};
    read_body(&reply->body, &words);
    llmd_error *error = make(subject, reply->status, &words, reply->request_id);
    llmd__buf_free(&words.message);
    return llmd__error_set_retry(error, retryable(reply->status),
                                 reply->retry_after_ms > 0 ? reply->retry_after_ms : 0);
}

bool llmd__refusal_is(const struct json *event)
{
    enum json_type type = llmd__json_type(llmd__json_member(event, "error"));
    return type == JSON_OBJECT || type == JSON_STRING ||
           strcmp(llmd__json_str(event, "object"), "error") == 0;
}

llmd_error *llmd__refusal_event(const struct json *event)
{
    struct words words = {0};
    read_json(event, &words);
    bool known = words.code >= 400 && words.code <= 599;
    const char *message = llmd__buf_text(&words.message);
    llmd_error *error =
        llmd__error(known ? code_of(words.code) : LLMD_E_REMOTE, "the server ended the stream: %s",
                    *message ? message : "an error without a message");
    if (*words.reason)
        llmd__error_set_reason(error, words.reason);
    if (known)
        llmd__error_set_retry(error, retryable(words.code), 0);
    llmd__buf_free(&words.message);
    return error;
}
