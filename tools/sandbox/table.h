/* SPDX-License-Identifier: Apache-2.0 */
/* What "kubectl get" shows: a meta.k8s.io/v1 Table of one object or a list. */
#ifndef SANDBOX_TABLE_H
#define SANDBOX_TABLE_H

#include "sandbox/verbs.h"

/* Does the client ask for a Table? */
bool table_wanted(const struct request *request);
/* Begins a Table, with its columns, up to the open bracket of its rows. */
void table_begin(struct buf *out, const struct kind *kind, int64_t version);
void table_row(struct buf *out, const struct kind *kind, const struct snapshot *snapshot);
/* A Table of one object: for get and watch. */
void table_of(struct buf *out, const struct kind *kind, const struct snapshot *snapshot);

#endif
