/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Get, list, create, update, patch, delete. Whatever the way of a change, it ends in store_new or
 * store_change, where what belongs to the server is kept.
 */
#include "sandbox/verbs.h"

#include "sandbox/managed.h"
#include "sandbox/selector.h"
#include "sandbox/table.h"
#include "base/base64.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

char *object_text(const struct snapshot *snapshot, const struct kind *kind, const char *version)
{
    char api_version[128];
    char *text;
    if (strcmp(kind->storage_version, version) == 0)
        return llmd__format("%s", snapshot->text);
    AUTO(json) struct json *copy = must_copy(snapshot->json);
    kind_api_version(kind, version, api_version, sizeof(api_version));
    llmd__json_set_str(copy, "apiVersion", api_version);
    must(llmd__json_print(copy, &text));
    return text;
}

static struct object *find(struct call *call)
{
    return store_find(call->route.kind, call->route.ns, call->route.name);
}

static struct answer show(struct call *call, int status, const struct object *object)
{
    return (struct answer){status, object_text(object->now, call->route.kind, call->route.version)};
}

/* What a dry run would have stored. */
static struct answer show_dry(struct call *call, int status, struct json *json)
{
    struct snapshot snapshot = {.json = json};
    must(llmd__json_print(json, &snapshot.text));
    char *text = object_text(&snapshot, call->route.kind, call->route.version);
    llmd__free(snapshot.text);
    llmd__json_free(json);
    return (struct answer){status, text};
}

static struct answer show_table(const struct object *object)
{
    AUTO(buf) struct buf out = BUF_INIT;
    struct answer answer = {.status = 200};
    table_of(&out, object->kind, object->now);
    must(llmd__buf_take(&out, &answer.text));
    return answer;
}

struct answer verb_get(struct call *call)
{
    struct object *object = find(call);
    if (object && table_wanted(call->request))
        return show_table(object);
    return object ? show(call, 200, object) : answer_not_found(call->route.kind, call->route.name);
}

/* ---- list ---- */

struct page {
    long limit; /* 0: no limit */
    char *after_ns;
    char *after_name;
    long count;
    long remaining;
    const struct object *last;
};

static struct answer read_continue(struct call *call, const char *token, struct page *page)
{
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(error) llmd_error *bad = llmd__base64_decode(token, "continue", &text);
    char *slash = bad ? NULL : strchr(llmd__buf_text(&text), '/');
    char *ns = slash ? strchr(slash + 1, '/') : NULL;
    if (!ns)
        return answer_bad_request("continue key is not valid: illegal base64 data");
    if (atoll(text.data) <= call->sandbox->store.compacted)
        return answer_status(410, "Expired", NULL,
                             "The provided continue parameter is too old to display a consistent "
                             "list result. You can start a new list without the continue "
                             "parameter, or use the continue token in this response to retrieve "
                             "the remainder of the results.");
    page->after_ns = llmd__strndup(slash + 1, (size_t)(ns - slash - 1));
    page->after_name = llmd__strdup(ns + 1);
    return (struct answer){0};
}

static bool before_page(const struct page *page, const struct object *object)
{
    if (!page->after_ns)
        return false;
    int by_ns = strcmp(object->ns, page->after_ns);
    return by_ns < 0 || (by_ns == 0 && strcmp(object->name, page->after_name) <= 0);
}

static void add_item(struct call *call, struct buf *buf, const struct object *object)
{
    if (table_wanted(call->request)) {
        table_row(buf, object->kind, object->now);
        return;
    }
    if (strcmp(call->route.kind->storage_version, call->route.version) == 0) {
        llmd__buf_add(buf, object->now->text, object->now->len);
        return;
    }
    AUTO(str) char *text = object_text(object->now, call->route.kind, call->route.version);
    llmd__buf_str(buf, text);
}

static void list_items(struct call *call, struct page *page, struct buf *items)
{
    char *labels = request_query(call->request, "labelSelector");
    char *fields = request_query(call->request, "fieldSelector");
    for (struct object *object = call->route.kind->objects; object; object = object->next) {
        if ((*call->route.ns && strcmp(object->ns, call->route.ns) != 0) ||
            before_page(page, object) || !selector_labels(labels, object_json(object)) ||
            !selector_fields(fields, object_json(object)))
            continue;
        if (page->limit && page->count >= page->limit) {
            page->remaining++;
            continue;
        }
        if (page->count++)
            llmd__buf_char(items, ',');
        add_item(call, items, object);
        page->last = object;
    }
    free(labels);
    free(fields);
}

