/* SPDX-License-Identifier: Apache-2.0 */
/* A node pool of an apply: made, with its fall-backs where there is no capacity, or changed. */
#include "gke/apply.h"

#define CAPACITY_POLLS 6 /* half a minute of polls between looks at the instance groups */

static llmd_error *tell(struct graph *graph, const struct apply_pool *pool, llmd_level level,
                        const char *reason, const char *message)
{
    return llmd__graph_event(graph, &(struct event_text){.level = level,
                                                         .subject = pool->making.subject,
                                                         .reason = reason,
                                                         .message = message});
}

/* *found false: there is no such fall-back. */
static llmd_error *take_fallback(struct apply_pool *pool, size_t nth, bool *found)
{
    struct pool_spec next = {0};
    llmd_error *error = llmd__pool_spec_fallback(&pool->spec, nth, &next);

    *found = !error;
    if (llmd_error_code(error) == LLMD_E_NOT_FOUND) {
        llmd_error_free(error);
        return NULL;
    }
    if (error) {
        llmd__pool_spec_free(&next);
        return error;
    }
    llmd__pool_spec_free(&pool->tried);
    pool->tried = next;
    pool->nth = nth;
    return NULL;
}

/* ---- what is there ---- */

/* Which of its fall-backs another run has made; *difference is that to the pool itself if none. */
static llmd_error *recognise(struct apply_pool *pool, const struct json *there,
                             struct buf *difference)
{
    bool found = true;

    for (size_t nth = 0; found; nth++) {
        AUTO(buf) struct buf other = BUF_INIT;

        TRY(take_fallback(pool, nth, &found));
        if (!found)
            break;
        llmd__pool_difference(&pool->tried, there, nth ? &other : difference);
        TRY(llmd__buf_check(nth ? &other : difference));
        if (!(nth ? &other : difference)->len) {
            llmd__buf_reset(difference);
            return NULL;
        }
    }
    return take_fallback(pool, 0, &found);
}

static llmd_error *refuse(const struct apply_pool *pool, bool ours, const char *difference)
{
    llmd_error *error = llmd__error(LLMD_E_EXISTS, "%s: exists%s%s%s", pool->making.what,
                                    ours ? "" : ", and libllmd did not make it",
                                    *difference ? ": " : "", difference);

    llmd__error_set_reason(error, "ALREADY_EXISTS");
    return llmd__error_set_advice(error, "set `adopt: true` in the spec to use it as it is, name "
                                         "the pool otherwise, or delete it first");
}

static llmd_error *would_change(const struct apply_pool *pool, const struct json *there, bool *any)
{
    AUTO(json) struct json *changes = NULL;

    TRY(llmd__pool_changes(&pool->tried, there, &changes));
    *any = llmd__json_count(changes) != 0;
    return NULL;
}

static llmd_error *tell_adopted(struct graph *graph, struct apply_pool *pool,
                                const char *difference)
{
    AUTO(str) char *message = NULL;

    if (pool->told || !*difference)
        return NULL;
    pool->told = true;
    message = llmd__format("is used as it is: %s", difference);
    CHECK_MEMORY(message);
    return tell(graph, pool, LLMD_LEVEL_WARNING, "Adopted", message);
}

static llmd_error *accept(void *data, struct graph *graph, const struct json *there)
{
    AUTO(buf) struct buf difference = BUF_INIT;
    struct apply_pool *pool = data;
    const struct apply *apply = pool->apply;
    bool changed = false;

    TRY(recognise(pool, there, &difference));
    if (difference.len && !apply->adopt)
        return refuse(pool, true, llmd__buf_text(&difference));
    TRY(would_change(pool, there, &changed));
    if (changed && !llmd__is_ours(there) && !apply->change_others)
        return refuse(pool, false, "");
    return tell_adopted(graph, pool, llmd__buf_text(&difference));
}

static llmd_error *body(void *data, struct graph *graph, struct json **out)
{
    const struct apply_pool *pool = data;
    const llmd_gke *gke = pool->apply->gke;
    struct gke_place place = {llmd_gke_project(gke), llmd_gke_location(gke)};

    (void)graph;
    return llmd__pool_body(&pool->tried, &place, out);
}

static llmd_error *changes(void *data, const struct json *there, struct json **out)
{
    const struct apply_pool *pool = data;

    return llmd__pool_changes(&pool->tried, there, out);
}

