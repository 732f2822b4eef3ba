/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot of an answer, read by the same reader as a chunk of a stream: "message" stands where
 * a stream has "delta".
 */
#include "openai/reply.h"

#include "openai/scan.h"

#include <string.h>

/* One block: the texts stand behind the struct. */
struct llmd_reply {
    const char *text;
    const char *reasoning;
    const char *finish_reason;
    const char *model;
    const char *id;
    const char *json;
    struct usage usage;
    double ttft_ms;
    double total_ms;
};

/* The texts on their way into the block. */
struct texts {
    struct buf content; /* a list of parts, joined */
    struct slice text, reasoning, finish_reason, model, id, json;
};

static char *put(char *at, struct slice slice, const char **member)
{
    *member = at;
    if (slice.len)
        memcpy(at, slice.at, slice.len);
    at[slice.len] = '\0';
    return at + slice.len + 1;
}

static double ms_between(int64_t from_us, int64_t to_us)
{
    return from_us && to_us >= from_us ? (double)(to_us - from_us) / 1000 : -1;
}

static llmd_error *make(const struct texts *texts, const struct chunk *chunk,
                        const struct reply_times *times, llmd_reply **out)
{
    size_t size = texts->text.len + texts->reasoning.len + texts->finish_reason.len +
                  texts->model.len + texts->id.len + texts->json.len + 6;
    llmd_reply *reply = llmd__malloc(sizeof *reply + size);
    CHECK_MEMORY(reply);
    char *at = (char *)(reply + 1);
    at = put(at, texts->text, &reply->text);
    at = put(at, texts->reasoning, &reply->reasoning);
    at = put(at, texts->finish_reason, &reply->finish_reason);
    at = put(at, texts->model, &reply->model);
    at = put(at, texts->id, &reply->id);
    put(at, texts->json, &reply->json);
    reply->usage = chunk->usage;
    reply->ttft_ms = ms_between(times->sent_us, times->first_us);
    reply->total_ms = ms_between(times->sent_us, times->end_us);
    *out = reply;
    return NULL;
}

/* Models of several modalities answer a list of parts instead of a text. */
static llmd_error *join_parts(const struct json *choice, struct texts *texts)
{
    const struct json *content = llmd__json_get(choice, "message.content");
    if (llmd__json_type(content) != JSON_ARRAY)
        return NULL;
    JSON_EACH(part, content) {
        llmd__buf_str(&texts->content, llmd__json_str(part, "text"));
    }
    texts->text = (struct slice){.at = llmd__buf_text(&texts->content), .len = texts->content.len};
    return llmd__buf_check(&texts->content);
}

/* The choice with index 0, wherever it stands. */
static const struct json *first_choice(const struct json *tree)
{
    const struct json *choices = llmd__json_member(tree, "choices");
    JSON_EACH(choice, choices) {
        if (llmd__json_int(choice, "index", 0) == 0)
            return choice;
    }
    return llmd__json_first(choices);
}

static llmd_error *read_tree(const struct json *tree, const char *text,
                             const struct reply_times *times, struct texts *texts, llmd_reply **out)
{
    const struct json *choice = first_choice(tree);
    struct chunk chunk;
    llmd__chunk_read(tree, choice, &chunk);
    *texts = (struct texts){.text = chunk.text,
                            .reasoning = chunk.reasoning,
                            .finish_reason = chunk.finish_reason,
                            .model = chunk.model,
                            .id = chunk.id,
                            .json = {.at = text, .len = strlen(text)}};
    TRY(join_parts(choice, texts));
    return make(texts, &chunk, times, out);
}

llmd_error *llmd__reply_new(const struct json *tree, const char *text,
                            const struct reply_times *times, llmd_reply **out)
{
    AUTO(str) char *printed = NULL;
    struct texts texts = {0};
    *out = NULL;
    if (llmd__json_type(llmd__json_member(tree, "choices")) != JSON_ARRAY)
        return llmd__error(LLMD_E_PROTOCOL, "the answer has no \"choices\"");
    if (!text) {
        TRY(llmd__json_print(tree, &printed));
        text = printed;
    }
    llmd_error *error = read_tree(tree, text, times, &texts, out);
    llmd__buf_free(&texts.content);
    return error;
}

const char *llmd_reply_text(const llmd_reply *reply)
{
    return reply ? reply->text : "";
}

const char *llmd_reply_reasoning(const llmd_reply *reply)
{
    return reply ? reply->reasoning : "";
}

const char *llmd_reply_finish_reason(const llmd_reply *reply)
{
    return reply ? reply->finish_reason : "";
}

const char *llmd_reply_model(const llmd_reply *reply)
{
    return reply ? reply->model : "";
}

const char *llmd_reply_id(const llmd_reply *reply)
{
    return reply ? reply->id : "";
}

int64_t llmd_reply_prompt_tokens(const llmd_reply *reply)
{
    return reply ? reply->usage.prompt_tokens : -1;
}

int64_t llmd_reply_completion_tokens(const llmd_reply *reply)
{
    return reply ? reply->usage.completion_tokens : -1;
}

int64_t llmd_reply_cached_tokens(const llmd_reply *reply)
{
    return reply ? reply->usage.cached_tokens : -1;
}

double llmd_reply_ttft_ms(const llmd_reply *reply)
{
    return reply ? reply->ttft_ms : -1;
}

double llmd_reply_total_ms(const llmd_reply *reply)
{
    return reply ? reply->total_ms : -1;
}

const char *llmd_reply_json(const llmd_reply *reply)
{
    return reply ? reply->json : "";
}

void llmd_reply_free(llmd_reply *reply)
{
    llmd__free(reply);
}
