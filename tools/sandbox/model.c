/* SPDX-License-Identifier: Apache-2.0 */
/* The small endpoints of a model server, and what it refuses before it generates. */
#include "sandbox/model_inside.h"

#include "sandbox/conn.h"
#include "sandbox/store.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct model *model_new(const struct model_options *options)
{
    struct model *model = must_alloc(sizeof(*model));
    *model = (struct model){.names = must_copy(options->names),
                            .max_len = options->max_len,
                            .ttft_ms = options->ttft_ms,
                            .itl_ms = options->itl_ms};
    pthread_mutex_init(&model->mutex, NULL);
    return model;
}

void model_free(struct model *model)
{
    llmd__json_free(model->names);
    pthread_mutex_destroy(&model->mutex);
    free(model);
}

const char *model_name(const struct model *model)
{
    return llmd__json_text(llmd__json_first(model->names));
}

bool model_has_name(const struct model *model, const char *name)
{
    JSON_EACH(item, model->names)
        if (strcmp(llmd__json_text(item), name) == 0)
            return true;
    return false;
}

int model_cached_tokens(struct model *model, const char *prompt)
{
    pthread_mutex_lock(&model->mutex);
    int hits = cache_hits(&model->cache, prompt, "");
    pthread_mutex_unlock(&model->mutex);
    return hits;
}

int model_running(struct model *model)
{
    pthread_mutex_lock(&model->mutex);
    int running = model->running;
    pthread_mutex_unlock(&model->mutex);
    return running;
}

void model_error(struct conn *conn, int status, const char *type, const char *param,
                 const char *format, ...)
{
    AUTO(buf) struct buf message = BUF_INIT;
    va_list args;
    va_start(args, format);
    llmd__buf_vformat(&message, format, args);
    va_end(args);
    AUTO(json) struct json *error = llmd__json_object();
    char *text;
    llmd__json_set_str(error, "message", llmd__buf_text(&message));
    llmd__json_set_str(error, "type", type);
    if (param)
        llmd__json_set_str(error, "param", param);
    else
        llmd__json_set_null(error, "param");
    llmd__json_set_int(error, "code", status);
    must(llmd__json_print(error, &text));
    AUTO(str) char *body = llmd__format("{\"error\":%s}", text);
    llmd__free(text);
    reply_json(conn, status, body);
}

/* ---- prompts ---- */

static void add_content(struct buf *out, const struct json *content)
{
    if (llmd__json_type(content) == JSON_STRING)
        llmd__buf_str(out, llmd__json_text(content));
    JSON_EACH(part, content)
        llmd__buf_str(out, llmd__json_str(part, "text"));
}

static void add_prompt(struct buf *out, const struct json *prompt)
{
    if (llmd__json_type(prompt) == JSON_STRING)
        llmd__buf_str(out, llmd__json_text(prompt));
    /* Token ids count one token each: a letter stands for one. */
    JSON_EACH(item, prompt) {
        if (llmd__json_type(item) == JSON_INT)
            llmd__buf_format(out, "%s.", llmd__json_text(item));
        else
            add_prompt(out, item);
    }
}

char *model_prompt(const struct json *body)
{
    AUTO(buf) struct buf out = BUF_INIT;
    const struct json *messages = llmd__json_member(body, "messages");
    JSON_EACH(message, messages) {
        llmd__buf_format(&out, "%s: ", llmd__json_str(message, "role"));
        add_content(&out, llmd__json_member(message, "content"));
        llmd__buf_char(&out, '\n');
    }
    add_prompt(&out, llmd__json_member(body, "prompt"));
    return out.len ? llmd__format("%s", llmd__buf_text(&out)) : NULL;
}

/* ---- small endpoints ---- */

static void serve_models(struct conn *conn, const struct model *model)
{
    AUTO(buf) struct buf out = BUF_INIT;
    llmd__buf_str(&out, "{\"object\":\"list\",\"data\":[");
    JSON_EACH(name, model->names) {
        if (name != llmd__json_first(model->names))
            llmd__buf_char(&out, ',');
        llmd__buf_str(&out, "{\"id\":");
        llmd__buf_json(&out, llmd__json_text(name));
        llmd__buf_format(&out,
                         ",\"object\":\"model\",\"created\":%lld,\"owned_by\":\"vllm\",\"root\":"
                         "\"/mnt/models\",\"parent\":null,\"max_model_len\":%d,\"permission\":[]}",
                         (long long)time(NULL), model->max_len);
    }
    llmd__buf_str(&out, "]}");
    reply_json(conn, 200, llmd__buf_text(&out));
}

