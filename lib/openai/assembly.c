/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plain call would have answered, rebuilt from deltas. Choices and tool calls are joined by
 * their index, as fragments of several may interleave (n > 1, parallel tool calls); texts arrive
 * already repaired, so the sum of what the caller saw is what the reply says. Log probabilities,
 * token ids and members that we do not know are not kept: whoever wants them reads
 * llmd_delta_json().
 */
#include "openai/assembly.h"

#include <string.h>

/* More choices or tool calls than anybody asks for: a server's index must not size our memory. */
#define MAX_PARTS 128
#define MAX_TOOLS 128

struct tool {
    char *id;
    char *name;
    struct buf arguments;
};

struct part {
    bool begun;
    struct buf text;
    struct buf reasoning;
    char *finish_reason;
    struct tool *tools;
    size_t tool_count;
};

static llmd_error *set_once(char **member, const char *text)
{
    if (*member || !text || !*text)
        return NULL;
    *member = llmd__strdup(text);
    CHECK_MEMORY(*member);
    return NULL;
}

static llmd_error *set_slice(char **member, struct slice slice)
{
    if (*member || !slice.len)
        return NULL;
    char *text = llmd__malloc(slice.len + 1);
    CHECK_MEMORY(text);
    text[llmd__slice_copy(slice, text)] = '\0';
    *member = text;
    return NULL;
}

/* Makes room for items up to index; new ones are zero. */
static llmd_error *reach(void *items, size_t *count, size_t size, size_t index, size_t max)
{
    void **block = items;
    if (index >= max)
        return llmd__error(LLMD_E_TOO_LARGE, "the answer has more than %zu parts", max);
    if (index < *count)
        return NULL;
    char *longer = llmd__realloc(*block, (index + 1) * size);
    CHECK_MEMORY(longer);
    memset(longer + *count * size, 0, (index + 1 - *count) * size);
    *block = longer;
    *count = index + 1;
    return NULL;
}

/* id and name come in the first fragment, the arguments in pieces; joined by index. */
static llmd_error *add_tool(struct part *part, const struct json *fragment, size_t position)
{
    const struct json *function = llmd__json_member(fragment, "function");
    int64_t index = llmd__json_int(fragment, "index", (int64_t)position);
    TRY(reach(&part->tools, &part->tool_count, sizeof *part->tools,
              index < 0 ? MAX_TOOLS : (size_t)index, MAX_TOOLS));
    struct tool *tool = &part->tools[index];
    TRY(set_once(&tool->id, llmd__json_str(fragment, "id")));
    TRY(set_once(&tool->name, llmd__json_str(function, "name")));
    llmd__buf_str(&tool->arguments, llmd__json_str(function, "arguments"));
    return llmd__buf_check(&tool->arguments);
}

static llmd_error *add_tools(struct part *part, const struct json *choice)
{
    const struct json *calls = llmd__json_get(choice, "delta.tool_calls");
    size_t position = 0;
    if (!calls)
        calls = llmd__json_get(choice, "message.tool_calls");
    JSON_EACH(fragment, calls) {
        TRY(add_tool(part, fragment, position++));
    }
    return NULL;
}

static void keep_usage(struct usage *usage, const struct usage *news)
{
    if (news->prompt_tokens >= 0)
        usage->prompt_tokens = news->prompt_tokens;
    if (news->completion_tokens >= 0)
        usage->completion_tokens = news->completion_tokens;
    if (news->cached_tokens >= 0)
        usage->cached_tokens = news->cached_tokens;
}

static llmd_error *add_choice(struct assembly *assembly, const struct json *choice,
                              const llmd_delta *delta)
{
    TRY(reach(&assembly->parts, &assembly->count, sizeof *assembly->parts, (size_t)delta->index,
              MAX_PARTS));
    struct part *part = &assembly->parts[delta->index];
    part->begun = true;
    llmd__buf_str(&part->text, delta->text);
    llmd__buf_str(&part->reasoning, delta->reasoning);
    TRY(llmd__buf_check(&part->text));
    TRY(llmd__buf_check(&part->reasoning));
    TRY(set_once(&part->finish_reason, delta->finish_reason));
    return add_tools(part, choice);
}

