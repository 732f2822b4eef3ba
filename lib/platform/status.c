/* SPDX-License-Identifier: Apache-2.0 */
/* What is installed, by whom, whether it works, and what differs from its bundle. */
#include "platform/applied_record.h"

#include <string.h>

/* ---- the report ---- */

static bool is_there(const struct platform_run *run, enum component component)
{
    return run->found.components[component].installer != INSTALLER_NONE;
}

/* Its CRDs alone, which somebody else's release may have left. LeaderWorkerSet needs no more. */
static bool lacks_controller(const struct platform_run *run, enum component component)
{
    return component != COMPONENT_LWS && llmd__component(component)->controller &&
           !run->looked[component].there;
}

static bool is_ready(const struct platform_run *run, enum component component)
{
    const struct looked *looked = &run->looked[component];

    return is_there(run, component) && !lacks_controller(run, component) &&
           (!looked->there || looked->available);
}

static llmd_error *add_component(const struct platform_run *run, enum component component,
                                 struct json *list)
{
    const struct found_component *found = &run->found.components[component];
    struct json *item = NULL;

    TRY(llmd__json_make(&item,
                        "{'version': %s, 'installer': %s, 'by': %s, 'namespace': %s, 'ready': %b,"
                        " 'differs': %j}",
                        found->version, llmd__installer_name(found->installer), found->by,
                        found->ns, is_ready(run, component), run->differs[component]));
    llmd__json_set(list, llmd__component(component)->key, item);
    return llmd__json_check(list);
}

static bool serves(const struct platform_run *run)
{
    static const enum component needed[] = {COMPONENT_GATEWAY_API, COMPONENT_CERT_MANAGER,
                                            COMPONENT_KSERVE};

    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!is_ready(run, needed[i]))
            return false;
    return true;
}

llmd_error *llmd__platform_report(const struct platform_run *run, struct json **out)
{
    AUTO(json) struct json *components = llmd__json_object();

    for (int i = 0; i < COMPONENT_COUNT; i++)
        if (is_there(run, (enum component)i))
            TRY(add_component(run, (enum component)i, components));
    TRY(llmd__json_check(components));
    return llmd__json_make(out, "{'ready': %b, 'gke': %b, 'components': %j, 'left': %j}",
                           serves(run), run->found.gke, components, run->left);
}

/* ---- the events ---- */

struct verdict {
    llmd_level level;
    const char *reason, *advice;
    char *message;
};

static char *by_whom(const struct found_component *found)
{
    return llmd__format("%s, by %s%s%s", found->version ? found->version : "installed",
                        found->by ? found->by : llmd__installer_name(found->installer),
                        found->ns ? ", in namespace " : "", found->ns ? found->ns : "");
}

/* The version that an apply of this spec would bring; NULL: whatever its bundle says. */
static llmd_error *wanted_version(const struct platform_run *run, enum component component,
                                  char **out)
{
    struct bundle bundle = {0};
    llmd_error *error = llmd__bundle_choose(run->spec, component, &bundle);

    if (!error && bundle.version) {
        *out = llmd__strdup(bundle.version);
        if (!*out)
            error = NO_MEMORY;
    }
    llmd__bundle_free(&bundle);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY || llmd_error_code(error) == LLMD_E_NOT_FOUND)
        return error;
    llmd_error_free(error); /* told as NotCompared */
    return NULL;
}

static llmd_error *judge_version(const struct platform_run *run, enum component component,
                                 struct verdict *verdict)
{
    const struct found_component *found = &run->found.components[component];
    AUTO(str) char *wanted = NULL;

    verdict->message = by_whom(found);
    CHECK_MEMORY(verdict->message);
    if (found->installer != INSTALLER_US || !found->version ||
        !llmd__platform_wants(run->spec, component))
        return NULL;
    TRY(wanted_version(run, component, &wanted));
    if (!wanted || strcmp(wanted, found->version) == 0)
        return NULL;
    verdict->level = LLMD_LEVEL_WARNING;
    verdict->reason = "OtherVersion";
    verdict->advice = "apply the platform again to bring it to the wanted version";
    llmd__free(verdict->message);
    verdict->message = llmd__format("is %s, wanted is %s", found->version, wanted);
    CHECK_MEMORY(verdict->message);
    return NULL;
}

static llmd_error *judge(const struct platform_run *run, enum component component,
                         struct verdict *verdict)
{
    const struct looked *looked = &run->looked[component];

