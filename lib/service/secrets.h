/* SPDX-License-Identifier: Apache-2.0 */
/* The Secrets that the library makes for a service, from one input. Pure. */
#ifndef LLMD_SERVICE_SECRETS_H
#define LLMD_SERVICE_SECRETS_H

#include "service/spec.h"

/* Adds the Secret of the Hugging Face token and that of the registry login, where they are given.
   masked: "***" in the place of what is secret. */
llmd_error *llmd__secrets_manifests(const llmd_service_spec *spec, const char *ns, bool masked,
                                    struct json *list);
/* The env entry that reads the token, or *out stays NULL. */
llmd_error *llmd__secret_token_env(const llmd_service_spec *spec, struct json **out);
/* The imagePullSecrets of the pods, or *out stays NULL. */
llmd_error *llmd__secret_pull_refs(const llmd_service_spec *spec, struct json **out);
/* metadata of an object made for the service: labels that delete looks for. */
llmd_error *llmd__service_metadata(const char *ns, const char *name, const char *service,
                                   struct json **out);

#endif