static llmd_error *settled(void *data, struct graph *graph, const struct json *there, bool *ready)
{
    const struct apply_pool *pool = data;

    *ready = true;
    return tell(graph, pool, LLMD_LEVEL_INFO, llmd__json_str(there, "status"), "the pool is there");
}

/* ---- fall-backs ---- */

static const char *first_zone(const struct pool_spec *spec)
{
    return llmd__json_text(llmd__json_first(spec->zones));
}

static llmd_error *tell_fallback(struct graph *graph, const struct apply_pool *pool,
                                 const char *why)
{
    AUTO(str)
    char *message = llmd__format("%s: tries fall-back %zu: %s%s%s%s", why, pool->nth,
                                 pool->tried.machine, llmd__pool_spot(&pool->tried) ? " spot" : "",
                                 *first_zone(&pool->tried) ? " in " : "", first_zone(&pool->tried));

    CHECK_MEMORY(message);
    return tell(graph, pool, LLMD_LEVEL_WARNING, "Fallback", message);
}

/* Quota, policy and bad configuration are the same everywhere: only missing capacity, and machines
   that the zone has not, are a reason to try elsewhere (P1, P4, P5). */
static llmd_error *failed(void *data, struct graph *graph, const llmd_error *error,
                          enum trouble class, bool *again)
{
    struct apply_pool *pool = data;
    bool stockout =
        class == TROUBLE_STOCKOUT || (class == TROUBLE_UNKNOWN && pool->seen == TROUBLE_STOCKOUT);
    bool absent = llmd__google_machine_absent(llmd_error_message(error));

    *again = pool->hopeless = false;
    pool->seen = TROUBLE_UNKNOWN;
    llmd__free(TAKE(pool->problem));
    if (!stockout && !absent)
        return NULL;
    TRY(take_fallback(pool, pool->nth + 1, again));
    return *again ? tell_fallback(graph, pool, absent ? "no such machine type" : "no capacity")
                  : NULL;
}

bool llmd__pool_may_fall_back(const struct apply_pool *pool)
{
    return llmd__json_count(pool->spec.fallbacks) > pool->nth;
}

/* Once for each fall-back: what GKE refused once it will refuse until its create has failed. */
static bool gives_up(void *data)
{
    struct apply_pool *pool = data;

    if (!pool->hopeless || pool->left > pool->nth || !llmd__pool_may_fall_back(pool))
        return false;
    pool->left = pool->nth + 1;
    return true;
}

/* Which choice it was says what is left of it; where it was the last one, or failed for another
   reason, all begins anew. */
static llmd_error *leftover(void *data, struct graph *graph, const struct json *there,
                            enum trouble class)
{
    AUTO(buf) struct buf difference = BUF_INIT;
    struct apply_pool *pool = data;
    size_t before = pool->nth;
    bool found = false;

    TRY(recognise(pool, there, &difference));
    if (class == TROUBLE_STOCKOUT && !difference.len)
        TRY(take_fallback(pool, pool->nth + 1, &found));
    if (!found)
        return take_fallback(pool, 0, &found);
    return pool->nth == before ? NULL /* told already */
                               : tell_fallback(graph, pool, "no capacity");
}

static void polled(void *data, struct graph *graph, int polls)
{
    const struct apply_pool *pool = data;

    if (polls % CAPACITY_POLLS == 0)
        llmd__graph_poke(graph, pool->capacity);
}

static const char *const serve[] = {"RUNNING", "RECONCILING", NULL};

static const struct making_class pool_making = {.create_type = "CREATE_NODE_POOL",
                                                .error_is_scrap = true,
                                                .serve = serve,
                                                .accept = accept,
                                                .body = body,
                                                .changes = changes,
                                                .settled = settled,
                                                .failed = failed,
                                                .leftover = leftover,
                                                .gives_up = gives_up,
                                                .polled = polled};

/* ---- the step ---- */