    *verdict = (struct verdict){.level = LLMD_LEVEL_ERROR};
    if (!is_there(run, component) || lacks_controller(run, component)) {
        verdict->reason = "Missing";
        verdict->advice = "apply the platform";
        verdict->message = llmd__strdup(is_there(run, component) ? "has CRDs but no controller"
                                                                 : "is not installed");
    } else if (!is_ready(run, component)) {
        verdict->reason = "NotAvailable";
        verdict->advice = "look at the pods of its Deployment; applying the platform again names "
                          "the cause";
        verdict->message = llmd__format("its controller is not available: %s",
                                        looked->why && *looked->why ? looked->why : "no reason");
    } else {
        verdict->level = LLMD_LEVEL_INFO;
        verdict->reason = "Ready";
        return judge_version(run, component, verdict);
    }
    CHECK_MEMORY(verdict->message);
    return NULL;
}

static llmd_error *tell(struct graph *graph, const struct platform_run *run,
                        enum component component)
{
    struct verdict verdict;
    llmd_error *error = judge(run, component, &verdict);
    AUTO(str) char *message = verdict.message;

    TRY(error);
    return llmd__graph_event(graph,
                             &(struct event_text){.level = verdict.level,
                                                  .subject = llmd__component(component)->title,
                                                  .reason = verdict.reason,
                                                  .message = message,
                                                  .advice = verdict.advice});
}

/* ---- what differs ---- */

/* As many fields are named in the message; the result has all. */
#define FIELDS_TOLD 4

static llmd_error *print_differences(const struct json *differs, struct buf *text)
{
    size_t count = llmd__json_count(differs), told = 0;

    llmd__buf_format(text, "differs from its bundle in ");
    JSON_EACH(item, differs) {
        const char *field = llmd__json_str(item, "field");

        if (told++ == FIELDS_TOLD)
            break;
        llmd__buf_format(text, "%s%s%s%s", told > 1 ? ", " : "", llmd__json_str(item, "object"),
                         *field ? " " : " (missing)", field);
    }
    if (count > FIELDS_TOLD)
        llmd__buf_format(text, " and %zu more", count - FIELDS_TOLD);
    return llmd__buf_check(text);
}

/* What others installed as they like it is no fault. */
static llmd_error *tell_differences(struct graph *graph, const struct platform_run *run,
                                    enum component component)
{
    bool ours = run->found.components[component].installer == INSTALLER_US;
    AUTO(buf) struct buf text = BUF_INIT;

    if (!llmd__json_count(run->differs[component]))
        return NULL;
    TRY(print_differences(run->differs[component], &text));
    return llmd__graph_event(
        graph, &(struct event_text){.level = ours ? LLMD_LEVEL_WARNING : LLMD_LEVEL_INFO,
                                    .subject = llmd__component(component)->title,
                                    .reason = "Differs",
                                    .message = llmd__buf_text(&text),
                                    .advice = ours ? "apply the platform again: it writes them as "
                                                     "the bundle has them"
                                                   : "adopt: true would bring them"});
}

/* What a spec asks for that this cluster cannot have is a finding here, not an error. */
static llmd_error *tell_refusal(struct graph *graph, llmd_error *error)
{
    AUTO(error) llmd_error *owned = error;

    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return TAKE(owned);
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_ERROR,
                                                         .subject = "platform",
                                                         .reason = llmd_error_reason(error),
                                                         .message = llmd_error_message(error),
                                                         .advice = llmd_error_advice(error)});
}

static llmd_error *tell_all(struct graph *graph, struct platform_run *run)
{
    llmd_error *refusal = llmd__plan_make(run->spec, &run->found, &run->plan);
    bool planned = !refusal;

    if (refusal)
        TRY(tell_refusal(graph, refusal));
    for (int i = 0; i < COMPONENT_COUNT; i++)
        if (is_there(run, (enum component)i) || (planned && run->plan.parts[i].action != PLAN_SKIP))
            TRY(tell(graph, run, (enum component)i));
    for (int i = 0; i < COMPONENT_COUNT; i++)
        TRY(tell_differences(graph, run, (enum component)i));
    return NULL;
}

static llmd_error *status_advance(void *state, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    struct platform_run *run = state;
    struct json *report = NULL;

    (void)input;
    TRY(tell_all(graph, run));
    TRY(llmd__platform_report(run, &report));
    llmd__graph_result(graph, report);
    action->kind = ACTION_FINISH;
    return NULL;
}

static const struct step_class status_class = {.name = "status", .advance = status_advance};

llmd_error *llmd_platform_status(const llmd_kube *kube, const llmd_platform_spec *spec,
                                 llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    struct platform_run *run = NULL;
    step_id looked = -1, read = -1, compared = -1, status = -1;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    TRY(llmd__platform_run_new(kube, spec, &run));
    TRY(llmd__graph_new(run, llmd__platform_run_free, &graph));
    TRY(llmd__platform_look(graph, run, -1, &looked));
    TRY(llmd__graph_add(graph, &status_class, run, &status));
    TRY(llmd__records_look(graph, run, looked, &read));
    TRY(llmd__differences_look(graph, run, read, &compared));
    TRY(llmd__graph_need(graph, status, compared));
    return llmd__task_new(TAKE(graph), out);
}
