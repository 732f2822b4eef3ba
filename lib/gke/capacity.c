/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the machines of a pool do not come, within minutes: GKE itself says so only when it gives up
 * after 35 (P110). The pool names its instance groups, these their instances and errors.
 */
#include "gke/apply.h"

#include "base/url.h"

#include <string.h>

enum capacity_phase { CAPACITY_IDLE, CAPACITY_POOL, CAPACITY_ERRORS, CAPACITY_INSTANCES };

struct capacity {
    struct apply_pool *pool;
    enum capacity_phase phase;
    struct json *groups; /* URLs */
    size_t at;           /* the group that is asked about */
    struct buf path;
    size_t nth;                     /* the fall-back that is looked at */
    bool told[TROUBLE_PROJECT + 1]; /* each class once for each fall-back */
    bool blind;                     /* may not look: told once */
    int64_t running, instances;     /* of the groups so far */
    int64_t told_running;
};

static void capacity_free(void *state)
{
    struct capacity *capacity = state;

    llmd__json_free(capacity->groups);
    llmd__buf_free(&capacity->path);
    llmd__free(capacity);
}

static llmd_error *tell(struct graph *graph, const struct capacity *capacity,
                        struct event_text *text)
{
    text->subject = capacity->pool->making.subject;
    return llmd__graph_event(graph, text);
}

/* ---- what is asked ---- */

/* "https://www.googleapis.com/compute/v1/projects/P/zones/Z/instanceGroupManagers/G": only zone
   and name are taken from what a server sends. */
static bool add_part(struct buf *path, const char *url, const char *before)
{
    const char *at = strstr(url, before);
    size_t len = at ? strcspn(at + strlen(before), "/?#") : 0;
    AUTO(str) char *part = len ? llmd__strndup(at + strlen(before), len) : NULL;

    if (part)
        llmd__url_escape(path, part);
    return part != NULL;
}

static bool group_path(struct capacity *capacity, const char *url, const char *verb)
{
    struct buf *path = &capacity->path;

    llmd__buf_reset(path);
    llmd__buf_str(path, "/compute/v1/projects/");
    llmd__url_escape(path, llmd_gke_project(capacity->pool->apply->gke));
    llmd__buf_str(path, "/zones/");
    if (!add_part(path, url, "/zones/"))
        return false;
    llmd__buf_str(path, "/instanceGroupManagers/");
    if (!add_part(path, url, "/instanceGroupManagers/"))
        return false;
    llmd__buf_format(path, "/%s", verb);
    return true;
}

static const char *group_url(const struct capacity *capacity)
{
    size_t at = 0;

    JSON_EACH(url, capacity->groups) {
        if (at++ == capacity->at)
            return llmd__json_text(url);
    }
    return NULL;
}

static llmd_error *tell_running(struct graph *graph, struct capacity *capacity)
{
    struct event_text text = {.level = LLMD_LEVEL_INFO,
                              .reason = "Instances",
                              .message = "machines that run",
                              .done = capacity->running,
                              .total = capacity->instances};

    if (!capacity->instances || capacity->running == capacity->told_running)
        return NULL;
    capacity->told_running = capacity->running;
    return tell(graph, capacity, &text);
}

/* All groups were looked at. An error may be older than the machine that came after it. */
static llmd_error *conclude(struct graph *graph, struct capacity *capacity)
{
    struct apply_pool *pool = capacity->pool;

    if (pool->seen == TROUBLE_STOCKOUT && capacity->nth == pool->nth &&
        (capacity->running < capacity->instances || !capacity->instances)) {
        pool->hopeless = true;
        llmd__graph_poke(graph, pool->step);
    }
    return tell_running(graph, capacity);
}

static llmd_error *ask_group(struct capacity *capacity, struct graph *graph,
                             enum capacity_phase phase, struct step_action *action)
{
    bool instances = phase == CAPACITY_INSTANCES;
    const char *url = group_url(capacity);

    capacity->phase = CAPACITY_IDLE;
    if (!url)
        return conclude(graph, capacity);
    if (!group_path(capacity, url, instances ? "listManagedInstances" : "listErrors"))
        return llmd__buf_check(&capacity->path); /* no URL of a group: nothing to be seen */
    TRY(llmd__buf_check(&capacity->path));
    capacity->phase = phase;
    llmd__ask(action, capacity->pool->apply->gke, GOOGLE_COMPUTE, capacity->path.data);
    if (instances)
        action->request.method = "POST"; /* and yet it only reads */
    action->request.no_retry = true;
    return NULL;
}

static llmd_error *ask_pool(struct capacity *capacity, struct step_action *action)
{
    const struct apply_pool *pool = capacity->pool;

    if (capacity->nth != pool->nth) { /* other machines: what kept the last ones away is no news */
        memset(capacity->told, 0, sizeof(capacity->told));
        capacity->told_running = -1;
        capacity->nth = pool->nth;
    }
    capacity->phase = CAPACITY_POOL;
    llmd__ask(action, pool->apply->gke, GOOGLE_CONTAINER, pool->making.path);
    action->request.no_retry = true;
    return NULL;
}

/* ---- what is answered ---- */

