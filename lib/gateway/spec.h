/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a gateway spec, and its manifest. Pure. */
#ifndef LLMD_GATEWAY_SPEC_H
#define LLMD_GATEWAY_SPEC_H

#include "base/spec.h"

#include <llmd/gateway.h>

#define LLMD__GATEWAY_CLASS "gke-l7-regional-external-managed"

struct gateway_tls {
    char *secret, *hostname;
};

struct llmd_gateway_spec {
    struct spec head;
    char *ns, *name, *class, *address;
    struct gateway_tls tls;
    struct json *labels, *annotations, *overlay;
};

extern const struct spec_type llmd__gateway_spec_type;
/* The class that is wanted; never NULL. */
const char *llmd__gateway_spec_class(const llmd_gateway_spec *spec);
llmd_error *llmd__gateway_manifest(const llmd_gateway_spec *spec, const char *ns,
                                   struct json **out);

DEFINE_AUTO(gateway_spec, llmd_gateway_spec *, llmd_gateway_spec_free)

#endif
