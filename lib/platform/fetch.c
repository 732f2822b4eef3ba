/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles into a folder, for a machine without internet:
 *
 *     FOLDER/bundles.json                 the list, of the shape of LLMD_BUNDLES
 *     FOLDER/kserve-0.20.0/kserve.yaml    the files
 *     FOLDER/kserve/mine.yaml             of a path, which has no version
 */
#include "platform/bundle_check.h"
#include "platform/download.h"
#include "platform/known_bundles.h"
#include "platform/store.h"

#include "base/file.h"

#include <string.h>

#define LOCKED_MS 10 /* the list of a folder is soon written */

struct fetch {
    char *folder;
    struct json *list; /* what was fetched */
};

/* One bundle of it: its entry in the list grows file by file. */
struct arrival {
    struct fetch *fetch;
    struct json *entry;
    char *subfolder;
};

static void fetch_free(void *data)
{
    struct fetch *fetch = data;

    llmd__free(fetch->folder);
    llmd__json_free(fetch->list);
    llmd__free(fetch);
}
DEFINE_AUTO(fetch, struct fetch *, fetch_free)

static void arrival_free(void *data)
{
    struct arrival *arrival = data;

    llmd__json_free(arrival->entry);
    llmd__free(arrival->subfolder);
    llmd__free(arrival);
}
DEFINE_AUTO(arrival, struct arrival *, arrival_free)

/* ---- files ---- */

static llmd_error *write_file(const struct arrival *arrival, const char *path,
                              const struct buf *text)
{
    AUTO(str) char *folder = llmd__format("%s/%s", arrival->fetch->folder, arrival->subfolder);
    AUTO(str) char *whole = llmd__format("%s/%s", arrival->fetch->folder, path);

    if (!folder || !whole)
        return NO_MEMORY;
    TRY(llmd__folder_make(folder));
    return llmd__file_write(whole, llmd__buf_text(text), text->len);
}

static bool is_taken(const struct arrival *arrival, const char *path)
{
    JSON_EACH(file, llmd__json_member(arrival->entry, "files")) {
        if (!strcmp(llmd__json_str(file, "path"), path))
            return true;
    }
    return false;
}

/* Below FOLDER. Files of one name that came from several folders are told apart by a number. */
static llmd_error *choose_path(const struct arrival *arrival, const struct bundle_file *file,
                               char **out)
{
    const char *from = file->path ? file->path : file->url, *slash = strrchr(from, '/');
    size_t count = llmd__json_count(llmd__json_member(arrival->entry, "files"));
    const char *name = slash ? slash + 1 : from;
    AUTO(str) char *path = llmd__format("%s/%s", arrival->subfolder, name);

    CHECK_MEMORY(path);
    *out = is_taken(arrival, path) ? llmd__format("%s/%zu-%s", arrival->subfolder, count, name)
                                   : TAKE(path);
    return *out ? NULL : NO_MEMORY;
}

/* What had no digest gets one: the copy is held against it. */
static llmd_error *on_file(void *data, struct graph *graph, const struct bundle_file *file,
                           struct buf *text)
{
    struct arrival *arrival = data;
    struct json *files = llmd__json_edit(arrival->entry, "files"), *added;
    char sha256[LLMD__SHA256_TEXT];
    AUTO(str) char *path = NULL;

    (void)graph;
    TRY(choose_path(arrival, file, &path));
    TRY(llmd__sha256_text(text, sha256));
    TRY(write_file(arrival, path, text));
    added = llmd__json_add_object(files);
    llmd__json_set_str(added, "path", path);
    llmd__json_set_str(added, "url", file->url);
    llmd__json_set_str(added, "sha256", sha256);
    llmd__json_set_int(added, "size", (int64_t)text->len);
    return llmd__json_check(arrival->entry);
}

static llmd_error *on_end(void *data, struct graph *graph)
{
    struct arrival *arrival = data;

    (void)graph;
    llmd__json_add(arrival->fetch->list, TAKE(arrival->entry));
    return llmd__json_check(arrival->fetch->list);
}

/* ---- the list ---- */

/* The paths of a list that was read are absolute; the folder may move, so they are cut again. */
static llmd_error *make_relative(const struct fetch *fetch, struct json *bundle)
{
    size_t len = strlen(fetch->folder);
    struct json *files = llmd__json_edit(bundle, "files");

    for (size_t i = 0; i < llmd__json_count(files); i++) {
        AUTO(str) char *at = llmd__format("[%zu].path", i);
        const char *path = at ? llmd__json_str(files, at) : "";
        AUTO(str) char *rest = NULL;

        CHECK_MEMORY(at);
        if (strncmp(path, fetch->folder, len) != 0 || path[len] != '/')
            continue;
        rest = llmd__strdup(path + len + 1);
        CHECK_MEMORY(rest);
        *strrchr(at, '.') = '\0';
        llmd__json_set_str(llmd__json_edit(files, at), "path", rest);
    }
    return NULL;
}

/* What an earlier fetch brought stays known. */
static llmd_error *add_earlier(const struct fetch *fetch, struct json *list)
{
    AUTO(json) struct json *earlier = NULL;
    llmd_error *error = llmd__bundles_known(fetch->folder, &earlier);
    struct json *item;

    if (llmd_error_code(error) == LLMD_E_NOT_FOUND) {
        llmd_error_free(error);
        return NULL;
    }
    TRY(error);
    while ((item = llmd__json_shift(earlier))) {
        AUTO(json) struct json *bundle = item;
        enum component component = llmd__component_find(llmd__json_str(bundle, "component"));

        if (llmd__bundles_find(list, component, llmd__json_str(bundle, "version")))
            continue;
        TRY(make_relative(fetch, bundle));
        llmd__json_add(list, TAKE(bundle));
    }
    return llmd__json_check(list);
}

