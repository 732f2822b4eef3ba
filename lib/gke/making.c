/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/making.h"

#include "gke/cluster_manifest.h"

#include <string.h>

/* A create whose answer was lost may come to light late: so many looks before it is sent again. */
#define ABSENT_LOOKS 3
#define CREATES_MAX 5
#define UNKNOWNS_MAX 5

/* What one advance() needs everywhere. */
struct turn {
    struct making *making;
    struct graph *graph;
    const struct step_input *input;
    struct step_action *action;
};

static llmd_error *examine(const struct turn *turn);

void llmd__making_free(struct making *making)
{
    llmd__change_free(&making->change);
    llmd__buf_free(&making->scratch);
    llmd__json_free(making->there);
    llmd__json_free(making->unseen);
    llmd__free(making->name);
    llmd__free(making->path);
    llmd__free(making->create_path);
    llmd__free(making->target);
    llmd__free(making->subject);
    llmd__free(making->what);
    llmd__free(making->altered);
    llmd_error_free(making->error);
    *making = (struct making){0};
}

static llmd_error *make_paths(struct making *making, const char *cluster, const char *pool)
{
    AUTO(buf) struct buf path = BUF_INIT, create = BUF_INIT;

    if (pool) {
        llmd__pool_path(&path, making->gke, cluster, pool, "");
        llmd__pool_path(&create, making->gke, cluster, "", "");
    } else {
        llmd__cluster_path(&path, making->gke, cluster, "");
        llmd__cluster_path(&create, making->gke, "", "");
    }
    TRY(llmd__buf_take(&path, &making->path));
    return llmd__buf_take(&create, &making->create_path);
}

llmd_error *llmd__making_init(struct making *making, const struct making_wish *wish)
{
    const char *pool = wish->pool, *slash = pool ? "/" : "", *last = pool ? pool : "";

    *making = (struct making){.class = wish->class,
                              .data = wish->data,
                              .gke = wish->gke,
                              .patient = wish->patient,
                              .name = llmd__strdup(pool ? pool : wish->cluster)};
    making->target =
        llmd__format("/clusters/%s%s%s", wish->cluster, pool ? "/nodePools/" : "", last);
    making->subject =
        llmd__format("%s/%s%s%s", pool ? "NodePool" : "Cluster", wish->cluster, slash, last);
    making->what =
        llmd__format("%s %s%s%s", pool ? "node pool" : "cluster", wish->cluster, slash, last);
    if (!making->name || !making->target || !making->subject || !making->what)
        return NO_MEMORY;
    return make_paths(making, wish->cluster, pool);
}

static llmd_error *tell(const struct turn *turn, llmd_level level, const char *reason,
                        const char *message)
{
    return llmd__graph_event(turn->graph, &(struct event_text){.level = level,
                                                               .subject = turn->making->subject,
                                                               .reason = reason,
                                                               .message = message});
}

/* It does not end the task, yet. */
static llmd_error *tell_error(const struct turn *turn, const char *reason, const llmd_error *error)
{
    return llmd__graph_event(turn->graph, &(struct event_text){.level = LLMD_LEVEL_WARNING,
                                                               .subject = turn->making->subject,
                                                               .reason = reason,
                                                               .message = llmd_error_message(error),
                                                               .advice = llmd_error_advice(error)});
}

/* ---- what is done ---- */

static llmd_error *look(const struct turn *turn)
{
    turn->making->phase = MAKING_LOOKS;
    llmd__ask(turn->action, turn->making->gke, GOOGLE_CONTAINER, turn->making->path);
    return NULL;
}

static llmd_error *rest(const struct turn *turn, int64_t ms)
{
    turn->making->phase = MAKING_RESTS;
    turn->making->wake_ms = turn->input->now_ms + ms;
    turn->action->kind = ACTION_SLEEP;
    turn->action->wake_ms = turn->making->wake_ms;
    return NULL;
}

static llmd_error *find_operation(const struct turn *turn)
{
    struct making *making = turn->making;

    making->phase = MAKING_FINDS;
    llmd__operation_path(&making->scratch, making->gke, "");
    TRY(llmd__buf_check(&making->scratch));
    llmd__ask(turn->action, making->gke, GOOGLE_CONTAINER, making->scratch.data);
    return NULL;
}

