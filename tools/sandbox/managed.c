/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-side apply after KEP 555: merge, find whose fields change, drop what the applier gave up,
 * and write down who owns what. Equal values are shared by all who apply them.
 */
#include "sandbox/managed.h"

#include "sandbox/clock.h"
#include "sandbox/fieldset.h"
#include "sandbox/sandbox.h"

#include <stdlib.h>
#include <string.h>

struct conflict {
    const struct json *entry; /* of the other manager */
    char *path;
};

struct conflicts {
    struct conflict items[64];
    int count;
    const struct json *entry;
};

/* Puts `over` on top of `object`: maps and keyed lists merge, all else is replaced. */
static void merge_over(struct json *object, const struct json *over);

static struct json *merge_list(const struct json *own, const struct json *over,
                               const char *const *keys)
{
    struct json *list = llmd__json_array();
    JSON_EACH(element, own) {
        char *key = element_key(element, keys);
        const struct json *new_element = element_by_key(over, keys, key);
        struct json *copy = must_copy(element);
        if (new_element && keys[0])
            merge_over(copy, new_element);
        llmd__json_add(list, copy);
        free(key);
    }
    JSON_EACH(element, over) {
        char *key = element_key(element, keys);
        if (!element_by_key(own, keys, key))
            llmd__json_add(list, must_copy(element));
        free(key);
    }
    return list;
}

static void merge_over(struct json *object, const struct json *over)
{
    JSON_EACH(value, over) {
        const char *key = llmd__json_key(value);
        struct json *own = (struct json *)llmd__json_member(object, key);
        bool set = false;
        const char *const *keys =
            own && llmd__json_type(value) == JSON_ARRAY && llmd__json_type(own) == JSON_ARRAY
                ? list_keys(key, value, &set)
                : NULL;
        if (keys)
            llmd__json_set(object, key, merge_list(own, value, keys));
        else if (own && llmd__json_type(value) == JSON_OBJECT &&
                 llmd__json_type(own) == JSON_OBJECT)
            merge_over(own, value);
        else
            llmd__json_set(object, key, must_copy(value));
    }
}

static bool is_entry_of(const struct json *entry, const struct apply_request *request,
                        const char *operation)
{
    return strcmp(llmd__json_str(entry, "manager"), request->manager) == 0 &&
           strcmp(llmd__json_str(entry, "operation"), operation) == 0 &&
           strcmp(llmd__json_str(entry, "subresource"), request->subresource) == 0;
}

static void note_conflict(const char *path, void *data)
{
    struct conflicts *conflicts = data;
    if (conflicts->count < 64)
        conflicts->items[conflicts->count++] =
            (struct conflict){conflicts->entry, llmd__format("%s", path)};
}

/* Whose fields does the applier want to change? */
static void find_conflicts(const struct json *live, const struct json *merged,
                           const struct apply_request *request, struct conflicts *conflicts)
{
    AUTO(json) struct json *changed = fieldset_changed(live, merged);
    JSON_EACH(entry, llmd__json_get(live, "metadata.managedFields")) {
        if (is_entry_of(entry, request, "Apply"))
            continue;
        conflicts->entry = entry;
        fieldset_common(changed, llmd__json_member(entry, "fieldsV1"), note_conflict, conflicts);
    }
}

/* "\"kubectl\" using apps/v1 at 2026-11-25T00:00:00Z", as Kubernetes prints a manager. */
static void print_manager(struct buf *buf, const struct json *entry)
{
    llmd__buf_format(buf, "\"%s\"", llmd__json_str(entry, "manager"));
    if (*llmd__json_str(entry, "subresource"))
        llmd__buf_format(buf, " with subresource \"%s\"", llmd__json_str(entry, "subresource"));
    if (strcmp(llmd__json_str(entry, "operation"), "Update") != 0)
        return;
    llmd__buf_format(buf, " using %s", llmd__json_str(entry, "apiVersion"));
    if (*llmd__json_str(entry, "time"))
        llmd__buf_format(buf, " at %s", llmd__json_str(entry, "time"));
}

static void print_conflicts(struct buf *buf, const struct conflicts *conflicts)
{
    if (conflicts->count == 1) {
        llmd__buf_str(buf, "Apply failed with 1 conflict: conflict with ");
        print_manager(buf, conflicts->items[0].entry);
        llmd__buf_format(buf, ": %s", conflicts->items[0].path);
        return;
    }
    llmd__buf_format(buf, "Apply failed with %d conflicts: ", conflicts->count);
    const struct json *last = NULL;
    for (int i = 0; i < conflicts->count; i++) {
        if (conflicts->items[i].entry != last) {
            llmd__buf_str(buf, i ? "\nconflicts with " : "conflicts with ");
            print_manager(buf, conflicts->items[i].entry);
            llmd__buf_char(buf, ':');
            last = conflicts->items[i].entry;
        }
        llmd__buf_format(buf, "\n- %s", conflicts->items[i].path);
    }
}

