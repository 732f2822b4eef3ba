/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/removal.h"

#include "gke/cluster_manifest.h"

#include <string.h>

#define UNKNOWNS_MAX 5

enum removal_phase { REMOVAL_LOOKS, REMOVAL_FINDS, REMOVAL_CHANGES, REMOVAL_RESTS };

/* Both steps have one each. */
struct removal {
    llmd_gke *gke;
    removal_fn on_look;
    void *data;
    enum removal_phase phase;
    char *path, *target, *subject, *what;
    struct buf operations;
    struct change change;
    int unknowns;
    bool asked; /* a DELETE was taken: ours or another's */
};

static void removal_free(void *state)
{
    struct removal *removal = state;

    llmd__change_free(&removal->change);
    llmd__buf_free(&removal->operations);
    llmd__free(removal->path);
    llmd__free(removal->target);
    llmd__free(removal->subject);
    llmd__free(removal->what);
    llmd_gke_free(removal->gke);
    llmd__free(removal);
}

DEFINE_AUTO(removal, struct removal *, removal_free)

static llmd_error *look(struct removal *removal, struct step_action *action)
{
    removal->phase = REMOVAL_LOOKS;
    llmd__ask(action, removal->gke, GOOGLE_CONTAINER, removal->path);
    return NULL;
}

static llmd_error *tell(struct graph *graph, const struct removal *removal, const char *reason,
                        const char *message)
{
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                         .subject = removal->subject,
                                                         .reason = reason,
                                                         .message = message});
}

static llmd_error *not_ours(const struct removal *removal)
{
    llmd_error *error =
        llmd__error(LLMD_E_DENIED,
                    "%s: is not libllmd's: it lacks the label " LLMD__OWNER_LABEL "=" LLMD__OWNER,
                    removal->what);

    llmd__error_set_reason(error, "NOT_OURS");
    return llmd__error_set_advice(error, "what others made is theirs to delete; or set the label");
}

static llmd_error *parse_look(const struct removal *removal, const struct step_input *input,
                              struct json **there, enum trouble *class)
{
    llmd_error *error = llmd__answer(input, removal->what, there, class);

    if (error && *class == TROUBLE_NOT_FOUND) {
        llmd_error_free(error);
        return NULL;
    }
    TRY(error);
    *class = TROUBLE_UNKNOWN;
    return llmd__is_ours(*there) ? NULL : not_ours(removal);
}

/* ---- the first look ---- */

static llmd_error *first_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    AUTO(json) struct json *there = NULL;
    struct removal *removal = state;
    enum trouble class;

    if (input->kind == INPUT_BEGIN)
        return look(removal, action);
    if (input->kind != INPUT_REPLY && input->kind != INPUT_ERROR)
        return NULL;
    TRY(parse_look(removal, input, &there, &class));
    action->kind = ACTION_DONE;
    return removal->on_look ? removal->on_look(removal->data, graph, there) : NULL;
}

static const struct step_class first_class = {"look", first_advance, removal_free};

/* ---- the deletion ---- */

static llmd_error *finish(struct removal *removal, struct graph *graph, struct step_action *action)
{
    action->kind = ACTION_DONE;
    return tell(graph, removal, removal->asked ? "Deleted" : "NotFound",
                removal->asked ? "is gone" : "was gone already");
}

static llmd_error *send(struct removal *removal, struct graph *graph, struct step_action *action)
{
    struct change_wish wish = {.method = "DELETE",
                               .path = removal->path,
                               .subject = removal->subject,
                               .what = removal->what};

    removal->phase = REMOVAL_CHANGES;
    removal->asked = true;
    TRY(tell(graph, removal, "Deleting", "is being deleted"));
    return llmd__change_begin(&removal->change, removal->gke, &wish, action);
}

static llmd_error *rest(struct removal *removal, const struct step_input *input,
                        struct step_action *action)
{
    removal->phase = REMOVAL_RESTS;
    action->kind = ACTION_SLEEP;
    action->wake_ms = input->now_ms + llmd__poll_delay_ms(input);
    return NULL;
}

/* The first step has seen it: a bad minute of Google's does not end the wait. */
static llmd_error *not_seen(struct removal *removal, llmd_error *error, enum trouble class,
                            const struct step_input *input, struct step_action *action)
{
    if (!llmd__passes(error, class))
        return error;
    llmd_error_free(error);
    return rest(removal, input, action);
}

