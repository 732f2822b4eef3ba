/* SPDX-License-Identifier: Apache-2.0 */
/* The collections of Compute Engine that can be listed and changed. */
#ifndef SANDBOX_GOOGLE_RESOURCES_H
#define SANDBOX_GOOGLE_RESOURCES_H

#include "sandbox/google/call.h"

struct collection {
    const char *name;    /* "addresses" */
    const char *kind;    /* "compute#address" */
    const char *message; /* of compute_schema, for inserts; NULL: none are taken */
    int64_t insert_time;
};

const struct collection *collection_find(const char *name);
/* Takes json; adds kind, id, name, selfLink, creationTimestamp. */
struct resource *resource_add(struct google *google, const char *collection, const char *scope,
                              const char *name, struct json *json);
struct resource *resource_find(struct google *google, const char *collection, const char *scope,
                               const char *name);
void resource_remove(struct google *google, struct resource *resource);
bool resource_is_visible(struct google *google, const struct resource *resource);
/* "https://www.googleapis.com/compute/v1/projects/P/SCOPE/COLLECTION/NAME" for llmd__free. */
char *resource_link(const struct google *google, const char *scope, const char *collection,
                    const char *name);
/* One that takes so long; shows DONE afterwards. */
struct json *compute_operation(struct api_call *call, const char *type, const char *scope,
                               const char *target, int64_t duration);
void resources_install(struct google *google);
void resources_free(struct google *google);
/* filter= of a list: does it take this item? NULL takes all. */
bool filter_takes(const char *filter, const struct json *item);
/* The part of items (taken) that maxResults and pageToken ask for, as members of list. */
void page_items(const struct api_call *call, struct json *list, const char *member,
                struct json *items);

/* groups.c: instance groups and virtual machines, which follow from the pools. */
struct json *groups_serve(struct api_call *call, bool *mine);
void groups_list(struct google *google, const char *collection, const char *scope,
                 struct json *items);

/* address ranges. */
bool ranges_overlap(const char *a, const char *b);

#endif