static llmd_error *begin(const struct turn *turn, enum making_deed deed, const char *method,
                         const char *path, const struct json *body)
{
    struct making *making = turn->making;
    struct change_wish wish = {.method = method,
                               .path = path,
                               .body = body,
                               .subject = making->subject,
                               .what = making->what,
                               .at_once = making->given_up,
                               .patient = making->patient && *making->patient};

    making->phase = MAKING_CHANGES;
    making->deed = deed;
    making->creating = deed == MAKING_CREATES;
    return llmd__change_begin(&making->change, making->gke, &wish, turn->action);
}

/* Why the create came to nothing, or perhaps did. */
static void keep_error(struct making *making, bool failed)
{
    llmd_error_free(making->error);
    making->error = TAKE(making->change.error);
    making->trouble = making->change.class;
    making->failed = failed;
    making->unsure = !failed;
}

static llmd_error *create(const struct turn *turn)
{
    AUTO(json) struct json *body = NULL;
    struct making *making = turn->making;

    making->phase = MAKING_AWAITS;
    TRY(making->class->body(making->data, turn->graph, &body));
    if (!body)
        return NULL;
    if (making->creates++ == CREATES_MAX)
        return making->error ? TAKE(making->error)
                             : llmd__error(LLMD_E_CONFLICT, "%s: comes and goes", making->what);
    making->unsure = making->given_up = false;
    making->absent = 0;
    TRY(tell(turn, LLMD_LEVEL_INFO, "Creating", "is being made"));
    return begin(turn, MAKING_CREATES, "POST", making->create_path, body);
}

/* GKE cannot cancel a create (operations.cancel takes upgrades only), and may say of a DELETE that
   the create is in the way. That is not waited for: what comes of it then may be of use. */
static llmd_error *give_up(const struct turn *turn)
{
    struct making *making = turn->making;

    llmd_error_free(TAKE(making->error));
    making->error = llmd__error(LLMD_E_FAILED, "%s: no capacity: given up", making->what);
    CHECK_MEMORY(making->error);
    llmd__error_set_reason(making->error, llmd__trouble_reason(TROUBLE_STOCKOUT));
    making->trouble = TROUBLE_STOCKOUT;
    making->given_up = true;
    *turn->action = (struct step_action){0}; /* not the sleep until the next poll */
    TRY(tell(turn, LLMD_LEVEL_WARNING, "GivenUp",
             "no capacity: is being deleted while GKE still tries"));
    return begin(turn, MAKING_REMOVES, "DELETE", making->path, NULL);
}

static llmd_error *remove_it(const struct turn *turn, const char *why)
{
    turn->making->given_up = false;
    TRY(tell(turn, LLMD_LEVEL_WARNING, "Deleting", why));
    return begin(turn, MAKING_REMOVES, "DELETE", turn->making->path, NULL);
}

/* ---- it is not there ---- */

/* The create failed, and what it left is gone. */
static llmd_error *after_failure(const struct turn *turn)
{
    struct making *making = turn->making;
    AUTO(error) llmd_error *error = TAKE(making->error);
    bool again = false;

    making->failed = making->given_up = false;
    if (making->class->failed)
        TRY(making->class->failed(making->data, turn->graph, error, making->trouble, &again));
    if (!again)
        return TAKE(error);
    making->creates = 0;
    return create(turn);
}

static llmd_error *absent(const struct turn *turn, llmd_error *not_found)
{
    AUTO(error) llmd_error *owned = not_found;
    struct making *making = turn->making;

    llmd__json_free(TAKE(making->there));
    if (making->failed || making->given_up)
        return after_failure(turn);
    if (!making->class->body)
        return TAKE(owned);
    if (making->unsure && ++making->absent < ABSENT_LOOKS)
        return rest(turn, llmd__poll_delay_ms(turn->input));
    return create(turn);
}

/* ---- it is there ---- */

static bool serves(const struct making *making, const char *status)
{
    for (const char *const *at = making->class->serve; *at; at++) {
        if (strcmp(*at, status) == 0)
            return true;
    }
    return false;
}

static bool is_in(const struct making *making, const char *status)
{
    return strcmp(llmd__json_str(making->there, "status"), status) == 0;
}