static llmd_error *note(struct graph *graph, struct capacity *capacity, const char *code,
                        const char *message)
{
    enum trouble class = llmd__trouble_of(code);
    AUTO(str) char *text = NULL;

    if (class == TROUBLE_UNKNOWN)
        class = llmd__trouble_of(message);
    if (!capacity->pool->making.creating || capacity->nth != capacity->pool->nth ||
        (!*code && !*message))
        return NULL;
    if (class != TROUBLE_UNKNOWN)
        capacity->pool->seen = class;
    if (capacity->told[class])
        return NULL;
    capacity->told[class] = true;
    text = llmd__format("%s: %s", code, message);
    CHECK_MEMORY(text);
    llmd__free(capacity->pool->problem);
    capacity->pool->problem = llmd__strdup(text);
    CHECK_MEMORY(capacity->pool->problem);
    return tell(graph, capacity,
                &(struct event_text){
                    .level = LLMD_LEVEL_WARNING,
                    .reason = class == TROUBLE_UNKNOWN ? code : llmd__trouble_reason(class),
                    .message = text,
                    .advice = class == TROUBLE_STOCKOUT && llmd__pool_may_fall_back(capacity->pool)
                                  ? "the next fall-back is tried, if GKE lets go of this one"
                                  : "GKE goes on trying, up to about 35 minutes"});
}

static llmd_error *note_instance(struct graph *graph, struct capacity *capacity,
                                 const struct json *instance)
{
    capacity->instances++;
    if (strcmp(llmd__json_str(instance, "currentAction"), "NONE") == 0)
        capacity->running++;
    JSON_EACH(error, llmd__json_get(instance, "lastAttempt.errors.errors")) {
        TRY(note(graph, capacity, llmd__json_str(error, "code"), llmd__json_str(error, "message")));
    }
    return NULL;
}

static llmd_error *take_group(struct graph *graph, struct capacity *capacity,
                              const struct json *answer)
{
    if (capacity->phase == CAPACITY_INSTANCES) {
        JSON_EACH(instance, llmd__json_member(answer, "managedInstances")) {
            TRY(note_instance(graph, capacity, instance));
        }
        return NULL;
    }
    JSON_EACH(item, llmd__json_member(answer, "items")) {
        TRY(note(graph, capacity, llmd__json_str(item, "error.code"),
                 llmd__json_str(item, "error.message")));
    }
    return NULL;
}

static llmd_error *next(struct capacity *capacity, struct graph *graph, const struct json *answer,
                        struct step_action *action)
{
    if (capacity->phase == CAPACITY_POOL) {
        llmd__json_free(TAKE(capacity->groups));
        if (llmd__json_member(answer, "instanceGroupUrls"))
            TRY(llmd__json_copy(llmd__json_member(answer, "instanceGroupUrls"), &capacity->groups));
        capacity->at = 0;
        capacity->running = capacity->instances = 0;
        return ask_group(capacity, graph, CAPACITY_ERRORS, action);
    }
    TRY(take_group(graph, capacity, answer));
    if (capacity->phase == CAPACITY_ERRORS)
        return ask_group(capacity, graph, CAPACITY_INSTANCES, action);
    capacity->at++;
    return ask_group(capacity, graph, CAPACITY_ERRORS, action);
}

/* A look that fails is made again with the next poke; one that is forbidden is told. */
static llmd_error *take_refusal(struct capacity *capacity, struct graph *graph, llmd_error *error)
{
    AUTO(error) llmd_error *owned = error;

    capacity->phase = CAPACITY_IDLE;
    if (llmd_error_code(owned) == LLMD_E_NO_MEMORY)
        return TAKE(owned);
    if (llmd_error_code(owned) != LLMD_E_DENIED || capacity->blind)
        return NULL;
    capacity->blind = true;
    return tell(graph, capacity,
                &(struct event_text){.level = LLMD_LEVEL_WARNING,
                                     .reason = llmd_error_reason(owned),
                                     .message = llmd_error_message(owned),
                                     .advice = "without this a stock-out is known only after "
                                               "about 35 minutes: grant roles/compute.viewer"});
}

static llmd_error *capacity_advance(void *state, struct graph *graph,
                                    const struct step_input *input, struct step_action *action)
{
    AUTO(json) struct json *answer = NULL;
    struct capacity *capacity = state;
    enum trouble class;
    llmd_error *error;

    if (input->kind == INPUT_POKE && capacity->phase == CAPACITY_IDLE && !capacity->blind)
        return ask_pool(capacity, action);
    if (input->kind != INPUT_REPLY && input->kind != INPUT_ERROR)
        return NULL;
    error = llmd__answer(input, "instance groups", &answer, &class);
    if (error)
        return take_refusal(capacity, graph, error);
    return next(capacity, graph, answer, action);
}

static const struct step_class capacity_class = {"capacity", capacity_advance, capacity_free};

llmd_error *llmd__capacity_step(struct graph *graph, struct apply_pool *pool, step_id *out)
{
    struct capacity *capacity = llmd__calloc(1, sizeof(*capacity));

    *out = -1;
    CHECK_MEMORY(capacity);
    capacity->pool = pool;
    capacity->told_running = -1;
    return llmd__graph_add(graph, &capacity_class, capacity, out);
}
