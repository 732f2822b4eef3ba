/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sandbox with Google's side and a handle on it: cmocka fixtures, and what the tests of clusters
 * say again and again. Needs the group fixtures of support/folder.h.
 */
#ifndef TESTS_SUPPORT_GKE_H
#define TESTS_SUPPORT_GKE_H

#include "base/json.h"
#include "support/sandbox.h"

#include <llmd/llmd.h>

#define GKE_TIMEOUT_MS 60000 /* of a task */
#define CPU_POOL "nodePools: [{preset: cpu, name: work, nodes: 1}]\n"
#define TPU_POOL "nodePools: [{preset: tpu-v6e-4t, name: tpu, nodes: 1, minNodes: 0, maxNodes: 3"
#define LLM "name: llm\n"
#define WITH_TPU LLM TPU_POOL "}]\n"
#define PLAIN LLM CPU_POOL
/* Where seconds of ours may pass, an autoscaler would take an idle node away. */
#define FIXED_TPU LLM "nodePools: [{preset: tpu-v6e-4t, name: tpu, nodes: 1}]\n"

struct gke_rig {
    struct sandbox_process *sandbox;
    llmd_credentials *credentials;
    llmd_gke *gke;
    llmd_context *ctx;
    struct json *events; /* of the last task */
};

/* With one more option of the sandbox, or NULL; not 0: it did not start. */
int gke_start(struct gke_rig *rig, const char *option, const char *value);
/* *state is a struct gke_rig. */
int gke_set_up(void **state);
int gke_tear_down(void **state);
#define GKE_TEST(name) cmocka_unit_test_setup_teardown(name, gke_set_up, gke_tear_down)

void gke_fault(const struct gke_rig *rig, const char *name, const char *match, int count);
void gke_clear_faults(const struct gke_rig *rig);
/* "clusters", "pools" or "nodes", as the sandbox counts them. */
int gke_count_of(const struct gke_rig *rig, const char *what);

/* Runs a task to its end and keeps its events. made: the error of the call that made it. */
llmd_error *gke_run(struct gke_rig *rig, llmd_error *made, llmd_task *task);
llmd_error *gke_begin_apply(const struct gke_rig *rig, const char *text, llmd_task **task);
llmd_error *gke_try_apply(struct gke_rig *rig, const char *text);
llmd_error *gke_try_delete(struct gke_rig *rig, bool drain); /* "llm" */
/* Fails the test unless all went well, or with this error, which is freed. */
void gke_good(const struct gke_rig *rig, llmd_error *error);
void gke_bad(const struct gke_rig *rig, llmd_error *error, llmd_code code, const char *words);
void gke_nothing_is_left(struct gke_rig *rig); /* deletes "llm" */

/* Of the last task: the place of the first event with this reason and these words, or -1; the
   result; a pool in it. */
int gke_index_of(const struct gke_rig *rig, const char *reason, const char *words);
const struct json *gke_result_of(const struct gke_rig *rig);
const struct json *gke_pool_of(const struct gke_rig *rig, const char *name);

#endif