/* Its own words about what is wrong with it. */
static const char *complaint(const struct json *there)
{
    const char *words = llmd__json_str(there, "statusMessage");

    JSON_EACH(condition, llmd__json_member(there, "conditions"))
        if (*llmd__json_str(condition, "message"))
            return llmd__json_str(condition, "message");
    return *words ? words : "GKE does not say why";
}

static llmd_error *alter(const struct turn *turn, const struct json *change)
{
    struct making *making = turn->making;
    const char *warning = llmd__json_str(change, "warning");
    AUTO(str) char *text = NULL;

    TRY(llmd__json_print(change, &text));
    if (making->altered && strcmp(making->altered, text) == 0)
        return llmd__error(LLMD_E_FAILED, "%s: GKE took the change \"%s\" and does not show it",
                           making->what, llmd__json_str(change, "what"));
    llmd__free(making->altered);
    making->altered = TAKE(text);
    if (*warning)
        TRY(tell(turn, LLMD_LEVEL_WARNING, "Changing", warning));
    TRY(tell(turn, LLMD_LEVEL_INFO, "Changing", llmd__json_str(change, "what")));
    llmd__buf_reset(&making->scratch);
    llmd__buf_format(&making->scratch, "%s%s", making->path, llmd__json_str(change, "path"));
    TRY(llmd__buf_check(&making->scratch));
    return begin(turn, MAKING_ALTERS, llmd__json_str(change, "method"), making->scratch.data,
                 llmd__json_member(change, "body"));
}

/* The first of them; what is there shows the next time which are left, but for one. */
static llmd_error *alter_first(const struct turn *turn, const struct json *changes)
{
    const struct json *first = llmd__json_first(changes), *next = llmd__json_next(first);
    struct making *making = turn->making;

    if (llmd__json_bool(next, "unseen", false)) {
        llmd__json_free(TAKE(making->unseen));
        TRY(llmd__json_copy(next, &making->unseen));
    }
    return alter(turn, first);
}

static llmd_error *settle(const struct turn *turn)
{
    AUTO(json) struct json *changes = NULL;
    struct making *making = turn->making;
    bool ready = false;

    making->given_up = false;
    TRY(making->class->accept(making->data, turn->graph, making->there));
    if (making->class->changes)
        TRY(making->class->changes(making->data, making->there, &changes));
    if (llmd__json_count(changes))
        return alter_first(turn, changes);
    if (making->unseen) {
        making->unseen_sent = true;
        return alter(turn, making->unseen);
    }
    TRY(making->class->settled(making->data, turn->graph, making->there, &ready));
    if (!ready)
        return rest(turn, llmd__poll_delay_ms(turn->input));
    making->over = true;
    return NULL;
}

static llmd_error *broken(const struct making *making)
{
    return llmd__error_set_advice(
        llmd__error(LLMD_E_FAILED, "%s: is in status %s: %.2000s", making->what,
                    llmd__json_str(making->there, "status"), complaint(making->there)),
        "look at it in the console, repair or delete it, then apply again");
}

/* Whether its create failed, and why: the owner hears of it before the trace is gone. */
static llmd_error *judge_create(const struct turn *turn, const struct json *operations,
                                bool *failed)
{
    struct making *making = turn->making;
    const struct json *made =
        llmd__last_operation(operations, making->target, making->class->create_type);
    enum trouble class = TROUBLE_UNKNOWN;
    AUTO(error)
    llmd_error *error = made ? llmd__google_operation_error(made, making->what, &class) : NULL;

    *failed = error != NULL;
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return TAKE(error);
    if (!error || !making->class->leftover || !llmd__is_ours(making->there))
        return NULL;
    return making->class->leftover(making->data, turn->graph, making->there, class);
}

/* ERROR or RUNNING_WITH_ERROR and no operation runs: what a failed create left, or a thing that
   once worked, which nobody deletes but its owner. */
static llmd_error *judge_failed(const struct turn *turn, bool failed)
{
    struct making *making = turn->making;
    bool never_ran = making->class->error_is_scrap || !*llmd__json_str(making->there, "endpoint");

    if (failed || (is_in(making, "ERROR") && never_ran)) {
        if (making->class->body && llmd__is_ours(making->there))
            return remove_it(turn, "is what a failed create left: is being deleted first");
        return broken(making);
    }
    if (is_in(making, "ERROR"))
        return broken(making);
    TRY(tell(turn, LLMD_LEVEL_WARNING, llmd__json_str(making->there, "status"),
             complaint(making->there)));
    return settle(turn);
}

