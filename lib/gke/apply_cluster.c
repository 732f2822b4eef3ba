/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster of an apply: made, adopted or given, then changed, then connected. */
#include "gke/apply.h"
#include "gke/connect.h"
#include "gke/preflight.h"

#include <string.h>

#define ADOPT_ADVICE "set `adopt: true` in the spec to use it as it is, or choose another name"

static llmd_error *tell(struct graph *graph, const struct apply *apply, llmd_level level,
                        const char *reason, const char *message, const char *advice)
{
    return llmd__graph_event(graph, &(struct event_text){.level = level,
                                                         .subject = apply->making.subject,
                                                         .reason = reason,
                                                         .message = message,
                                                         .advice = advice});
}

/* P21: nothing of others is taken over unasked, and nothing that is otherwise than wanted. */
static llmd_error *refuse(const struct apply *apply, bool ours, const char *difference)
{
    llmd_error *error = llmd__error(
        LLMD_E_EXISTS, "%s: exists%s%s%s", apply->making.what,
        ours ? ""
             : ", and libllmd did not make it (no label " LLMD__OWNER_LABEL "=" LLMD__OWNER ")",
        *difference ? ", otherwise than wanted: " : "", difference);

    llmd__error_set_reason(error, "ALREADY_EXISTS");
    return llmd__error_set_advice(error, ADOPT_ADVICE);
}

static llmd_error *tell_adopted(struct graph *graph, struct apply *apply, const char *difference)
{
    AUTO(str) char *message = NULL;

    if (apply->told_adopted)
        return NULL;
    apply->told_adopted = true;
    message = llmd__format("is used as it is%s%s", *difference ? ": " : "", difference);
    CHECK_MEMORY(message);
    return tell(graph, apply, *difference ? LLMD_LEVEL_WARNING : LLMD_LEVEL_INFO, "Adopted",
                message, "");
}

static llmd_error *accept(void *data, struct graph *graph, const struct json *there)
{
    AUTO(buf) struct buf difference = BUF_INIT;
    struct apply *apply = data;
    bool ours = llmd__is_ours(there);

    if (!apply->spec)
        return NULL;
    /* While it is provisioned not everything is filled in. */
    if (strcmp(llmd__json_str(there, "status"), "PROVISIONING") != 0)
        llmd__cluster_difference(apply->spec, there, &difference);
    TRY(llmd__buf_check(&difference));
    if (ours && !difference.len)
        return NULL;
    if (!apply->adopt)
        return refuse(apply, ours, llmd__buf_text(&difference));
    return tell_adopted(graph, apply, llmd__buf_text(&difference));
}

/* Not before its machine types were looked up. */
static llmd_error *body(void *data, struct graph *graph, struct json **out)
{
    struct apply *apply = data;
    struct gke_place place = {llmd_gke_project(apply->gke), llmd_gke_location(apply->gke)};

    if (!apply->machines_asked)
        TRY(llmd__machines_step(graph, apply));
    if (!apply->machines_known)
        return NULL;
    return llmd__cluster_body(apply->spec, &place, out);
}

static llmd_error *changes(void *data, const struct json *there, struct json **out)
{
    const struct apply *apply = data;

    return llmd__cluster_changes(apply->spec, there, out);
}

static llmd_error *tell_missing(struct graph *graph, struct apply *apply)
{
    AUTO(buf) struct buf missing = BUF_INIT;

    if (apply->spec)
        llmd__cluster_missing(apply->spec, apply->cluster, &missing);
    TRY(llmd__buf_check(&missing));
    if (!missing.len)
        return NULL;
    return tell(graph, apply, LLMD_LEVEL_WARNING, "Missing", llmd__buf_text(&missing),
                "set `enableMissing: true` in the spec to have it switched on");
}

/* What runs without an endpoint that we could use is still a cluster: its nodes are not waited
   for. */
static llmd_error *connect(struct graph *graph, struct apply *apply, bool *ready)
{
    AUTO(error) llmd_error *error = llmd__cluster_kube(apply->gke, apply->cluster, &apply->kube);

    *ready = llmd_error_code(error) != LLMD_E_BUSY;
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return TAKE(error);
    if (!error || !*ready)
        return NULL;
    return tell(graph, apply, LLMD_LEVEL_WARNING, "NotConnected", llmd_error_message(error),
                llmd_error_advice(error));
}

