/* SPDX-License-Identifier: Apache-2.0 */
/* From a spec to the objects that apply writes. Pure. */
#ifndef LLMD_SERVICE_MANIFEST_H
#define LLMD_SERVICE_MANIFEST_H

#include "service/server.h"

/* The LLMInferenceService. */
llmd_error *llmd__service_manifest(const llmd_service_spec *spec, const char *ns,
                                   const struct kserve *kserve, const struct server *server,
                                   struct json **out);
/* The copy of the route preset without timeouts, under its own name in the service's namespace,
   where KServe looks first; *out stays NULL where none is wanted. */
llmd_error *llmd__route_shadow(const llmd_service_spec *spec, const char *ns,
                               const struct kserve *kserve, struct json **out);
/* Names of children; KServe shortens those over 63 characters: then look by label. */
char *llmd__service_child(const char *service, const char *suffix);

#define LLMD__POOL_SUFFIX "-inference-pool"
#define LLMD__WORKLOAD_SUFFIX "-kserve-workload-svc"

#endif
