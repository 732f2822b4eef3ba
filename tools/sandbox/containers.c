/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container here is only its words: image and arguments decide whether it would stay, end, and
 * what its log would say.
 */
#include "sandbox/containers.h"

#include "sandbox/images.h"

#include <ctype.h>
#include <string.h>

/* Flags of vLLM that deployments use; a flag that is no prefix-free match is refused. */
static const char vllm_flags[] =
    " model served-model-name host port uvicorn-log-level disable-uvicorn-access-log "
    "disable-access-log-for-endpoints allow-credentials allowed-origins allowed-methods "
    "allowed-headers api-key lora-modules chat-template chat-template-content-format "
    "response-role ssl-keyfile ssl-certfile ssl-ca-certs enable-ssl-refresh ssl-cert-reqs "
    "root-path middleware enable-request-id-headers enable-auto-tool-choice tool-call-parser "
    "tool-parser-plugin disable-frontend-multiprocessing enable-prompt-tokens-details "
    "enable-server-load-tracking enable-force-include-usage headless api-server-count config "
    "task runner convert tokenizer hf-config-path skip-tokenizer-init revision code-revision "
    "tokenizer-revision tokenizer-mode trust-remote-code allowed-local-media-path download-dir "
    "load-format config-format dtype kv-cache-dtype max-model-len guided-decoding-backend "
    "logits-processor-pattern model-impl distributed-executor-backend pipeline-parallel-size "
    "tensor-parallel-size data-parallel-size data-parallel-size-local data-parallel-address "
    "data-parallel-rpc-port data-parallel-backend data-parallel-rank data-parallel-start-rank "
    "data-parallel-hybrid-lb enable-expert-parallel enable-eplb max-parallel-loading-workers "
    "block-size enable-prefix-caching no-enable-prefix-caching prefix-caching-hash-algo "
    "disable-sliding-window swap-space cpu-offload-gb gpu-memory-utilization "
    "num-gpu-blocks-override max-logprobs quantization rope-scaling rope-theta hf-token "
    "hf-overrides enforce-eager max-seq-len-to-capture mm-processor-kwargs "
    "limit-mm-per-prompt enable-lora enable-lora-bias max-loras max-lora-rank "
    "lora-extra-vocab-size max-cpu-loras fully-sharded-loras speculative-config device "
    "max-num-batched-tokens max-num-partial-prefills max-long-partial-prefills "
    "long-prefill-token-threshold max-num-seqs num-scheduler-steps scheduling-policy "
    "enable-chunked-prefill no-enable-chunked-prefill disable-chunked-mm-input "
    "async-scheduling stream-interval scheduler-cls override-pooler-config "
    "compilation-config kv-transfer-config kv-events-config worker-cls worker-extension-cls "
    "generation-config override-generation-config enable-sleep-mode additional-config "
    "reasoning-parser enable-reasoning structured-outputs-config disable-cascade-attn "
    "disable-log-requests enable-log-requests disable-log-stats max-log-len seed "
    "show-hidden-metrics-for-version otlp-traces-endpoint collect-detailed-traces "
    "shutdown-timeout sse-keep-alive-interval mode time-to-first-token inter-token-latency "
    "enable-kvcache kv-cache-size max-waiting-queue-length latency-calculator "
    "data-parallel-external-lb optimization-level attention-backend kv-cache-memory-bytes "
    "numa-bind safetensors-load-strategy pooler-config logprobs-mode ";

static const char picker_plugins[] =
    " single-profile-handler pd-profile-handler disagg-profile-handler queue-scorer "
    "queue-depth-scorer kv-cache-utilization-scorer kv-cache-scorer prefix-cache-scorer "
    "precise-prefix-cache-scorer approx-prefix-cache-producer load-aware-scorer "
    "lora-affinity-scorer session-affinity-scorer active-request-scorer no-hit-lru-scorer "
    "max-score-picker random-picker weighted-random-picker decode-filter prefill-filter "
    "by-label by-label-selector running-requests-size-scorer prefix-based-pd-decider "
    "prefill-header-handler header-based-testing-filter latency-scorer utilization-detector "
    "predicted-latency-producer tokenizer token-producer ";

static bool listed(const char *words, const char *word, size_t len)
{
    for (const char *at = strstr(words, " "); at; at = strstr(at + 1, " "))
        if (strncmp(at + 1, word, len) == 0 && at[1 + len] == ' ')
            return true;
    return false;
}

static bool is_vllm(const struct json *container)
{
    return image_role(llmd__json_str(container, "image")) == ROLE_MODEL;
}

const char *unknown_vllm_flag(const struct json *container)
{
    char name[128];
    if (!is_vllm(container))
        return NULL;
    JSON_EACH(item, llmd__json_get(container, "args")) {
        const char *arg = llmd__json_text(item);
        size_t len = strcspn(arg, "= \n");
        if (strncmp(arg, "--", 2) != 0 || len <= 2 || len >= sizeof(name))
            continue;
        for (size_t i = 2; i <= len; i++)
            name[i - 2] = i == len ? '\0' : arg[i] == '_' ? '-' : arg[i];
        if (!listed(vllm_flags, name, len - 2))
            return arg;
    }
    return NULL;
}

