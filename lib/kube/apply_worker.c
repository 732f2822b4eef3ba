/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker applies one manifest after the other; several share a run. Each manifest begins when
 * its namespace and its kind are there, so that what is independent goes side by side.
 */
#include "kube/apply_run.h"

#include "kube/crds.h"
#include "kube/object.h"
#include "kube/status.h"

#include <string.h>

#define PARTIAL "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

/* How long a refusal that passes is tried again: webhooks of an operator that was just installed
   answer within half a minute. */
#define WEBHOOK_MS 60000
#define SHORT_MS 15000
#define RETRY_FIRST_MS 250
#define RETRY_MAX_MS 4000
/* A new kind is served about a tenth of a second after its CRD; one of 2 MB on a server that is
   short of CPU was seen to take a minute. Changes of the CRD are told by a watch; discovery follows
   them by a few milliseconds, or at the latest when it is asked without a cause. */
#define SERVED_FIRST_MS 10
#define SERVED_MAX_MS 1000
#define SERVED_EXPLAIN_MS 10000
#define SERVED_LIMIT_MS 180000

struct work {
    struct apply_worker *worker;
    struct apply_run *run;
    struct graph *graph;
    const struct step_input *input;
    struct step_action *action;
    struct json **answer;
    bool *idle;
};

static llmd_error *pick(const struct work *work);

static const char *what_of(struct buf *buf, const struct work *work)
{
    llmd__buf_format(buf, "apply %s", work->worker->item->subject);
    return llmd__buf_text(buf);
}

static llmd_error *send(const struct work *work, const char *method, enum worker_phase phase)
{
    struct apply_worker *worker = work->worker;

    TRY(llmd__buf_check(&worker->path));
    worker->phase = phase;
    worker->wake_ms = 0;
    work->action->kind = ACTION_SEND;
    work->action->http = llmd__kube_http(work->run->kube);
    work->action->request = (struct http_request){
        .method = method, .path = worker->path.data, .accept = PARTIAL, .idempotent = true};
    return NULL;
}

static llmd_error *send_look(const struct work *work)
{
    struct apply_worker *worker = work->worker;

    llmd__buf_reset(&worker->path);
    llmd__resource_path(&worker->path, &worker->item->resource, worker->item->ns,
                        worker->item->name, NULL, NULL);
    TRY(send(work, "GET", WORKER_LOOKING));
    if (work->run->dry_run ||
        worker->wants_object) /* compared as a whole: its version will not move */
        work->action->request.accept = NULL;
    return NULL;
}

/* Strict: a misspelt field is an error, as with kubectl, not silently dropped. */
static llmd_error *send_apply(const struct work *work)
{
    struct apply_worker *worker = work->worker;
    struct http_request *request = &work->action->request;
    AUTO(buf) struct buf query = BUF_INIT;

    llmd__buf_format(&query, "fieldManager=" LLMD__FIELD_MANAGER "&fieldValidation=Strict%s%s",
                     work->run->force ? "&force=true" : "",
                     work->run->dry_run ? "&dryRun=All" : "");
    TRY(llmd__buf_check(&query));
    llmd__buf_reset(&worker->path);
    llmd__resource_path(&worker->path, &worker->item->resource, worker->item->ns,
                        worker->item->name, NULL, llmd__buf_text(&query));
    TRY(send(work, "PATCH", WORKER_APPLYING));
    request->content_type = "application/apply-patch+yaml";
    request->body = worker->item->body;
    request->body_len = worker->item->body_len;
    if (worker->wants_object || work->run->dry_run)
        request->accept = NULL;
    return NULL;
}

static llmd_error *send_first(const struct work *work)
{
    return work->run->baseline && !work->worker->item->bare ? send_apply(work) : send_look(work);
}

static void begin_item(const struct work *work, struct manifest *item)
{
    struct apply_worker *worker = work->worker;

    worker->item = item;
    worker->tries = 0;
    worker->since_ms = 0;
    worker->warned = false;
    worker->version = 0;
    llmd__json_free(worker->looked);
    worker->looked = NULL;
    item->begun = true;
    work->run->in_flight++;
}

static void poke_all(const struct work *work)
{
    for (size_t i = 0; i < work->run->worker_count; i++)
        llmd__graph_poke(work->graph, work->run->workers[i]);
}

static struct manifest *next_ready(struct apply_run *run)
{
    while (run->next < run->set.count && run->set.items[run->next].begun)
        run->next++;
    for (size_t i = run->next; i < run->set.count; i++) {
        struct manifest *item = &run->set.items[i];
        if (!item->begun && llmd__manifest_is_ready(&run->set, item))
            return item;
    }
    return NULL;
}