static struct answer answer_conflicts(struct conflicts *conflicts)
{
    AUTO(buf) struct buf message = BUF_INIT;
    struct json *details = MAKE("{'causes':[]}");
    print_conflicts(&message, conflicts);
    for (int i = 0; i < conflicts->count; i++) {
        AUTO(buf) struct buf cause = BUF_INIT;
        llmd__buf_str(&cause, "conflict with ");
        print_manager(&cause, conflicts->items[i].entry);
        struct json *item = llmd__json_add_object(llmd__json_edit(details, "causes"));
        llmd__json_set_str(item, "reason", "FieldManagerConflict");
        llmd__json_set_str(item, "message", llmd__buf_text(&cause));
        llmd__json_set_str(item, "field", conflicts->items[i].path);
    }
    return answer_status(409, "Conflict", details, "%s", llmd__buf_text(&message));
}

static struct json *new_entry(const struct apply_request *request, const char *operation,
                              const struct json *fields)
{
    char stamp[32];
    clock_stamp(stamp);
    return MAKE("{'manager':%s,'operation':%s,'apiVersion':%s,'time':%s,'fieldsType':'FieldsV1',"
                "'fieldsV1':%j,'subresource':%s}",
                request->manager, operation, request->api_version, stamp, fields,
                *request->subresource ? request->subresource : NULL);
}

/* The entries with `own` as this manager's set; the others lose `taken`. */
static void write_entries(struct json *object, const struct apply_request *request,
                          const char *operation, const struct json *own, const struct json *taken)
{
    struct json *entries = llmd__json_array();
    bool written = false;
    JSON_EACH(entry, llmd__json_get(object, "metadata.managedFields")) {
        bool mine = is_entry_of(entry, request, operation);
        struct json *copy = must_copy(entry);
        struct json *fields = llmd__json_edit(copy, "fieldsV1");
        if (mine) {
            if (!llmd__json_equal(fields, own)) {
                llmd__json_free(copy);
                copy = new_entry(request, operation, own);
            }
            written = true;
        } else {
            fieldset_subtract(fields, taken);
            fieldset_prune(fields, object);
        }
        if (fieldset_empty(llmd__json_member(copy, "fieldsV1")))
            llmd__json_free(copy);
        else
            llmd__json_add(entries, copy);
    }
    if (!written && !fieldset_empty(own))
        llmd__json_add(entries, new_entry(request, operation, own));
    llmd__json_set(member_object(object, "metadata"), "managedFields", entries);
}

static const struct json *own_fields(const struct json *live, const struct apply_request *request,
                                     const char *operation)
{
    JSON_EACH(entry, llmd__json_get(live, "metadata.managedFields"))
        if (is_entry_of(entry, request, operation))
            return llmd__json_member(entry, "fieldsV1");
    return NULL;
}

/* What this manager applied before and no longer wants goes, unless another one wants it too. */
static void drop_unwanted(struct json *merged, const struct json *live, const struct json *wanted,
                          const struct apply_request *request)
{
    const struct json *before = own_fields(live, request, "Apply");
    if (!before)
        return;
    AUTO(json) struct json *keep = must_copy(wanted);
    AUTO(json) struct json *gone = must_copy(before);
    fieldset_subtract(gone, wanted);
    JSON_EACH(entry, llmd__json_get(live, "metadata.managedFields"))
        if (!is_entry_of(entry, request, "Apply"))
            fieldset_add(keep, llmd__json_member(entry, "fieldsV1"));
    fieldset_remove_from(merged, gone, keep);
}

static void merge_applied(struct json *merged, const struct json *applied)
{
    AUTO(json) struct json *over = must_copy(applied);
    struct json *metadata = llmd__json_edit(over, "metadata");
    static const char *const server_side[] = {"uid", "creationTimestamp", "generation",
                                              "managedFields", "resourceVersion"};
    for (size_t i = 0; i < sizeof(server_side) / sizeof(server_side[0]); i++)
        llmd__json_remove(metadata, server_side[i]);
    merge_over(merged, over);
}

static void free_conflicts(struct conflicts *conflicts)
{
    for (int i = 0; i < conflicts->count; i++)
        llmd__free(conflicts->items[i].path);
}

struct answer managed_apply(const struct json *live, const struct json *applied,
                            const struct apply_request *request, struct json **out)
{
    struct json *merged = live ? must_copy(live) : llmd__json_object();
    AUTO(json) struct json *wanted = fieldset_of(applied);
    struct conflicts conflicts = {.count = 0};
    struct answer refused = {0};
    *out = NULL;
    merge_applied(merged, applied);
    if (live)
        find_conflicts(live, merged, request, &conflicts);
    if (conflicts.count && !request->force) {
        refused = answer_conflicts(&conflicts);
        free_conflicts(&conflicts);
        llmd__json_free(merged);
        return refused;
    }
    free_conflicts(&conflicts);
    if (live)
        drop_unwanted(merged, live, wanted, request);
    /* Only what changed is taken from others: equal values are shared. */
    AUTO(json) struct json *taken = fieldset_changed(live, merged);
    write_entries(merged, request, "Apply", wanted, taken);
    *out = merged;
    return refused;
}

void managed_update(const struct json *live, struct json *now, const struct apply_request *request)
{
    AUTO(json) struct json *changed = fieldset_changed(live, now);
    AUTO(json) struct json *own = must_copy(own_fields(live, request, "Update"));
    if (!own)
        own = llmd__json_object();
    fieldset_add(own, changed);
    fieldset_prune(own, now);
    write_entries(now, request, "Update", own, changed);
}
