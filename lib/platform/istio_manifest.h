/* SPDX-License-Identifier: Apache-2.0 */
/* What the library adds to KServe's release where Istio is the gateway. Pure. */
#ifndef LLMD_PLATFORM_ISTIO_MANIFEST_H
#define LLMD_PLATFORM_ISTIO_MANIFEST_H

#include "platform/spec.h"

/*
 * Istio as the gateway, in an array; empty without spec->istio.enabled. kserve_ns is where the
 * Gateway is unless the spec says. The first answers for objects that are ours:
 *
 *   ConfigMap GATEWAY-ca        the CA of the model servers' certificates (P51)
 *   ConfigMap GATEWAY-config    the Gateway's parametersRef: mounts that CA
 *   NetworkPolicy               lets sidecars reach istiod (P75), in each namespace with a route,
 *                               where the spec says that others are denied
 *   EnvoyFilter                 hands whole bodies to the endpoint picker, one a route that is
 * there (P50), which those of no_routes (NULL: none) are not
 */
llmd_error *llmd__istio_manifests(const llmd_platform_spec *spec, const char *kserve_ns,
                                  const struct json *no_routes, struct json *list);
/*
 * Of objects that Istio owns only fields are ours, so they get no label: the gateway's account uses
 * the pull secret, and the Sail operator leaves its injector alone, whose caBundle it would else
 * write back for ever (P78).
 */
llmd_error *llmd__istio_fields(const llmd_platform_spec *spec, const char *kserve_ns,
                               struct json *list);

#endif
