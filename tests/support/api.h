/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kubernetes API of a running sandbox, asked by plain HTTP: for tests that must not share the
 * library's mistakes. One sandbox at a time, in the variable.
 */
#ifndef TESTS_SUPPORT_API_H
#define TESTS_SUPPORT_API_H

#include "support/sandbox.h"
#include "base/json.h"

#define APPLY "application/apply-patch+yaml"
#define PODS "/api/v1/namespaces/llm/pods"
#define SERVICES "/apis/serving.kserve.io/v1alpha2/namespaces/llm/llminferenceservices"

extern struct sandbox_process *api_sandbox;

/* Starts it with these arguments (NULL-ended); -1: it did not start. */
int api_start(const char *const *arguments);
void api_stop(void);
/* The answer as JSON (NULL when it is none), its status in *status. A path, or a whole URL. */
struct json *api_ask(const char *method, const char *path, const char *type, const char *body,
                     int *status);
/* Server-side apply by the manager "test", with force; the test fails when refused. */
void api_apply(const char *path, const char *body);
void api_apply_namespace(void);            /* "llm" */
void api_apply_gateway(const char *class); /* "edge" in "llm" */
/* `extra` goes into spec, `container` into the main container, which asks for four chips. */
void api_apply_service(const char *name, const char *extra, const char *container);
const struct json *api_condition(const struct json *object, const char *type);
/* Looks until the condition has this status and reason (NULL: any); the object then. */
struct json *api_await(const char *path, const char *type, const char *status, const char *reason);
void pause_ms(int ms);

#endif
