/* SPDX-License-Identifier: Apache-2.0 */
/* Apply as steps of a graph: a plan, up to 16 workers side by side, and an end. */
#include "kube/apply.h"

#include "base/yaml.h"
#include "kube/apply_run.h"

#include <string.h>

/* Enough to keep a server of many cores busy; more only makes it queue. */
#define WORKERS 16

llmd_error *llmd__apply_run_new(const llmd_kube *kube, const struct json *objects, const char *what,
                                const struct apply_options *options, struct apply_run **out)
{
    struct apply_run *run = llmd__calloc(1, sizeof(*run));
    llmd_error *error;

    *out = NULL;
    CHECK_MEMORY(run);
    run->refs = 1;
    run->kube = llmd__kube_ref(kube);
    run->ns = llmd__strdup(llmd__kube_ns(kube, options ? options->ns : NULL));
    run->force = options && options->force;
    run->dry_run = options && options->dry_run;
    run->conflict_advice = options ? options->conflict_advice : NULL;
    error = run->ns ? llmd__manifests_read(&run->set, objects, what) : NO_MEMORY;
    if (error) {
        llmd__apply_run_put(run);
        return error;
    }
    *out = run;
    return NULL;
}

struct apply_run *llmd__apply_run_get(struct apply_run *run)
{
    run->refs++;
    return run;
}

void llmd__apply_run_put(struct apply_run *run)
{
    if (!run || --run->refs)
        return;
    llmd__manifests_free(&run->set);
    llmd__free(run->baseline);
    llmd__free(run->ns);
    llmd_kube_free(run->kube);
    llmd__free(run);
}

/* The plan and a worker in one step when there is one object; else the plan alone, a worker alone
   or the end. */
struct apply_state {
    struct apply_run *run;
    struct apply_plan plan;
    struct apply_worker worker;
    bool planned;
    struct json *answer; /* the server's, for on_applied */
    applied_fn on_applied;
    void *data;
};

static void state_free(void *data)
{
    struct apply_state *state = data;

    llmd__apply_plan_free(&state->plan);
    llmd__apply_worker_free(&state->worker);
    llmd__json_free(state->answer);
    llmd__apply_run_put(state->run);
    llmd__free(state);
}

static llmd_error *plan_advance(void *data, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    struct apply_state *state = data;
    bool done = false;

    (void)graph;
    TRY(llmd__apply_plan(&state->plan, state->run, input, action, &done));
    if (done)
        action->kind = ACTION_DONE;
    return NULL;
}

static llmd_error *worker_advance(void *data, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    struct apply_state *state = data;
    AUTO(json) struct json *answer = NULL;
    bool idle = false;

    TRY(llmd__apply_work(&state->worker, state->run, graph, input, action, &answer, &idle));
    if (answer) {
        llmd__json_free(state->answer);
        state->answer = TAKE(answer);
    }
    if (!idle)
        return NULL;
    action->kind = ACTION_DONE;
    return state->answer && state->on_applied ? state->on_applied(state->data, graph, state->answer)
                                              : NULL;
}

static llmd_error *one_advance(void *data, struct graph *graph, const struct step_input *input,
                               struct step_action *action)
{
    static const struct step_input begin = {.kind = INPUT_BEGIN, .text = ""};
    struct apply_state *state = data;
    struct step_input first = begin;

    if (state->planned)
        return worker_advance(data, graph, input, action);
    TRY(llmd__apply_plan(&state->plan, state->run, input, action, &state->planned));
    first.now_ms = input->now_ms;
    return state->planned ? worker_advance(data, graph, &first, action) : NULL;
}

static llmd_error *report(const struct apply_run *run, struct graph *graph)
{
    struct json *result = NULL;
    AUTO(str)
    char *message = llmd__format("%zu objects: %zu created, %zu configured, %zu unchanged",
                                 run->set.count, run->counts[APPLIED_CREATED],
                                 run->counts[APPLIED_CONFIGURED], run->counts[APPLIED_UNCHANGED]);
    struct event_text text = {.level = LLMD_LEVEL_INFO,
                              .reason = "Applied",
                              .message = message,
                              .done = (int64_t)run->finished,
                              .total = (int64_t)run->set.count};

    CHECK_MEMORY(message);
    TRY(llmd__json_make(&result, "{'total': %I, 'created': %I, 'configured': %I, 'unchanged': %I}",
                        (int64_t)run->set.count, (int64_t)run->counts[APPLIED_CREATED],
                        (int64_t)run->counts[APPLIED_CONFIGURED],
                        (int64_t)run->counts[APPLIED_UNCHANGED]));
    llmd__graph_result(graph, result);
    return llmd__graph_event(graph, &text);
}

static llmd_error *end_advance(void *data, struct graph *graph, const struct step_input *input,
                               struct step_action *action)
{
    struct apply_state *state = data;

    (void)input;
    action->kind = ACTION_DONE;
    return state->run->report ? report(state->run, graph) : NULL;
}

static const struct step_class plan_class = {"apply", plan_advance, state_free};
static const struct step_class worker_class = {"apply", worker_advance, state_free};
static const struct step_class one_class = {"apply", one_advance, state_free};
static const struct step_class end_class = {"apply", end_advance, state_free};

