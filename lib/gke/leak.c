/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/leak.h"

#include "gke/calls.h"
#include "gke/leak_survey.h"
#include "gke/look.h"
#include "gke/network.h"

#include <stdio.h>
#include <string.h>

/* Google's controllers and autoscalers tidy up for a while after the operation is DONE. */
#define LOOKS 12
#define PAUSE_MS 5000
#define LEAST_PAUSE_MS 20

struct leak {
    llmd_gke *gke;
    char *cluster;
    struct json *addresses, *groups; /* strings */
    struct json *before;             /* all lists, while it stood */
    struct json *recorded;           /* what of them was ours */
    struct json *result;
};

llmd_error *llmd__leak_new(const llmd_gke *gke, const char *cluster, struct leak **out)
{
    AUTO(leak) struct leak *leak = llmd__calloc(1, sizeof(*leak));

    *out = NULL;
    CHECK_MEMORY(leak);
    leak->gke = llmd__gke_ref(gke);
    leak->cluster = llmd__strdup(cluster);
    leak->addresses = llmd__json_array();
    leak->groups = llmd__json_array();
    if (!leak->cluster || !leak->addresses || !leak->groups)
        return NO_MEMORY;
    *out = TAKE(leak);
    return NULL;
}

void llmd__leak_free(struct leak *leak)
{
    if (!leak)
        return;
    llmd__json_free(leak->addresses);
    llmd__json_free(leak->groups);
    llmd__json_free(leak->before);
    llmd__json_free(leak->recorded);
    llmd__json_free(leak->result);
    llmd__free(leak->cluster);
    llmd_gke_free(leak->gke);
    llmd__free(leak);
}

llmd_error *llmd__leak_cluster(struct leak *leak, const struct json *cluster)
{
    JSON_EACH(pool, llmd__json_member(cluster, "nodePools")) {
        JSON_EACH(url, llmd__json_member(pool, "instanceGroupUrls")) {
            llmd__json_add_str(leak->groups, llmd__last_part(llmd__json_text(url)));
        }
    }
    return llmd__json_check(leak->groups);
}

llmd_error *llmd__leak_address(struct leak *leak, const char *address)
{
    llmd__json_add_str(leak->addresses, address);
    return llmd__json_check(leak->addresses);
}

const struct json *llmd__leak_result(const struct leak *leak)
{
    return leak->result;
}

/* ---- one survey: lists side by side ---- */

struct proof {
    struct leak *leak;
    bool record; /* only notes what is ours */
    step_id self;
    size_t open; /* lists that are still on their way */
    struct json *lists, *unknown;
    int looks;
    int64_t pause_ms;
};

struct list_look {
    struct proof *proof;
    const struct leak_kind *kind;
};

static void proof_free(void *data)
{
    struct proof *proof = data;

    llmd__json_free(proof->lists);
    llmd__json_free(proof->unknown);
    llmd__free(proof);
}

static llmd_error *take_items(struct proof *proof, const struct leak_kind *kind,
                              const struct json *items)
{
    struct json *list = llmd__json_edit(proof->lists, kind->collection);

    if (!list)
        list = llmd__json_set_array(proof->lists, kind->collection);
    JSON_EACH(item, items) {
        struct json *copy = NULL;

        TRY(llmd__json_copy(item, &copy));
        llmd__json_add(list, copy);
    }
    return llmd__json_check(proof->lists);
}

/* An aggregated list has a scope a member: {"items": {"regions/R": {"forwardingRules": []}}}. */
static llmd_error *take_page(struct proof *proof, const struct leak_kind *kind,
                             const struct json *page)
{
    const struct json *items = llmd__json_member(page, "items");

    TRY(take_items(proof, kind, NULL));
    if (kind->global_only)
        return take_items(proof, kind, items);
    JSON_EACH(scope, items) {
        TRY(take_items(proof, kind, llmd__json_member(scope, kind->collection)));
    }
    return NULL;
}

static llmd_error *add_gap(struct proof *proof, const struct leak_kind *kind, const char *why,
                           const char *advice)
{
    struct json *gap = llmd__json_add_object(proof->unknown);

    llmd__json_set_str(gap, "kind", kind->collection);
    llmd__json_set_str(gap, "why", why);
    llmd__json_set_str(gap, "advice", advice);
    return llmd__json_check(proof->unknown);
}

static llmd_error *note_holes(struct proof *proof, const struct leak_kind *kind,
                              const struct json *page)
{
    AUTO(buf) struct buf places = BUF_INIT, why = BUF_INIT;

    llmd__list_holes(page, llmd__gke_region(proof->leak->gke), &places);
    TRY(llmd__buf_check(&places));
    if (!places.len)
        return NULL;
    llmd__buf_format(&why, "no answer from %s: what is there is not known",
                     llmd__buf_text(&places));
    TRY(llmd__buf_check(&why));
    return add_gap(proof, kind, llmd__buf_text(&why), "delete the cluster again for the proof");
}

