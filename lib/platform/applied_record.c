/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was applied last, so that a later run knows without the bundle that nothing has changed.
 *
 * The record of a component is an annotation of the CRD that tells that it is there: "INPUT:STATE".
 * INPUT is a digest of all that decides what is written: the bundle's files by their sha256, the
 * spec, the library's version. STATE is one of the fields that our applies own, of every object
 * with our label: whoever changes such a field takes its ownership, and whoever deletes an object
 * takes its entry along, so that the same STATE means that all stands as it was written. Both are
 * read from metadata alone.
 *
 * An apply of another INPUT takes the record away before it writes anything: fields that we own
 * and then change ourselves stay ours. Nothing is recorded of what has no sha256 (a path, a text),
 * nor where a pull secret is written: it has no place in a digest that everybody may read.
 */
#include "platform/applied_record.h"

#include "platform/kinds.h"

#include "auth/crypto.h"
#include "kube/object.h"

#include <llmd/version.h>
#include <stdio.h>
#include <string.h>

#define CRDS_PATH "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define HEX_SIZE (2 * SHA256_SIZE + 1)

static void print_hex(const unsigned char digest[SHA256_SIZE], char out[HEX_SIZE])
{
    for (size_t i = 0; i < SHA256_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* ---- INPUT ---- */

/* Keys that change nothing of what is written for this component. */
static void drop_keys(struct json *spec, enum component component)
{
    static const char *const kserves[] = {"config", "routeTimeouts", "monitors", "istio"};
    static const char *const nobodys[] = {"bundles", "adopt", "stripFinalizers"};

    for (int i = 0; i < COMPONENT_COUNT; i++)
        if (i != (int)component)
            llmd__json_remove(spec, llmd__component((enum component)i)->key);
    for (size_t i = 0; i < sizeof(nobodys) / sizeof(nobodys[0]); i++)
        llmd__json_remove(spec, nobodys[i]);
    for (size_t i = 0; component != COMPONENT_KSERVE && i < sizeof(kserves) / sizeof(*kserves); i++)
        llmd__json_remove(spec, kserves[i]);
}

static llmd_error *print_spec(const llmd_platform_spec *spec, enum component component,
                              struct buf *text)
{
    AUTO(json) struct json *json = NULL;
    AUTO(str) char *all = NULL;
    AUTO(str) char *rest = NULL;

    TRY(llmd_platform_spec_json(spec, &all));
    TRY(llmd__json_parse(all, strlen(all), "spec", &json));
    drop_keys(json, component);
    TRY(llmd__json_print(json, &rest));
    llmd__buf_str(text, rest);
    return NULL;
}

static bool is_recordable(const llmd_platform_spec *spec, const struct bundle *bundle)
{
    if (spec->pull_secret.registry || bundle->manifests || !bundle->count ||
        !llmd__component(bundle->component)->crd)
        return false;
    for (size_t i = 0; i < bundle->count; i++)
        if (!bundle->files[i].sha256)
            return false;
    return true;
}

/* "": it cannot be recorded. */
static llmd_error *digest_input(const struct platform_run *run, const struct bundle *bundle,
                                char out[HEX_SIZE])
{
    AUTO(buf) struct buf text = BUF_INIT;
    unsigned char digest[SHA256_SIZE];

    out[0] = '\0';
    if (!is_recordable(run->spec, bundle))
        return NULL;
    llmd__buf_format(&text, "%s %d", llmd_version(), run->found.gke);
    for (size_t i = 0; i < bundle->count; i++)
        llmd__buf_format(&text, " %s", bundle->files[i].sha256);
    if (bundle->component == COMPONENT_KSERVE)
        JSON_EACH(route, run->spec->istio.routes) /* the answers came in any order */
            if (llmd__json_holds(run->found.no_routes, llmd__json_text(route)))
                llmd__buf_format(&text, " without %s", llmd__json_text(route));
    TRY(print_spec(run->spec, bundle->component, &text));
    TRY(llmd__buf_check(&text));
    TRY(llmd__sha256(text.data, text.len, digest));
    print_hex(digest, out);
    return NULL;
}

/* ---- STATE ---- */

static const struct json *our_fields(const struct json *object)
{
    JSON_EACH(entry, llmd__json_get(object, "metadata.managedFields")) {
        if (!strcmp(llmd__json_str(entry, "manager"), LLMD__FIELD_MANAGER) &&
            !strcmp(llmd__json_str(entry, "operation"), "Apply"))
            return llmd__json_member(entry, "fieldsV1");
    }
    return NULL;
}

/* The sum does not depend on the order: lists come as they come. */
static llmd_error *add_object(struct platform_run *run, const char *resource,
                              const struct json *object)
{
    const char *key = llmd__json_text(llmd__json_member(llmd__json_get(object, "metadata.labels"),
                                                        LLMD__PLATFORM_COMPONENT_LABEL));
    enum component component = llmd__component_find(key);
    const struct json *fields = our_fields(object);
    unsigned char digest[SHA256_SIZE];
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(str) char *owned = NULL;

    if (component == COMPONENT_COUNT)
        return NULL;
    if (fields)
        TRY(llmd__json_print(fields, &owned));
    llmd__buf_format(&text, "%s %s/%s %s", resource, llmd__object_ns(object),
                     llmd__object_name(object), owned ? owned : "");
    TRY(llmd__buf_check(&text));
    TRY(llmd__sha256(text.data, text.len, digest));
    for (size_t i = 0; i < SHA256_SIZE; i++)
        run->states[component].sum[i] ^= digest[i];
    return NULL;
}

struct counting {
    struct platform_run *run;
    const char *resource; /* of the table */
};

static llmd_error *take_list(void *data, struct graph *graph, int status, const char *text,
                             size_t len)
{
    const struct counting *counting = data;
    AUTO(json) struct json *list = NULL;

    (void)graph;
    if (status != 200) { /* then nothing is known */
        counting->run->states_known = false;
        return NULL;
    }
    TRY(llmd__json_parse(text, len, counting->resource, &list));
    JSON_EACH(object, llmd__json_member(list, "items"))
        TRY(add_object(counting->run, counting->resource, object));
    return NULL;
}

static llmd_error *list_kind(struct graph *graph, struct platform_run *run, const char *resource,
                             step_id after)
{
    struct counting *counting = NULL;
    struct resource found;
    step_id step = -1;
    char *path = NULL;

    TRY(llmd__kind_list_path(run->kube, resource, NULL, LLMD__PLATFORM_COMPONENT_LABEL, &found,
                             &path));
    if (!path)
        return NULL;
    counting = llmd__calloc(1, sizeof(*counting));
    if (!counting) {
        llmd__free(path);
        return NO_MEMORY;
    }
    *counting = (struct counting){run, resource};
    TRY(llmd__ask_step(graph, run->kube,
                       &(struct question){.path = path,
                                          .accept = LLMD__PARTIAL_LIST,
                                          .on_answer = take_list,
                                          .data = counting,
                                          .free_data = llmd__free},
                       &step));
    return llmd__graph_need(graph, after, step);
}

/* Lists all that is ours; `after` begins when it is known. */
static llmd_error *count_states(struct graph *graph, struct platform_run *run, step_id after)
{
    memset(run->states, 0, sizeof(run->states));
    run->states_known = true;
    for (const struct platform_kind *kind = llmd__platform_kinds; kind->resource; kind++)
        TRY(list_kind(graph, run, kind->resource, after));
    return NULL;
}

/* ---- is it as it was? ---- */

struct stage {
    struct platform_run *run;
    step_id next; /* the step that waits for what it adds */
};

static llmd_error *record_text(const struct platform_run *run, const char *input,
                               enum component component, char **out)
{
    char state[HEX_SIZE];

    print_hex(run->states[component].sum, state);
    *out = llmd__format("%s:%s", input, state);
    return *out ? NULL : NO_MEMORY;
}

/* What the spec means today; no bundle of it is nothing to keep. */
static llmd_error *input_of(const struct platform_run *run, enum component component,
                            char out[HEX_SIZE])
{
    AUTO(bundle) struct bundle bundle = {.component = component};
    llmd_error *error = llmd__bundle_choose(run->spec, component, &bundle);

    out[0] = '\0';
    if (!error)
        return digest_input(run, &bundle, out);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    llmd_error_free(error);
    return NULL;
}

static llmd_error *judge_component(struct platform_run *run, enum component component)
{
    struct found_component *found = &run->found.components[component];
    AUTO(str) char *record = NULL;
    char input[HEX_SIZE];

    if (!found->record || !llmd__platform_wants(run->spec, component))
        return NULL;
    TRY(input_of(run, component, input));
    TRY(record_text(run, input, component, &record));
    found->unchanged = *input && found->installer == INSTALLER_US && run->states_known &&
                       strcmp(record, found->record) == 0;
    return NULL;
}

static llmd_error *judge_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    struct platform_run *run = state;

    (void)graph;
    (void)input;
    for (int i = 0; i < COMPONENT_COUNT; i++)
        TRY(judge_component(run, (enum component)i));
    action->kind = ACTION_DONE;
    return NULL;
}

static const struct step_class judge_class = {.name = "look", .advance = judge_advance};

static bool has_records(const struct platform_run *run)
{
    for (int i = 0; i < COMPONENT_COUNT; i++)
        if (run->found.components[i].record)
            return true;
    return false;
}

static llmd_error *read_advance(void *state, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    const struct stage *stage = state;

    (void)input;
    action->kind = ACTION_DONE;
    return has_records(stage->run) ? count_states(graph, stage->run, stage->next) : NULL;
}

static const struct step_class read_class = {
    .name = "look", .advance = read_advance, .free = llmd__free};

llmd_error *llmd__records_look(struct graph *graph, struct platform_run *run, step_id after,
                               step_id *done)
{
    struct stage *stage = llmd__calloc(1, sizeof(*stage));
    step_id first = -1;

    CHECK_MEMORY(stage);
    stage->run = run;
    TRY(llmd__graph_add(graph, &judge_class, run, done));
    stage->next = *done;
    TRY(llmd__graph_add(graph, &read_class, stage, &first));
    TRY(llmd__graph_need(graph, first, after));
    return llmd__graph_need(graph, *done, first);
}

/* ---- writing ---- */

/* Its own manager, so that the fields of our applies stay what they are. */
struct writing {
    struct platform_run *run;
    char *path, *body;
    bool clears;
};

static void writing_free(void *data)
{
    struct writing *writing = data;

    llmd__free(writing->path);
    llmd__free(writing->body);
    llmd__free(writing);
}

/* A record is a help, nothing more: who may not write it, or cannot, does without. But an old one
   that stays would be believed after what is written next. */
static llmd_error *write_advance(void *state, struct graph *graph, const struct step_input *input,
                                 struct step_action *action)
{
    const struct writing *writing = state;

    (void)graph;
    if (input->kind == INPUT_ERROR &&
        (writing->clears || llmd_error_code(input->error) == LLMD_E_NO_MEMORY))
        return llmd__error_wrap(llmd__error_copy(input->error), "platform");
    if (input->kind != INPUT_BEGIN) {
        action->kind = ACTION_DONE;
        return NULL;
    }
    action->kind = ACTION_SEND;
    action->http = llmd__kube_http(writing->run->kube);
    action->request = (struct http_request){.method = "PATCH",
                                            .path = writing->path,
                                            .accept = LLMD__PARTIAL,
                                            .content_type = "application/merge-patch+json",
                                            .body = writing->body,
                                            .body_len = strlen(writing->body),
                                            .idempotent = true};
    return NULL;
}

static const struct step_class write_class = {
    .name = "record", .advance = write_advance, .free = writing_free};

/* record NULL takes it away. */
static llmd_error *fill(struct writing *writing, enum component component, const char *record)
{
    AUTO(json) struct json *patch = NULL;
    struct json *annotations;

    writing->path =
        llmd__format(CRDS_PATH "/%s?fieldManager=libllmd-record", llmd__component(component)->crd);
    CHECK_MEMORY(writing->path);
    TRY(llmd__json_make(&patch, "{'metadata': {'annotations': {}}}"));
    annotations = llmd__json_edit(patch, "metadata.annotations");
    if (record)
        llmd__json_set_str(annotations, LLMD__PLATFORM_RECORD, record);
    else
        llmd__json_set_null(annotations, LLMD__PLATFORM_RECORD);
    return llmd__json_print(patch, &writing->body);
}

static llmd_error *write_record(struct graph *graph, struct platform_run *run,
                                enum component component, const char *record, step_id *out)
{
    struct writing *writing = llmd__calloc(1, sizeof(*writing));
    llmd_error *error;

    CHECK_MEMORY(writing);
    writing->run = run;
    writing->clears = !record;
    error = fill(writing, component, record);
    if (!error)
        return llmd__graph_add(graph, &write_class, writing, out);
    writing_free(writing);
    return error;
}

llmd_error *llmd__record_clear(struct graph *graph, struct platform_run *run,
                               enum component component, step_id *out)
{
    const char *record = run->found.components[component].record;
    char *input = run->parts[component].input;

    *out = -1;
    TRY(digest_input(run, &run->parts[component].bundle, input));
    if (!record)
        return NULL;
    if (*input && strncmp(record, input, strlen(input)) == 0)
        return NULL;
    return write_record(graph, run, component, NULL, out);
}

/* ---- after an apply ---- */

static llmd_error *record_component(struct graph *graph, struct platform_run *run,
                                    enum component component, step_id after)
{
    const char *before = run->found.components[component].record;
    const char *input = run->parts[component].input;
    AUTO(str) char *record = NULL;
    step_id step = -1;

    if (!run->parts[component].released)
        return NULL;
    TRY(record_text(run, input, component, &record));
    if (!*input || (before && strcmp(before, record) == 0))
        return NULL;
    TRY(write_record(graph, run, component, record, &step));
    return llmd__graph_need(graph, after, step);
}

static llmd_error *record_advance(void *state, struct graph *graph, const struct step_input *input,
                                  struct step_action *action)
{
    const struct stage *stage = state;
    struct platform_run *run = stage->run;

    (void)input;
    action->kind = ACTION_DONE;
    for (int i = 0; run->states_known && i < COMPONENT_COUNT; i++)
        TRY(record_component(graph, run, (enum component)i, stage->next));
    return NULL;
}

static llmd_error *recount_advance(void *state, struct graph *graph, const struct step_input *input,
                                   struct step_action *action)
{
    const struct stage *stage = state;
    struct platform_run *run = stage->run;
    bool any = false;

    (void)input;
    for (int i = 0; i < COMPONENT_COUNT; i++)
        any = any || (run->parts[i].released && *run->parts[i].input);
    run->states_known = false;
    action->kind = ACTION_DONE;
    return any ? count_states(graph, run, stage->next) : NULL;
}

static const struct step_class record_class = {
    .name = "record", .advance = record_advance, .free = llmd__free};
static const struct step_class recount_class = {
    .name = "record", .advance = recount_advance, .free = llmd__free};

static llmd_error *add(struct graph *graph, const struct step_class *class,
                       struct platform_run *run, step_id next, step_id *out)
{
    struct stage *stage = llmd__calloc(1, sizeof(*stage));

    CHECK_MEMORY(stage);
    *stage = (struct stage){run, next};
    return llmd__graph_add(graph, class, stage, out);
}

llmd_error *llmd__records_write(struct graph *graph, struct platform_run *run, step_id after,
                                step_id *done)
{
    step_id count = -1, record = -1;

    TRY(llmd__graph_add_barrier(graph, done));
    TRY(add(graph, &record_class, run, *done, &record));
    TRY(add(graph, &recount_class, run, record, &count));
    TRY(llmd__graph_need(graph, count, after));
    TRY(llmd__graph_need(graph, record, count));
    return llmd__graph_need(graph, *done, record);
}
