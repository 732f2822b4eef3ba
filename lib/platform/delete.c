/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing what carries our label, in the order that ends, and then looking whether it is so.
 *
 *     survey ──> refuse | waves, one after the other ──> survey again ──> result
 */
#include "platform/removal.h"

#include "kube/apply.h"
#include "kube/status.h"

#include <string.h>

/* As many at once as an apply has workers. */
#define LANES 16

static void removal_free(void *data)
{
    struct removal *removal = data;

    if (!removal)
        return;
    for (int wave = 0; wave < REMOVE_WAVES; wave++)
        llmd__json_free(removal->waves[wave]);
    llmd__json_free(removal->foreign);
    llmd__json_free(removal->kept);
    llmd__json_free(removal->left);
    llmd__json_free(removal->removed);
    llmd__json_free(removal->finalizers);
    llmd__platform_run_free(removal->run);
    llmd__free(removal);
}

static llmd_error *removal_new(struct platform_run *run, struct removal **out)
{
    struct removal *removal = llmd__calloc(1, sizeof(*removal));

    *out = NULL;
    if (!removal) {
        llmd__platform_run_free(run);
        return NO_MEMORY;
    }
    removal->run = run;
    removal->listed = removal->surveyed = -1;
    removal->foreign = llmd__json_array();
    removal->kept = llmd__json_object();
    removal->left = llmd__json_array();
    removal->removed = llmd__json_array();
    removal->finalizers = llmd__json_array();
    if (!removal->foreign || !removal->kept || !removal->left || !removal->removed ||
        !removal->finalizers) {
        removal_free(removal);
        return NO_MEMORY;
    }
    *out = removal;
    return NULL;
}

/* ---- taking finalizers off ---- */

struct strip {
    struct removal *removal;
    char *path, *body, *subject;
};

static void strip_free(void *data)
{
    struct strip *strip = data;

    llmd__free(strip->path);
    llmd__free(strip->body);
    llmd__free(strip->subject);
    llmd__free(strip);
}

static llmd_error *strip_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct strip *strip = state;

    if (input->kind == INPUT_ERROR)
        return llmd__error_copy(input->error);
    if (input->kind == INPUT_BEGIN) {
        action->kind = ACTION_SEND;
        action->http = llmd__kube_http(strip->removal->run->kube);
        action->request = (struct http_request){.method = "PATCH",
                                                .path = strip->path,
                                                .content_type = "application/merge-patch+json",
                                                .body = strip->body,
                                                .body_len = strlen(strip->body),
                                                .idempotent = true};
        return NULL;
    }
    if (input->kind != INPUT_REPLY)
        return NULL;
    if (input->status / 100 != 2 && input->status != 404)
        return llmd__status_error(input->status, input->text, strip->subject);
    action->kind = ACTION_DONE;
    return llmd__graph_event(
        graph, &(struct event_text){.level = LLMD_LEVEL_WARNING,
                                    .subject = strip->subject,
                                    .reason = "FinalizerStripped",
                                    .message = "the finalizer of a controller that is "
                                               "gone was taken off"});
}

static const struct step_class strip_class = {
    .name = "strip", .advance = strip_advance, .free = strip_free};

static llmd_error *fill_strip(struct strip *strip, const struct json *item)
{
    AUTO(json) struct json *patch = NULL;
    AUTO(buf) struct buf path = BUF_INIT;
    struct resource resource;

    if (!llmd__discovery_lookup(strip->removal->run->kube, llmd__json_str(item, "resource"),
                                &resource))
        return llmd__discovery_missing(strip->removal->run->kube, llmd__json_str(item, "resource"));
    llmd__resource_path(&path, &resource, llmd__json_str(item, "ns"), llmd__json_str(item, "name"),
                        NULL, NULL);
    strip->subject = llmd__format("%s/%s/%s", resource.kind, llmd__json_str(item, "ns"),
                                  llmd__json_str(item, "name"));
    CHECK_MEMORY(strip->subject);
    TRY(llmd__buf_take(&path, &strip->path));
    TRY(llmd__json_make(&patch, "{'metadata': {'finalizers': %j}}",
                        llmd__json_member(item, "rest")));
    return llmd__json_print(patch, &strip->body);
}