static llmd_error *examine(const struct turn *turn)
{
    struct making *making = turn->making;

    if (serves(making, llmd__json_str(making->there, "status")))
        return settle(turn);
    /* What others delete needs not be ours: its name will be free. */
    if (is_in(making, "PROVISIONING"))
        TRY(making->class->accept(making->data, turn->graph, making->there));
    return find_operation(turn);
}

/* Its create failed at last. Something that runs nevertheless may be of use to somebody. */
static llmd_error *clear_away(const struct turn *turn)
{
    struct making *making = turn->making;

    if (is_in(making, "RUNNING") || !llmd__is_ours(making->there))
        return TAKE(making->error);
    return remove_it(turn, "its create failed: what it left is being deleted");
}

/* ---- answers ---- */

/* A bad minute of Google's must not end what runs for ten; nor one in which an enabled service is
   not known everywhere yet. */
static llmd_error *not_seen(const struct turn *turn, llmd_error *error, enum trouble class)
{
    struct making *making = turn->making;
    bool enabling = class == TROUBLE_SERVICE_DISABLED && making->patient && *making->patient;

    if (!enabling && !(making->looked && llmd__passes(error, class)))
        return error;
    llmd_error_free(error);
    return rest(turn, llmd__poll_delay_ms(turn->input));
}

static llmd_error *take_look(const struct turn *turn)
{
    struct making *making = turn->making;
    struct json *there = NULL;
    enum trouble class;
    llmd_error *error = llmd__answer(turn->input, making->what, &there, &class);

    if (error && class != TROUBLE_NOT_FOUND)
        return not_seen(turn, error, class);
    making->looked = true;
    if (error)
        return absent(turn, error);
    llmd__json_free(making->there);
    making->there = there;
    making->unsure = false;
    return making->failed ? clear_away(turn) : examine(turn);
}

static llmd_error *take_operations(const struct turn *turn)
{
    AUTO(json) struct json *list = NULL;
    struct making *making = turn->making;
    const struct json *running;
    bool failed = false;
    enum trouble class;
    llmd_error *error = llmd__answer(turn->input, making->what, &list, &class);

    if (error)
        return not_seen(turn, error, class);
    running = llmd__running_operation(list, making->target);
    if (!is_in(making, "PROVISIONING"))
        TRY(judge_create(turn, list, &failed));
    if (!running && !is_in(making, "PROVISIONING") && !is_in(making, "STOPPING"))
        return judge_failed(turn, failed);
    if (!running)
        return rest(turn, llmd__poll_delay_ms(turn->input));
    making->phase = MAKING_CHANGES;
    making->deed = MAKING_FOLLOWS;
    making->creating =
        strcmp(llmd__json_str(running, "operationType"), making->class->create_type) == 0;
    TRY(tell(turn, LLMD_LEVEL_INFO, "Resuming", llmd__json_str(running, "name")));
    return llmd__change_resume(&making->change, making->gke, running, making->subject, making->what,
                               turn->action);
}

/* ---- ends of what was done ---- */

static llmd_error *lost(const struct turn *turn)
{
    struct making *making = turn->making;

    if (making->unknowns++ == UNKNOWNS_MAX)
        return TAKE(making->change.error);
    TRY(tell_error(turn, "Unknown", making->change.error));
    if (making->deed == MAKING_CREATES)
        keep_error(making, false);
    llmd__free(TAKE(making->altered)); /* perhaps it was not made */
    making->unseen_sent = false;
    return look(turn);
}

static llmd_error *create_failed(const struct turn *turn)
{
    struct making *making = turn->making;

    TRY(tell_error(turn, llmd__trouble_reason(making->change.class), making->change.error));
    keep_error(making, true);
    return look(turn);
}

static llmd_error *create_refused(const struct turn *turn)
{
    bool exists = turn->making->change.class == TROUBLE_EXISTS;

    keep_error(turn->making, !exists); /* a look right now may still not find it */
    return exists ? look(turn) : after_failure(turn);
}

/* That of the create matters more than that of tidying up after it. */
static llmd_error *remove_failed(const struct turn *turn)
{
    struct making *making = turn->making;

    if (!making->failed)
        return TAKE(making->change.error);
    TRY(tell_error(turn, "DeleteFailed", making->change.error));
    return TAKE(making->error);
}

