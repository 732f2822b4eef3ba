/* SPDX-License-Identifier: Apache-2.0 */
/* Installing as a graph of conditions; what depends on what stands in phases.c. */
#include "platform/applied_record.h"
#include "platform/bundle_check.h"
#include "platform/phases.h"

#include "kube/apply.h"
#include "kube/object.h"

#include <string.h>

/* ---- gates ---- */

struct gate {
    struct platform_run *run;
    enum component component;
    enum phase phase;
};

static struct platform_part *part_of(const struct gate *gate)
{
    return &gate->run->parts[gate->component];
}

/* A phase that was empty is not worth a word. */
static bool is_worth_telling(const struct gate *gate)
{
    const struct platform_part *part = part_of(gate);

    return part->released && llmd__json_count(part->release.phases[gate->phase]);
}

static const char *const done_words[PHASE_COUNT] = {
    "namespaces are there",        "CRDs are served",           "configuration is written",
    "certificates are issued",     "controllers are available", "webhooks answer and are trusted",
    "custom resources are written"};

static llmd_error *gate_advance(void *state, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    const struct gate *gate = state;
    struct platform_run *run = gate->run;

    (void)input;
    action->kind = ACTION_DONE;
    run->gates_done++;
    if (!is_worth_telling(gate))
        return NULL;
    return llmd__graph_event(
        graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                    .phase = llmd__phase_name(gate->phase),
                                    .subject = llmd__component(gate->component)->title,
                                    .reason = "Ready",
                                    .message = done_words[gate->phase],
                                    .done = run->gates_done,
                                    .total = run->gates_total});
}

static const struct step_class gate_class = {
    .name = "platform", .advance = gate_advance, .free = llmd__free};

static llmd_error *add_gate(struct graph *graph, struct platform_run *run, enum component component,
                            enum phase phase)
{
    struct gate *gate = llmd__calloc(1, sizeof(*gate));

    CHECK_MEMORY(gate);
    *gate = (struct gate){run, component, phase};
    run->gates_total++;
    return llmd__graph_add(graph, &gate_class, gate, &run->parts[component].gates[phase]);
}

/* ---- a namespace that is on its way out ---- */

struct leaving {
    struct platform_run *run;
    char *name;
    step_id first; /* of the apply that must wait */
};

static void leaving_free(void *data)
{
    struct leaving *leaving = data;

    llmd__free(leaving->name);
    llmd__free(leaving);
}

/* Deleting it once more changes nothing and waits for its end, with who holds it told. */
static llmd_error *take_namespace(void *data, struct graph *graph, int status, const char *text,
                                  size_t len)
{
    const struct leaving *leaving = data;
    AUTO(json) struct json *object = NULL;
    step_id gone = -1;

    if (status != 200)
        return NULL;
    TRY(llmd__json_parse(text, len, "namespace", &object));
    if (!*llmd__json_str(object, "metadata.deletionTimestamp"))
        return NULL;
    TRY(llmd__graph_event(
        graph, &(struct event_text){.level = LLMD_LEVEL_WARNING,
                                    .phase = "namespaces",
                                    .subject = leaving->name,
                                    .reason = "NamespaceTerminating",
                                    .message = "is being deleted: it is made again when it is gone",
                                    .advice = "objects with finalizers hold it as long as nobody "
                                              "takes these off"}));
    TRY(llmd__delete_step(graph, leaving->run->kube, "namespaces", NULL, leaving->name, &gone));
    return llmd__graph_need(graph, leaving->first, gone);
}

static llmd_error *look_at_namespace(const struct span *span, const char *name, step_id first)
{
    struct leaving *leaving = llmd__calloc(1, sizeof(*leaving));
    step_id step = -1;

    CHECK_MEMORY(leaving);
    *leaving = (struct leaving){span->run, llmd__strdup(name), first};
    if (!leaving->name) {
        leaving_free(leaving);
        return NO_MEMORY;
    }
    TRY(llmd__ask_step(span->graph, span->run->kube,
                       &(struct question){.path = llmd__format("/api/v1/namespaces/%s", name),
                                          .on_answer = take_namespace,
                                          .data = leaving,
                                          .free_data = leaving_free},
                       &step));
    return llmd__graph_need(span->graph, first, step);
}

