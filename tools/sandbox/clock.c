/* SPDX-License-Identifier: Apache-2.0 */
/* Cluster time is our monotonic time, stretched; it never goes back, also when skipped. */
#include "sandbox/clock.h"

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

void clock_start(struct cluster_clock *clock, double scale)
{
    *clock = (struct cluster_clock){.scale = scale, .start_us = llmd__clock_mono_us()};
}

int64_t clock_now(const struct cluster_clock *clock)
{
    double real_ms = (double)(llmd__clock_mono_us() - clock->start_us) / 1000.0;
    return clock->skipped_ms + (int64_t)(real_ms / clock->scale);
}

void clock_skip_to(struct cluster_clock *clock, int64_t cluster_ms)
{
    int64_t now = clock_now(clock);
    if (cluster_ms > now)
        clock->skipped_ms += cluster_ms - now;
}

int64_t clock_real_wait_us(const struct cluster_clock *clock, int64_t until)
{
    int64_t left = until - clock_now(clock);
    /* Rounded up: waking a little early would spin. */
    return left <= 0 ? 0 : (int64_t)((double)left * clock->scale * 1000) + 1;
}

void clock_stamp(char out[32])
{
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void clock_stamp_micro(char out[40])
{
    struct timespec now;
    struct tm parts;
    char seconds[24];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out, 40, "%s.%06dZ", seconds, (int)(now.tv_nsec / 1000));
}
