/* SPDX-License-Identifier: Apache-2.0 */
/* Chat and completions, plain and as server-sent events. */
#include "sandbox/model_inside.h"

#include "sandbox/store.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct generation {
    struct conn *conn;
    struct model *model;
    const struct json *body;
    bool chat;
    bool stream;
    bool usage_at_end;
    bool usage_always;
    int n;
    char *prompt;
    struct answer_plan plan;
    char id[48];
    const char *name;
    long long created;
    int prompt_tokens;
    int cached_tokens;
    int limit; /* most tokens of each choice */
    bool ignore_eos;
    struct buf text;       /* of one choice so far */
    size_t sent;           /* of it */
    int tokens;            /* of one choice */
    const char *stop_word; /* the one that ended it */
    const char *finish;    /* NULL while it goes on */
    int64_t started_us;
    int64_t last_us;
};

/* ---- limits ---- */

/* Beyond 2^53 every double is whole. */
static bool is_whole(double number)
{
    return number < -9e15 || number > 9e15 || number == (double)(int64_t)number;
}

/* pydantic's words about a string, a fraction, and anything else. */
static void refuse_value(const struct generation *generation, const char *name,
                         const struct json *value, bool whole)
{
    static const char *const integer[][2] = {
        {"int_parsing", "integer, unable to parse string as an integer"},
        {"int_from_float", "integer, got a number with a fractional part"},
        {"int_type", "integer"}};
    static const char *const number[][2] = {
        {"float_parsing", "number, unable to parse string as a number"},
        {"float_type", "number"},
        {"float_type", "number"}};
    enum json_type type = llmd__json_type(value);
    int row = type == JSON_STRING ? 0 : type == JSON_DOUBLE ? 1 : 2;
    const char *const *words = whole ? integer[row] : number[row];
    AUTO(str) char *input = NULL;
    AUTO(str) char *param = llmd__format("body.%s", name);
    must(llmd__json_print(value, &input));
    model_error(
        generation->conn, 400, "Bad Request", param,
        "1 validation error:\n  {'type': '%s', 'loc': '%s', 'msg': 'Input should be a valid "
        "%s', 'input': %s}",
        words[0], param, words[1], input);
}

/* A number that may stand in a string, as pydantic takes it; false: refused. Left out or null: the
   value stays as it is. */
static bool read_number(const struct generation *generation, const char *name, bool whole,
                        double *value)
{
    const struct json *json = llmd__json_member(generation->body, name);
    const char *text = llmd__json_text(json);
    char *end;
    if (llmd__json_type(json) <= JSON_NULL)
        return true;
    double number = strtod(text, &end);
    if (*text && !*end && (!whole || is_whole(number))) {
        *value = number;
        return true;
    }
    refuse_value(generation, name, json, whole);
    return false;
}

/* The newer name counts. Left out: vLLM gives a chat all that fits, a completion 16. */
static bool read_limit(struct generation *generation)
{
    int room = generation->model->max_len - generation->prompt_tokens;
    double asked = generation->chat ? room : 16;
    if (!read_number(generation, "max_tokens", true, &asked) ||
        !read_number(generation, "max_completion_tokens", true, &asked))
        return false;
    generation->limit = asked > 2e9 ? 2000000000 : asked < -2e9 ? -2000000000 : (int)asked;
    return true;
}

static bool limits_are_good(struct generation *generation)
{
    struct conn *conn = generation->conn;
    int max = generation->model->max_len;
    if (!read_limit(generation))
        return false;
    if (generation->prompt_tokens >= max) {
        model_error(conn, 400, "BadRequestError", "input_tokens",
                    "This model's maximum context length is %d tokens. However, your request has "
                    "%d input tokens. Please reduce the length of the input messages.",
                    max, generation->prompt_tokens);
        return false;
    }
    if (generation->limit < 1) {
        model_error(conn, 400, "BadRequestError", "max_tokens",
                    "max_tokens must be at least 1, got %d.", generation->limit);
        return false;
    }
    if (generation->limit > max - generation->prompt_tokens) {
        model_error(conn, 400, "BadRequestError", "max_tokens",
                    "'max_tokens' or 'max_completion_tokens' is too large: %d. This model's "
                    "maximum context length is %d tokens and your request has %d input tokens "
                    "(%d > %d - %d).",
                    generation->limit, max, generation->prompt_tokens, generation->limit, max,
                    generation->prompt_tokens);
        return false;
    }
    return true;
}