static llmd_error *look_at_namespaces(const struct span *span, const struct json *objects,
                                      step_id first)
{
    JSON_EACH(object, objects)
        TRY(look_at_namespace(span, llmd__object_name(object), first));
    return NULL;
}

/* ---- a component, once its objects are known ---- */

static llmd_error *apply_phase(struct span *span, const struct json *objects)
{
    const struct platform_run *run = span->run;
    struct apply_options options = {.ns = run->parts[span->component].release.ns,
                                    .force = run->spec->adopt,
                                    .conflict_advice =
                                        "let that manager leave these fields alone, or take them "
                                        "over with adopt: true"};
    step_id first = -1, done = -1;

    if (!llmd__json_count(objects))
        return NULL;
    TRY(llmd__apply_steps(span->graph, run->kube, objects, &options, &first, &done));
    TRY(llmd__phase_needs(span->graph, run, span->component, span->phase, first));
    if (span->component == COMPONENT_KSERVE && span->phase > PHASE_CRDS && run->kept >= 0)
        TRY(llmd__graph_need(span->graph, first, run->kept));
    if (span->phase == PHASE_NAMESPACES)
        TRY(look_at_namespaces(span, objects, first));
    span->after = done;
    TRY(llmd__phase_waits(span, objects));
    return llmd__graph_need(span->graph, run->parts[span->component].gates[span->phase], done);
}

static llmd_error *tell_left(struct graph *graph, struct platform_run *run,
                             const struct release *release)
{
    JSON_EACH(item, release->left) {
        struct json *copy = NULL;

        TRY(llmd__graph_event(graph,
                              &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                   .phase = "crds",
                                                   .subject = llmd__json_str(item, "subject"),
                                                   .reason = "LeftAlone",
                                                   .message = llmd__json_str(item, "why")}));
        TRY(llmd__json_copy(item, &copy));
        llmd__json_add(run->left, copy);
    }
    return llmd__json_check(run->left);
}

static llmd_error *tell_routes(struct graph *graph, const struct platform_run *run,
                               enum component component)
{
    if (component != COMPONENT_KSERVE)
        return NULL;
    JSON_EACH(route, run->found.no_routes)
        TRY(llmd__graph_event(
            graph, &(struct event_text){.level = LLMD_LEVEL_WARNING,
                                        .phase = "presets",
                                        .subject = llmd__json_text(route),
                                        .reason = "RouteMissing",
                                        .message = "has no HTTPRoute yet, which Istio's filter for "
                                                   "it would name: the filter is left out",
                                        .advice = "apply the platform again when the service has "
                                                  "its route"}));
    return NULL;
}

/* Another version of KServe runs than the release brings. */
static llmd_error *keep_pickers(struct graph *graph, struct platform_run *run,
                                enum component component)
{
    const char *found = run->found.components[component].version;
    const char *brought = run->parts[component].release.version;

    if (component != COMPONENT_KSERVE || !found || !brought || strcmp(found, brought) == 0)
        return NULL;
    return llmd__pickers_keep(graph, run, &run->kept);
}

/* Of two ways to have the same thing, each would undo what the other does. */
static llmd_error *check_profile(const struct platform_run *run, enum component component,
                                 const struct profile *profile)
{
    const struct found_component *found = &run->found.components[component];
    const struct component_info *info = llmd__component(component);

    if ((!found->controller && !found->profile) || !info->controller || found->profile == profile)
        return NULL;
    return llmd__error_set_advice(
        llmd__error_set_reason(
            llmd__error(LLMD_E_CONFLICT,
                        "platform: %s is here by the Deployment %s, not by %s of "
                        "the bundle: neither can take the other over",
                        info->title,
                        found->profile ? found->profile->controller : found->controller,
                        profile ? profile->controller : info->controller),
            "OtherProfile"),
        "delete what is here first, or name the bundle of the same project");
}

