/* SPDX-License-Identifier: Apache-2.0 */
/* GKE's inference quickstart (gkerecommender v1): a few profiles, in the API's shape. */
#include "sandbox/google/call.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *model;
    const char *server;
    const char *version;
    const char *instance;
    const char *accelerator;
    int tokens_per_s;
    int ttft_ms;
    int ntpot_ms;
    double per_hour; /* of the whole instance */
} profiles[] = {
    {"Qwen/Qwen2.5-3B-Instruct", "vllm", "v0.11.0", "g2-standard-12", "nvidia-l4", 1180, 420, 48,
     1.0},
    {"Qwen/Qwen2.5-3B-Instruct", "vllm", "nightly-20260210", "ct6e-standard-4t", "tpu-v6e-slice",
     9200, 140, 21, 11.88},
    {"meta-llama/Llama-3.1-8B-Instruct", "vllm", "v0.11.0", "g2-standard-24", "nvidia-l4", 760, 610,
     62, 2.0},
    {"meta-llama/Llama-3.1-8B-Instruct", "vllm", "nightly-20260210", "ct6e-standard-4t",
     "tpu-v6e-slice", 5600, 210, 27, 11.88},
    {"google/gemma-3-27b-it", "vllm", "v0.11.0", "a3-highgpu-1g", "nvidia-h100-80gb", 2100, 330, 35,
     11.06},
};
#define PROFILES (sizeof(profiles) / sizeof(profiles[0]))

static void add_once(struct json *list, const char *text)
{
    JSON_EACH(item, list)
        if (strcmp(llmd__json_text(item), text) == 0)
            return;
    llmd__json_add_str(list, text);
}

static struct json *fetch_models(struct api_call *call)
{
    struct json *json = MAKE("{'models':[]}");
    (void)call;
    for (size_t i = 0; i < PROFILES; i++)
        add_once(llmd__json_edit(json, "models"), profiles[i].model);
    return json;
}

/* Servers (or versions) of the model that the query names. */
static struct json *fetch_of_model(struct api_call *call, const char *member, bool versions)
{
    char *model = api_query(call, "model");
    struct json *json = llmd__json_object();
    struct json *list = llmd__json_set_array(json, member);
    for (size_t i = 0; i < PROFILES && model; i++)
        if (strcmp(profiles[i].model, model) == 0)
            add_once(list, versions ? profiles[i].version : profiles[i].server);
    if (!model || llmd__json_count(list) == 0) {
        llmd__json_free(json);
        json = api_invalid(call, "Model \"%s\" is not supported.", model ? model : "");
    }
    free(model);
    return json;
}

static struct json *fetch_servers(struct api_call *call)
{
    return fetch_of_model(call, "modelServers", false);
}

static struct json *fetch_versions(struct api_call *call)
{
    return fetch_of_model(call, "modelServerVersions", true);
}

static struct json *performance(size_t i)
{
    double per_million = profiles[i].per_hour / (profiles[i].tokens_per_s * 3600.0) * 1e6;
    int64_t nanos = (int64_t)(per_million * 1e9);
    AUTO(str) char *units = llmd__format("%lld", (long long)(nanos / 1000000000));
    return MAKE("{'queriesPerSecond':%f,'outputTokensPerSecond':%d,'ttftMilliseconds':%d,"
                "'ntpotMilliseconds':%d,'cost':[{'costPerMillionOutputTokens':{'currencyCode':"
                "'USD','units':%s,'nanos':%d},'pricingModel':'on-demand'}]}",
                profiles[i].tokens_per_s / 256.0, profiles[i].tokens_per_s, profiles[i].ttft_ms,
                profiles[i].ntpot_ms, units, (int)(nanos % 1000000000));
}

static bool fits(const struct json *body, size_t i)
{
    const char *model = llmd__json_str(body, "model");
    const char *server = llmd__json_str(body, "modelServer");
    int64_t ttft = llmd__json_int(body, "performanceRequirements.targetTtftMilliseconds", 0);
    return (!*model || strcmp(model, profiles[i].model) == 0) &&
           (!*server || strcmp(server, profiles[i].server) == 0) &&
           (!ttft || profiles[i].ttft_ms <= ttft);
}

static struct json *fetch_profiles(struct api_call *call)
{
    struct json *json = MAKE("{'profile':[]}");
    for (size_t i = 0; i < PROFILES; i++) {
        if (!fits(call->body, i))
            continue;
        AUTO(json) struct json *stats = performance(i);
        llmd__json_add(llmd__json_edit(json, "profile"),
                       MAKE("{'modelServerInfo':{'model':%s,'modelServer':%s,"
                            "'modelServerVersion':%s},'acceleratorType':%s,'tpuTopology':%s,"
                            "'instanceType':%s,'performanceStats':[%j]}",
                            profiles[i].model, profiles[i].server, profiles[i].version,
                            profiles[i].accelerator,
                            profiles[i].accelerator[0] == 't' ? "2x2" : NULL, profiles[i].instance,
                            stats));
    }
    return json;
}

static struct json *generate_manifest(struct api_call *call)
{
    (void)call;
    return MAKE("{'kubernetesManifests':[{'kind':'Deployment','apiVersion':'apps/v1','content':"
                "'apiVersion: apps/v1\\nkind: Deployment\\n'}],'comments':[]}");
}

struct json *recommender_serve(struct api_call *call)
{
    static const struct {
        const char *method;
        const char *path;
        api_handler handler;
    } routes[] = {{"GET", "models:fetch", fetch_models},
                  {"GET", "modelServers:fetch", fetch_servers},
                  {"GET", "modelServerVersions:fetch", fetch_versions},
                  {"POST", "profiles:fetch", fetch_profiles},
                  {"POST", "optimizedManifest:generate", generate_manifest}};
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (call->count == 1 && strcmp(call->method, routes[i].method) == 0 &&
            strcmp(call->segments[0], routes[i].path) == 0)
            return routes[i].handler(call);
    return api_not_found(call, "Method not found.");
}
