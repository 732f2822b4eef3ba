/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done to resources. All are called with the lock held. */
#ifndef SANDBOX_VERBS_H
#define SANDBOX_VERBS_H

#include "sandbox/route.h"
#include "sandbox/sandbox.h"

struct call {
    struct sandbox *sandbox;
    const struct request *request;
    struct route route;
    bool dry_run;
    char manager[128];     /* fieldManager, or from the User-Agent */
    char api_version[128]; /* as in the path: "apps/v1" */
};

struct answer verb_get(struct call *call);
struct answer verb_list(struct call *call);
struct answer verb_create(struct call *call);
struct answer verb_update(struct call *call);
struct answer verb_patch(struct call *call);
struct answer verb_delete(struct call *call);
struct answer verb_delete_all(struct call *call);

/* scale.c */
bool scale_is_served(const struct call *call);
struct answer verb_scale(struct call *call);

/* The object as this API version shows it: text from llmd__ memory. */
char *object_text(const struct snapshot *snapshot, const struct kind *kind, const char *version);

/* admission.c: checks and defaults before an object is stored; status 0: admitted. */
struct answer admit_create(struct call *call, struct json *json);
struct answer admit_change(struct call *call);
struct answer admit_delete(struct call *call);
void default_object(struct sandbox *sandbox, const struct kind *kind, struct json *json);
/* The body as JSON (YAML for apply); status 0: *out is set. */
struct answer read_body(struct call *call, struct json **out);

/* patch.c: RFC 6902, RFC 7396, strategic; on error an answer and *object unchanged. */
struct answer patch_apply(const char *type, const struct json *patch, struct json **object);

/* deletion.c */
void object_delete(struct sandbox *sandbox, struct object *object, const char *propagation);
void collect_garbage(struct sandbox *sandbox);
/* Takes one finalizer off; the last one of a dying object takes the object with it. */
void deletion_let_go(struct sandbox *sandbox, struct object *object, const char *finalizer);

/* webhooks.c: status 0: admitted or no webhook concerned. */
struct answer webhooks_check(struct sandbox *sandbox, const struct kind *kind,
                             const char *operation);

/* watch.c, logs.c, proxy.c, discovery.c: answer by themselves, without the lock held. */
void watch_serve(struct conn *conn, struct call *call);
void logs_serve(struct conn *conn, struct call *call);
void proxy_serve(struct conn *conn, struct call *call);
bool discovery_serve(struct conn *conn, struct sandbox *sandbox, const struct request *request);
/* control.c: /sandbox/... */
void control_serve(struct conn *conn, struct sandbox *sandbox, const struct request *request);

#endif