static llmd_error *add_strip(struct graph *graph, struct removal *removal, const struct json *item,
                             step_id *out)
{
    struct strip *strip = llmd__calloc(1, sizeof(*strip));
    llmd_error *error;

    CHECK_MEMORY(strip);
    strip->removal = removal;
    error = fill_strip(strip, item);
    if (!error)
        return llmd__graph_add(graph, &strip_class, strip, out);
    strip_free(strip);
    return error;
}

/* ---- may it go? ---- */

static llmd_error *refuse_foreign(const struct removal *removal)
{
    AUTO(buf) struct buf list = BUF_INIT;

    if (!llmd__json_count(removal->foreign))
        return NULL;
    llmd__removal_list(&list, removal->foreign);
    TRY(llmd__buf_check(&list));
    return llmd__error_set_advice(
        llmd__error_set_reason(llmd__error(LLMD_E_CONFLICT,
                                           "platform: in use by what would go with its CRDs: %s",
                                           llmd__buf_text(&list)),
                               "InUse"),
        "delete these first, services before gateways");
}

static bool is_held(const struct removal *removal, const struct json *finalizer)
{
    return !(removal->controllers & COMPONENT_BIT(llmd__json_int(finalizer, "component", 0)));
}

/* Of the first that is held, whose holder is named: how many it holds. */
static size_t held_like(const struct removal *removal, const struct json *first)
{
    int64_t holder = llmd__json_int(first, "component", 0);
    size_t count = 0;

    JSON_EACH(item, removal->finalizers)
        count += llmd__json_int(item, "component", 0) == holder;
    return count;
}

static const struct json *first_held(const struct removal *removal)
{
    JSON_EACH(item, removal->finalizers)
        if (is_held(removal, item))
            return item;
    return NULL;
}

/* Without their controller nobody takes finalizers off, and what they hold would never go. */
static llmd_error *refuse_held(const struct removal *removal)
{
    const struct json *first = first_held(removal);
    enum component holder;

    if (!first || removal->run->spec->strip_finalizers)
        return NULL;
    holder = (enum component)llmd__json_int(first, "component", 0);
    return llmd__error_set_advice(
        llmd__error_set_reason(
            llmd__error(LLMD_E_CONFLICT,
                        "platform: %zu objects, the first of them %s, are held by finalizers of "
                        "%s, and its controller is not there to take them off",
                        held_like(removal, first), llmd__json_str(first, "subject"),
                        llmd__component(holder)->title),
            "FinalizersHeld"),
        "apply the platform again and then delete it, or set stripFinalizers: true");
}

/* ---- the waves ---- */

static bool is_kept(const struct removal *removal, enum removal_wave wave, const struct json *item)
{
    return wave == REMOVE_NAMESPACES &&
           llmd__json_member(removal->kept, llmd__json_str(item, "name"));
}

/* Each item in a lane of its own, behind the one that had it before. */
static llmd_error *add_deletions(struct graph *graph, struct removal *removal,
                                 enum removal_wave wave, step_id before, step_id after)
{
    step_id lanes[LANES];
    size_t count = 0;

    JSON_EACH(item, removal->waves[wave]) {
        step_id step = -1;

        if (is_kept(removal, wave, item))
            continue;
        TRY(llmd__delete_step(graph, removal->run->kube, llmd__json_str(item, "resource"),
                              llmd__json_str(item, "ns"), llmd__json_str(item, "name"), &step));
        TRY(llmd__graph_need(graph, step, count < LANES ? before : lanes[count % LANES]));
        TRY(llmd__graph_need(graph, after, step));
        lanes[count++ % LANES] = step;
        llmd__json_add_str(removal->removed, llmd__json_str(item, "subject"));
    }
    return llmd__json_check(removal->removed);
}