static bool parameters_are_good(struct generation *generation)
{
    double temperature = 1;
    generation->n = (int)llmd__json_int(generation->body, "n", 1);
    if (!read_number(generation, "temperature", false, &temperature))
        return false;
    if (temperature < 0 || temperature > 2) {
        model_error(generation->conn, 400, "BadRequestError", "temperature",
                    temperature < 0 ? "temperature must be non-negative, got %.1f."
                                    : "temperature must be in [0, 2], got %.1f.",
                    temperature);
        return false;
    }
    if (generation->n < 1 || generation->n > 128) {
        model_error(generation->conn, 400, "BadRequestError", "n", "n must be at least 1, got %d.",
                    generation->n);
        return false;
    }
    if (generation->prompt)
        return true;
    model_error(generation->conn, 400, "BadRequestError", generation->chat ? "messages" : "prompt",
                generation->chat
                    ? "The list of messages is empty."
                    : "Either prompt or prompt_embeds must be provided and non-empty.");
    return false;
}

/* ---- pieces of answers ---- */

static void add_usage(struct generation *generation, struct buf *out, int completion_tokens)
{
    llmd__buf_format(out,
                     "{\"prompt_tokens\":%d,\"total_tokens\":%d,\"completion_tokens\":%d,"
                     "\"prompt_tokens_details\":{\"cached_tokens\":%d}}",
                     generation->prompt_tokens, generation->prompt_tokens + completion_tokens,
                     completion_tokens, generation->cached_tokens);
}

static void add_head(struct generation *generation, struct buf *out, const char *object)
{
    llmd__buf_format(out,
                     "{\"id\":\"%s\",\"object\":\"%s\",\"created\":%lld,\"model\":", generation->id,
                     object, generation->created);
    llmd__buf_json(out, generation->name);
}

static void add_finish(const struct generation *generation, struct buf *out)
{
    if (generation->finish)
        llmd__buf_format(out, ",\"finish_reason\":\"%s\",\"stop_reason\":", generation->finish);
    else
        llmd__buf_str(out, ",\"finish_reason\":null");
    if (generation->finish && generation->stop_word)
        llmd__buf_json(out, generation->stop_word);
    else if (generation->finish)
        llmd__buf_str(out, "null");
}

static bool send_event(struct generation *generation, const struct buf *event)
{
    AUTO(buf) struct buf out = BUF_INIT;
    llmd__buf_str(&out, "data: ");
    llmd__buf_add(&out, event->data, event->len);
    llmd__buf_str(&out, "\n\n");
    return reply_chunk(generation->conn, out.data, out.len);
}

/* One chunk with this text; role: the first one of a chat. */
static bool send_delta(struct generation *generation, int index, const char *text, bool role)
{
    AUTO(buf) struct buf out = BUF_INIT;
    add_head(generation, &out, generation->chat ? "chat.completion.chunk" : "text_completion");
    llmd__buf_format(&out, ",\"choices\":[{\"index\":%d,", index);
    if (generation->chat) {
        llmd__buf_format(&out, "\"delta\":{%s\"content\":", role ? "\"role\":\"assistant\"," : "");
        llmd__buf_json(&out, text);
        llmd__buf_char(&out, '}');
    } else {
        llmd__buf_str(&out, "\"text\":");
        llmd__buf_json(&out, text);
    }
    llmd__buf_str(&out, ",\"logprobs\":null");
    add_finish(generation, &out);
    llmd__buf_str(&out, "}]");
    if (generation->usage_always) {
        llmd__buf_str(&out, ",\"usage\":");
        add_usage(generation, &out, generation->tokens);
    }
    llmd__buf_char(&out, '}');
    return send_event(generation, &out);
}

static bool send_usage(struct generation *generation, int completion_tokens)
{
    AUTO(buf) struct buf out = BUF_INIT;
    add_head(generation, &out, generation->chat ? "chat.completion.chunk" : "text_completion");
    llmd__buf_str(&out, ",\"choices\":[],\"usage\":");
    add_usage(generation, &out, completion_tokens);
    llmd__buf_char(&out, '}');
    return send_event(generation, &out);
}

