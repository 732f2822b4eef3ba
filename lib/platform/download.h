/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a bundle, one after the other, each held against its sha256: from its path, the
 * cache, or its address. A download goes on by ranges of a MiB, so that what was cut goes on where
 * it stopped, also in another process; an address that knows no ranges is read as a whole.
 */
#ifndef LLMD_PLATFORM_DOWNLOAD_H
#define LLMD_PLATFORM_DOWNLOAD_H

#include "platform/bundle.h"

struct download_user {
    /* Inside advance(): a file is there; its text may be taken. */
    llmd_error *(*on_file)(void *data, struct graph *graph, const struct bundle_file *file,
                           struct buf *text);
    llmd_error *(*on_end)(void *data, struct graph *graph); /* all are; may add steps */
    /* May be NULL: an error, its callers' too, ends the task. Else the step is done with it. */
    llmd_error *(*on_failed)(void *data, struct graph *graph, const llmd_error *error);
    void (*free)(void *data); /* may be NULL */
    void *data;               /* freed by the step, also when it could not be made */
};

/* ca: PEM or NULL; copied as the bundle is. */
llmd_error *llmd__download_step(struct graph *graph, const struct bundle *bundle, const char *ca,
                                const struct download_user *user, step_id *out);

#endif
