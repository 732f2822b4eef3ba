/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the billing catalogue: samples that drift, never today's prices. */
#ifndef SANDBOX_GOOGLE_PRICES_H
#define SANDBOX_GOOGLE_PRICES_H

#include <stddef.h>

struct price {
    const char *service; /* COMPUTE or KUBERNETES */
    const char *description;
    const char *region;
    const char *usage; /* OnDemand, Preemptible, Commit1Yr */
    const char *unit;  /* "h", "GiBy.h", "GiBy.mo" */
    long nanos;        /* of a dollar; units are 0 below a dollar */
};

#define COMPUTE "6F81-5844-456A"
#define KUBERNETES "CCD8-9BF1-090E"

extern const struct price prices[];
extern const size_t price_count;

#endif