static llmd_error *add_strips(struct graph *graph, struct removal *removal, step_id before,
                              step_id after)
{
    if (!removal->run->spec->strip_finalizers)
        return NULL;
    JSON_EACH(item, removal->finalizers) {
        step_id step = -1;

        if (!is_held(removal, item))
            continue;
        TRY(add_strip(graph, removal, item, &step));
        TRY(llmd__graph_need(graph, step, before));
        TRY(llmd__graph_need(graph, after, step));
    }
    return NULL;
}

static llmd_error *add_barrier_after(struct graph *graph, step_id before, step_id *out)
{
    TRY(llmd__graph_add_barrier(graph, out));
    return llmd__graph_need(graph, *out, before);
}

/* What a wave wants done before. Presets are let go after the webhooks are gone: these judge
   changes of them, too. */
static llmd_error *prepare(struct graph *graph, struct removal *removal, enum removal_wave wave,
                           step_id *before)
{
    step_id after = -1;

    if (wave != REMOVE_PRESETS && wave != REMOVE_CONTROLLERS)
        return NULL;
    TRY(add_barrier_after(graph, *before, &after));
    TRY(wave == REMOVE_PRESETS ? add_strips(graph, removal, *before, after)
                               : llmd__operands_retire(graph, removal, *before, after));
    *before = after;
    return NULL;
}

static llmd_error *add_waves(struct graph *graph, struct removal *removal, step_id last)
{
    step_id before = -1;

    TRY(llmd__graph_add_barrier(graph, &before));
    for (int wave = 0; wave < REMOVE_WAVES; wave++) {
        step_id after = -1;

        TRY(prepare(graph, removal, (enum removal_wave)wave, &before));
        TRY(add_barrier_after(graph, before, &after));
        TRY(add_deletions(graph, removal, (enum removal_wave)wave, before, after));
        before = after;
    }
    return llmd__graph_need(graph, last, before);
}

struct sentence {
    struct removal *removal;
    step_id removed; /* done when all waves are */
};

static llmd_error *judge_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct sentence *sentence = state;

    (void)input;
    TRY(refuse_foreign(sentence->removal));
    TRY(refuse_held(sentence->removal));
    TRY(add_waves(graph, sentence->removal, sentence->removed));
    sentence->removal->proving = true;
    action->kind = ACTION_DONE;
    return NULL;
}

static const struct step_class judge_class = {
    .name = "delete", .advance = judge_advance, .free = llmd__free};

/* ---- the proof ---- */

#define HOW_TO_END                                                                                 \
    "look at who makes or holds them: their managers, their finalizers; then delete once more"

static llmd_error *note_left(struct graph *graph, const struct json *item, struct json *left)
{
    const char *subject = llmd__json_str(item, "subject"), *why = llmd__json_str(item, "why");
    AUTO(str) char *text = llmd__format("%s (%s)", subject, why);

    CHECK_MEMORY(text);
    llmd__json_add_str(left, text);
    TRY(llmd__json_check(left));
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_ERROR,
                                                         .subject = subject,
                                                         .reason = "LeftOver",
                                                         .message = why,
                                                         .advice = HOW_TO_END});
}

static llmd_error *refuse_left(struct graph *graph, const struct removal *removal)
{
    AUTO(json) struct json *left = llmd__json_array();
    AUTO(buf) struct buf list = BUF_INIT;

    CHECK_MEMORY(left);
    for (int wave = 0; wave < REMOVE_WAVES; wave++)
        JSON_EACH(item, removal->waves[wave])
            if (!is_kept(removal, (enum removal_wave)wave, item))
                TRY(note_left(graph, item, left));
    if (!llmd__json_count(left))
        return NULL;
    llmd__removal_list(&list, left);
    TRY(llmd__buf_check(&list));
    return llmd__error_set_advice(
        llmd__error_set_reason(llmd__error(LLMD_E_FAILED,
                                           "platform: still there after the delete: %s",
                                           llmd__buf_text(&list)),
                               "LeftOver"),
        HOW_TO_END);
}

