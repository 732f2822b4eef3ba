/* SPDX-License-Identifier: Apache-2.0 */
#include "task/outage.h"

#define QUIET_MS 2000
#define AGAIN_MS 60000

bool llmd__outage_failed(struct outage *outage, const void *place, bool patient, int64_t now_ms)
{
    int64_t quiet_ms = patient && !outage->heard ? 0 : QUIET_MS;

    if (outage->off || !place)
        return false;
    if (!outage->place) {
        outage->place = place;
        outage->since_ms = now_ms;
        outage->told_ms = 0;
    }
    /* One at a time: what hangs on the same machine would be told twice. */
    if (outage->place != place || now_ms - outage->since_ms < quiet_ms ||
        (outage->told_ms && now_ms - outage->told_ms < AGAIN_MS))
        return false;
    outage->told_ms = now_ms;
    return true;
}

bool llmd__outage_answered(struct outage *outage, const void *place)
{
    outage->heard = true;
    if (!outage->place || outage->place != place)
        return false;
    outage->place = 0;
    return outage->told_ms != 0;
}
