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
int platform_tear_down(void **state);

/* more: YAML lines that take the place of keys of the usual spec, or NULL. Fit for torture. */
llmd_error *platform_apply(struct platform *platform, const char *more);
llmd_error *platform_apply_within(struct platform *platform, const char *more, int timeout_ms);
llmd_error *platform_status(struct platform *platform);
llmd_error *platform_delete(struct platform *platform, const char *more);
/* Drops the delete as a killed process would, when it has told that this object is deleted. */
void platform_delete_until(struct platform *platform, const char *subject);

/* A gateway controller, which the library does not bring here, its class and KServe's Gateway. */
void platform_add_gateway(struct platform *platform);
void platform_fault(struct platform *platform, const char *fault, const char *match);
/* Plain requests; these fail the test if they are refused. */
void platform_put(struct platform *platform, const char *path, const char *json);
void platform_put_as(struct platform *platform, const char *manager, const char *path,
                     const char *json);
void platform_patch(struct platform *platform, const char *path, const char *json); /* a merge */
void platform_remove(struct platform *platform, const char *path);
int platform_get(struct platform *platform, const char *path); /* the status */
/* Of the whole store; for free(). */
char *platform_version(struct platform *platform);
/* Names of all objects but Events, one a line; for free(). */
char *platform_objects(struct platform *platform);
/* Timestamps of objects are whole seconds. */
void platform_wait_a_second(void);

#endif