/* Whoever finishes what others need pokes them. */
static llmd_error *pick(const struct work *work)
{
    struct manifest *item = next_ready(work->run);

    work->worker->phase = WORKER_IDLE;
    work->worker->wake_ms = 0;
    *work->idle = work->run->next == work->run->set.count;
    if (!item)
        return NULL;
    begin_item(work, item);
    return send_first(work);
}

static llmd_error *event(const struct work *work, llmd_level level, const char *reason,
                         const char *message, const char *advice)
{
    struct event_text text = {.level = level,
                              .step = "apply",
                              .subject = work->worker->item->subject,
                              .reason = reason,
                              .message = message,
                              .advice = advice,
                              .done = (int64_t)work->run->finished,
                              .total = (int64_t)work->run->set.count};

    return llmd__graph_event(work->graph, &text);
}

static llmd_error *finish_item(const struct work *work, const char *note)
{
    struct apply_run *run = work->run;
    struct manifest *item = work->worker->item;
    const char *done = llmd__applied_name(work->worker->applied);
    AUTO(str) char *message = llmd__format("%s%s%s", done, run->dry_run ? " (dry run)" : "", note);

    CHECK_MEMORY(message);
    run->in_flight--;
    run->finished++;
    item->finished = true;
    run->counts[work->worker->applied]++;
    llmd__free_secret(TAKE(item->body));
    TRY(event(work, LLMD_LEVEL_INFO, done, message, ""));
    if (!run->in_flight || item->wave <= WAVE_CRDS)
        poke_all(work);
    return pick(work);
}

static llmd_error *wait_for(const struct work *work, int64_t first_ms, int64_t max_ms)
{
    int tries = work->worker->tries++;
    int64_t ms = tries < 8 ? first_ms << tries : max_ms;

    work->worker->wake_ms = work->input->now_ms + (ms < max_ms ? ms : max_ms);
    work->action->kind = ACTION_SLEEP;
    return NULL;
}

/* --- the CRD is applied: is its kind served? --- */

static bool cache_has(const struct work *work, const char *version)
{
    const struct manifest *item = work->worker->item;
    AUTO(str) char *api_version = llmd__format("%s/%s", item->crd_group, version);
    struct resource ignored;

    return api_version &&
           llmd__discovery_lookup_kind(work->run->kube, api_version, item->crd_kind, &ignored);
}

static llmd_error *finish_crd(const struct work *work)
{
    if (work->worker->listens)
        llmd__crds_ignore(work->graph, work->run->kube);
    work->worker->listens = false;
    return finish_item(work, "");
}

/* What was served before and stays as it was need not be asked for. */
static llmd_error *ask_served(const struct work *work)
{
    struct apply_worker *worker = work->worker;
    const struct manifest *item = worker->item;

    while (item->crd_versions[worker->version] && worker->applied == APPLIED_UNCHANGED &&
           cache_has(work, item->crd_versions[worker->version]))
        worker->version++;
    if (!item->crd_versions[worker->version])
        return finish_crd(work);
    llmd__buf_reset(&worker->path);
    llmd__buf_format(&worker->path, "/apis/%s/%s", item->crd_group,
                     item->crd_versions[worker->version]);
    TRY(send(work, "GET", WORKER_SERVED));
    work->action->request.accept = NULL;
    return NULL;
}

static llmd_error *ask_why(const struct work *work)
{
    TRY(send_look(work));
    work->worker->phase = WORKER_EXPLAINING;
    work->action->request.accept = NULL;
    return NULL;
}

static llmd_error *await_served(const struct work *work)
{
    struct apply_worker *worker = work->worker;

    if (!worker->listens)
        TRY(llmd__crds_listen(work->graph, work->run->kube, worker->item->name));
    worker->listens = true;
    return wait_for(work, SERVED_FIRST_MS, SERVED_MAX_MS);
}

/* The CRD has changed: now, and often for a moment. */
static llmd_error *take_poke(const struct work *work)
{
    struct apply_worker *worker = work->worker;

    if (worker->phase == WORKER_IDLE)
        return pick(work);
    if (worker->phase != WORKER_SERVED)
        return NULL;
    worker->tries = 0;
    return worker->wake_ms ? ask_served(work) : NULL;
}

