/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a service has come: the phase of each model pod (scheduling, node, image, download,
 * compile, serving), the conditions that turned True, and whether it serves. Pure.
 */
#ifndef LLMD_FINDINGS_PROGRESS_H
#define LLMD_FINDINGS_PROGRESS_H

#include "findings/scene.h"

struct news {
    char *subject, *message;
    const char *phase, *reason;
};

struct progress {
    struct json *memory; /* what was told last, by object */
    struct news *items;  /* new since the last look */
    size_t count, cap;
    const char *phase;   /* the phase of the slowest pod */
    int64_t done, total; /* replicas: ready, wanted */
    bool ready;          /* serves: what a wait waits for */
};

llmd_error *llmd__progress_init(struct progress *progress);
llmd_error *llmd__progress_look(struct progress *progress, const struct scene *scene);
void llmd__progress_free(struct progress *progress);

#endif
