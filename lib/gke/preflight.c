/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/preflight.h"

#include <stdio.h>
#include <string.h>

void llmd__preflight_free(void *data)
{
    struct preflight *preflight = data;

    if (!preflight)
        return;
    for (size_t i = 0; i < preflight->pool_count; i++)
        llmd__pool_spec_free(&preflight->pools[i]);
    llmd__free(preflight->pools);
    llmd_cluster_spec_free(preflight->spec);
    llmd__json_free(preflight->checks);
    llmd__json_free(preflight->region);
    llmd__json_free(preflight->project);
    llmd__json_free(preflight->cluster);
    llmd__json_free(preflight->held);
    llmd_error_free(preflight->unreachable);
    llmd_gke_free(preflight->gke);
    llmd__free(preflight);
}

/* ---- telling ---- */

static const char *level_name(llmd_level level)
{
    if (level >= LLMD_LEVEL_ERROR)
        return "error";
    return level >= LLMD_LEVEL_WARNING ? "warning" : "info";
}

static llmd_error *keep(struct preflight *preflight, const struct check *check, const char *message)
{
    struct json *kept = llmd__json_add_object(preflight->checks);

    llmd__json_set_str(kept, "level", level_name(check->level));
    llmd__json_set_str(kept, "subject", check->subject);
    llmd__json_set_str(kept, "reason", check->reason);
    llmd__json_set_str(kept, "message", message);
    llmd__json_set_str(kept, "advice", check->advice);
    if (check->metric) {
        llmd__json_set_str(kept, "metric", check->metric);
        llmd__json_set_int(kept, "limit", check->limit);
        llmd__json_set_int(kept, "used", check->used);
        llmd__json_set_int(kept, "needed", check->needed);
    }
    return llmd__json_check(preflight->checks);
}

llmd_error *llmd__preflight_tell(struct preflight *preflight, struct graph *graph,
                                 const struct check *check, const char *format, ...)
{
    AUTO(buf) struct buf message = BUF_INIT;
    va_list args;

    va_start(args, format);
    llmd__buf_vformat(&message, format, args);
    va_end(args);
    TRY(llmd__buf_check(&message));
    TRY(keep(preflight, check, message.data));
    if (preflight->silent)
        return NULL;
    return llmd__graph_event(graph, &(struct event_text){.level = check->level,
                                                         .step = "preflight",
                                                         .subject = check->subject,
                                                         .reason = check->reason,
                                                         .message = message.data,
                                                         .advice = check->advice});
}

llmd_error *llmd__preflight_unknown(struct preflight *preflight, struct graph *graph,
                                    const char *subject, const struct look_answer *answer)
{
    const char *message = llmd_error_message(answer->refusal);
    struct check check = {LLMD_LEVEL_WARNING, subject, "UNKNOWN",
                          llmd_error_advice(answer->refusal)};

    /* User credentials without a quota project are refused by some services only (P135). */
    if (strstr(message, "quota project") || strstr(message, "USER_PROJECT_DENIED")) {
        check.level = LLMD_LEVEL_ERROR;
        check.reason = "QUOTA_PROJECT";
        check.advice = "set GOOGLE_CLOUD_QUOTA_PROJECT to this project, or run `gcloud auth "
                       "application-default set-quota-project`";
    } else if (!*check.advice) {
        check.advice = "this could not be looked at: look by hand, or try again";
    }
    return llmd__preflight_refused(preflight, graph, &check, answer);
}

/* ---- looks ---- */

static void ask_free(void *data)
{
    struct preflight_ask *ask = data;

    llmd__json_free(ask->seen);
    llmd__free(ask);
}

static struct preflight_ask *ask_new(struct preflight *preflight, const char *subject, size_t index,
                                     look_fn on_answer)
{
    struct preflight_ask *ask = llmd__calloc(1, sizeof(*ask));

    if (!ask)
        return NULL;
    ask->preflight = preflight;
    ask->index = index;
    ask->on_answer = on_answer;
    snprintf(ask->subject, sizeof(ask->subject), "%s", subject);
    return ask;
}

/* Without a token nothing can be asked: the first look that finds it out ends them all. */
static llmd_error *hear(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;

    if (answer->unasked && !ask->preflight->silent)
        return llmd__error_wrap(llmd__error_copy(answer->refusal),
                                "preflight: nothing could be checked");
    if (!answer->refusal)
        TRY(llmd__preflight_answered(ask->preflight, graph));
    return ask->on_answer(data, graph, answer);
}

llmd_error *llmd__preflight_look(struct preflight *preflight, struct graph *graph,
                                 enum google_api api, const char *subject, size_t index,
                                 look_fn on_answer, const char *body, step_id *out,
                                 const char *path_format, ...)
{
    AUTO(buf) struct buf path = BUF_INIT;
    struct look look = {.api = api, .what = subject, .body = body, .on_answer = hear};
    step_id id = -1;
    va_list args;

    va_start(args, path_format);
    llmd__buf_vformat(&path, path_format, args);
    va_end(args);
    TRY(llmd__buf_check(&path));
    look.path = path.data;
    look.data = ask_new(preflight, subject, index, on_answer);
    look.free_data = ask_free;
    CHECK_MEMORY(look.data);
    TRY(llmd__look_step(graph, preflight->gke, &look, &id));
    if (out)
        *out = id;
    return llmd__graph_need(graph, preflight->verdict, id);
}

