/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where models answer: the address of every Gateway. A path is routed by the HTTPRoutes in the
 * store to ready pods; what no route begins with goes to the stand-alone model.
 */
#ifndef SANDBOX_DATAPLANE_H
#define SANDBOX_DATAPLANE_H

#include "sandbox/sandbox.h"

struct model;

struct instances *instances_new(const struct options *options);
void instances_free(struct instances *instances);
/* The model server in this pod, made at first use; never freed before the end. */
struct model *instances_of_pod(struct sandbox *sandbox, const struct object *pod);
void dataplane_handle(struct conn *conn, const struct request *request, void *data);

#endif
