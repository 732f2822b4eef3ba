/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/bundle_check.h"

#include "platform/bundle_text.h"
#include "platform/needed_objects.h"

#include "base/file.h"

#define MAX_FILE ((size_t)64 << 20)

/* The bundles that no digest vouches for; the others have no files here. */
struct checking {
    struct bundle bundles[COMPONENT_COUNT];
    bool crds_only[COMPONENT_COUNT];
    struct json **read; /* the user's, or NULL */
};

static void checking_free(void *state)
{
    struct checking *checking = state;

    for (int i = 0; i < COMPONENT_COUNT; i++)
        llmd__bundle_free(&checking->bundles[i]);
    llmd__free(checking);
}
DEFINE_AUTO(checking, struct checking *, checking_free)

/* ---- choosing ---- */

static bool has_digests(const struct bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; i++)
        if (!bundle->files[i].sha256)
            return false;
    return !bundle->manifests;
}

/* What the spec says is refused at once; what the library would choose may not be needed where
   others have installed it, and is told when it is. */
static bool is_said(const llmd_platform_spec *spec, enum component component,
                    const llmd_error *error)
{
    const struct component_spec *part = llmd__platform_part(spec, component);

    return llmd_error_code(error) == LLMD_E_NO_MEMORY || part->bundle ||
           (part->version && llmd_error_code(error) == LLMD_E_NOT_FOUND);
}

static llmd_error *choose(const llmd_platform_spec *spec, enum component component,
                          struct bundle *out)
{
    llmd_error *error = llmd__bundle_choose(spec, component, out);

    if (!error && has_digests(out))
        llmd__bundle_free(out);
    if (!error || is_said(spec, component, error))
        return error;
    llmd_error_free(error);
    return NULL;
}

/* ---- reading ---- */

/* The file that may have been cut gives the place its name. */
static llmd_error *read_file(const char *path, struct json *documents, struct origin *origin)
{
    AUTO(buf) struct buf text = BUF_INIT;
    size_t open_line;

    TRY(llmd__file_read(path, MAX_FILE, &text));
    TRY(llmd__bundle_read(llmd__buf_text(&text), path, documents));
    open_line = llmd__bundle_open_line(llmd__buf_text(&text));
    if (open_line)
        *origin = (struct origin){path, open_line};
    return NULL;
}

/* read may be NULL. */
static llmd_error *check_bundle(const struct bundle *bundle, bool crds_only, struct json **read)
{
    AUTO(json) struct json *documents = llmd__json_array();
    AUTO(str) char *place = llmd__bundle_place(bundle);
    struct origin origin = {.place = place};

    if (!documents || !place)
        return NO_MEMORY;
    if (bundle->manifests)
        TRY(llmd__bundle_read(bundle->manifests, place, documents));
    for (size_t i = 0; i < bundle->count; i++)
        if (bundle->files[i].path)
            TRY(read_file(bundle->files[i].path, documents, &origin));
    TRY(llmd__needed_check(bundle->component, crds_only, documents, &origin));
    if (read)
        *read = TAKE(documents);
    return NULL;
}

static bool is_here(const struct bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; i++)
        if (!bundle->files[i].path)
            return false;
    return bundle->count || bundle->manifests;
}

static llmd_error *advance(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    const struct checking *checking = state;

    (void)graph, (void)input;
    for (int i = 0; i < COMPONENT_COUNT; i++)
        if (is_here(&checking->bundles[i]))
            TRY(check_bundle(&checking->bundles[i], checking->crds_only[i],
                             checking->read ? &checking->read[i] : NULL));
    action->kind = ACTION_DONE;
    return NULL;
}

static const struct step_class check_class = {
    .name = "bundles", .advance = advance, .free = checking_free};

llmd_error *llmd__bundles_check_step(struct graph *graph, const llmd_platform_spec *spec,
                                     struct json **read, step_id *out)
{
    AUTO(checking) struct checking *checking = llmd__calloc(1, sizeof(*checking));

    CHECK_MEMORY(checking);
    checking->read = read;
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        enum component component = (enum component)i;

        checking->bundles[i].component = component;
        checking->crds_only[i] = llmd__platform_crds_only(spec, component);
        if (llmd__platform_wants(spec, component))
            TRY(choose(spec, component, &checking->bundles[i]));
    }
    return llmd__graph_add(graph, &check_class, TAKE(checking), out);
}