/* ---- one choice ---- */

static void check_stop(struct generation *generation, const char *word)
{
    char *found = *word ? strstr(generation->text.data, word) : NULL;
    if (!found)
        return;
    generation->stop_word = word;
    generation->finish = "stop";
    generation->text.len = (size_t)(found - generation->text.data);
    generation->text.data[generation->text.len] = '\0';
}

static void check_stops(struct generation *generation)
{
    const struct json *stop = llmd__json_member(generation->body, "stop");
    if (llmd__json_type(stop) == JSON_STRING)
        check_stop(generation, llmd__json_text(stop));
    JSON_EACH(word, stop)
        if (!generation->finish)
            check_stop(generation, llmd__json_text(word));
}

static void add_token(struct generation *generation)
{
    char token[32];
    answer_token(&generation->plan, generation->tokens, token);
    llmd__buf_str(&generation->text, token);
    generation->tokens++;
    check_stops(generation);
    if (generation->finish)
        return;
    if (generation->tokens >= generation->limit)
        generation->finish = "length";
    else if (!generation->ignore_eos && generation->tokens >= generation->plan.length)
        generation->finish = "stop";
}

static void note_time(struct generation *generation)
{
    struct model *model = generation->model;
    int64_t now = llmd__clock_mono_us();
    pthread_mutex_lock(&model->mutex);
    if (generation->last_us == 0)
        histogram_add(&model->ttft, (double)(now - generation->started_us) / 1e6);
    else
        histogram_add(&model->itl, (double)(now - generation->last_us) / 1e6);
    model->generated_tokens++;
    pthread_mutex_unlock(&model->mutex);
    generation->last_us = now;
}

/* Waits as long as the model would for its next token; false: the client left. */
static bool wait_token(struct generation *generation)
{
    int ms = generation->model->itl_ms;
    if (generation->last_us == 0) {
        /* Cached tokens need no prefill. */
        int computed = generation->prompt_tokens - generation->cached_tokens;
        ms = generation->model->ttft_ms * (1 + 3 * computed / generation->prompt_tokens) / 4;
    }
    bool alive = conn_wait(generation->conn, ms);
    if (alive)
        note_time(generation);
    return alive;
}

static void begin_choice(struct generation *generation)
{
    llmd__buf_reset(&generation->text);
    llmd__buf_str(&generation->text, "");
    generation->sent = 0;
    generation->tokens = 0;
    generation->finish = NULL;
    generation->stop_word = NULL;
}

static bool stream_choice(struct generation *generation, int index)
{
    begin_choice(generation);
    while (!generation->finish) {
        if (!wait_token(generation))
            return false;
        /* As in vLLM the role comes alone, with the first token behind it. */
        if (generation->tokens == 0 && generation->chat && !send_delta(generation, index, "", true))
            return false;
        add_token(generation);
        size_t sent =
            generation->sent < generation->text.len ? generation->sent : generation->text.len;
        if (!send_delta(generation, index, llmd__buf_text(&generation->text) + sent, false))
            return false;
        generation->sent = generation->text.len;
    }
    return true;
}

static bool collect_choice(struct generation *generation, int index, struct buf *out)
{
    begin_choice(generation);
    while (!generation->finish) {
        if (!wait_token(generation))
            return false;
        add_token(generation);
    }
    llmd__buf_format(out, "%s{\"index\":%d,", index ? "," : "", index);
    llmd__buf_str(out, generation->chat ? "\"message\":{\"role\":\"assistant\",\"content\":"
                                        : "\"text\":");
    llmd__buf_json(out, llmd__buf_text(&generation->text));
    if (generation->chat)
        llmd__buf_str(out, ",\"refusal\":null,\"annotations\":null,\"audio\":null,"
                           "\"function_call\":null,\"tool_calls\":[],\"reasoning\":null}");
    llmd__buf_str(out, ",\"logprobs\":null");
    add_finish(generation, out);
    llmd__buf_char(out, '}');
    return true;
}

/* ---- the whole ---- */

