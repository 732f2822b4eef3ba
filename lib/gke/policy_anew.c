/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A HealthCheckPolicy that GKE took up before its pool was known (P103) is deleted and applied
 * again. Between the two there is none: whatever ends the task then says so.
 */
#include "gke/verification.h"

#include "kube/apply.h"
#include "kube/object.h"
#include "kube/status.h"

#define RETRY_MS 2000
#define PATIENCE_MS 60000 /* a store or a webhook that is away for a while */

static llmd_error *gone(const struct verification *check, llmd_error *error)
{
    AUTO(str) char *advice = NULL;

    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    advice = llmd__format("%s%sapply the service again, which makes the policy",
                          llmd_error_advice(error), *llmd_error_advice(error) ? "; then " : "");
    if (!advice) {
        llmd_error_free(error);
        return NO_MEMORY;
    }
    error =
        llmd__error_wrap(error, "HealthCheckPolicy %s/%s was deleted to be made anew, and is gone",
                         check->ns, llmd__object_name(check->policy));
    return llmd__error_set_advice(error, "%s", advice);
}

static bool passes(const struct verification *check, const struct step_input *input)
{
    return input->kind == INPUT_REPLY && input->now_ms - check->anew_ms < PATIENCE_MS &&
           llmd__status_passing(input->status, input->text) != PASSING_NO;
}

static llmd_error *applied(struct verification *check, struct graph *graph,
                           const struct step_input *input, struct step_action *action)
{
    AUTO(json) struct json *answer = NULL;

    if (passes(check, input)) {
        action->kind = ACTION_SLEEP;
        action->wake_ms = input->now_ms + RETRY_MS;
        return NULL;
    }
    TRY(llmd__verification_read(input, "apply it", &answer));
    check->waits = false;
    llmd__graph_poke(graph, check->step);
    action->kind = ACTION_DONE;
    return llmd__graph_event(graph,
                             &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                  .subject = check->subject,
                                                  .reason = "created",
                                                  .message = "its HealthCheckPolicy is new"});
}

static llmd_error *advance(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    struct verification *check = state;
    llmd_error *error = NULL;

    if (input->kind == INPUT_BEGIN)
        check->anew_ms = input->now_ms;
    if (input->kind == INPUT_REPLY || input->kind == INPUT_ERROR)
        error = applied(check, graph, input, action);
    else
        error = llmd__ask_apply(check, action);
    return error ? gone(check, error) : NULL;
}

static void describe(const void *state, const struct graph *graph, struct buf *text)
{
    const struct verification *check = state;

    (void)graph;
    llmd__buf_format(text, "HealthCheckPolicy %s/%s, which was deleted to be made anew: it is gone",
                     check->ns, llmd__object_name(check->policy));
}

static const struct step_class anew_class = {
    .name = "policy", .advance = advance, .describe = describe};

llmd_error *llmd__policy_anew_steps(struct graph *graph, struct verification *check)
{
    step_id deleted = -1, anew = -1;

    TRY(llmd__delete_step(graph, check->kube, LLMD__HEALTH_CHECK_POLICIES, check->ns,
                          llmd__object_name(check->policy), &deleted));
    TRY(llmd__graph_add(graph, &anew_class, check, &anew));
    return llmd__graph_need(graph, anew, deleted);
}