static llmd_error *take_served(const struct work *work)
{
    AUTO(json) struct json *list = NULL;
    struct apply_worker *worker = work->worker;

    if (work->input->status == 200)
        TRY(llmd__json_parse(work->input->text, work->input->text_len, "discovery", &list));
    JSON_EACH(resource, llmd__json_member(list, "resources")) {
        if (strcmp(llmd__json_str(resource, "name"), worker->item->crd_plural) == 0) {
            worker->version++;
            return ask_served(work);
        }
    }
    if (work->input->now_ms - worker->since_ms > SERVED_LIMIT_MS ||
        (!worker->warned && work->input->now_ms - worker->since_ms > SERVED_EXPLAIN_MS))
        return ask_why(work);
    return await_served(work);
}

static void add_conditions(struct buf *buf, const struct json *crd)
{
    const char *separator = "";

    JSON_EACH(condition, llmd__json_get(crd, "status.conditions")) {
        if (strcmp(llmd__json_str(condition, "status"), "False") != 0)
            continue;
        llmd__buf_format(buf, "%s%s=False: %s", separator, llmd__json_str(condition, "type"),
                         llmd__json_str(condition, "message"));
        separator = "; ";
    }
    if (!*separator)
        llmd__buf_str(buf, "the server has not established it yet");
}

static llmd_error *take_explanation(const struct work *work)
{
    AUTO(json) struct json *crd = NULL;
    AUTO(buf) struct buf why = BUF_INIT;
    bool hopeless;

    if (work->input->status == 200)
        TRY(llmd__json_parse(work->input->text, work->input->text_len, "CRD", &crd));
    hopeless = llmd__object_condition_is(crd, "NamesAccepted", "False");
    add_conditions(&why, crd);
    TRY(llmd__buf_check(&why));
    if (hopeless || work->input->now_ms - work->worker->since_ms > SERVED_LIMIT_MS)
        return llmd__error(LLMD_E_FAILED, "apply %s: its kind is not served: %s",
                           work->worker->item->subject, llmd__buf_text(&why));
    work->worker->warned = true;
    TRY(event(work, LLMD_LEVEL_WARNING, "NotServedYet", llmd__buf_text(&why), ""));
    work->worker->phase = WORKER_SERVED;
    return await_served(work);
}

/* --- the answer to the apply --- */

/* The server takes it all the same, and all that was applied goes with the object. */
static llmd_error *warn_of_deletion(const struct work *work, const struct json *object)
{
    const char *holder = llmd__json_str(object, "metadata.finalizers[0]");
    AUTO(str) char *message = NULL;

    if (!*llmd__json_str(object, "metadata.deletionTimestamp"))
        return NULL;
    message = llmd__format("is being deleted%s%s", *holder ? ", held by " : "", holder);
    CHECK_MEMORY(message);
    return event(work, LLMD_LEVEL_WARNING, "BeingDeleted", message,
                 "apply again when it is gone: see that who owns its finalizers runs");
}

static llmd_error *take_applied(const struct work *work)
{
    struct apply_worker *worker = work->worker;

    TRY(llmd__json_parse(work->input->text, work->input->text_len, worker->item->subject,
                         work->answer));
    if (strcmp(llmd__object_name(*work->answer), worker->item->name) != 0)
        return llmd__error(LLMD_E_PROTOCOL, "apply %s: the server answers with another object",
                           worker->item->subject);
    worker->applied = llmd__applied_judge(work->input->status, *work->answer, work->run->baseline,
                                          worker->looked);
    TRY(warn_of_deletion(work, *work->answer));
    if (!worker->item->crd_kind || work->run->dry_run)
        return finish_item(work, "");
    worker->since_ms = work->input->now_ms;
    worker->tries = 0;
    return ask_served(work);
}

/* A dry run makes no namespaces and kinds, so what stands on them cannot be checked. */
static bool is_dry_gap(const struct work *work)
{
    return work->run->dry_run && work->input->status == 404 &&
           (work->worker->item->needs_kind || work->worker->item->needs_ns);
}

/* How long this refusal may be tried again; 0: it is final. */
static int64_t patience_ms(const struct work *work, enum status_passing passing)
{
    if (passing == PASSING_WEBHOOK || passing == PASSING_STORE)
        return WEBHOOK_MS;
    if (passing != PASSING_NO || (work->input->status == 404 && work->worker->item->needs_kind))
        return SHORT_MS;
    return 0;
}

