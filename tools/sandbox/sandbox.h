/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole of it: one store under one lock, the API server in front (rest.c), the controllers
 * behind (controllers.c), and the data plane (dataplane.c) where models answer.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "sandbox/clock.h"
#include "sandbox/faults.h"
#include "sandbox/httpd.h"
#include "sandbox/options.h"
#include "sandbox/status.h"
#include "sandbox/store.h"
#include "sandbox/troubles.h"

#include <pthread.h>
#include <stdio.h>

struct google;
struct instances;

struct sandbox {
    struct options options;
    struct cluster_clock clock;
    struct store store;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* the store changed, or we stop */
    pthread_t controllers;
    bool controllers_run;
    bool stopping;
    int64_t settled_version; /* the controllers saw changes up to here */
    int watch_epoch;         /* grows: watches end now */
    int pod_address;         /* last part of the last pod's address */
    int service_address;
    pthread_t pauser; /* closes the API's port for a while */
    bool pauser_runs;
    atomic_bool pausing;
    int pause_ms;
    struct faults faults;
    struct troubles troubles;
    struct instances *instances; /* model servers, by pod */
    struct httpd *api;
    struct httpd *data_plane;
    int record, google_record; /* descriptors, or -1 */
    struct google *google;     /* NULL: no Google side */
    bool no_proxy_subnet;      /* regional Gateways cannot be programmed (managed clusters) */
};

struct sandbox *sandbox_start(const struct options *options); /* NULL: a port is taken */
void sandbox_stop(struct sandbox *sandbox);
char *sandbox_kubeconfig(const struct sandbox *sandbox); /* YAML, from llmd__ memory */
void sandbox_lock(struct sandbox *sandbox);
void sandbox_unlock(struct sandbox *sandbox); /* wakes watches and controllers on changes */

/* profile.c: what is there before the first request. */
void profile_install(struct sandbox *sandbox);
/* Makes one object from a template's tree; taken. */
struct object *sandbox_create(struct sandbox *sandbox, const char *group, const char *plural,
                              struct json *json);

/* rest.c */
void rest_handle(struct conn *conn, const struct request *request, void *data);

/* control.c: waits for a pause of the API server that is under way. */
void control_join_pause(struct sandbox *sandbox);

/* controllers.c */
void controllers_attach(struct sandbox *sandbox); /* gives kinds their reconcilers */
void controllers_start(struct sandbox *sandbox);
void controllers_stop(struct sandbox *sandbox);
/* Runs until nothing is due, moving cluster time on (profiles only). */
void controllers_settle(struct sandbox *sandbox, int64_t cluster_ms);

/* events.c: count grows for the same words about the same object. */
void event_emit(struct sandbox *sandbox, const struct object *about, const char *type,
                const char *reason, const char *component, const char *format, ...)
    PRINTF_LIKE(6, 7);

/* conditions.c */
/* Sets a condition in status.conditions; NULL reason and message are left out; observed 0: none. */
bool condition_set(struct json *conditions, const char *type, const char *status,
                   const char *reason, const char *message, int64_t observed);
void condition_remove(struct json *parent, const char *type);
const char *condition_status(const struct json *object, const char *type); /* "" if absent */
struct json *conditions_edit(struct json *object); /* status.conditions, made if absent */
struct json *member_object(struct json *object, const char *key); /* made if absent */

#endif
