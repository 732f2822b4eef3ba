/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server serves: discovery documents, in both forms, to a list of resources that are found
 * by any of their names. Pure.
 */
#ifndef LLMD_KUBE_SERVED_H
#define LLMD_KUBE_SERVED_H

#include "kube/resource.h"

/* Every text once, for as long as the owner lives: what a resource's strings point to. */
struct interned;
struct texts {
    struct interned *buckets[256];
};
const char *llmd__texts_keep(struct texts *texts, const char *text,
                             size_t len); /* NULL: no memory */
void llmd__texts_free(struct texts *texts);

struct served_entry {
    struct resource resource;
    const char *singular;
    const char *short_names; /* ",deploy,dep," */
};

struct served {
    struct served_entry *entries; /* in the server's order of preference */
    size_t count, cap;
};

/* What else must be read: paths of the old discovery form. */
struct served_paths {
    char **paths;
    size_t count, cap;
};

/* Adds what one document says. Aggregated documents are complete; the old form's lists add paths.
 */
llmd_error *llmd__served_read(struct served *served, struct texts *texts, const char *document,
                              size_t len, struct served_paths *more);
/* By plural, singular, kind or short name, each alone or with ".group", ".version.group" or
   ".version" (core). Case does not count. NULL: not served. */
const struct served_entry *llmd__served_find(const struct served *served, const char *name);
const struct served_entry *llmd__served_find_kind(const struct served *served,
                                                  const char *api_version, const char *kind);
/* NOT_FOUND, reason "ResourceNotServed", with the nearest name where there is one. */
llmd_error *llmd__served_missing(const struct served *served, const char *name);
void llmd__served_free(struct served *served);
llmd_error *llmd__served_paths_add(struct served_paths *paths, const char *path);
void llmd__served_paths_free(struct served_paths *paths);

#endif
