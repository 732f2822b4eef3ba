/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for a kind is told when CRDs change: one watch of their metadata for all steps of a
 * graph, only while somebody listens. Metadata do not say whether a kind is served: who was told
 * looks. Whoever may not watch CRDs is never told, so a listener also looks now and then.
 */
#ifndef LLMD_KUBE_CRDS_H
#define LLMD_KUBE_CRDS_H

#include "kube/kube.h"

/* From advance(): the current step is poked when the CRD of that name ("plural.group") was made,
   changed or deleted; NULL: any CRD. Replaces what it listened to. */
llmd_error *llmd__crds_listen(struct graph *graph, const llmd_kube *kube, const char *name);
void llmd__crds_ignore(struct graph *graph, const llmd_kube *kube);
/* CRDs may not be watched here: nobody will be told. Listeners are poked when that turns out. */
bool llmd__crds_blind(struct graph *graph, const llmd_kube *kube);

#endif
