/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle's documents: its files, or the text of the spec, read as YAML. */
#include "platform/bundle_text.h"
#include "platform/download.h"

struct loader {
    enum component component;
    struct json *documents;
    struct bundle_user user;
};

static void loader_free(void *data)
{
    struct loader *loader = data;

    llmd__json_free(loader->documents);
    llmd__free(loader);
}

static llmd_error *on_file(void *data, struct graph *graph, const struct bundle_file *file,
                           struct buf *text)
{
    const struct loader *loader = data;

    (void)graph;
    return llmd__bundle_read(llmd__buf_text(text), file->path ? file->path : file->url,
                             loader->documents);
}

static llmd_error *on_end(void *data, struct graph *graph)
{
    struct loader *loader = data;

    return loader->user.on_loaded(loader->user.data, graph, loader->component,
                                  TAKE(loader->documents));
}

static llmd_error *on_failed(void *data, struct graph *graph, const llmd_error *error)
{
    struct loader *loader = data;

    return loader->user.on_failed(loader->user.data, graph, loader->component, error);
}

static llmd_error *read_manifests(const struct bundle *bundle, struct json *documents)
{
    AUTO(str) char *place = llmd__bundle_place(bundle);

    CHECK_MEMORY(place);
    return llmd__bundle_read(bundle->manifests, place, documents);
}

static llmd_error *fill(struct loader *loader, const struct bundle *bundle)
{
    if (loader->documents)
        return NULL;
    loader->documents = llmd__json_array();
    CHECK_MEMORY(loader->documents);
    return bundle->manifests ? read_manifests(bundle, loader->documents) : NULL;
}

/* Takes user->documents. */
static llmd_error *loader_new(const struct bundle *bundle, const struct bundle_user *user,
                              struct loader **out)
{
    struct loader *loader = llmd__calloc(1, sizeof(*loader));
    llmd_error *error;

    if (!loader) {
        llmd__json_free(user->documents);
        return NO_MEMORY;
    }
    loader->component = bundle->component;
    loader->user = *user;
    loader->documents = user->documents;
    error = fill(loader, bundle);
    if (!error) {
        *out = loader;
        return NULL;
    }
    loader_free(loader);
    return error;
}

llmd_error *llmd__bundle_step(struct graph *graph, const llmd_platform_spec *spec,
                              const struct bundle *bundle, const struct bundle_user *user,
                              step_id *out)
{
    const struct bundle nothing = {.component = bundle->component};
    struct loader *loader = NULL;

    TRY(loader_new(bundle, user, &loader));
    return llmd__download_step(
        graph, user->documents ? &nothing : bundle, spec->ca,
        &(struct download_user){.on_file = on_file,
                                .on_end = on_end,
                                .on_failed = user->on_failed ? on_failed : NULL,
                                .free = loader_free,
                                .data = loader},
        out);
}
