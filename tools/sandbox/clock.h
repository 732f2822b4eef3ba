/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cluster time: milliseconds that pass faster than ours by the time scale, so that minutes become
 * seconds while order and dependencies stay true. Skipping moves it on at once (profiles settle so
 * before the first client comes). What objects show in their timestamps is real time.
 */
#ifndef SANDBOX_CLOCK_H
#define SANDBOX_CLOCK_H

#include <stdint.h>

struct cluster_clock {
    double scale; /* real = cluster * scale */
    int64_t start_us;
    int64_t skipped_ms;
};

void clock_start(struct cluster_clock *clock, double scale);
int64_t clock_now(const struct cluster_clock *clock);
void clock_skip_to(struct cluster_clock *clock, int64_t cluster_ms);
int64_t clock_real_wait_us(const struct cluster_clock *clock, int64_t until); /* 0 when past */
void clock_stamp(char out[32]);       /* "2026-11-25T00:02:50Z" */
void clock_stamp_micro(char out[40]); /* "2026-11-25T00:02:50.658416Z" */

#endif
