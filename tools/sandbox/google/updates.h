/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of what exists: handlers of container v1, and what they share with container.c. */
#ifndef SANDBOX_GOOGLE_UPDATES_H
#define SANDBOX_GOOGLE_UPDATES_H

#include "sandbox/google/clusters.h"

struct json *update_cluster(struct api_call *call);
struct json *set_labels(struct api_call *call);
struct json *set_addons(struct api_call *call);
struct json *set_locations(struct api_call *call);
struct json *update_master(struct api_call *call);
struct json *update_pool(struct api_call *call);
struct json *set_size(struct api_call *call);
struct json *set_autoscaling(struct api_call *call);
struct json *set_management(struct api_call *call);

/* container.c: NULL, or the refusal. */
struct json *container_check_body(struct api_call *call, const char *message);
struct json *container_check_permission(struct api_call *call, const char *permission);
struct gke_cluster *container_cluster(struct api_call *call, struct json **error);
struct gke_pool *container_pool(struct api_call *call, struct gke_cluster **cluster,
                                struct json **error);

#endif
