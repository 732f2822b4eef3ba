/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SANDBOX_CONTROLLERS_H
#define SANDBOX_CONTROLLERS_H

#include "sandbox/sandbox.h"

int64_t reconcile_namespace(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_crd(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_deployment(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_replicaset(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_pod(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_certificate(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_issuer(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_ca_bundle(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_gateway_class(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_gateway(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_route(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_pool(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_gke_policy(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_llmisvc(struct sandbox *sandbox, struct object *object, int64_t now);
int64_t reconcile_preset(struct sandbox *sandbox, struct object *object, int64_t now);

/* cert_operator.c: not of one object; it makes its own resource. */
int64_t run_cert_operator(struct sandbox *sandbox, int64_t now);

void crds_unserve(struct sandbox *sandbox);
/* Is a Deployment with an image of this role available? (GKE's own controllers always are.) */
bool operator_runs(struct sandbox *sandbox, int image_role);
/* And were these CRDs ("plural.group") there when its pods were made? Controllers decide their
   watches when they start. NULL-ended. */
bool operator_watches(struct sandbox *sandbox, int image_role, const char *const *crds);
struct json *owner_reference(const struct object *owner);

#endif