/* The create goes on, or perhaps not: what is there says it. */
static llmd_error *not_given_up(const struct turn *turn, bool unknown)
{
    struct making *making = turn->making;

    making->given_up = unknown;
    TRY(llmd__graph_event(
        turn->graph,
        &(struct event_text){.level = LLMD_LEVEL_WARNING,
                             .subject = making->subject,
                             .reason = "StillTried",
                             .message = llmd_error_message(making->change.error),
                             .advice = "GKE goes on with it, up to about 35 minutes: the fall-back "
                                       "begins when that has failed"}));
    return look(turn);
}

/* The operation failed, or the request was refused. */
static llmd_error *take_failure(const struct turn *turn, enum change_end end)
{
    struct making *making = turn->making;

    if (end == CHANGE_FAILED && making->creating && making->class->body)
        return create_failed(turn);
    switch (making->deed) {
    case MAKING_CREATES:
        return create_refused(turn);
    case MAKING_REMOVES:
        return remove_failed(turn);
    case MAKING_FOLLOWS:
        return look(turn); /* another's failure: what counts is what it left */
    default:
        return TAKE(making->change.error);
    }
}

static llmd_error *take_end(const struct turn *turn, enum change_end end)
{
    struct making *making = turn->making;

    if (making->given_up && making->deed == MAKING_REMOVES && end > CHANGE_DONE)
        return not_given_up(turn, end == CHANGE_UNKNOWN);
    switch (end) {
    case CHANGE_RUNS:
        return NULL;
    case CHANGE_DONE:
        making->made = making->made || making->creating;
        if (making->unseen_sent)
            llmd__json_free(TAKE(making->unseen));
        return look(turn);
    case CHANGE_UNKNOWN:
        return lost(turn);
    default:
        return take_failure(turn, end);
    }
}

/* Between two polls of a create that is ours. */
static bool gives_up(const struct making *making, enum change_end end)
{
    return end == CHANGE_RUNS && making->creating && making->class->gives_up &&
           making->change.phase == CHANGE_FOLLOWED && making->change.operation.wake_ms &&
           (making->deed == MAKING_CREATES || llmd__is_ours(making->there)) &&
           making->class->gives_up(making->data);
}

static llmd_error *go_on(const struct turn *turn)
{
    struct making *making = turn->making;
    int polls = making->change.operation.polls;
    enum change_end end;

    TRY(llmd__change_advance(&making->change, turn->graph, turn->input, turn->action, &end));
    if (making->creating && making->class->polled && making->change.phase == CHANGE_FOLLOWED &&
        end == CHANGE_RUNS && making->change.operation.polls > polls)
        making->class->polled(making->data, turn->graph, making->change.operation.polls);
    return gives_up(making, end) ? give_up(turn) : take_end(turn, end);
}

llmd_error *llmd__making_advance(struct making *making, struct graph *graph,
                                 const struct step_input *input, struct step_action *action)
{
    struct turn turn = {making, graph, input, action};
    bool answered = input->kind == INPUT_REPLY || input->kind == INPUT_ERROR;

    if (input->kind == INPUT_BEGIN)
        return look(&turn);
    if (making->phase == MAKING_CHANGES)
        return go_on(&turn);
    if (making->phase == MAKING_RESTS) {
        if (input->kind == INPUT_TICK)
            return look(&turn);
        action->wake_ms = making->wake_ms;
        return NULL;
    }
    if (making->phase == MAKING_AWAITS)
        return create(&turn);
    if (!answered)
        return NULL; /* a poke */
    return making->phase == MAKING_LOOKS ? take_look(&turn) : take_operations(&turn);
}

void llmd__making_describe(const struct making *making, struct buf *text)
{
    const char *status = llmd__json_str(making->there, "status");
    const char *said = making->phase == MAKING_CHANGES ? making->change.operation.said : NULL;

    llmd__buf_format(text, "%s%s%s%s%s", making->what, *status ? ": " : "", status,
                     said ? ": " : "", said ? said : "");
}

const char *llmd__making_advise(const struct making *making)
{
    if (making->phase != MAKING_CHANGES || making->deed == MAKING_REMOVES)
        return "";
    return "nothing is lost, GKE goes on by itself: apply again, which follows what is under way";
}