static llmd_error *add_step(struct graph *graph, struct apply_run *run,
                            const struct step_class *class, step_id *out)
{
    struct apply_state *state = llmd__calloc(1, sizeof(*state));

    CHECK_MEMORY(state);
    state->run = llmd__apply_run_get(run);
    return llmd__graph_add(graph, class, state, out);
}

static llmd_error *add_steps(struct graph *graph, struct apply_run *run, step_id *first,
                             step_id *done)
{
    run->worker_count = run->set.count < WORKERS ? run->set.count : WORKERS;
    TRY(add_step(graph, run, &plan_class, first));
    TRY(add_step(graph, run, &end_class, done));
    TRY(llmd__graph_need(graph, *done, *first));
    for (size_t i = 0; i < run->worker_count; i++) {
        TRY(add_step(graph, run, &worker_class, &run->workers[i]));
        TRY(llmd__graph_need(graph, run->workers[i], *first));
        TRY(llmd__graph_need(graph, *done, run->workers[i]));
    }
    return NULL;
}

llmd_error *llmd__apply_steps(struct graph *graph, const llmd_kube *kube,
                              const struct json *objects, const struct apply_options *options,
                              step_id *first, step_id *done)
{
    struct apply_run *run = NULL;
    llmd_error *error;

    *first = *done = -1;
    TRY(llmd__apply_run_new(kube, objects, "objects", options, &run));
    error = add_steps(graph, run, first, done);
    llmd__apply_run_put(run);
    return error;
}

static llmd_error *add_one(struct graph *graph, struct apply_run *run, applied_fn on_applied,
                           void *data, step_id *out)
{
    struct apply_state *state = llmd__calloc(1, sizeof(*state));

    CHECK_MEMORY(state);
    state->run = llmd__apply_run_get(run);
    state->on_applied = on_applied;
    state->data = data;
    state->worker.wants_object = on_applied != NULL;
    return llmd__graph_add(graph, &one_class, state, out);
}

llmd_error *llmd__apply_step(struct graph *graph, const llmd_kube *kube, const struct json *object,
                             const struct apply_options *options, applied_fn on_applied, void *data,
                             step_id *out)
{
    AUTO(json) struct json *objects = llmd__json_array();
    struct json *copy = NULL;
    struct apply_run *run = NULL;
    llmd_error *error;

    *out = -1;
    TRY(llmd__json_copy(object, &copy));
    llmd__json_add(objects, copy);
    TRY(llmd__json_check(objects));
    TRY(llmd__apply_run_new(kube, objects, "object", options, &run));
    error = add_one(graph, run, on_applied, data, out);
    llmd__apply_run_put(run);
    return error;
}

/* --- public --- */

struct llmd_apply_spec {
    struct spec head;
    bool force;
    char *ns;
    bool dry_run;
};

static const struct field apply_fields[] = {
    {"force", FIELD_BOOL, offsetof(llmd_apply_spec, force),
     .doc = "`true` takes over fields that other managers own, instead of failing."},
    {"namespace", FIELD_STRING, offsetof(llmd_apply_spec, ns),
     .doc = "Of objects that name none; the kubeconfig's by default."},
    {"dryRun", FIELD_BOOL, offsetof(llmd_apply_spec, dry_run),
     .doc = "`true` lets the server check everything and change nothing."},
    FIELD_END,
};

static llmd_apply_spec no_memory;

const struct spec_type llmd__apply_spec_type = {
    .what = "apply spec",
    .size = sizeof(llmd_apply_spec),
    .fields = apply_fields,
    .none = &no_memory,
};

SPEC_FUNCTIONS(llmd_apply_spec, llmd__apply_spec_type)

llmd_apply_spec *llmd_apply_spec_new(void)
{
    return llmd__spec_new(&llmd__apply_spec_type);
}

static llmd_error *new_task(struct apply_run *run, llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    step_id first, done;

    run->report = true;
    TRY(llmd__graph_new(NULL, NULL, &graph));
    TRY(add_steps(graph, run, &first, &done));
    return llmd__task_new(TAKE(graph), out);
}

llmd_error *llmd_kube_apply(const llmd_kube *kube, const char *manifests,
                            const llmd_apply_spec *spec, llmd_task **out)
{
    AUTO(json) struct json *objects = NULL;
    struct apply_options options = {0};
    struct apply_run *run = NULL;
    llmd_error *error;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(manifests);
    if (spec)
        TRY(llmd__spec_check(spec));
    if (spec)
        options = (struct apply_options){spec->ns, spec->force, spec->dry_run};
    TRY(llmd__yaml_parse_all(manifests, "manifests", &objects));
    if (!llmd__json_first(objects)) /* a file that was not written, a template that gave nothing */
        return llmd__error(LLMD_E_INVALID, "manifests: there is no object in the text");
    TRY(llmd__apply_run_new(kube, objects, "manifests", &options, &run));
    error = new_task(run, out);
    llmd__apply_run_put(run);
    return error;
}
