/* SPDX-License-Identifier: Apache-2.0 */
/* What a spec changes in the objects of a release. Pure; each changes one object in place. */
#ifndef LLMD_PLATFORM_REWRITE_H
#define LLMD_PLATFORM_REWRITE_H

#include "platform/spec.h"

struct rewrite {
    const llmd_platform_spec *spec;
    enum component component;
    const struct profile *profile; /* of the release; NULL: it is the project's own */
    const char *from_ns, *to_ns;   /* of its controller; both may be NULL */
    bool gke;
};

/* An image's name as the spec wants it: mirrored, pinned to its digest. */
llmd_error *llmd__image_rewrite(const llmd_platform_spec *spec, const char *image, char **out);
/* All images and pull policies below a value, also in arguments and environment variables that end
   with "image". */
llmd_error *llmd__rewrite_images(const struct rewrite *rewrite, struct json *value);
/* from_ns becomes to_ns wherever a release names its own namespace. */
llmd_error *llmd__rewrite_namespace(const struct rewrite *rewrite, struct json *object);
/* The values of KServe's ConfigMap, which are JSON in texts. */
llmd_error *llmd__rewrite_config(const struct rewrite *rewrite, struct json *object);
llmd_error *llmd__rewrite_labels(const struct rewrite *rewrite, struct json *object);

/* All of these that an object needs. */
llmd_error *llmd__rewrite(const struct rewrite *rewrite, struct json *object);

#endif