char *unknown_picker_plugin(const struct json *container)
{
    const char *text = container_flag(container, "--config-text");
    if (image_role(llmd__json_str(container, "image")) != ROLE_PICKER || !text)
        return NULL;
    for (const char *at = strstr(text, "\"type\":\""); at; at = strstr(at, "\"type\":\"")) {
        at += 8;
        size_t len = strcspn(at, "\"");
        if (!listed(picker_plugins, at, len))
            return llmd__strndup(at, len);
    }
    return NULL;
}

/* The rig's stand-in for a server that refuses its flags: "stub refuse". */
bool container_ends_at_once(const struct json *container)
{
    JSON_EACH(word, llmd__json_get(container, "command")) {
        if (strcmp(llmd__json_text(word), "refuse") == 0)
            return true;
    }
    return false;
}

char *container_failure(const struct json *container, int *exit_code)
{
    if (container_ends_at_once(container)) {
        *exit_code = 2;
        return llmd__format("usage: vllm serve [model_tag] [options]\n"
                            "vllm serve: error: unrecognized arguments: --no-such-flag\n");
    }
    const char *flag = unknown_vllm_flag(container);
    AUTO(str) char *plugin = unknown_picker_plugin(container);
    *exit_code = flag ? 2 : 1;
    if (flag)
        return llmd__format("usage: vllm [-h] [-v]\n"
                            "            {chat,complete,serve,launch,bench,collect-env,run-batch}\n"
                            "            ...\n"
                            "vllm: error: unrecognized arguments: %.*s\n",
                            (int)strcspn(flag, "\n"), flag);
    if (plugin)
        return llmd__format("{\"level\":\"error\",\"logger\":\"setup\",\"msg\":\"Failed to load "
                            "configuration\",\"error\":\"failed to instantiate the configuration: "
                            "failed to load the configuration - plugin type '%s' is not "
                            "registered\"}\n",
                            plugin);
    return NULL;
}

static const char *flag_in(const struct json *list, const char *flag)
{
    size_t len = strlen(flag);
    JSON_EACH(item, list) {
        const char *text = llmd__json_text(item);
        if (strncmp(text, flag, len) == 0 && text[len] == '=')
            return text + len + 1;
        if (strcmp(text, flag) == 0 && llmd__json_next(item))
            return llmd__json_text(llmd__json_next(item));
    }
    return NULL;
}

const char *container_flag(const struct json *container, const char *flag)
{
    const char *value = flag_in(llmd__json_get(container, "args"), flag);
    return value ? value : flag_in(llmd__json_get(container, "command"), flag);
}

/* "--served-model-name a b" names two. */
static void add_served(struct json *names, const struct json *list)
{
    bool on = false;
    JSON_EACH(item, list) {
        const char *text = llmd__json_text(item);
        if (on && strncmp(text, "--", 2) != 0)
            llmd__json_add_str(names, text);
        else
            on = strcmp(text, "--served-model-name") == 0;
        if (strncmp(text, "--served-model-name=", 20) == 0)
            llmd__json_add_str(names, text + 20);
    }
}

struct json *served_names(const struct json *container, const char *otherwise)
{
    struct json *names = llmd__json_array();
    add_served(names, llmd__json_get(container, "command"));
    add_served(names, llmd__json_get(container, "args"));
    if (llmd__json_count(names) == 0) {
        const char *model = container_flag(container, "--model");
        llmd__json_add_str(names, model ? model : otherwise);
    }
    return names;
}

void container_log(const struct json *container, const char *failure, bool ready, struct buf *out)
{
    enum image_role role = image_role(llmd__json_str(container, "image"));
    if (role == ROLE_MODEL) {
        llmd__buf_str(out, "[access-log-detect] vllm version='0.32.0'\n"
                           "[access-log-detect] selected ACCESS_LOG_ARGS="
                           "'--disable-access-log-for-endpoints /health,/metrics,/ping'\n");
        if (!failure)
            llmd__buf_str(out, "(APIServer pid=1) INFO vLLM API server version 0.32.0\n"
                               "(EngineCore pid=27) INFO Loading weights took 4.12 seconds\n"
                               "(EngineCore pid=27) INFO init engine (profile, create kv cache, "
                               "warmup model) took 21.37 seconds\n");
    } else if (role == ROLE_PICKER) {
        llmd__buf_str(out, "{\"level\":\"info\",\"logger\":\"setup\",\"msg\":\"EPP build\"}\n");
    } else {
        llmd__buf_str(out, "starting\n");
    }
    if (failure)
        llmd__buf_str(out, failure);
    else if (ready && role == ROLE_MODEL)
        llmd__buf_str(out, "(APIServer pid=1) INFO Started server process [1]\n"
                           "(APIServer pid=1) INFO Application startup complete.\n");
    else if (ready)
        llmd__buf_str(out, "ready\n");
}
