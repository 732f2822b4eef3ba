/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SANDBOX_GOOGLE_QUOTAS_H
#define SANDBOX_GOOGLE_QUOTAS_H

#include "sandbox/google/call.h"

struct region_quota {
    const char *metric;
    double limit;
};

extern const struct region_quota region_quotas[];
extern const size_t region_quota_count;

/* Chips of this family that a region may use. */
int quota_tpu_limit(struct google *google, const char *region, const char *family, bool spot);

#endif