/* A pool that was there already may have been scaled down to its least. */
struct nodes_wish llmd__nodes_wish(const struct apply_pool *pool, const struct json *there)
{
    const struct pool_spec *spec = &pool->tried;
    enum accelerator_kind kind = llmd__pool_accelerator(spec);
    size_t locations = llmd__json_count(llmd__json_member(there, "locations"));
    int64_t zones = locations ? (int64_t)locations : 1; /* counts of the spec are per zone */
    bool autoscaled = llmd__pool_autoscaled(spec);
    int64_t least = zones * llmd__pool_nodes_at_least(spec);
    struct nodes_wish wish = {
        .kube = pool->apply->kube,
        .cluster = pool->apply->name,
        .pool = pool->spec.name,
        .count = autoscaled && !pool->making.made ? least : zones * llmd__pool_nodes_at_once(spec),
        .least = autoscaled ? least : -1,
        .per_node = llmd__pool_chips_per_node(spec)};

    if (kind != ACCELERATOR_NONE)
        wish.resource = kind == ACCELERATOR_TPU ? "google.com/tpu" : "nvidia.com/gpu";
    return wish;
}

static llmd_error *wait_for_nodes(struct graph *graph, struct apply_pool *pool)
{
    struct nodes_wish wish = llmd__nodes_wish(pool, pool->making.there);
    step_id nodes = -1;

    if (!wish.kube || wish.count <= 0)
        return NULL;
    TRY(llmd__nodes_step(graph, &wish, &nodes));
    return llmd__graph_need(graph, pool->apply->finish, nodes);
}

static llmd_error *leave(struct graph *graph, struct apply_pool *pool, struct step_action *action)
{
    struct apply *apply = pool->apply;

    apply->running--;
    for (size_t i = 0; i < apply->pool_count; i++) {
        if (!apply->pools[i].runs)
            llmd__graph_poke(graph, apply->pools[i].step);
    }
    TRY(wait_for_nodes(graph, pool));
    action->kind = ACTION_DONE;
    return NULL;
}

/* The cluster was made for this pool, and without it costs as much. */
static llmd_error *tell_cost(const struct apply *apply, llmd_error *error)
{
    AUTO(str) char *before = error ? llmd__strdup(llmd_error_advice(error)) : NULL;

    if (!before || !apply->spec || llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    return llmd__error_set_advice(error,
                                  "%s%scluster %s stands and is billed all the same: mend the pool "
                                  "and apply again, or delete the cluster",
                                  before, *before ? "; " : "", apply->name);
}

static llmd_error *pool_advance(void *state, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    struct apply_pool *pool = state;
    struct apply *apply = pool->apply;
    struct step_input begin = {.kind = INPUT_BEGIN, .text = "", .now_ms = input->now_ms};

    if (!pool->runs) {
        if (apply->running == LLMD__POOLS_AT_ONCE)
            return NULL; /* the one that leaves pokes */
        apply->running++;
        pool->runs = true;
        input = &begin;
    }
    TRY(tell_cost(apply, llmd__making_advance(&pool->making, graph, input, action)));
    return pool->making.over ? leave(graph, pool, action) : NULL;
}

/* "node pool llm/tpu: ZONE_RESOURCE_POOL_EXHAUSTED: ...", or how far it is; one that waits for its
   turn is silent. */
static void describe(const void *state, const struct graph *graph, struct buf *text)
{
    const struct apply_pool *pool = state;

    (void)graph;
    if (pool->runs && pool->problem)
        llmd__buf_format(text, "%s: %s", pool->making.what, pool->problem);
    else if (pool->runs)
        llmd__making_describe(&pool->making, text);
}

static const char *advise(const void *state, const struct graph *graph)
{
    const struct apply_pool *pool = state;

    (void)graph;
    return pool->runs ? llmd__making_advise(&pool->making) : "";
}

static const struct step_class pool_class = {
    .name = "pool", .advance = pool_advance, .describe = describe, .advise = advise};

llmd_error *llmd__pool_step(struct graph *graph, struct apply_pool *pool, step_id *out)
{
    struct making_wish wish = {.class = &pool_making,
                               .data = pool,
                               .gke = pool->apply->gke,
                               .cluster = pool->apply->name,
                               .pool = pool->spec.name,
                               .patient = &pool->apply->patient};
    bool found = false;

    *out = -1;
    TRY(take_fallback(pool, 0, &found));
    TRY(llmd__making_init(&pool->making, &wish));
    TRY(llmd__graph_add(graph, &pool_class, pool, out));
    pool->step = *out;
    return llmd__capacity_step(graph, pool, &pool->capacity);
}