/* Runs inside the bundle's step, which all gates of the component need: nothing of it has begun. */
static llmd_error *on_loaded(void *data, struct graph *graph, enum component component,
                             struct json *documents)
{
    struct platform_run *run = data;
    const struct platform_part *part = &run->parts[component];

    TRY(llmd__platform_release(run, component, documents));
    TRY(check_profile(run, component, part->release.profile));
    TRY(llmd__leftovers_check(run, component, part->release.phases[PHASE_WEBHOOKS]));
    TRY(tell_left(graph, run, &part->release));
    TRY(tell_routes(graph, run, component));
    TRY(keep_pickers(graph, run, component));
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        struct span span = {graph, run, component, (enum phase)phase, -1};

        TRY(apply_phase(&span, part->release.phases[phase]));
    }
    return NULL;
}

/* ---- the plan ---- */

static llmd_error *add_gates(struct graph *graph, struct platform_run *run,
                             enum component component, step_id applied)
{
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        TRY(add_gate(graph, run, component, (enum phase)phase));
        TRY(llmd__graph_need(graph, applied, run->parts[component].gates[phase]));
    }
    return NULL;
}

/* Only when all gates exist: an edge to one that does not would be lost. */
static llmd_error *order_gates(struct graph *graph, struct platform_run *run,
                               enum component component)
{
    struct platform_part *part = &run->parts[component];
    enum plan_action planned = run->plan.parts[component].action;
    step_id bundle = -1, clear = -1;

    if (planned != PLAN_INSTALL)
        llmd__json_free(TAKE(run->documents[component]));
    if (planned == PLAN_SKIP)
        return NULL;
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        TRY(llmd__phase_needs(graph, run, component, (enum phase)phase, part->gates[phase]));
    /* A webhook answers when its pods do. */
    TRY(llmd__graph_need(graph, part->gates[PHASE_WEBHOOKS], part->gates[PHASE_CONTROLLERS]));
    if (planned != PLAN_INSTALL)
        return llmd__used_waits(&(struct span){graph, run, component, PHASE_CONTROLLERS, -1});
    TRY(llmd__bundle_choose(run->spec, component, &part->bundle));
    TRY(llmd__record_clear(graph, run, component, &clear));
    TRY(llmd__bundle_step(graph, run->spec, &part->bundle,
                          &(struct bundle_user){.on_loaded = on_loaded,
                                                .data = run,
                                                .documents = TAKE(run->documents[component])},
                          &bundle));
    if (clear >= 0)
        TRY(llmd__graph_need(graph, bundle, clear));
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        TRY(llmd__graph_need(graph, part->gates[phase], bundle));
    return NULL;
}

static llmd_error *tell_plan(struct graph *graph, const struct plan_part *part,
                             enum component component)
{
    static const char *const words[] = {
        [PLAN_INSTALL] = "Install", [PLAN_KEEP] = "Keep", [PLAN_USE] = "Use", [PLAN_SKIP] = "Skip"};

    if (!part->why || !*part->why)
        return NULL;
    return llmd__graph_event(graph,
                             &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                  .phase = "plan",
                                                  .subject = llmd__component(component)->title,
                                                  .reason = words[part->action],
                                                  .message = part->why});
}

/* Of what was read already, while nothing has been written. */
static llmd_error *check_profiles(const struct platform_run *run)
{
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        enum component component = (enum component)i;
        const struct json *documents = run->documents[i];

        if (documents && run->plan.parts[i].action == PLAN_INSTALL)
            TRY(check_profile(run, component, llmd__release_profile(component, documents)));
    }
    return NULL;
}

struct planner {
    struct platform_run *run;
    step_id applied;
};