static llmd_error *warn(const struct work *work, enum status_passing passing,
                        const llmd_error *refusal)
{
    AUTO(str) char *message = NULL;

    if (work->worker->warned || passing == PASSING_NO || passing == PASSING_CHANGED)
        return NULL;
    message = llmd__format("%s; trying again for up to %d s", llmd_error_message(refusal),
                           (int)(patience_ms(work, passing) / 1000));
    CHECK_MEMORY(message);
    work->worker->warned = true;
    return event(work, LLMD_LEVEL_WARNING,
                 passing == PASSING_WEBHOOK ? "WebhookNotReady" : llmd_error_reason(refusal),
                 message, llmd_error_advice(refusal));
}

static llmd_error *take_refusal(const struct work *work)
{
    struct apply_worker *worker = work->worker;
    AUTO(buf) struct buf what = BUF_INIT;
    AUTO(error) llmd_error *refusal = NULL;
    enum status_passing passing = llmd__status_passing(work->input->status, work->input->text);
    int64_t patience = patience_ms(work, passing);

    if (is_dry_gap(work)) {
        worker->applied = APPLIED_CREATED;
        return finish_item(work, ", not checked: what it needs is made by the same apply");
    }
    refusal = llmd__status_error(work->input->status, work->input->text, what_of(&what, work));
    if (!worker->since_ms)
        worker->since_ms = work->input->now_ms;
    if (work->run->conflict_advice &&
        strcmp(llmd_error_advice(refusal), LLMD__CONFLICT_ADVICE) == 0)
        refusal = llmd__error_set_advice(refusal, "%s", work->run->conflict_advice);
    if (work->input->now_ms - worker->since_ms >= patience)
        return TAKE(refusal);
    TRY(warn(work, passing, refusal));
    return wait_for(work, RETRY_FIRST_MS, RETRY_MAX_MS);
}

/* The server notes no manager for an apply that sets nothing, and a second one then makes it write
   "before-first-apply": who owns nothing there has nothing to apply. */
static bool has_nothing_to_say(const struct apply_worker *worker)
{
    if (!worker->item->bare || !worker->looked)
        return false;
    JSON_EACH(entry, llmd__json_get(worker->looked, "metadata.managedFields")) {
        if (strcmp(llmd__json_str(entry, "manager"), LLMD__FIELD_MANAGER) == 0)
            return false;
    }
    return true;
}

static llmd_error *take_look(const struct work *work)
{
    struct apply_worker *worker = work->worker;

    if (work->input->status == 200)
        TRY(llmd__json_parse(work->input->text, work->input->text_len, worker->item->subject,
                             &worker->looked));
    if (!has_nothing_to_say(worker))
        return send_apply(work); /* a refusal is told by the apply itself */
    *work->answer = TAKE(worker->looked);
    worker->applied = APPLIED_UNCHANGED;
    return finish_item(work, "");
}

static llmd_error *take_reply(const struct work *work)
{
    switch (work->worker->phase) {
    case WORKER_LOOKING:
        return take_look(work);
    case WORKER_APPLYING:
        return work->input->status / 100 == 2 ? take_applied(work) : take_refusal(work);
    case WORKER_SERVED:
        return take_served(work);
    case WORKER_EXPLAINING:
        return take_explanation(work);
    default:
        return NULL;
    }
}

static llmd_error *take_tick(const struct work *work)
{
    if (!work->worker->wake_ms || work->input->now_ms < work->worker->wake_ms)
        return NULL;
    return work->worker->phase == WORKER_APPLYING ? send_apply(work) : ask_served(work);
}

static llmd_error *dispatch(const struct work *work)
{
    AUTO(buf) struct buf what = BUF_INIT;

    switch (work->input->kind) {
    case INPUT_REPLY:
        return take_reply(work);
    case INPUT_ERROR:
        return llmd__error_wrap(llmd__error_copy(work->input->error), "%s", what_of(&what, work));
    case INPUT_TICK:
        return take_tick(work);
    case INPUT_POKE:
        return take_poke(work);
    default: /* begin */
        return pick(work);
    }
}

llmd_error *llmd__apply_work(struct apply_worker *worker, struct apply_run *run,
                             struct graph *graph, const struct step_input *input,
                             struct step_action *action, struct json **answer, bool *idle)
{
    struct work work = {.worker = worker,
                        .run = run,
                        .graph = graph,
                        .input = input,
                        .action = action,
                        .answer = answer,
                        .idle = idle};

    *answer = NULL;
    *idle = false;
    TRY(dispatch(&work));
    action->wake_ms = worker->wake_ms;
    return NULL;
}

void llmd__apply_worker_free(struct apply_worker *worker)
{
    llmd__json_free(worker->looked);
    llmd__buf_free(&worker->path);
}