static char *continue_token(struct call *call, const struct page *page)
{
    AUTO(buf) struct buf token = BUF_INIT;
    AUTO(str)
    char *text = llmd__format("%" PRId64 "/%s/%s", call->sandbox->store.version, page->last->ns,
                              page->last->name);
    llmd__base64_encode(text, strlen(text), false, &token);
    return llmd__format("%s", llmd__buf_text(&token));
}

/* Pages of a Table are not told apart: kubectl asks for 500 at once. */
static struct answer print_table(struct call *call, const struct buf *rows)
{
    AUTO(buf) struct buf text = BUF_INIT;
    struct answer answer = {.status = 200};
    table_begin(&text, call->route.kind, call->sandbox->store.version);
    llmd__buf_add(&text, llmd__buf_text(rows), rows->len);
    llmd__buf_str(&text, "]}");
    must(llmd__buf_take(&text, &answer.text));
    return answer;
}

static struct answer print_list(struct call *call, const struct page *page, const struct buf *items)
{
    AUTO(buf) struct buf text = BUF_INIT;
    if (table_wanted(call->request))
        return print_table(call, items);
    llmd__buf_format(&text,
                     "{\"kind\":\"%sList\",\"apiVersion\":\"%s\",\"metadata\":{"
                     "\"resourceVersion\":\"%" PRId64 "\"",
                     call->route.kind->name, call->api_version, call->sandbox->store.version);
    if (page->remaining) {
        AUTO(str) char *token = continue_token(call, page);
        llmd__buf_format(&text, ",\"continue\":\"%s\",\"remainingItemCount\":%ld", token,
                         page->remaining);
    }
    llmd__buf_str(&text, "},\"items\":[");
    llmd__buf_add(&text, llmd__buf_text(items), items->len);
    llmd__buf_str(&text, "]}");
    struct answer answer = {.status = 200};
    must(llmd__buf_take(&text, &answer.text));
    return answer;
}

struct answer verb_list(struct call *call)
{
    AUTO(buf) struct buf items = BUF_INIT;
    struct page page = {.limit = 0};
    struct answer refused = {0};
    char *limit = request_query(call->request, "limit");
    char *token = request_query(call->request, "continue");
    page.limit = limit && !table_wanted(call->request) ? atol(limit) : 0;
    if (token && *token)
        refused = read_continue(call, token, &page);
    free(limit);
    free(token);
    if (refused.status)
        return refused;
    list_items(call, &page, &items);
    llmd__free(page.after_ns);
    llmd__free(page.after_name);
    return print_list(call, &page, &items);
}

/* ---- create ---- */

static void to_storage(struct call *call, struct json *json)
{
    char api_version[128];
    kind_api_version(call->route.kind, call->route.kind->storage_version, api_version,
                     sizeof(api_version));
    llmd__json_set_str(json, "apiVersion", api_version);
    llmd__json_set_str(json, "kind", call->route.kind->name);
}

static struct apply_request applier(struct call *call, bool force)
{
    return (struct apply_request){.manager = call->manager,
                                  .api_version = call->api_version,
                                  .subresource = call->route.subresource,
                                  .force = force};
}

/* Takes json. */
static struct answer store_new(struct call *call, struct json *json)
{
    to_storage(call, json);
    default_object(call->sandbox, call->route.kind, json);
    if (call->dry_run)
        return show_dry(call, 201, json);
    return show(call, 201, store_create(&call->sandbox->store, call->route.kind, json));
}

static void generate_name(struct call *call, struct json *json)
{
    struct json *metadata = member_object(json, "metadata");
    const char *prefix = llmd__json_str(metadata, "generateName");
    char suffix[8];
    if (*llmd__json_str(metadata, "name") || !*prefix)
        return;
    store_suffix(&call->sandbox->store, suffix, 5);
    AUTO(str) char *name = llmd__format("%s%s", prefix, suffix);
    llmd__json_set_str(metadata, "name", name);
}

static struct answer create_checked(struct call *call, struct json *json)
{
    generate_name(call, json);
    snprintf(call->route.name, sizeof(call->route.name), "%s",
             llmd__json_str(json, "metadata.name"));
    struct answer refused = admit_create(call, json);
    if (refused.status)
        return refused;
    char resource[300];
    kind_resource(call->route.kind, resource, sizeof(resource));
    if (find(call))
        return answer_status(409, "AlreadyExists",
                             MAKE("{'name':%s,'group':%s,'kind':%s}", call->route.name,
                                  *call->route.kind->group ? call->route.kind->group : NULL,
                                  call->route.kind->plural),
                             "%s \"%s\" already exists", resource, call->route.name);
    struct apply_request request = applier(call, false);
    managed_update(NULL, json, &request);
    return store_new(call, must_copy(json));
}