static llmd_error *plan_advance(void *state, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    const struct planner *planner = state;
    struct platform_run *run = planner->run;

    (void)input;
    TRY(llmd__plan_make(run->spec, &run->found, &run->plan));
    TRY(check_profiles(run));
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        TRY(tell_plan(graph, &run->plan.parts[i], (enum component)i));
        if (run->plan.parts[i].action != PLAN_SKIP)
            TRY(add_gates(graph, run, (enum component)i, planner->applied));
    }
    for (int i = 0; i < COMPONENT_COUNT; i++)
        TRY(order_gates(graph, run, (enum component)i));
    action->kind = ACTION_DONE;
    if (run->plan.parts[COMPONENT_KSERVE].action != PLAN_INSTALL)
        return NULL;
    return llmd__pickers_await(graph, run, run->parts[COMPONENT_KSERVE].gates[PHASE_PRESETS],
                               planner->applied);
}

static const struct step_class plan_class = {
    .name = "plan", .advance = plan_advance, .free = llmd__free};

/* ---- the end ---- */

static llmd_error *finish_advance(void *state, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    struct platform_run *run = state;
    struct json *report = NULL;
    bool ready;

    (void)input;
    TRY(llmd__platform_report(run, &report));
    ready = llmd__json_bool(report, "ready", false);
    llmd__graph_result(graph, report);
    action->kind = ACTION_FINISH;
    /* A spec may leave parts out, which is no failure of what was asked for. */
    return llmd__graph_event(
        graph, &(struct event_text){.level = ready ? LLMD_LEVEL_INFO : LLMD_LEVEL_WARNING,
                                    .subject = "platform",
                                    .reason = ready ? "Ready" : "Incomplete",
                                    .message = ready ? "LLMInferenceServices can be served"
                                                     : "is as the spec says, but lacks what "
                                                       "LLMInferenceServices need",
                                    .done = run->gates_done,
                                    .total = run->gates_total});
}

static const struct step_class finish_class = {.name = "platform", .advance = finish_advance};

/* All gates lead to `applied`. Then the cluster is looked at once more, for the result and for the
   record of what stands now. */
static llmd_error *add_end(struct graph *graph, struct platform_run *run, step_id plan,
                           step_id *applied)
{
    step_id finish = -1, looked = -1, recorded = -1;

    TRY(llmd__graph_add_barrier(graph, applied));
    TRY(llmd__graph_need(graph, *applied, plan));
    TRY(llmd__platform_look(graph, run, *applied, &looked));
    TRY(llmd__records_write(graph, run, looked, &recorded));
    TRY(llmd__graph_add(graph, &finish_class, run, &finish));
    return llmd__graph_need(graph, finish, recorded);
}

static llmd_error *add_steps(struct graph *graph, struct platform_run *run)
{
    struct planner *planner = llmd__calloc(1, sizeof(*planner));
    step_id checked = -1, looked = -1, read = -1, plan = -1;

    CHECK_MEMORY(planner);
    planner->run = run;
    planner->applied = -1;
    TRY(llmd__graph_add(graph, &plan_class, planner, &plan));
    TRY(llmd__bundles_check_step(graph, run->spec, run->documents, &checked));
    TRY(llmd__platform_look(graph, run, checked, &looked));
    TRY(llmd__leftovers_look(graph, run, checked, looked));
    TRY(llmd__records_look(graph, run, looked, &read));
    TRY(llmd__graph_need(graph, plan, read));
    return add_end(graph, run, plan, &planner->applied);
}

llmd_error *llmd_platform_apply(const llmd_kube *kube, const llmd_platform_spec *spec,
                                llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    struct platform_run *run = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    TRY(llmd__platform_run_new(kube, spec, &run));
    TRY(llmd__graph_new(run, llmd__platform_run_free, &graph));
    TRY(add_steps(graph, run));
    return llmd__task_new(TAKE(graph), out);
}
