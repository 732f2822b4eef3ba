/* SPDX-License-Identifier: Apache-2.0 */
/* The Kubernetes side of a cluster that the Google side made. Each call takes that side's lock. */
#ifndef SANDBOX_GOOGLE_KUBERNETES_H
#define SANDBOX_GOOGLE_KUBERNETES_H

#include "sandbox/google/state.h"

/* A sandbox of its own under profile gke, with TLS and without nodes; NULL: no port. */
struct sandbox *kubernetes_start(struct google *google, bool gateway_api);
void kubernetes_add_classes(struct sandbox *kube);
void kubernetes_add_gateway_api(struct sandbox *kube);
void kubernetes_add_node(struct sandbox *kube, struct json *node); /* taken */
/* Sets what a node can give; its device plugin came. */
void kubernetes_set_allocatable(struct sandbox *kube, const char *name, const struct json *list);
void kubernetes_remove_node(struct sandbox *kube, const char *name);

#endif
