/* SPDX-License-Identifier: Apache-2.0 */
#include "support/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void token_name(int i, char *name, size_t size)
{
    if (i == 0)
        snprintf(name, size, "gr\xC3\xBC\xC3\x9F");
    else
        snprintf(name, size, " t%d", i - 1);
}

char *tokens_text(int count)
{
    char *text = calloc((size_t)count + 1, 16), *at = text;
    for (int i = 0; i < count; i++) {
        char name[16];
        token_name(i, name, sizeof name);
        size_t len = strlen(name);
        memcpy(at, name, len);
        at += len;
    }
    return text;
}

static bool send_event(struct conn *conn, bool chat, const char *text, const char *finish)
{
    char event[512];
    int len =
        snprintf(event, sizeof event,
                 "data: {\"id\":\"id-1\",\"object\":\"%s\",\"created\":1764031000,\"model\":"
                 "\"tiny\",\"choices\":[{\"index\":0,%s%s%s,\"logprobs\":null,"
                 "\"finish_reason\":%s%s%s}]}\n\n",
                 chat ? "chat.completion.chunk" : "text_completion",
                 chat ? "\"delta\":{\"content\":\"" : "\"text\":\"", text, chat ? "\"}" : "\"",
                 finish ? "\"" : "", finish ? finish : "null", finish ? "\"" : "");
    return reply_chunk(conn, event, (size_t)len);
}

static void send_end(struct conn *conn, const struct tokens *tokens, bool chat)
{
    char usage[256];
    if (tokens->before)
        reply_chunk(conn, tokens->before, strlen(tokens->before));
    if (!tokens->no_done) {
        send_event(conn, chat, "", "length");
        int len = snprintf(usage, sizeof usage,
                           "data: {\"id\":\"id-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,"
                           "\"total_tokens\":%d,\"completion_tokens\":%d}}\n\ndata: [DONE]\n\n",
                           tokens->count + 5, tokens->count);
        reply_chunk(conn, usage, (size_t)len);
    }
    while (tokens->never_ends && conn_wait(conn, 1000))
        ;
    reply_end_stream(conn);
}

static void stream(struct conn *conn, const struct tokens *tokens, bool chat)
{
    reply_begin_stream(conn, 200, "text/event-stream");
    bool there = !chat || send_event(conn, chat, "", NULL); /* vLLM's first chunk is role-only */
    for (int i = 0; there && (i < tokens->count || tokens->endless); i++) {
        char name[16];
        token_name(i, name, sizeof name);
        there = conn_wait(conn, tokens->gap_ms) && send_event(conn, chat, name, NULL);
    }
    if (there)
        send_end(conn, tokens, chat);
}

static void plain(struct conn *conn, const struct tokens *tokens, bool chat)
{
    char *text = tokens_text(tokens->count);
    size_t size = strlen(text) + 512;
    char *body = malloc(size);
    snprintf(body, size,
             "{\"id\":\"id-1\",\"object\":\"%s\",\"created\":1764031000,\"model\":\"tiny\","
             "\"choices\":[{\"index\":0,%s%s%s,\"finish_reason\":\"length\"}],\"usage\":"
             "{\"prompt_tokens\":5,\"completion_tokens\":%d,\"total_tokens\":%d}}",
             chat ? "chat.completion" : "text_completion",
             chat ? "\"message\":{\"role\":\"assistant\",\"content\":\"" : "\"text\":\"", text,
             chat ? "\"}" : "\"", tokens->count, tokens->count + 5);
    reply_json(conn, 200, body);
    free(body);
    free(text);
}

void reply_tokens(struct conn *conn, const struct request *request, void *data)
{
    bool chat = strcmp(request->path, "/v1/chat/completions") == 0;
    if (strcmp(request->path, "/v1/models") == 0)
        reply_json(conn, 200, "{\"object\":\"list\",\"data\":[{\"id\":\"tiny\"}]}");
    else if (!chat && strcmp(request->path, "/v1/completions") != 0)
        reply_json(conn, 404, "{\"detail\":\"Not Found\"}");
    else if (strstr(request->body, "\"stream\":true"))
        stream(conn, data, chat);
    else
        plain(conn, data, chat);
}