static llmd_error *on_list(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct list_look *look = data;
    struct proof *proof = look->proof;

    if (answer->refusal) {
        TRY(add_gap(proof, look->kind, llmd_error_message(answer->refusal),
                    "grant roles/compute.viewer, and look by hand"));
    } else {
        TRY(take_page(proof, look->kind, answer->json));
        TRY(note_holes(proof, look->kind, answer->json));
    }
    if (answer->retry_after_ms >= LEAST_PAUSE_MS)
        proof->pause_ms = answer->retry_after_ms;
    else if (answer->retry_after_ms >= 0)
        proof->pause_ms = LEAST_PAUSE_MS;
    if (answer->last && --proof->open == 0)
        llmd__graph_poke(graph, proof->self);
    return NULL;
}

static llmd_error *ask_list(struct proof *proof, struct graph *graph, const struct leak_kind *kind)
{
    AUTO(str)
    char *path = llmd__format("/compute/v1/projects/%s/%s/%s?maxResults=500%s",
                              llmd_gke_project(proof->leak->gke),
                              kind->global_only ? "global" : "aggregated", kind->collection,
                              kind->global_only ? "" : "&returnPartialSuccess=true");
    struct list_look *data = llmd__calloc(1, sizeof(*data));
    struct look look = {.api = GOOGLE_COMPUTE,
                        .what = kind->collection,
                        .path = path,
                        .on_answer = on_list,
                        .data = data,
                        .free_data = llmd__free};
    step_id step;

    if (!path || !data) {
        llmd__free(data);
        return NO_MEMORY;
    }
    *data = (struct list_look){proof, kind};
    proof->open++;
    return llmd__look_step(graph, proof->leak->gke, &look, &step);
}

static llmd_error *begin_survey(struct proof *proof, struct graph *graph)
{
    llmd__json_free(TAKE(proof->lists));
    llmd__json_free(TAKE(proof->unknown));
    proof->lists = llmd__json_object();
    proof->unknown = llmd__json_array();
    proof->open = 0;
    for (size_t i = 0; i < llmd__leak_kind_count(); i++)
        TRY(ask_list(proof, graph, &llmd__leak_kinds[i]));
    return NULL;
}

static struct leak_cluster known(const struct leak *leak)
{
    return (struct leak_cluster){.name = leak->cluster,
                                 .location = llmd_gke_location(leak->gke),
                                 .region = llmd__gke_region(leak->gke),
                                 .addresses = leak->addresses,
                                 .groups = leak->groups,
                                 .recorded = leak->recorded};
}

static llmd_error *survey(const struct leak *leak, const struct json *lists, struct json **out)
{
    struct leak_cluster cluster = known(leak);

    return llmd__leak_survey(lists, &cluster, out);
}

static bool is_ours(const struct json *find)
{
    return strcmp(llmd__json_str(find, "owner"), "ours") == 0;
}

/* ---- recording ---- */

void llmd__leak_rules(const struct leak *leak, struct json *addresses)
{
    struct leak_cluster cluster = known(leak);

    JSON_EACH(rule, llmd__json_member(leak->before, "forwardingRules")) {
        if (llmd__names_cluster(rule, &cluster) && *llmd__json_str(rule, "IPAddress"))
            llmd__json_set_bool(addresses, llmd__json_str(rule, "IPAddress"), true);
    }
}

/* Judged only now: the addresses of the Gateways were heard of after the lists were made. */
static llmd_error *judge_before(struct leak *leak)
{
    AUTO(json) struct json *finds = NULL;

    if (!leak->before || leak->recorded)
        return NULL;
    leak->recorded = llmd__json_array();
    TRY(survey(leak, leak->before, &finds));
    JSON_EACH(find, finds) {
        struct json *copy = NULL;

        if (!is_ours(find))
            continue;
        TRY(llmd__json_copy(find, &copy));
        llmd__json_add(leak->recorded, copy);
    }
    return llmd__json_check(leak->recorded);
}

/* ---- the verdict ---- */

static size_t count_ours(const struct json *finds, bool billable_only)
{
    size_t count = 0;

    JSON_EACH(find, finds) {
        count += is_ours(find) && (!billable_only || llmd__json_bool(find, "billable", false));
    }
    return count;
}

static llmd_error *tell_find(struct graph *graph, const struct json *find)
{
    bool ours = is_ours(find);
    bool unknown = strcmp(llmd__json_str(find, "owner"), "unknown") == 0;
    bool billable = llmd__json_bool(find, "billable", false);
    AUTO(str)
    char *subject = llmd__format("%s/%s/%s", llmd__json_str(find, "location"),
                                 llmd__json_str(find, "kind"), llmd__json_str(find, "name"));
    AUTO(str)
    char *message =
        llmd__format("left%s: %s", billable ? ", and billed" : "", llmd__json_str(find, "why"));
    struct event_text text = {.step = "proof", .subject = subject, .message = message};

    if (!subject || !message)
        return NO_MEMORY;
    text.level = ours                  ? (billable ? LLMD_LEVEL_ERROR : LLMD_LEVEL_WARNING)
                 : unknown && billable ? LLMD_LEVEL_WARNING
                                       : LLMD_LEVEL_INFO;
    text.reason = ours ? "LEFTOVER" : unknown ? "PERHAPS_OURS" : "NOT_OURS";
    text.advice = ours      ? "delete it by hand if it is still there in some minutes"
                  : unknown ? "look whose it is, and delete it if it is yours"
                            : "";
    return llmd__graph_event(graph, &text);
}

