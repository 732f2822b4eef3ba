/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests against an API server share: opening it, applying, deleting, counting events. */
#ifndef TESTS_RIG_SCENARIO_API_H
#define TESTS_RIG_SCENARIO_API_H

#include <llmd/llmd.h>

#define NS "kube-api-test"
#define LIMIT_MS 60000
/* For what controllers do: after a restart of the server each retries up to half a minute apart. */
#define PATIENCE 3

struct tally {
    int created, configured, unchanged, warnings;
    char last[8192];    /* the last event's JSON */
    char warning[2048]; /* the last warning's message */
};

/* Skips the test without LLMD_TEST_KUBECONFIG, and without the variable `needed` (may be NULL). */
llmd_kube *open_kube_with(const char *needed);
llmd_kube *open_kube(void);
llmd_context *limit(int64_t ms);
void count(void *data, const llmd_event *event); /* an llmd_event_fn; data: struct tally */
/* Runs a task to its end and frees it. */
llmd_error *run(llmd_task *task, struct tally *tally, int64_t ms);
void succeed(llmd_error *error);
llmd_error *apply_with(const llmd_kube *kube, const char *text, const llmd_apply_spec *spec,
                       struct tally *tally);
struct tally apply(const llmd_kube *kube, const char *text);
struct tally delete (const llmd_kube *kube, const char *resource, const char *name);
/* "kill" or "start", by the script in LLMD_TEST_APISERVER. */
void apiserver(const char *verb);

#endif