static llmd_error *write_list(struct fetch *fetch, const char *path)
{
    AUTO(str) char *text = NULL;

    TRY(add_earlier(fetch, fetch->list));
    TRY(llmd__json_print_pretty(fetch->list, &text));
    return llmd__file_write(path, text, strlen(text));
}

/* Between reading the list and writing it no other fetch may add to it. *done false: one is at it.
 */
static llmd_error *add_to_list(struct fetch *fetch, const char *path, bool *done)
{
    llmd_error *error;
    int lock;

    TRY(llmd__folder_make(fetch->folder)); /* also where nothing was to be brought */
    *done = llmd__folder_lock(fetch->folder, &lock);
    if (!*done)
        return NULL;
    error = write_list(fetch, path);
    llmd__folder_unlock(lock);
    return error;
}

static llmd_error *finish(void *state, struct graph *graph, const struct step_input *input,
                          struct step_action *action)
{
    struct fetch *fetch = llmd__graph_data(graph);
    AUTO(str) char *path = llmd__format("%s/" LLMD__BUNDLES_FILE, fetch->folder);
    struct json *result = NULL;
    bool done;

    (void)state;
    CHECK_MEMORY(path);
    TRY(add_to_list(fetch, path, &done));
    if (!done) {
        *action = (struct step_action){.kind = ACTION_SLEEP, .wake_ms = input->now_ms + LOCKED_MS};
        return NULL;
    }
    TRY(llmd__json_make(&result, "{'folder': %s, 'bundles': %j}", fetch->folder, fetch->list));
    llmd__graph_result(graph, result);
    action->kind = ACTION_DONE;
    return llmd__graph_event(graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                                         .subject = path,
                                                         .reason = "Fetched",
                                                         .message = "all bundles are there"});
}

static const struct step_class finish_class = {.name = "fetch", .advance = finish};

/* ---- the task ---- */

static llmd_error *arrival_new(struct fetch *fetch, const struct bundle *bundle, const char *from,
                               struct arrival **out)
{
    const char *key = llmd__component(bundle->component)->key;
    const char *version = bundle->version ? bundle->version : "";
    AUTO(arrival) struct arrival *arrival = llmd__calloc(1, sizeof(*arrival));

    CHECK_MEMORY(arrival);
    arrival->fetch = fetch;
    arrival->subfolder = llmd__format("%s%s%s", key, *version ? "-" : "", version);
    CHECK_MEMORY(arrival->subfolder);
    TRY(llmd__json_make(&arrival->entry,
                        "{'component': %s, 'version': %s, 'proven': %s, 'files': []}", key, version,
                        bundle->proven ? bundle->proven : ""));
    if (from)
        llmd__json_set_str(arrival->entry, "from", from);
    TRY(llmd__json_check(arrival->entry));
    *out = TAKE(arrival);
    return NULL;
}

/* Text of the spec is in the spec, which goes along. */
static llmd_error *add_bundle(struct graph *graph, const llmd_platform_spec *spec,
                              enum component component, step_id first, step_id last)
{
    AUTO(bundle) struct bundle bundle = {.component = component};
    struct arrival *arrival = NULL;
    step_id step = -1;

    TRY(llmd__bundle_choose(spec, component, &bundle));
    if (bundle.manifests)
        return NULL;
    TRY(arrival_new(llmd__graph_data(graph), &bundle, llmd__platform_part(spec, component)->bundle,
                    &arrival));
    TRY(llmd__download_step(
        graph, &bundle, spec->ca,
        &(struct download_user){
            .on_file = on_file, .on_end = on_end, .free = arrival_free, .data = arrival},
        &step));
    TRY(llmd__graph_need(graph, step, first));
    return llmd__graph_need(graph, last, step);
}

static llmd_error *fetch_new(const char *folder, struct fetch **out)
{
    AUTO(fetch) struct fetch *fetch = llmd__calloc(1, sizeof(*fetch));

    CHECK_MEMORY(fetch);
    TRY(llmd__path_absolute(folder, &fetch->folder));
    fetch->list = llmd__json_array();
    CHECK_MEMORY(fetch->list);
    *out = TAKE(fetch);
    return NULL;
}

static llmd_error *fetch_steps(struct graph *graph, const llmd_platform_spec *spec)
{
    step_id first = -1, last = -1;

    TRY(llmd__bundles_check_step(graph, spec, NULL, &first));
    TRY(llmd__graph_add(graph, &finish_class, NULL, &last));
    TRY(llmd__graph_need(graph, last, first));
    for (int i = 0; i < COMPONENT_COUNT; i++)
        if (llmd__platform_wants(spec, (enum component)i))
            TRY(add_bundle(graph, spec, (enum component)i, first, last));
    return NULL;
}

llmd_error *llmd_platform_fetch(const llmd_platform_spec *spec, const char *folder, llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    struct fetch *fetch = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(folder);
    if (!*folder)
        return llmd__error_set_advice(llmd__error(LLMD_E_INVALID, "folder: is empty"),
                                      "name the folder that is to be filled");
    AUTO(platform_spec) llmd_platform_spec *none = llmd_platform_spec_new();
    TRY(llmd__spec_check(spec ? spec : none));
    TRY(fetch_new(folder, &fetch));
    TRY(llmd__graph_new(fetch, fetch_free, &graph));
    TRY(fetch_steps(graph, spec ? spec : none));
    return llmd__task_new(TAKE(graph), out);
}
