/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SANDBOX_GATEWAYS_H
#define SANDBOX_GATEWAYS_H

#include "sandbox/sandbox.h"

#define GATEWAY_GROUP "gateway.networking.k8s.io"
#define POOL_GROUP "inference.networking.k8s.io"
#define OLD_POOL_GROUP "inference.networking.x-k8s.io"
#define ENVOY_CONTROLLER "gateway.envoyproxy.io/gatewayclass-controller"
#define GKE_CONTROLLER "networking.gke.io/gateway"

struct object *gateway_find(struct sandbox *sandbox, const char *ns, const char *name);
/* Does a HealthCheckPolicy look after this pool (GKE's load balancer needs one)? */
bool pool_is_healthy(struct sandbox *sandbox, const char *ns, const char *pool);
/* What the load balancer asks its pods for. */
const char *pool_request_path(struct sandbox *sandbox, const char *ns, const char *pool);
/* Pods that a Service or InferencePool selects; `visit` for each. */
typedef void (*pod_fn)(struct object *pod, void *data);
void backend_pods(struct sandbox *sandbox, const char *ns, const char *kind, const char *name,
                  pod_fn visit, void *data);
/* The gateway's address as the client must write it: "127.0.0.1:40123". */
const char *gateway_address(const struct sandbox *sandbox);

#endif
