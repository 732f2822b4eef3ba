/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One model server with vLLM's surface: chat and completions, plain and streamed, with usage, a
 * prefix cache by blocks of 128 tokens, metrics, and vLLM's error bodies. The same prompt always
 * gets the same answer.
 */
#ifndef SANDBOX_MODEL_H
#define SANDBOX_MODEL_H

#include "sandbox/httpd.h"
#include "base/json.h"

struct model;

struct model_options {
    const struct json *names; /* answers to these; copied */
    int max_len;
    int ttft_ms;
    int itl_ms;
};

struct model *model_new(const struct model_options *options);
void model_free(struct model *model);
/* Answers this request as if its path were `path`. */
void model_serve(struct conn *conn, struct model *model, const struct request *request,
                 const char *path);
bool model_has_name(const struct model *model, const char *name);
/* How many tokens of this prompt the cache holds: what a picker scores. */
int model_cached_tokens(struct model *model, const char *prompt);
int model_running(struct model *model);
/* The prompt of a chat or completion body as one text, llmd__ memory; NULL: none. */
char *model_prompt(const struct json *body);

#endif