static void serve_metrics(struct conn *conn, struct model *model)
{
    AUTO(buf) struct buf out = BUF_INIT;
    model_metrics(model, &out);
    reply_text(conn, 200, "text/plain; version=0.0.4; charset=utf-8", llmd__buf_text(&out));
}

static void serve_load(struct conn *conn, struct model *model)
{
    AUTO(str) char *text = llmd__format("{\"server_load\":%d}", model_running(model));
    reply_json(conn, 200, text);
}

static bool serve_get(struct conn *conn, struct model *model, const char *path)
{
    if (strcmp(path, "/health") == 0 || strcmp(path, "/ping") == 0)
        reply(conn, 200, "text/plain", "", 0);
    else if (strcmp(path, "/version") == 0)
        reply_json(conn, 200, "{\"version\":\"0.32.0\"}");
    else if (strcmp(path, "/v1/models") == 0)
        serve_models(conn, model);
    else if (strcmp(path, "/metrics") == 0)
        serve_metrics(conn, model);
    else if (strcmp(path, "/load") == 0)
        serve_load(conn, model);
    else
        return false;
    return true;
}

static void serve_tokenize(struct conn *conn, const struct model *model, const struct json *body)
{
    AUTO(str) char *prompt = model_prompt(body);
    AUTO(buf) struct buf out = BUF_INIT;
    int count = prompt ? token_count(prompt) : 0;
    llmd__buf_format(&out, "{\"count\":%d,\"max_model_len\":%d,\"tokens\":[", count,
                     model->max_len);
    for (int i = 0; i < count; i++)
        llmd__buf_format(&out, "%s%d", i ? "," : "", 1000 + i);
    llmd__buf_str(&out, "],\"token_strs\":null}");
    reply_json(conn, 200, llmd__buf_text(&out));
}

static bool is_post_path(const char *path)
{
    return strcmp(path, "/v1/chat/completions") == 0 || strcmp(path, "/v1/completions") == 0 ||
           strcmp(path, "/tokenize") == 0;
}

static void serve_post(struct conn *conn, struct model *model, const struct request *request,
                       const char *path)
{
    AUTO(json) struct json *body = NULL;
    AUTO(error) llmd_error *bad = llmd__json_parse(request->body, request->body_len, "body", &body);
    if (bad || llmd__json_type(body) != JSON_OBJECT) {
        model_error(conn, 400, "Bad Request", NULL,
                    "[{'type': 'json_invalid', 'loc': ('body', 0), 'msg': 'JSON decode error'}]");
        return;
    }
    const char *name = llmd__json_str(body, "model");
    if (*name && !model_has_name(model, name)) {
        AUTO(buf) struct buf aliases = BUF_INIT;
        JSON_EACH(item, model->names)
            llmd__buf_format(&aliases, "%s%s", aliases.len ? ", " : "", llmd__json_text(item));
        model_error(conn, 404, "NotFoundError", "model",
                    "The model `%s` does not exist. Valid aliases: %s.", name,
                    llmd__buf_text(&aliases));
        return;
    }
    if (strcmp(path, "/tokenize") == 0)
        serve_tokenize(conn, model, body);
    else
        model_generate(conn, model, body, strcmp(path, "/v1/chat/completions") == 0);
}

void model_serve(struct conn *conn, struct model *model, const struct request *request,
                 const char *path)
{
    bool get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    bool post = strcmp(request->method, "POST") == 0;
    if (get && serve_get(conn, model, path))
        return;
    if (post && is_post_path(path))
        serve_post(conn, model, request, path);
    else if (is_post_path(path))
        reply_json(conn, 405, "{\"detail\":\"Method Not Allowed\"}");
    else
        reply_json(conn, 404, "{\"detail\":\"Not Found\"}");
}
