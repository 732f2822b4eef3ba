/* SPDX-License-Identifier: Apache-2.0 */
/* KServe 0.20's llmisvc controller, in the order of the recordings. */
#ifndef SANDBOX_LLMISVC_H
#define SANDBOX_LLMISVC_H

#include "sandbox/sandbox.h"

#define SERVING_GROUP "serving.kserve.io"
#define SYSTEM_NAMESPACE "kserve"
#define LLMISVC_COMPONENT "LLMInferenceServiceController"

/* The spec with presets and baseRefs below it; NULL and *missing named when a config is absent. */
struct json *llmisvc_merged_spec(struct sandbox *sandbox, const struct object *service,
                                 char **missing);
/* Makes or updates child number `index`; false: there is no such child. */
bool llmisvc_child(struct sandbox *sandbox, struct object *service, const struct json *spec,
                   int index);
bool llmisvc_network_child(int index); /* first of those that need the gateway */
/* The first gateway ref that does not exist, "ns/name", or NULL. */
char *llmisvc_missing_gateway(struct sandbox *sandbox, const struct object *service);
/* Switches the route to the v1 pool when the gateway refused the old one. */
bool llmisvc_migrate_route(struct sandbox *sandbox, struct object *service);
/* The status as it should be now, from the children. */
struct json *llmisvc_status(struct sandbox *sandbox, const struct object *service,
                            const struct json *spec);
char *llmisvc_model_name(const struct json *service);
char *llmisvc_child_name(const struct object *service, const char *suffix);

/* patch.c */
void strategic_merge(struct json *object, const struct json *patch);

#endif
