/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that is away: tries are made again until the deadline, which may be an hour off, so that
 * whoever waits must hear of it. Pure: told what the calls met, it says when an event is due.
 */
#ifndef LLMD_TASK_OUTAGE_H
#define LLMD_TASK_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

struct outage {
    bool off;          /* the task's events are something else than news */
    bool heard;        /* some server of the task has answered once */
    const void *place; /* whose outage it is; only compared; NULL: none */
    int64_t since_ms;
    int64_t told_ms; /* 0: not yet */
};

/* Whether to tell it now: after two seconds, which a restart or a reset takes, then every minute.
   While no server has ever answered, at once, since the address may be wrong; unless the tries are
   few (patient: until a deadline), so that the error comes as soon. */
bool llmd__outage_failed(struct outage *outage, const void *place, bool patient, int64_t now_ms);
/* Whether to tell its end: only if it was told. */
bool llmd__outage_answered(struct outage *outage, const void *place);

#endif
