/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sandbox that answers as Google's APIs, and a llmd_gke that talks to it:
 *
 *     struct cloud *google = cloud_start("europe-west4-a", "0.01");
 *     cloud_fault(google, "zone-down", "europe-west4-a", 0);
 *     ... google->gke ...
 *     cloud_stop(google);
 */
#ifndef TESTS_SUPPORT_CLOUD_H
#define TESTS_SUPPORT_CLOUD_H

#include "gke/gke.h"
#include "support/sandbox.h"

struct cloud {
    struct sandbox_process *sandbox;
    llmd_gke *gke;
    char record[64];      /* every request that it got; removed by stop */
    char credentials[64]; /* an ADC file, in the environment as well */
};

/* Fails the test when it does not start. Sets LLMD_GOOGLE_URL. */
struct cloud *cloud_start(const char *location, const char *time_scale);
void cloud_stop(struct cloud *google);
void cloud_fault(const struct cloud *google, const char *name, const char *match, int number);
void cloud_no_faults(const struct cloud *google);
/* A request with the place's credentials, the status; the body in *out for llmd_free(), or NULL.
   path: "/compute/v1/projects/my-project/...". */
int cloud_ask(const struct cloud *google, enum google_api api, const char *method, const char *path,
              const char *body, char **out);

#endif
