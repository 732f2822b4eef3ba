/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects, their history for watches, and one resource version for all. Every version of an
 * object is an immutable snapshot, so watches and lists write it out without the lock.
 */
#ifndef SANDBOX_STORE_H
#define SANDBOX_STORE_H

#include "sandbox/kinds.h"

#include <stdatomic.h>
#include <stdint.h>

struct snapshot {
    atomic_int refs;
    struct json *json;
    char *text; /* printed, in the storage version */
    size_t len;
};

struct object {
    struct kind *kind;
    char *ns; /* "" for cluster-scoped */
    char *name;
    char uid[37];
    struct snapshot *now;
    int64_t version; /* resource version */
    struct object *next;
    int64_t created; /* resource version */
    bool deleted;    /* out of the store; freed after the pass */
    /* The controllers' own notes. */
    int step;
    int64_t due;
    int64_t since;
    int count;
    int64_t probe_at;
    int64_t configs; /* a service: what its configs were when it was made of them */
};

enum change { CHANGE_ADDED, CHANGE_MODIFIED, CHANGE_DELETED };

struct change_record {
    int64_t version;
    enum change change;
    struct kind *kind;
    struct snapshot *now;    /* for DELETED: its last state */
    struct snapshot *before; /* NULL for ADDED */
};

struct store {
    struct kind *kinds;
    int64_t version;
    int64_t compacted; /* changes up to here are forgotten */
    struct change_record *history;
    size_t history_count;
    size_t history_cap;
    struct object *graveyard;
    uint64_t random; /* uids and name suffixes, reproducible */
};

void store_init(struct store *store);
void store_free(struct store *store);
struct object *store_find(struct kind *kind, const char *ns, const char *name);
struct object *store_get(struct store *store, const char *group, const char *plural, const char *ns,
                         const char *name);
/* Takes json, which must have its name; fills uid, creationTimestamp, generation, version. */
struct object *store_create(struct store *store, struct kind *kind, struct json *json);
struct json *store_edit(const struct object *object); /* a copy to change */
/* Takes json. False when nothing changed (no new version then). */
bool store_commit(struct store *store, struct object *object, struct json *json);
void store_remove(struct store *store, struct object *object);
void store_bury(struct store *store); /* frees what was removed */
void store_compact(struct store *store, int64_t up_to);
const struct json *object_json(const struct object *object);
const char *object_str(const struct object *object, const char *path);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);
void store_suffix(struct store *store, char *out, int len); /* "x7k2p" */
void store_uid(struct store *store, char out[37]);

/* The sandbox cannot go on without memory: ends the program. */
void must(llmd_error *error);
/* A tree from a template of llmd__json_make. */
#define MAKE(...)                                                                                  \
    ({                                                                                             \
        struct json *made_ = NULL;                                                                 \
        must(llmd__json_make(&made_, __VA_ARGS__));                                                \
        made_;                                                                                     \
    })
struct json *must_copy(const struct json *json);

#endif
