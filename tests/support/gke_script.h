/* SPDX-License-Identifier: Apache-2.0 */
/* A llmd_gke that talks to a scripted server, and what its tasks told: a cmocka fixture. */
#ifndef TESTS_SUPPORT_GKE_SCRIPT_H
#define TESTS_SUPPORT_GKE_SCRIPT_H

#include "support/events.h"
#include "support/server.h"

#define COMPUTE "/compute.googleapis.com/compute/v1/projects/p"
#define CONTAINER "/container.googleapis.com/v1/projects/p"

extern struct server *server;
extern struct log told;

int gke_script_set_up(void **state);
int gke_script_tear_down(void **state);
#define SCRIPT_TEST(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, gke_script_set_up, gke_script_tear_down)

/* Of the project "p" in europe-west4-a. */
llmd_error *open_gke(llmd_gke **out);
/* Runs a task for half a minute at most and frees it; on_event, which may be NULL, gets &told. */
llmd_error *drive(llmd_task *task, llmd_event_fn on_event);

#endif
