/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a component differs from its bundle: each of the release's objects is read and compared,
 * unless its record says that nothing does.
 * Where that cannot be done (the bundle cannot be had, an object may not be read), it is told and
 * the component is as if nobody had asked.
 */
#include "platform/platform_run.h"

#include "platform/compare.h"
#include "platform/known_bundles.h"

#include "kube/discovery.h"
#include "kube/object.h"
#include "kube/resource.h"

#include <string.h>

/* As many objects are read at once as an apply writes. */
#define LANES 16

struct comparing {
    struct platform_run *run;
    enum component component;
    const struct json *wanted; /* of run->parts[component].release */
    struct json *list;         /* its own part of run->differs[component] */
};

static llmd_error *tell_not_compared(struct graph *graph, struct platform_run *run,
                                     enum component component, const llmd_error *why)
{
    const struct component_info *info = llmd__component(component);
    AUTO(str)
    char *message = llmd__format("is not compared with its bundle: %s", llmd_error_message(why));

    CHECK_MEMORY(message);
    llmd__json_free(TAKE(run->differs[component]));
    run->incomparable[component] = true;
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_WARNING,
                                                         .subject = info->title,
                                                         .reason = "NotCompared",
                                                         .message = message,
                                                         .advice = llmd_error_advice(why)});
}

/* ---- one object ---- */

/* field NULL: the whole object is missing. */
static llmd_error *add(const struct comparing *comparing, const char *field)
{
    AUTO(str) char *subject = llmd__object_subject(comparing->wanted);
    struct json *item = NULL;

    CHECK_MEMORY(subject);
    TRY(llmd__json_make(&item, "{'object': %s, 'field': %s}", subject, field));
    llmd__json_add(comparing->list, item);
    return llmd__json_check(comparing->list);
}

static llmd_error *compare(const struct comparing *comparing, const char *text, size_t len)
{
    AUTO(json) struct json *found = NULL;
    AUTO(json) struct json *fields = llmd__json_array();

    CHECK_MEMORY(fields);
    TRY(llmd__json_parse(text, len, llmd__object_name(comparing->wanted), &found));
    TRY(llmd__compare(comparing->wanted, found, fields));
    JSON_EACH(field, fields)
        TRY(add(comparing, llmd__json_text(field)));
    return NULL;
}

static llmd_error *take_object(void *data, struct graph *graph, int status, const char *text,
                               size_t len)
{
    const struct comparing *comparing = data;
    struct platform_run *run = comparing->run;
    AUTO(error) llmd_error *refused = NULL;

    if (run->incomparable[comparing->component])
        return NULL;
    if (status == 200)
        return compare(comparing, text, len);
    if (status == 404)
        return add(comparing, NULL);
    refused =
        llmd__error_set_advice(llmd__error(LLMD_E_DENIED, "%s %s: the server answered %d",
                                           llmd__json_str(comparing->wanted, "kind"),
                                           llmd__object_name(comparing->wanted), status),
                               "only who may read all that is installed can tell what differs");
    return tell_not_compared(graph, run, comparing->component, refused);
}

static llmd_error *object_path(const struct comparing *comparing, char **out)
{
    const struct json *wanted = comparing->wanted;
    AUTO(buf) struct buf path = BUF_INIT;
    struct resource resource;

    *out = NULL;
    if (!llmd__discovery_lookup_kind(comparing->run->kube, llmd__json_str(wanted, "apiVersion"),
                                     llmd__json_str(wanted, "kind"), &resource))
        return NULL;
    llmd__resource_path(&path, &resource, resource.namespaced ? llmd__object_ns(wanted) : NULL,
                        llmd__object_name(wanted), NULL, NULL);
    return llmd__buf_take(&path, out);
}

/* Takes comparing. *out is -1: its kind is not served, so that it is missing. */
static llmd_error *read_object(struct graph *graph, struct comparing *comparing, step_id *out)
{
    char *path = NULL;
    llmd_error *error = object_path(comparing, &path);

    *out = -1;
    if (!error && !path)
        error = add(comparing, NULL);
    if (error || !path) {
        llmd__free(comparing);
        return error;
    }
    return llmd__ask_step(
        graph, comparing->run->kube,
        &(struct question){
            .path = path, .on_answer = take_object, .data = comparing, .free_data = llmd__free},
        out);
}

/* ---- a component ---- */

static llmd_error *comparing_new(struct platform_run *run, enum component component,
                                 const struct json *object, struct comparing **out)
{
    struct comparing *comparing = llmd__calloc(1, sizeof(*comparing));

    CHECK_MEMORY(comparing);
    *comparing = (struct comparing){run, component, object,
                                    llmd__json_add(run->differs[component], llmd__json_array())};
    if (comparing->list) {
        *out = comparing;
        return NULL;
    }
    llmd__free(comparing);
    return NO_MEMORY;
}

static llmd_error *read_objects(struct graph *graph, struct platform_run *run,
                                enum component component)
{
    step_id lanes[LANES];
    size_t count = 0;

    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        JSON_EACH(object, run->parts[component].release.phases[phase]) {
            struct comparing *comparing = NULL;
            step_id step = -1;

            TRY(comparing_new(run, component, object, &comparing));
            TRY(read_object(graph, comparing, &step));
            if (step < 0)
                continue;
            TRY(llmd__graph_need(graph, run->compared, step));
            if (count >= LANES)
                TRY(llmd__graph_need(graph, step, lanes[count % LANES]));
            lanes[count++ % LANES] = step;
        }
    }
    return NULL;
}

