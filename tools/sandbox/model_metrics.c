/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics by vLLM's names. */
#include "sandbox/model_inside.h"

/* Fewer buckets than vLLM has; their bounds are some of its own. */
static const double bounds[HISTOGRAM_BUCKETS] = {0.001, 0.005, 0.01, 0.02, 0.04, 0.08,
                                                 0.1,   0.25,  0.5,  1,    2.5,  10};

void histogram_add(struct histogram *histogram, double seconds)
{
    int i = 0;
    while (i < HISTOGRAM_BUCKETS && seconds > bounds[i])
        i++;
    histogram->counts[i]++;
    histogram->sum += seconds;
    histogram->count++;
}

static void add_help(struct buf *out, const char *name, const char *type, const char *help)
{
    llmd__buf_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_value(struct buf *out, const struct model *model, const char *name,
                      const char *labels, double value)
{
    llmd__buf_format(out, "%s{engine=\"0\",model_name=\"%s\"%s} %.10g\n", name, model_name(model),
                     labels, value);
}

static void add_histogram(struct buf *out, const struct model *model, const char *name,
                          const char *help, const struct histogram *histogram)
{
    int64_t total = 0;
    add_help(out, name, "histogram", help);
    for (int i = 0; i <= HISTOGRAM_BUCKETS; i++) {
        total += histogram->counts[i];
        llmd__buf_format(out, "%s_bucket{engine=\"0\",le=\"", name);
        if (i < HISTOGRAM_BUCKETS)
            llmd__buf_format(out, "%g", bounds[i]);
        else
            llmd__buf_str(out, "+Inf");
        llmd__buf_format(out, "\",model_name=\"%s\"} %lld\n", model_name(model), (long long)total);
    }
    llmd__buf_format(out, "%s_sum{engine=\"0\",model_name=\"%s\"} %.10g\n", name, model_name(model),
                     histogram->sum);
    llmd__buf_format(out, "%s_count{engine=\"0\",model_name=\"%s\"} %lld\n", name,
                     model_name(model), (long long)histogram->count);
}

static void add_gauges(struct buf *out, const struct model *model)
{
    add_help(out, "vllm:num_requests_running", "gauge", "Requests in model execution batches.");
    add_value(out, model, "vllm:num_requests_running", "", model->running);
    add_help(out, "vllm:num_requests_waiting", "gauge", "Requests waiting to be processed.");
    add_value(out, model, "vllm:num_requests_waiting", "", 0);
    add_help(out, "vllm:kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent.");
    add_value(out, model, "vllm:kv_cache_usage_perc", "", (double)model->cache.count / MAX_BLOCKS);
    add_help(out, "vllm:cache_config_info", "gauge", "Information of the LLMEngine CacheConfig");
    llmd__buf_format(out,
                     "vllm:cache_config_info{block_size=\"%d\",enable_prefix_caching=\"True\","
                     "engine=\"0\",num_gpu_blocks=\"%d\"} 1.0\n",
                     BLOCK_TOKENS, MAX_BLOCKS);
}

static void add_counter(struct buf *out, const struct model *model, const char *name,
                        const char *help, int64_t value)
{
    add_help(out, name, "counter", help);
    add_value(out, model, name, "", (double)value);
}

void model_metrics(struct model *model, struct buf *out)
{
    static const char *const finishes[] = {
        ",finished_reason=\"stop\"", ",finished_reason=\"length\"", ",finished_reason=\"abort\""};
    pthread_mutex_lock(&model->mutex);
    add_gauges(out, model);
    add_counter(out, model, "vllm:prefix_cache_queries_total", "Prefix cache queries, in tokens.",
                model->cache_queries);
    add_counter(out, model, "vllm:prefix_cache_hits_total", "Prefix cache hits, in tokens.",
                model->cache_hits);
    add_counter(out, model, "vllm:prompt_tokens_total", "Prefill tokens processed.",
                model->prompt_tokens);
    add_counter(out, model, "vllm:generation_tokens_total", "Generation tokens processed.",
                model->generated_tokens);
    add_help(out, "vllm:request_success_total", "counter", "Successfully processed requests.");
    for (int i = 0; i < FINISH_KINDS; i++)
        add_value(out, model, "vllm:request_success_total", finishes[i],
                  (double)model->finished[i]);
    add_counter(out, model, "vllm:num_preemptions_total", "Preemptions by the engine.", 0);
    add_histogram(out, model, "vllm:time_to_first_token_seconds", "Time to first token.",
                  &model->ttft);
    add_histogram(out, model, "vllm:inter_token_latency_seconds", "Inter-token latency.",
                  &model->itl);
    add_histogram(out, model, "vllm:e2e_request_latency_seconds", "End to end request latency.",
                  &model->e2e);
    pthread_mutex_unlock(&model->mutex);
}
