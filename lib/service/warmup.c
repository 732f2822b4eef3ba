/* SPDX-License-Identifier: Apache-2.0 */
/* The last step: warm-up requests through the front door, timed apart, and the
   result. XLA compiles at the first shape it sees, which is nobody's latency
   but ours. */
#include "service/connect.h"
#include "service/wait.h"

#include "openai/endpoint.h"
#include "openai/refusal.h"

#include "net/retry.h"

#include <string.h>

/* A load balancer that knows the route learns about its backends up to 90 s
 * later. */
#define RETRY_MS 2000
#define PATIENCE_MS 90000
#define GIVE_UP_MS 600000
#define UNREACHABLE_TRIES 5

enum warm_at { WARM_MODELS, WARM_CALLS };

struct warmup {
    enum warm_at at;
    llmd_endpoint *endpoint;
    char *body;
    int done, failed;
    int64_t begun_ms, sent_ms;
    bool told_wait, told_late;
};

static void warmup_free(void *state)
{
    struct warmup *warmup = state;

    llmd_endpoint_free(warmup->endpoint);
    llmd__free(warmup->body);
    llmd__free(warmup);
}

/* ---- the end of the task ---- */

/* Whatever became of the warm-up: the service is what the task was for. */
static llmd_error *end(struct graph *graph, const struct wait *wait, struct step_action *action)
{
    struct json *result = NULL;

    TRY(llmd__json_copy(llmd__scene_service(&wait->base.scene), &result));
    llmd__graph_result(graph, result);
    action->kind = ACTION_FINISH;
    return NULL;
}

static llmd_error *tell(struct graph *graph, const struct wait *wait, llmd_level level,
                        const char *reason, const char *message, const char *advice, int done)
{
    AUTO(str)
    char *subject = llmd__format("LLMInferenceService/%s/%s", wait->base.ns, wait->base.name);

    CHECK_MEMORY(subject);
    return llmd__graph_event(graph,
                             &(struct event_text){.level = level,
                                                  .phase = "serving",
                                                  .subject = subject,
                                                  .reason = reason,
                                                  .message = message,
                                                  .advice = advice,
                                                  .done = done,
                                                  .total = wait->spec ? wait->spec->warmup : 0});
}

/* With no warm-up to tell of. */
static llmd_error *end_cold(struct graph *graph, const struct wait *wait,
                            struct step_action *action)
{
    TRY(tell(graph, wait, LLMD_LEVEL_INFO, "Ready",
             wait->progress.done ? "is ready" : "is ready, with no replica", "", 0));
    return end(graph, wait, action);
}

/* ---- requests ---- */

/* The id that the server goes by may differ from the name in the spec: an adapter, an alias. */
static llmd_error *send_models(struct warmup *warmup, struct step_action *action)
{
    action->kind = ACTION_SEND;
    action->http = llmd__endpoint_http(warmup->endpoint);
    action->request =
        (struct http_request){.method = "GET", .path = "/v1/models", .idempotent = true};
    return NULL;
}

/* no_retry: each try is told and timed here. */
static llmd_error *send_call(struct warmup *warmup, int64_t now_ms, struct step_action *action)
{
    warmup->at = WARM_CALLS;
    warmup->sent_ms = now_ms;
    action->kind = ACTION_SEND;
    action->http = llmd__endpoint_http(warmup->endpoint);
    action->request = (struct http_request){.method = "POST",
                                            .path = "/v1/completions",
                                            .content_type = "application/json",
                                            .body = warmup->body,
                                            .body_len = strlen(warmup->body),
                                            .no_retry = true};
    return NULL;
}

/* Eight tokens: the first compile of XLA is per shape, and a decode step is one of them. */
static llmd_error *make_body(struct warmup *warmup, const char *model)
{
    AUTO(json) struct json *body = NULL;

    TRY(llmd__json_make(&body, "{'model': %s, 'prompt': 'Warm up.', 'max_tokens': 8}", model));
    return llmd__json_print(body, &warmup->body);
}

/* The served id, or what KServe was told when /v1/models is not routed. */
static llmd_error *take_models(struct warmup *warmup, const struct wait *wait,
                               const struct step_input *input)
{
    AUTO(json) struct json *models = NULL;
    const char *model = "";

    if (input->kind == INPUT_REPLY && input->status / 100 == 2)
        llmd_error_free(llmd__json_parse(input->text, input->text_len, "models", &models));
    model = llmd__json_str(models, "data[0].id");
    return make_body(
        warmup, model[0] ? model : llmd__service_model(llmd__scene_service(&wait->base.scene)));
}

/* Without an address there is nothing to warm; the service is ready all the same. */
static llmd_error *begin(struct warmup *warmup, const struct wait *wait, int64_t now_ms,
                         struct step_action *action)
{
    AUTO(str) char *url = NULL;

    warmup->begun_ms = now_ms;
    TRY(llmd__service_address(llmd__scene_service(&wait->base.scene),
                              llmd__scene_gateway(&wait->base.scene), &url));
    if (!url)
        return NULL;
    TRY(llmd__endpoint_open_at(NULL, &(struct endpoint_place){.url = url}, NULL,
                               &warmup->endpoint));
    return send_models(warmup, action);
}