/* Another version differs everywhere: the version is what is told. */
static bool is_other_version(const char *version, const struct found_component *found)
{
    return version && found->version && llmd__version_compare(version, found->version) != 0;
}

static llmd_error *on_loaded(void *data, struct graph *graph, enum component component,
                             struct json *documents)
{
    struct platform_run *run = data;

    TRY(llmd__platform_release(run, component, documents));
    if (is_other_version(run->parts[component].release.version, &run->found.components[component]))
        return NULL;
    run->differs[component] = llmd__json_array();
    CHECK_MEMORY(run->differs[component]);
    return read_objects(graph, run, component);
}

static llmd_error *on_failed(void *data, struct graph *graph, enum component component,
                             const llmd_error *error)
{
    return tell_not_compared(graph, data, component, error);
}

/* What others installed is looked for in its own namespace. */
static llmd_error *follow_others(struct platform_run *run, enum component component)
{
    const struct found_component *found = &run->found.components[component];
    struct component_spec *part = &run->spec->components[component];

    if (found->installer == INSTALLER_US || part->ns || !found->ns)
        return NULL;
    part->ns = llmd__strdup(found->ns);
    return part->ns ? NULL : NO_MEMORY;
}

/* Nothing is said of what nobody knows a bundle of. */
static llmd_error *choose_bundle(struct graph *graph, struct platform_run *run,
                                 enum component component, bool *known)
{
    struct bundle *bundle = &run->parts[component].bundle;
    AUTO(error) llmd_error *error = NULL;

    *known = false;
    TRY(follow_others(run, component));
    error = llmd__bundle_choose(run->spec, component, bundle);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return TAKE(error);
    if (error)
        return llmd_error_code(error) == LLMD_E_NOT_FOUND
                   ? NULL
                   : tell_not_compared(graph, run, component, error);
    *known = !is_other_version(bundle->version, &run->found.components[component]);
    return NULL;
}

static llmd_error *compare_component(struct graph *graph, struct platform_run *run,
                                     enum component component)
{
    step_id bundle = -1;
    bool known;

    if (run->found.components[component].unchanged) { /* known without it */
        run->differs[component] = llmd__json_array();
        return run->differs[component] ? NULL : NO_MEMORY;
    }
    TRY(choose_bundle(graph, run, component, &known));
    if (!known)
        return NULL;
    TRY(llmd__bundle_step(
        graph, run->spec, &run->parts[component].bundle,
        &(struct bundle_user){.on_loaded = on_loaded, .on_failed = on_failed, .data = run},
        &bundle));
    return llmd__graph_need(graph, run->compared, bundle);
}

/* Ours, and what others installed where the spec says with what it is to be compared: nobody wants
   a download to hear what differs from a bundle that was never meant. The provider's is its own. */
static bool is_of_interest(const struct platform_run *run, enum component component)
{
    const struct component_spec *part = llmd__platform_part(run->spec, component);
    enum installer installer = run->found.components[component].installer;

    if (installer == INSTALLER_NONE || installer == INSTALLER_GKE ||
        !llmd__platform_wants(run->spec, component))
        return false;
    return installer == INSTALLER_US || run->spec->adopt || part->version || part->bundle ||
           part->manifests;
}

static llmd_error *begin(void *state, struct graph *graph, const struct step_input *input,
                         struct step_action *action)
{
    struct platform_run *run = state;

    (void)input;
    for (int i = 0; i < COMPONENT_COUNT; i++)
        if (is_of_interest(run, (enum component)i))
            TRY(compare_component(graph, run, (enum component)i));
    action->kind = ACTION_DONE;
    return NULL;
}

static const struct step_class compare_class = {.name = "compare", .advance = begin};

/* One list of all, in the release's order, whatever the order of the answers. */
static llmd_error *join(struct json **lists)
{
    AUTO(json) struct json *joined = llmd__json_array();
    struct json *list;

    CHECK_MEMORY(joined);
    while ((list = llmd__json_shift(*lists))) {
        struct json *item;

        while ((item = llmd__json_shift(list)))
            llmd__json_add(joined, item);
        llmd__json_free(list);
    }
    TRY(llmd__json_check(joined));
    llmd__json_free(*lists);
    *lists = TAKE(joined);
    return NULL;
}

static llmd_error *end(void *state, struct graph *graph, const struct step_input *input,
                       struct step_action *action)
{
    struct platform_run *run = state;

    (void)graph;
    (void)input;
    for (int i = 0; i < COMPONENT_COUNT; i++)
        if (run->differs[i])
            TRY(join(&run->differs[i]));
    action->kind = ACTION_DONE;
    return NULL;
}

static const struct step_class end_class = {.name = "compare", .advance = end};

llmd_error *llmd__differences_look(struct graph *graph, struct platform_run *run, step_id after,
                                   step_id *done)
{
    step_id first = -1;

    TRY(llmd__graph_add(graph, &compare_class, run, &first));
    TRY(llmd__graph_need(graph, first, after));
    TRY(llmd__graph_add(graph, &end_class, run, done));
    run->compared = *done;
    return llmd__graph_need(graph, *done, first);
}
