/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a release holds at least. A bundle without a digest may have been cut at the end of a
 * document, or be one file of several: nothing of it would look wrong, and a cluster with half of
 * it does. Pure.
 */
#ifndef LLMD_PLATFORM_NEEDED_OBJECTS_H
#define LLMD_PLATFORM_NEEDED_OBJECTS_H

#include "base/json.h"
#include "platform/component.h"

/* Where the documents came from, for errors. */
struct origin {
    const char *place; /* a file, a folder, an address, "kserve.manifests" */
    size_t cut_line;   /* of a file whose last line has no end; 0: it has */
};

/* crds_only: nothing but the component's CRDs is wanted. INVALID with what is missing. */
llmd_error *llmd__needed_check(enum component component, bool crds_only,
                               const struct json *documents, const struct origin *origin);

#endif
