/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles: the files of a release. The known ones are data (bundles.json, and the file that
 * LLMD_BUNDLES names); a spec may give a path, a URL with its sha256, or the text itself.
 */
#ifndef LLMD_PLATFORM_BUNDLE_H
#define LLMD_PLATFORM_BUNDLE_H

#include "platform/spec.h"
#include "task/graph.h"

struct bundle_file {
    char *url, *path; /* one of both */
    char *sha256;     /* 64 hex digits; NULL for a path */
    int64_t size;     /* 0: not known */
};

/* Where the documents of one component come from. */
struct bundle {
    enum component component;
    char *version;   /* NULL: not known before its documents are read */
    char *proven;    /* of a known one: "rig"; or NULL */
    char *manifests; /* the text itself, or NULL */
    struct bundle_file *files;
    size_t count;
};

/* Of this spec: what it says, or the known bundle. NOT_FOUND with the known versions. */
llmd_error *llmd__bundle_choose(const llmd_platform_spec *spec, enum component component,
                                struct bundle *out);
void llmd__bundle_free(struct bundle *bundle);
/* Where it is, for people: its file or address, or the folder of several; NULL: no memory. */
char *llmd__bundle_place(const struct bundle *bundle);
/* After an error a part is there: llmd__bundle_free(). */
llmd_error *llmd__bundle_copy(const struct bundle *from, struct bundle *to);

/*
 * A step that brings the documents of a bundle into memory: from the spec's folder, the cache, or
 * the network into the cache, each checked by its sha256. One event per file that is downloaded,
 * with bytes done and total. When all are there, on_loaded takes `documents` (a JSON array) inside
 * advance(): it may add steps. The bundle is copied.
 */
struct bundle_user {
    llmd_error *(*on_loaded)(void *data, struct graph *graph, enum component component,
                             struct json *documents);
    /* NULL: what cannot be had, or was refused by on_loaded, ends the task. Else it is told here
       and the step is done; want of memory ends the task all the same. */
    llmd_error *(*on_failed)(void *data, struct graph *graph, enum component component,
                             const llmd_error *error);
    void *data; /* not freed */
    /* Taken: they were read before, so that nothing else is; or NULL. */
    struct json *documents;
};
llmd_error *llmd__bundle_step(struct graph *graph, const llmd_platform_spec *spec,
                              const struct bundle *bundle, const struct bundle_user *user,
                              step_id *out);

static inline void llmd__auto_bundle(struct bundle *bundle)
{
    llmd__bundle_free(bundle);
}

#endif
