/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of llmd_kube for the layers above. */
#ifndef LLMD_KUBE_KUBE_H
#define LLMD_KUBE_KUBE_H

#include "kube/discovery.h"
#include "net/http.h"
#include "task/graph.h"

#include <llmd/kube.h>

#define LLMD__FIELD_MANAGER "libllmd"

/* Makes a handle of a place and its credentials; the config's auth is taken, also on failure. */
llmd_error *llmd__kube_new(const struct http_config *config, const char *ns,
                           const char *kubecontext, llmd_kube **out);
struct http *llmd__kube_http(const llmd_kube *kube);           /* belongs to the kube */
struct discovery *llmd__kube_discovery(const llmd_kube *kube); /* belongs to the kube */
llmd_kube *llmd__kube_ref(const llmd_kube *kube); /* one more; llmd_kube_free() drops it */
const char *llmd__kube_ns(const llmd_kube *kube, const char *ns); /* ns, or the kubeconfig's */

/* Whether ns (NULL: the default one) and name can be those of an object; what: the function. */
llmd_error *llmd__kube_check_name(const char *what, const char *ns, const char *name);
/* One object, parsed; resource as in the public calls. */
llmd_error *llmd__kube_get(llmd_context *ctx, const llmd_kube *kube, const char *resource,
                           const char *ns, const char *name, struct json **out);
/* Sends; an answer that is not 2xx is an error that begins with `what`. */
llmd_error *llmd__kube_send(llmd_context *ctx, const llmd_kube *kube,
                            const struct http_request *request, const char *what,
                            struct http_reply *reply);

DEFINE_AUTO(kube, llmd_kube *, llmd_kube_free)

#endif
