/* SPDX-License-Identifier: Apache-2.0 */
/* The table of resources: built-in ones and those that CustomResourceDefinitions add. */
#ifndef SANDBOX_KINDS_H
#define SANDBOX_KINDS_H

#include "base/json.h"

#include <stdbool.h>

#define MAX_VERSIONS 6

struct sandbox;
struct object;

/* Brings the object one step on; returns the cluster time of its next step, 0: when something
   changes. Called with the lock held, after every change and when a step is due. */
typedef int64_t (*reconcile_fn)(struct sandbox *sandbox, struct object *object, int64_t now);

struct kind {
    char *group;                  /* "" for core */
    char *versions[MAX_VERSIONS]; /* served, preferred first */
    int version_count;
    char *storage_version;
    char *plural;
    char *singular;
    char *name;        /* "Pod" */
    char *short_names; /* "po,x" or "" */
    bool namespaced;
    bool has_status; /* status is a subresource */
    bool builtin;
    bool generation; /* metadata.generation is kept */
    bool served;
    reconcile_fn reconcile;
    struct object *objects; /* sorted by namespace, name */
    struct kind *next;
};

void kinds_add_builtin(struct kind **table);
void kinds_add_crd(struct kind **table, const struct json *crd);
void kinds_remove_crd(struct kind *table, const struct json *crd);
void kinds_free(struct kind **table);
struct kind *kinds_find(struct kind *table, const char *group, const char *plural);
struct kind *kinds_find_name(struct kind *table, const char *group, const char *name);
bool kind_serves(const struct kind *kind, const char *version);
/* "pods", "deployments.apps" */
void kind_resource(const struct kind *kind, char *out, size_t size);
/* "v1", "apps/v1" */
void kind_api_version(const struct kind *kind, const char *version, char *out, size_t size);

#endif