/* What stays for a reason: into the result, and told. */
static llmd_error *keep(struct graph *graph, struct removal *removal, llmd_level level,
                        const char *subject, const char *why)
{
    struct json *item = NULL;
    AUTO(str) char *message = llmd__format("stays: %s", why);

    CHECK_MEMORY(message);
    TRY(llmd__json_make(&item, "{'subject': %s, 'why': %s}", subject, why));
    llmd__json_add(removal->left, item);
    TRY(llmd__json_check(removal->left));
    return llmd__graph_event(
        graph, &(struct event_text){.level = level,
                                    .subject = subject,
                                    .reason = "Kept",
                                    .message = message,
                                    .advice = "delete it yourself when nobody needs it any more"});
}

static llmd_error *keep_namespaces(struct graph *graph, struct removal *removal)
{
    JSON_EACH(item, removal->kept) {
        AUTO(str) char *subject = llmd__format("Namespace/%s", llmd__json_key(item));
        AUTO(str) char *why = llmd__format("it holds %s", llmd__json_text(item));

        if (!subject || !why)
            return NO_MEMORY;
        TRY(keep(graph, removal, LLMD_LEVEL_WARNING, subject, why));
    }
    return NULL;
}

static llmd_error *keep_others(struct graph *graph, struct removal *removal)
{
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        const struct found_component *found = &removal->run->found.components[i];
        AUTO(str) char *why = NULL;

        if (found->installer == INSTALLER_NONE || found->installer == INSTALLER_US)
            continue;
        why = llmd__format("%s installed it, and only what the library installed is removed",
                           found->by ? found->by : "somebody else");
        CHECK_MEMORY(why);
        TRY(keep(graph, removal, LLMD_LEVEL_INFO, llmd__component((enum component)i)->title, why));
    }
    return NULL;
}

static llmd_error *prove_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct removal *removal = state;
    struct json *result = NULL;
    AUTO(str)
    char *message = llmd__format("%zu objects are gone, nothing of ours is left",
                                 llmd__json_count(removal->removed));

    (void)input;
    CHECK_MEMORY(message);
    TRY(refuse_left(graph, removal));
    TRY(keep_namespaces(graph, removal));
    TRY(keep_others(graph, removal));
    TRY(llmd__json_make(&result, "{'removed': %j, 'left': %j}", removal->removed, removal->left));
    llmd__graph_result(graph, result);
    action->kind = ACTION_FINISH;
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                         .subject = "platform",
                                                         .reason = "Deleted",
                                                         .message = message});
}

static const struct step_class prove_class = {.name = "delete", .advance = prove_advance};

/* ---- the task ---- */

static llmd_error *add_steps(struct graph *graph, struct removal *removal)
{
    struct sentence *sentence = llmd__calloc(1, sizeof(*sentence));
    step_id judge = -1, surveyed = -1, proven = -1, looked = -1, prove = -1;

    CHECK_MEMORY(sentence);
    sentence->removal = removal;
    TRY(llmd__graph_add(graph, &judge_class, sentence, &judge));
    TRY(llmd__removal_survey(graph, removal, -1, &surveyed));
    TRY(llmd__graph_need(graph, judge, surveyed));
    TRY(add_barrier_after(graph, judge, &sentence->removed));
    TRY(llmd__removal_survey(graph, removal, sentence->removed, &proven));
    TRY(llmd__platform_look(graph, removal->run, proven, &looked)); /* what others have */
    TRY(llmd__graph_add(graph, &prove_class, removal, &prove));
    return llmd__graph_need(graph, prove, looked);
}

llmd_error *llmd_platform_delete(const llmd_kube *kube, const llmd_platform_spec *spec,
                                 llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    struct platform_run *run = NULL;
    struct removal *removal = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    TRY(llmd__platform_run_new(kube, spec, &run));
    TRY(removal_new(run, &removal));
    TRY(llmd__graph_new(removal, removal_free, &graph));
    TRY(add_steps(graph, removal));
    return llmd__task_new(TAKE(graph), out);
}
