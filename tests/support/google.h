/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Google side of a running sandbox, asked without the library: for tests that must not share
 * its mistakes. Sits on support/api.h, whose sandbox it starts.
 */
#ifndef TESTS_SUPPORT_GOOGLE_H
#define TESTS_SUPPORT_GOOGLE_H

#include "support/api.h"

#define CONTAINER "/container.googleapis.com/v1/projects/my-project/locations/europe-west4-a"
#define COMPUTE_API "/compute.googleapis.com/compute/v1/projects/my-project"

/* With --google and these further arguments (NULL-ended, or NULL); gets a token. */
int google_start(const char *const *arguments);
/* The answer as JSON, NULL when it is none; status in *status (0: cut). */
struct json *google_ask(const char *method, const char *path, const char *body, int *status);
/* The same, which must be answered with 200. */
struct json *google_get(const char *path);
struct json *google_send(const char *method, const char *path, const char *body);
/* One fault on; JSON as for POST /sandbox/faults. */
void google_fault(const char *json);
/* Until the operation is DONE; the operation then. */
struct json *google_await(const char *operation);
/* Sends a mutation and waits for its operation, which must not fail. */
void google_do(const char *method, const char *path, const char *body);
/* "edge" with a pool "system" of one e2-standard-8, Gateway API on; RUNNING when this returns. */
void google_make_cluster(void);
/* Fails the test unless it is refused with this status and these words. */
void google_refuses(const char *method, const char *path, const char *body, int status,
                    const char *words);
/* The Kubernetes side of the cluster "edge", by TLS with the CA that the cluster shows. */
struct json *google_kube(const char *method, const char *path, const char *body, int *status);
/* Looks until the object at this path has this text at `member` ("" : is gone). */
void google_kube_await(const char *path, const char *member, const char *text);

#endif