llmd_error *llmd__assembly_add(struct assembly *assembly, const struct chunk *chunk,
                               const struct json *choice, const llmd_delta *delta)
{
    TRY(set_slice(&assembly->id, chunk->id));
    TRY(set_slice(&assembly->model, chunk->model));
    if (!assembly->created)
        assembly->created = chunk->created;
    keep_usage(&assembly->usage, &chunk->usage);
    if (!assembly->first_text_us && (*delta->text || *delta->reasoning))
        assembly->first_text_us = assembly->now_us;
    return chunk->has_choice ? add_choice(assembly, choice, delta) : NULL;
}

static void put_tools(struct json *message, const struct part *part)
{
    struct json *calls = part->tool_count ? llmd__json_set_array(message, "tool_calls") : NULL;
    for (size_t i = 0; i < part->tool_count; i++) {
        struct json *call = llmd__json_add_object(calls);
        llmd__json_set_str(call, "id", part->tools[i].id);
        llmd__json_set_str(call, "type", "function");
        struct json *function = llmd__json_set_object(call, "function");
        llmd__json_set_str(function, "name", part->tools[i].name);
        llmd__json_set_str(function, "arguments", llmd__buf_text(&part->tools[i].arguments));
    }
}

static void put_choice(struct json *choices, const struct part *part, size_t index, bool chat)
{
    struct json *choice = llmd__json_add_object(choices);
    llmd__json_set_int(choice, "index", (int64_t)index);
    if (chat) {
        struct json *message = llmd__json_set_object(choice, "message");
        llmd__json_set_str(message, "role", "assistant");
        llmd__json_set_str(message, "content", llmd__buf_text(&part->text));
        if (part->reasoning.len)
            llmd__json_set_str(message, "reasoning", llmd__buf_text(&part->reasoning));
        put_tools(message, part);
    } else {
        llmd__json_set_str(choice, "text", llmd__buf_text(&part->text));
    }
    if (part->finish_reason)
        llmd__json_set_str(choice, "finish_reason", part->finish_reason);
    else
        llmd__json_set_null(choice, "finish_reason");
}

static void put_usage(struct json *reply, const struct usage *usage)
{
    if (usage->prompt_tokens < 0 && usage->completion_tokens < 0)
        return;
    int64_t prompt = usage->prompt_tokens < 0 ? 0 : usage->prompt_tokens;
    int64_t completion = usage->completion_tokens < 0 ? 0 : usage->completion_tokens;
    /* A server's numbers: the sum of two may not be one. */
    int64_t total = prompt > INT64_MAX - completion ? INT64_MAX : prompt + completion;
    struct json *object = llmd__json_set_object(reply, "usage");
    llmd__json_set_int(object, "prompt_tokens", prompt);
    llmd__json_set_int(object, "completion_tokens", completion);
    llmd__json_set_int(object, "total_tokens", total);
    if (usage->cached_tokens >= 0)
        llmd__json_set_int(llmd__json_set_object(object, "prompt_tokens_details"), "cached_tokens",
                           usage->cached_tokens);
}

llmd_error *llmd__assembly_json(const struct assembly *assembly, struct json **out)
{
    AUTO(json) struct json *reply = llmd__json_object();
    *out = NULL;
    CHECK_MEMORY(reply);
    llmd__json_set_str(reply, "id", assembly->id ? assembly->id : "");
    llmd__json_set_str(reply, "object", assembly->chat ? "chat.completion" : "text_completion");
    llmd__json_set_int(reply, "created", assembly->created);
    llmd__json_set_str(reply, "model", assembly->model ? assembly->model : "");
    struct json *choices = llmd__json_set_array(reply, "choices");
    for (size_t i = 0; i < assembly->count; i++)
        if (assembly->parts[i].begun)
            put_choice(choices, &assembly->parts[i], i, assembly->chat);
    put_usage(reply, &assembly->usage);
    TRY(llmd__json_check(reply));
    *out = TAKE(reply);
    return NULL;
}

static void free_part(struct part *part)
{
    for (size_t i = 0; i < part->tool_count; i++) {
        llmd__free(part->tools[i].id);
        llmd__free(part->tools[i].name);
        llmd__buf_free(&part->tools[i].arguments);
    }
    llmd__free(part->tools);
    llmd__free(part->finish_reason);
    llmd__buf_free(&part->text);
    llmd__buf_free(&part->reasoning);
}

void llmd__assembly_free(struct assembly *assembly)
{
    for (size_t i = 0; i < assembly->count; i++)
        free_part(&assembly->parts[i]);
    llmd__free(assembly->parts);
    llmd__free(assembly->id);
    llmd__free(assembly->model);
}