static bool run_stream(struct generation *generation, int *total)
{
    if (!reply_begin_stream(generation->conn, 200, "text/event-stream; charset=utf-8"))
        return false;
    for (int i = 0; i < generation->n; i++) {
        if (!stream_choice(generation, i))
            return false;
        *total += generation->tokens;
    }
    if (generation->usage_at_end && !send_usage(generation, *total))
        return false;
    return reply_chunk(generation->conn, "data: [DONE]\n\n", 14) &&
           reply_end_stream(generation->conn);
}

static bool run_plain(struct generation *generation, int *total)
{
    AUTO(buf) struct buf choices = BUF_INIT;
    AUTO(buf) struct buf out = BUF_INIT;
    for (int i = 0; i < generation->n; i++) {
        if (!collect_choice(generation, i, &choices))
            return false;
        *total += generation->tokens;
    }
    add_head(generation, &out, generation->chat ? "chat.completion" : "text_completion");
    llmd__buf_format(&out,
                     ",\"choices\":[%s],\"service_tier\":null,\"system_fingerprint\":"
                     "\"vllm-0.32.0-sandbox\",\"usage\":",
                     llmd__buf_text(&choices));
    add_usage(generation, &out, *total);
    llmd__buf_str(&out, ",\"prompt_logprobs\":null,\"prompt_token_ids\":null,"
                        "\"kv_transfer_params\":null}");
    return reply_json(generation->conn, 200, llmd__buf_text(&out));
}

/* What the answer echoes: of a chat the last message alone. */
static char *echo_text(const struct generation *generation)
{
    const struct json *last = NULL;
    JSON_EACH(message, llmd__json_member(generation->body, "messages"))
        last = message;
    const struct json *content = llmd__json_member(last, "content");
    return llmd__format("%s", llmd__json_type(content) == JSON_STRING ? llmd__json_text(content)
                                                                      : generation->prompt);
}

static void begin(struct generation *generation)
{
    struct model *model = generation->model;
    const char *salt = llmd__json_str(generation->body, "cache_salt");
    pthread_mutex_lock(&model->mutex);
    generation->cached_tokens = cache_hits(&model->cache, generation->prompt, salt);
    cache_store(&model->cache, generation->prompt, salt);
    model->cache_queries += generation->prompt_tokens;
    model->cache_hits += generation->cached_tokens;
    model->prompt_tokens += generation->prompt_tokens;
    model->running++;
    snprintf(generation->id, sizeof(generation->id), "%s-%016llx",
             generation->chat ? "chatcmpl" : "cmpl",
             (unsigned long long)(0x9e3779b97f4a7c15u * ++model->next_id));
    pthread_mutex_unlock(&model->mutex);
    generation->started_us = llmd__clock_mono_us();
}

static void end(struct generation *generation, bool done)
{
    struct model *model = generation->model;
    bool length = generation->finish && strcmp(generation->finish, "length") == 0;
    pthread_mutex_lock(&model->mutex);
    model->running--;
    model->finished[!done ? FINISH_ABORT : length ? FINISH_LENGTH : FINISH_STOP]++;
    histogram_add(&model->e2e, (double)(llmd__clock_mono_us() - generation->started_us) / 1e6);
    pthread_mutex_unlock(&model->mutex);
}

void model_generate(struct conn *conn, struct model *model, const struct json *body, bool chat)
{
    const char *name = llmd__json_str(body, "model");
    struct generation generation = {
        .conn = conn,
        .model = model,
        .body = body,
        .chat = chat,
        .stream = llmd__json_bool(body, "stream", false),
        .usage_at_end = llmd__json_bool(body, "stream_options.include_usage", false),
        .usage_always = llmd__json_bool(body, "stream_options.continuous_usage_stats", false),
        .ignore_eos = llmd__json_bool(body, "ignore_eos", false),
        .prompt = model_prompt(body),
        .name = *name ? name : model_name(model),
        .created = (long long)time(NULL)};
    generation.prompt_tokens = generation.prompt ? token_count(generation.prompt) : 0;
    if (parameters_are_good(&generation) && limits_are_good(&generation)) {
        int total = 0;
        AUTO(str) char *echo = echo_text(&generation);
        generation.plan = answer_plan(echo);
        begin(&generation);
        bool done =
            generation.stream ? run_stream(&generation, &total) : run_plain(&generation, &total);
        end(&generation, done);
    }
    llmd__buf_free(&generation.text);
    llmd__free(generation.prompt);
}