static llmd_error *settled(void *data, struct graph *graph, const struct json *there, bool *ready)
{
    struct apply *apply = data;
    const char *status = llmd__json_str(there, "status");

    llmd__json_free(TAKE(apply->cluster));
    TRY(llmd__json_copy(there, &apply->cluster));
    TRY(connect(graph, apply, ready));
    if (!*ready)
        return NULL;
    TRY(tell_missing(graph, apply));
    return llmd__graph_event(
        graph, &(struct event_text){.level = strcmp(status, "DEGRADED") == 0 ? LLMD_LEVEL_WARNING
                                                                             : LLMD_LEVEL_INFO,
                                    .phase = "serving",
                                    .subject = apply->making.subject,
                                    .reason = status,
                                    .message = *llmd__json_str(there, "statusMessage")
                                                   ? llmd__json_str(there, "statusMessage")
                                                   : "the control plane serves"});
}

/* RECONCILING right after a create is Google's resizing of the control plane. */
static const char *const serve[] = {"RUNNING", "RECONCILING", "DEGRADED", NULL};

static const struct making_class wanted_class = {.create_type = "CREATE_CLUSTER",
                                                 .serve = serve,
                                                 .accept = accept,
                                                 .body = body,
                                                 .changes = changes,
                                                 .settled = settled};
static const struct making_class given_class = {
    .create_type = "CREATE_CLUSTER", .serve = serve, .accept = accept, .settled = settled};

/* ---- a location that is not there ---- */

static llmd_error *on_zones(void *data, struct graph *graph, const struct look_answer *answer)
{
    AUTO(buf) struct buf zones = BUF_INIT;
    struct apply *apply = data;

    llmd__region_zones(answer->json, &zones);
    TRY(llmd__buf_check(&zones));
    if (zones.len)
        llmd__error_set_advice(apply->unplaced, "%s", zones.data);
    apply->zones_known = true;
    llmd__graph_poke(graph, apply->step);
    return NULL;
}

/* The error waits for the zones that there are: most often a letter is wrong. Takes it. */
static llmd_error *ask_zones(struct graph *graph, struct apply *apply, llmd_error *error)
{
    AUTO(str)
    char *path = llmd__format("/compute/v1/projects/%s/regions/%s", llmd_gke_project(apply->gke),
                              llmd__gke_region(apply->gke));
    struct look look = {
        .api = GOOGLE_COMPUTE, .what = "zones", .path = path, .on_answer = on_zones, .data = apply};
    step_id id = -1;

    apply->unplaced = error;
    CHECK_MEMORY(path);
    return llmd__look_step(graph, apply->gke, &look, &id);
}

static bool is_unplaced(const llmd_error *error)
{
    return llmd_error_code(error) == LLMD_E_INVALID &&
           llmd__google_location_absent(llmd_error_message(error));
}

/* ---- the step ---- */

static llmd_error *advance(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    struct apply *apply = state;
    llmd_error *error;

    if (apply->unplaced)
        return apply->zones_known ? TAKE(apply->unplaced) : NULL;
    error = llmd__making_advance(&apply->making, graph, input, action);
    if (is_unplaced(error))
        return ask_zones(graph, apply, error);
    TRY(error);
    if (apply->making.over)
        action->kind = ACTION_DONE;
    return NULL;
}

/* Before anything was heard the request that hangs is worth more. */
static void describe(const void *state, const struct graph *graph, struct buf *text)
{
    const struct apply *apply = state;

    (void)graph;
    if (apply->making.looked)
        llmd__making_describe(&apply->making, text);
    if (apply->making.phase == MAKING_AWAITS)
        llmd__buf_str(text, ": the machine types of its pools are being looked up");
}

static const char *advise(const void *state, const struct graph *graph)
{
    const struct apply *apply = state;

    (void)graph;
    return llmd__making_advise(&apply->making);
}

static const struct step_class cluster_class = {
    .name = "cluster", .advance = advance, .describe = describe, .advise = advise};

llmd_error *llmd__cluster_step(struct graph *graph, struct apply *apply, step_id *out)
{
    struct making_wish wish = {.class = apply->spec ? &wanted_class : &given_class,
                               .data = apply,
                               .gke = apply->gke,
                               .cluster = apply->name,
                               .patient = &apply->patient};

    *out = -1;
    TRY(llmd__making_init(&apply->making, &wish));
    TRY(llmd__graph_add(graph, &cluster_class, apply, out));
    apply->step = *out;
    return NULL;
}
