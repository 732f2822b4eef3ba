/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of llmd_kube for the layers above. */
#ifndef LLMD_KUBE_KUBE_H
#define LLMD_KUBE_KUBE_H

#include "kube/discovery.h"
#include "net/http.h"
#include "task/graph.h"

#include <llmd/kube.h>

#define LLMD__FIELD_MANAGER "libllmd"

struct http *llmd__kube_http(const llmd_kube *kube);        /* belongs to the kube */
llmd_kube *llmd__kube_ref(const llmd_kube *kube);           /* one more; llmd_kube_free() drops it */
const char *llmd__kube_ns(const llmd_kube *kube, const char *ns); /* ns, or the kubeconfig's */

/* One object, parsed; resource as in the public calls. */
llmd_error *llmd__kube_get(llmd_context *ctx, const llmd_kube *kube, const char *resource,
                           const char *ns, const char *name, struct json **out);

DEFINE_AUTO(kube, llmd_kube *, llmd_kube_free)

#endif