static llmd_error *tell_gap(struct graph *graph, const struct json *gap)
{
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_WARNING,
                                                         .step = "proof",
                                                         .subject = llmd__json_str(gap, "kind"),
                                                         .reason = "UNKNOWN",
                                                         .message = llmd__json_str(gap, "why"),
                                                         .advice = llmd__json_str(gap, "advice")});
}

static llmd_error *tell_all(const struct proof *proof, struct graph *graph,
                            const struct json *finds)
{
    JSON_EACH(find, finds) {
        TRY(tell_find(graph, find));
    }
    JSON_EACH(gap, proof->unknown) {
        TRY(tell_gap(graph, gap));
    }
    if (count_ours(finds, false) || llmd__json_count(proof->unknown))
        return NULL;
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                         .step = "proof",
                                                         .subject = proof->leak->cluster,
                                                         .reason = "NOTHING_LEFT",
                                                         .message = "nothing of it is left"});
}

static llmd_error *keep_result(struct proof *proof, const struct json *finds)
{
    struct json *result = llmd__json_object(), *looked, *unknown, *copy = NULL;

    llmd__json_free(TAKE(proof->leak->result));
    proof->leak->result = result;
    looked = llmd__json_set_object(result, "looked");
    JSON_EACH(list, proof->lists) {
        llmd__json_set_int(looked, llmd__json_key(list), (int64_t)llmd__json_count(list));
    }
    unknown = llmd__json_set_array(result, "unknown");
    JSON_EACH(gap, proof->unknown) {
        llmd__json_add_str(unknown, llmd__json_str(gap, "kind"));
    }
    TRY(llmd__json_copy(finds, &copy));
    llmd__json_set(result, "found", copy);
    llmd__json_set_bool(result, "clean",
                        !count_ours(finds, false) && !llmd__json_count(proof->unknown));
    return llmd__json_check(result);
}

static llmd_error *leftovers(const struct proof *proof, const struct json *finds)
{
    AUTO(buf) struct buf names = BUF_INIT;

    JSON_EACH(find, finds) {
        if (is_ours(find) && llmd__json_bool(find, "billable", false))
            llmd__buf_format(&names, "%s%s %s (%s)", names.len ? ", " : "",
                             llmd__json_str(find, "kind"), llmd__json_str(find, "name"),
                             llmd__json_str(find, "location"));
    }
    TRY(llmd__buf_check(&names));
    return llmd__error_set_reason(
        llmd__error_set_advice(llmd__error(LLMD_E_FAILED, "cluster %s: left and billed: %s",
                                           proof->leak->cluster, names.data),
                               "delete them by hand, then delete the cluster again for the proof"),
        "LEFTOVERS");
}

static llmd_error *look_again(struct proof *proof, int64_t now_ms, struct step_action *action)
{
    action->kind = ACTION_SLEEP;
    action->wake_ms = now_ms + proof->pause_ms;
    return NULL;
}

static llmd_error *judge(struct proof *proof, struct graph *graph, int64_t now_ms,
                         struct step_action *action)
{
    AUTO(json) struct json *finds = NULL;

    action->kind = ACTION_DONE;
    if (proof->record) {
        llmd__json_free(proof->leak->before);
        proof->leak->before = TAKE(proof->lists);
        return NULL;
    }
    TRY(judge_before(proof->leak));
    TRY(survey(proof->leak, proof->lists, &finds));
    if (count_ours(finds, false) && ++proof->looks < LOOKS)
        return look_again(proof, now_ms, action);
    TRY(keep_result(proof, finds));
    TRY(tell_all(proof, graph, finds));
    return count_ours(finds, true) ? leftovers(proof, finds) : NULL;
}

static llmd_error *proof_advance(void *data, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct proof *proof = data;

    if (input->kind == INPUT_BEGIN || input->kind == INPUT_TICK)
        return begin_survey(proof, graph);
    if (input->kind == INPUT_POKE && proof->open == 0)
        return judge(proof, graph, input->now_ms, action);
    return NULL;
}

static const struct step_class proof_class = {"proof", proof_advance, proof_free};

static llmd_error *add_proof(struct graph *graph, struct leak *leak, bool recording, step_id *out)
{
    struct proof *proof = llmd__calloc(1, sizeof(*proof));

    *out = -1;
    CHECK_MEMORY(proof);
    *proof = (struct proof){.leak = leak, .record = recording, .pause_ms = PAUSE_MS};
    TRY(llmd__graph_add(graph, &proof_class, proof, out));
    proof->self = *out;
    return NULL;
}

llmd_error *llmd__leak_record_step(struct graph *graph, struct leak *leak, step_id *out)
{
    return add_proof(graph, leak, true, out);
}

llmd_error *llmd__leak_proof_step(struct graph *graph, struct leak *leak, step_id *out)
{
    return add_proof(graph, leak, false, out);
}