struct answer verb_create(struct call *call)
{
    AUTO(json) struct json *json = NULL;
    struct answer refused = read_body(call, &json);
    return refused.status ? refused : create_checked(call, json);
}

/* ---- change ---- */

static struct answer answer_stale(struct call *call)
{
    char resource[300];
    kind_resource(call->route.kind, resource, sizeof(resource));
    return answer_status(409, "Conflict",
                         MAKE("{'name':%s,'group':%s,'kind':%s}", call->route.name,
                              *call->route.kind->group ? call->route.kind->group : NULL,
                              call->route.kind->plural),
                         "Operation cannot be fulfilled on %s \"%s\": the object has been "
                         "modified; please apply your changes to the latest version and try again",
                         resource, call->route.name);
}

/* Server-owned fields keep their value; a status comes only by its subresource, and it alone. */
static struct json *keep_server_side(struct call *call, const struct json *live, struct json *json)
{
    static const char *const own[] = {"uid",
                                      "creationTimestamp",
                                      "generation",
                                      "resourceVersion",
                                      "deletionTimestamp",
                                      "deletionGracePeriodSeconds"};
    bool by_status = strcmp(call->route.subresource, "status") == 0;
    if (by_status) {
        struct json *base = must_copy(live);
        llmd__json_set(base, "status", must_copy(llmd__json_member(json, "status")));
        const struct json *managed = llmd__json_get(json, "metadata.managedFields");
        if (managed)
            llmd__json_set(llmd__json_edit(base, "metadata"), "managedFields", must_copy(managed));
        llmd__json_free(json);
        return base;
    }
    struct json *metadata = member_object(json, "metadata");
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        const struct json *value = llmd__json_member(llmd__json_get(live, "metadata"), own[i]);
        if (value)
            llmd__json_set(metadata, own[i], must_copy(value));
        else
            llmd__json_remove(metadata, own[i]);
    }
    if (call->route.kind->has_status) {
        const struct json *status = llmd__json_member(live, "status");
        if (status)
            llmd__json_set(json, "status", must_copy(status));
        else
            llmd__json_remove(json, "status");
    }
    return json;
}

/* managedFields alone (a new time) are no change. */
static bool same_content(const struct json *live, const struct json *json)
{
    AUTO(json) struct json *a = must_copy(live);
    AUTO(json) struct json *b = must_copy(json);
    llmd__json_remove(llmd__json_edit(a, "metadata"), "managedFields");
    llmd__json_remove(llmd__json_edit(b, "metadata"), "managedFields");
    return llmd__json_equal(a, b);
}

static bool same_owners(const struct json *live, const struct json *json)
{
    return llmd__json_equal(llmd__json_get(live, "metadata.managedFields"),
                            llmd__json_get(json, "metadata.managedFields"));
}

/* Takes json. */
static struct answer store_change(struct call *call, struct object *object, struct json *json)
{
    json = keep_server_side(call, object_json(object), json);
    to_storage(call, json);
    if (call->dry_run)
        return show_dry(call, 200, json);
    if (same_content(object_json(object), json) && same_owners(object_json(object), json))
        llmd__json_free(json);
    else
        store_commit(&call->sandbox->store, object, json);
    bool dying = *object_str(object, "metadata.deletionTimestamp");
    struct answer answer = show(call, 200, object);
    /* The last finalizer of a dying object is gone: so is the object. */
    if (dying &&
        llmd__json_count(llmd__json_get(object_json(object), "metadata.finalizers")) == 0 &&
        strcmp(object->kind->plural, "pods") != 0 && strcmp(object->kind->plural, "namespaces"))
        store_remove(&call->sandbox->store, object);
    return answer;
}

struct answer verb_update(struct call *call)
{
    AUTO(json) struct json *json = NULL;
    struct answer refused = read_body(call, &json);
    struct object *object = find(call);
    if (refused.status)
        return refused;
    if (!object)
        return answer_not_found(call->route.kind, call->route.name);
    refused = admit_change(call);
    if (refused.status)
        return refused;
    const char *version = llmd__json_str(json, "metadata.resourceVersion");
    if (*version && strcmp(version, object_str(object, "metadata.resourceVersion")) != 0)
        return answer_stale(call);
    struct apply_request request = applier(call, false);
    struct json *changed = TAKE(json);
    struct json *metadata = member_object(changed, "metadata");
    const struct json *owners = llmd__json_get(object_json(object), "metadata.managedFields");
    if (owners)
        llmd__json_set(metadata, "managedFields", must_copy(owners));
    managed_update(object_json(object), changed, &request);
    return store_change(call, object, changed);
}

