/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An empty sandbox and a platform to be installed on it, from the small releases in
 * tests/scenario/platform/: a cmocka fixture.
 */
#ifndef TESTS_SUPPORT_PLATFORM_H
#define TESTS_SUPPORT_PLATFORM_H

#include "support/events.h"

#include <llmd/platform.h>

struct platform {
    struct sandbox_process *sandbox;
    llmd_kube *kube;
    struct log log; /* of the last task */
};

int platform_set_up(void **state); /* *state is a struct platform */
struct platform *platform_start(const char *profile);
struct platform *platform_start_with(const char *const *arguments); /* of the sandbox */
void platform_stop(struct platform *platform);
int platform_tear_down(void **state);

/* The spec of these. */
llmd_error *platform_read_spec(const char *more, llmd_platform_spec **out);
/* more: YAML lines that take the place of keys of the usual spec, or NULL. Fit for torture. */
llmd_error *platform_apply(struct platform *platform, const char *more);
llmd_error *platform_apply_within(struct platform *platform, const char *more, int timeout_ms);
/* The task of it, for who looks at its events as they come. */
llmd_error *platform_make_apply(struct platform *platform, llmd_task **out);
llmd_error *platform_status(struct platform *platform);
/* With exactly this spec, nothing usual in it; NULL: none. */
llmd_error *platform_apply_plain(struct platform *platform, const char *spec);
llmd_error *platform_status_plain(struct platform *platform, const char *spec);
llmd_error *platform_delete(struct platform *platform, const char *more);
/* Drops the delete as a killed process would, when it has told that this object is deleted. */
void platform_delete_until(struct platform *platform, const char *subject);

/* A gateway controller, which the library does not bring here, its class and KServe's Gateway. */
void platform_add_gateway(struct platform *platform);
/* Istio's controller of this version, and the CRD of its filters. */
void platform_add_istio(struct platform *platform, const char *version);
void platform_add_route(struct platform *platform, const char *ns, const char *service);
void platform_fault(struct platform *platform, const char *fault, const char *match);
/* Plain requests; these fail the test if they are refused. */
void platform_put(struct platform *platform, const char *path, const char *json);
void platform_put_as(struct platform *platform, const char *manager, const char *path,
                     const char *json);
void platform_patch(struct platform *platform, const char *path, const char *json); /* a merge */
void platform_remove(struct platform *platform, const char *path);
int platform_get(struct platform *platform, const char *path);              /* the status */
int platform_read(struct platform *platform, const char *path, char **out); /* and the body */
/* How many pods that are Ready a label selector selects. */
size_t platform_ready_pods(struct platform *platform, const char *selector);
/* Of the whole store, when nothing moves any more; for free(). */
char *platform_version(struct platform *platform);
/* Names of all objects but Events, one a line; for free(). */
char *platform_objects(struct platform *platform);
/* Timestamps of objects are whole seconds. */
void platform_wait_a_second(void);

#endif