static llmd_error *take_look(struct removal *removal, struct graph *graph,
                             const struct step_input *input, struct step_action *action)
{
    AUTO(json) struct json *there = NULL;
    enum trouble class;
    llmd_error *error = parse_look(removal, input, &there, &class);

    if (error)
        return not_seen(removal, error, class, input, action);
    if (!there)
        return finish(removal, graph, action);
    if (strcmp(llmd__json_str(there, "status"), "STOPPING") != 0)
        return send(removal, graph, action);
    removal->asked = true;
    removal->phase = REMOVAL_FINDS;
    llmd__operation_path(&removal->operations, removal->gke, "");
    TRY(llmd__buf_check(&removal->operations));
    llmd__ask(action, removal->gke, GOOGLE_CONTAINER, removal->operations.data);
    return NULL;
}

static llmd_error *take_operations(struct removal *removal, struct graph *graph,
                                   const struct step_input *input, struct step_action *action)
{
    AUTO(json) struct json *list = NULL;
    const struct json *running;
    enum trouble class;
    llmd_error *error = llmd__answer(input, removal->what, &list, &class);

    if (error)
        return not_seen(removal, error, class, input, action);
    running = llmd__running_operation(list, removal->target);
    if (running) {
        removal->phase = REMOVAL_CHANGES;
        TRY(tell(graph, removal, "Resuming", llmd__json_str(running, "name")));
        return llmd__change_resume(&removal->change, removal->gke, running, removal->subject,
                                   removal->what, action);
    }
    return rest(removal, input, action);
}

static llmd_error *go_on(struct removal *removal, struct graph *graph,
                         const struct step_input *input, struct step_action *action)
{
    enum change_end end;

    TRY(llmd__change_advance(&removal->change, graph, input, action, &end));
    if (end == CHANGE_RUNS)
        return NULL;
    if (end == CHANGE_DONE || (end == CHANGE_UNKNOWN && removal->unknowns++ < UNKNOWNS_MAX))
        return look(removal, action); /* gone is what is not found any more */
    return TAKE(removal->change.error);
}

static llmd_error *gone_advance(void *state, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    struct removal *removal = state;

    if (removal->phase == REMOVAL_CHANGES)
        return go_on(removal, graph, input, action);
    if (input->kind == INPUT_BEGIN || input->kind == INPUT_TICK)
        return look(removal, action);
    if (input->kind != INPUT_REPLY && input->kind != INPUT_ERROR)
        return NULL;
    return removal->phase == REMOVAL_LOOKS ? take_look(removal, graph, input, action)
                                           : take_operations(removal, graph, input, action);
}

static const struct step_class gone_class = {"delete", gone_advance, removal_free};

/* ---- both ---- */

static llmd_error *name_it(struct removal *removal, const struct removal_wish *wish)
{
    AUTO(buf) struct buf path = BUF_INIT;
    const char *pool = wish->pool ? wish->pool : "";
    const char *slash = wish->pool ? "/" : "";

    if (wish->pool)
        llmd__pool_path(&path, wish->gke, wish->cluster, pool, "");
    else
        llmd__cluster_path(&path, wish->gke, wish->cluster, "");
    TRY(llmd__buf_take(&path, &removal->path));
    removal->target =
        llmd__format("/clusters/%s%s%s", wish->cluster, wish->pool ? "/nodePools/" : "", pool);
    removal->subject =
        llmd__format("%s/%s%s%s", wish->pool ? "NodePool" : "Cluster", wish->cluster, slash, pool);
    removal->what =
        llmd__format("%s %s%s%s", wish->pool ? "node pool" : "cluster", wish->cluster, slash, pool);
    return removal->target && removal->subject && removal->what ? NULL : NO_MEMORY;
}

static llmd_error *add(struct graph *graph, const struct removal_wish *wish,
                       const struct step_class *class, step_id *out)
{
    AUTO(removal) struct removal *removal = llmd__calloc(1, sizeof(*removal));

    *out = -1;
    CHECK_MEMORY(removal);
    removal->gke = llmd__gke_ref(wish->gke);
    removal->on_look = wish->on_look;
    removal->data = wish->data;
    TRY(name_it(removal, wish));
    return llmd__graph_add(graph, class, TAKE(removal), out);
}

llmd_error *llmd__removal_steps(struct graph *graph, const struct removal_wish *wish, step_id *look,
                                step_id *gone)
{
    TRY(add(graph, wish, &first_class, look));
    TRY(add(graph, wish, &gone_class, gone));
    return llmd__graph_need(graph, *gone, *look);
}