/* ---- answers ---- */

static llmd_error *take_good(struct warmup *warmup, struct graph *graph, const struct wait *wait,
                             int64_t now_ms, struct step_action *action)
{
    AUTO(str)
    char *message =
        llmd__format("warm-up request answered in %lld ms", (long long)(now_ms - warmup->sent_ms));

    CHECK_MEMORY(message);
    warmup->done++;
    TRY(tell(graph, wait, LLMD_LEVEL_INFO, "WarmUp", message, "", warmup->done));
    if (warmup->done < wait->spec->warmup)
        return send_call(warmup, now_ms, action);
    return end(graph, wait, action);
}

/* When to try again: the server knows, or we do. */
static int64_t pause_ms(const struct step_input *input)
{
    int64_t wish = input->reply ? input->reply->retry_after_ms : 0;

    return wish <= 0 ? RETRY_MS : wish < LLMD__RETRY_AFTER_MAX_MS ? wish : LLMD__RETRY_AFTER_MAX_MS;
}

/* 404 and 5xx before the route is in place; a 4xx later is the server's own
 * word. */
static bool may_pass(const struct step_input *input)
{
    return input->kind == INPUT_ERROR || input->status >= 500 || input->status == 404 ||
           input->status == 429;
}

static const char no_route[] = "ready, but the gateway does not reach it yet";

static llmd_error *wait_for_route(struct warmup *warmup, struct graph *graph,
                                  const struct wait *wait, const struct step_input *input,
                                  struct step_action *action)
{
    if (!warmup->told_wait)
        TRY(tell(graph, wait, LLMD_LEVEL_INFO, "WaitingForRoute", no_route, "", warmup->done));
    warmup->told_wait = true;
    if (!warmup->told_late && input->now_ms - warmup->begun_ms > PATIENCE_MS) {
        warmup->told_late = true;
        TRY(tell(graph, wait, LLMD_LEVEL_WARNING, "BackendUnhealthy",
                 "the gateway still answers that there is no healthy backend",
                 "check that the HealthCheckPolicy of the pool is attached; on GKE pool comes "
                 "before policy: delete the policy and apply the service again",
                 warmup->done));
    }
    action->kind = ACTION_SLEEP;
    action->wake_ms = input->now_ms + pause_ms(input);
    return NULL;
}

/* A service that is ready is not failed for a warm-up request: at worst it is told. */
static llmd_error *take_bad(struct warmup *warmup, struct graph *graph, const struct wait *wait,
                            const struct step_input *input, struct step_action *action)
{
    bool unreachable = input->kind == INPUT_ERROR && ++warmup->failed >= UNREACHABLE_TRIES;
    bool late = input->now_ms - warmup->begun_ms > GIVE_UP_MS;

    if (may_pass(input) && !unreachable && !late)
        return wait_for_route(warmup, graph, wait, input, action);
    AUTO(error)
    llmd_error *fault = input->kind == INPUT_ERROR
                            ? llmd__error_copy(input->error)
                            : llmd__refusal("the warm-up request", input->reply);
    TRY(tell(graph, wait, LLMD_LEVEL_WARNING, unreachable ? "EndpointUnreachable" : "WarmUpFailed",
             llmd_error_message(fault),
             unreachable ? "the service is ready, but its address cannot be reached from here"
                         : "the service is ready, but refuses the warm-up request",
             warmup->done));
    return end(graph, wait, action);
}

static llmd_error *warmup_advance(void *state, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    struct warmup *warmup = state;
    struct wait *wait = llmd__graph_data(graph);

    if (!wait->spec || !wait->spec->warmup || !wait->progress.done)
        return end_cold(graph, wait, action);
    if (input->kind == INPUT_BEGIN) {
        TRY(begin(warmup, wait, input->now_ms, action));
        return warmup->endpoint ? NULL : end_cold(graph, wait, action);
    }
    if (input->kind == INPUT_TICK)
        return send_call(warmup, input->now_ms, action);
    if (input->kind != INPUT_REPLY && input->kind != INPUT_ERROR)
        return NULL;
    if (warmup->at == WARM_MODELS) {
        TRY(take_models(warmup, wait, input));
        return send_call(warmup, input->now_ms, action);
    }
    if (input->kind == INPUT_REPLY && input->status / 100 == 2)
        return take_good(warmup, graph, wait, input->now_ms, action);
    return take_bad(warmup, graph, wait, input, action);
}

static void describe(const void *state, const struct graph *graph, struct buf *text)
{
    const struct warmup *warmup = state;
    const struct wait *wait = llmd__graph_data(graph);

    if (warmup->told_wait)
        llmd__buf_format(text, "service %s/%s: %s", wait->base.ns, wait->base.name, no_route);
}

static const struct step_class warmup_class = {.name = "warmup",
                                               .advance = warmup_advance,
                                               .free = warmup_free,
                                               .describe = describe,
                                               .brief = true};

llmd_error *llmd__warmup_step(struct graph *graph, struct wait *wait, step_id *out)
{
    struct warmup *warmup = llmd__calloc(1, sizeof(*warmup));

    (void)wait;
    CHECK_MEMORY(warmup);
    return llmd__graph_add(graph, &warmup_class, warmup, out);
}