static struct answer apply_patch(struct call *call, const struct json *applied)
{
    struct object *object = find(call);
    struct json *merged = NULL;
    char *force = request_query(call->request, "force");
    struct apply_request request = applier(call, force && strcmp(force, "true") == 0);
    free(force);
    if (strcmp(llmd__json_str(applied, "kind"), call->route.kind->name) != 0)
        return answer_bad_request("the kind in the data (%s) does not match the expected kind (%s)",
                                  llmd__json_str(applied, "kind"), call->route.kind->name);
    struct answer refused = object ? admit_change(call) : admit_create(call, (void *)applied);
    if (refused.status)
        return refused;
    refused = managed_apply(object ? object_json(object) : NULL, applied, &request, &merged);
    if (refused.status)
        return refused;
    return object ? store_change(call, object, merged) : store_new(call, merged);
}

static struct answer other_patch(struct call *call, const char *type, const struct json *patch)
{
    struct object *object = find(call);
    if (!object)
        return answer_not_found(call->route.kind, call->route.name);
    struct answer refused = admit_change(call);
    if (refused.status)
        return refused;
    const char *version = llmd__json_str(patch, "metadata.resourceVersion");
    if (*version && strcmp(version, object_str(object, "metadata.resourceVersion")) != 0)
        return answer_stale(call);
    struct json *changed = store_edit(object);
    refused = patch_apply(type, patch, &changed);
    if (refused.status) {
        llmd__json_free(changed);
        return refused;
    }
    struct apply_request request = applier(call, false);
    managed_update(object_json(object), changed, &request);
    return store_change(call, object, changed);
}

struct answer verb_patch(struct call *call)
{
    AUTO(json) struct json *patch = NULL;
    const char *type = request_header(call->request, "Content-Type");
    struct answer refused = read_body(call, &patch);
    if (refused.status)
        return refused;
    if (type && strstr(type, "apply-patch"))
        return apply_patch(call, patch);
    if (type && strstr(type, "patch+json"))
        return other_patch(call, type, patch);
    return answer_status(415, "UnsupportedMediaType", NULL,
                         "the body of the request was in an unknown format - accepted media types "
                         "include: application/json-patch+json, application/merge-patch+json, "
                         "application/apply-patch+yaml");
}

/* ---- delete ---- */

static char *propagation_of(struct call *call, const struct json *options)
{
    char *query = request_query(call->request, "propagationPolicy");
    char *policy = llmd__format("%s", query ? query : llmd__json_str(options, "propagationPolicy"));
    free(query);
    return policy;
}

struct answer verb_delete(struct call *call)
{
    AUTO(json) struct json *options = NULL;
    struct object *object = find(call);
    if (call->request->body_len) {
        struct answer refused = read_body(call, &options);
        if (refused.status)
            return refused;
    }
    if (!object)
        return answer_not_found(call->route.kind, call->route.name);
    struct answer refused = admit_delete(call);
    if (refused.status)
        return refused;
    AUTO(str) char *uid = llmd__format("%s", object_str(object, "metadata.uid"));
    const char *wanted = llmd__json_str(options, "preconditions.uid");
    if (*wanted && strcmp(wanted, uid) != 0)
        return answer_stale(call);
    if (call->dry_run)
        return show(call, 200, object);
    AUTO(str) char *policy = propagation_of(call, options);
    object_delete(call->sandbox, object, policy);
    object = find(call);
    return object ? show(call, 200, object)
                  : answer_success(call->route.kind, call->route.name, uid);
}

struct answer verb_delete_all(struct call *call)
{
    char *labels = request_query(call->request, "labelSelector");
    char *fields = request_query(call->request, "fieldSelector");
    for (struct object *object = call->route.kind->objects, *next; object; object = next) {
        next = object->next;
        if ((!*call->route.ns || strcmp(object->ns, call->route.ns) == 0) &&
            selector_labels(labels, object_json(object)) &&
            selector_fields(fields, object_json(object)))
            object_delete(call->sandbox, object, "Background");
    }
    free(labels);
    free(fields);
    return verb_list(call);
}