llmd_error *llmd__preflight_quota_needs(struct preflight *preflight, struct graph *graph,
                                        step_id look)
{
    return llmd__graph_need(graph, preflight->quotas, look);
}

/* ---- the verdict ---- */

/* Nobody can ask for free capacity, and a quota is a permission, not a promise (P2). */
static llmd_error *tell_capacity(struct preflight *preflight, struct graph *graph)
{
    const struct check check = {
        LLMD_LEVEL_INFO, "Capacity", "CAPACITY_UNKNOWN",
        "make the pool with nodes 0 and minNodes 0 and let autoscaling try, name fallbacks, "
        "or use a reservation; a stock-out is told within two minutes of the try"};

    for (size_t i = 0; i < preflight->pool_count; i++)
        if (llmd__pool_accelerator(&preflight->pools[i]) != ACCELERATOR_NONE)
            return llmd__preflight_tell(preflight, graph, &check,
                                        "whether %s is free now in its zones cannot be asked, "
                                        "only tried; quota is no capacity",
                                        preflight->pools[i].machine);
    return NULL;
}

/* Nothing is passed over in silence. */
static llmd_error *tell_cut(struct preflight *preflight, struct graph *graph)
{
    const struct check check = {LLMD_LEVEL_WARNING, "Preflight", "UNKNOWN",
                                "check the pools in several specs"};

    if (!preflight->cut)
        return NULL;
    return llmd__preflight_tell(preflight, graph, &check,
                                "more machine types, zones and quotas are wanted than are looked "
                                "at: only the first %d and %d were",
                                MAX_SHAPES, MAX_CLOUD_QUOTAS);
}

static llmd_error *conclude(struct preflight *preflight, struct graph *graph)
{
    int count = (int)llmd__json_count(preflight->checks), errors = 0, warnings = 0;
    AUTO(str) char *message = NULL;

    JSON_EACH(check, preflight->checks) {
        errors += !strcmp(llmd__json_str(check, "level"), "error");
        warnings += !strcmp(llmd__json_str(check, "level"), "warning");
    }
    message = llmd__format("%d looked at: %d errors, %d warnings", count, errors, warnings);
    CHECK_MEMORY(message);
    llmd__graph_result(graph, TAKE(preflight->checks));
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                         .subject = "Preflight",
                                                         .reason = "Done",
                                                         .message = message});
}

static llmd_error *verdict(void *data, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    struct preflight *preflight = data;

    (void)input;
    TRY(llmd__preflight_tell_held(preflight, graph));
    TRY(tell_capacity(preflight, graph));
    TRY(tell_cut(preflight, graph));
    action->kind = ACTION_DONE;
    return conclude(preflight, graph);
}

static const struct step_class verdict_class = {"preflight", verdict, NULL};

/* ---- the task ---- */

static llmd_error *read_pools(struct preflight *preflight)
{
    size_t count = llmd__cluster_spec_pools(preflight->spec);

    preflight->pools = llmd__calloc(count ? count : 1, sizeof(*preflight->pools));
    CHECK_MEMORY(preflight->pools);
    for (size_t i = 0; i < count; i++) {
        TRY(llmd__cluster_spec_pool(preflight->spec, i, &preflight->pools[i]));
        preflight->pool_count++;
    }
    return NULL;
}

llmd_error *llmd__preflight_new(const llmd_gke *gke, const llmd_cluster_spec *spec,
                                struct preflight **out)
{
    AUTO(preflight) struct preflight *preflight = llmd__calloc(1, sizeof(*preflight));

    CHECK_MEMORY(preflight);
    preflight->gke = llmd__gke_ref(gke);
    preflight->checks = llmd__json_array();
    preflight->held = llmd__json_array();
    if (!preflight->checks || !preflight->held)
        return NO_MEMORY;
    if (spec) {
        TRY(llmd__cluster_spec_copy(spec, &preflight->spec));
        TRY(read_pools(preflight));
    }
    *out = TAKE(preflight);
    return NULL;
}

static llmd_error *add_parts(struct preflight *preflight, struct graph *graph)
{
    typedef llmd_error *(*part_fn)(struct preflight *, struct graph *);
    static const part_fn of_spec[] = {
        llmd__preflight_project,  llmd__preflight_services,     llmd__preflight_policies,
        llmd__preflight_quotas, /* before the machines, which the judge of quotas needs */
        llmd__preflight_machines, llmd__preflight_reservations, llmd__preflight_cluster,
        llmd__preflight_network,
    };

    TRY(llmd__graph_add(graph, &verdict_class, preflight, &preflight->verdict));
    if (!preflight->spec)
        return llmd__preflight_place(preflight, graph);
    for (size_t i = 0; i < sizeof(of_spec) / sizeof(of_spec[0]); i++)
        TRY(of_spec[i](preflight, graph));
    return NULL;
}

llmd_error *llmd_cluster_preflight(const llmd_gke *gke, const llmd_cluster_spec *spec,
                                   llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    struct preflight *preflight = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    if (spec)
        TRY(llmd__cluster_spec_check(spec));
    TRY(llmd__preflight_new(gke, spec, &preflight));
    TRY(llmd__graph_new(preflight, llmd__preflight_free, &graph));
    llmd__graph_own_events_only(graph);
    TRY(add_parts(preflight, graph));
    return llmd__task_new(TAKE(graph), out);
}
