/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a model server, shared by the model_*.c files only. */
#ifndef SANDBOX_MODEL_INSIDE_H
#define SANDBOX_MODEL_INSIDE_H

#include "sandbox/model.h"
#include "sandbox/tokens.h"

#include <pthread.h>

#define HISTOGRAM_BUCKETS 12

struct histogram {
    int64_t counts[HISTOGRAM_BUCKETS + 1]; /* the last: beyond all bounds */
    double sum;
    int64_t count;
};

enum finish { FINISH_STOP, FINISH_LENGTH, FINISH_ABORT, FINISH_KINDS };

struct model {
    pthread_mutex_t mutex;
    struct json *names;
    int max_len;
    int ttft_ms;
    int itl_ms;
    struct prefix_cache cache;
    int running;
    int64_t prompt_tokens;
    int64_t generated_tokens;
    int64_t cache_queries;
    int64_t cache_hits;
    int64_t finished[FINISH_KINDS];
    struct histogram ttft;
    struct histogram itl;
    struct histogram e2e;
    uint64_t next_id;
};

const char *model_name(const struct model *model);
void model_error(struct conn *conn, int status, const char *type, const char *param,
                 const char *format, ...) PRINTF_LIKE(5, 6);
void histogram_add(struct histogram *histogram, double seconds);
void model_metrics(struct model *model, struct buf *out);
/* chat or completions */
void model_generate(struct conn *conn, struct model *model, const struct json *body, bool chat);

#endif
