/* SPDX-License-Identifier: Apache-2.0 */
/* From a cluster as GKE sends it to its Kubernetes API. */
#ifndef LLMD_GKE_CONNECT_H
#define LLMD_GKE_CONNECT_H

#include "gke/gke.h"
#include "kube/kube.h"

/* Where its API is, and the text of the CA to trust ("": the system's). BUSY: nowhere yet. Pure. */
llmd_error *llmd__cluster_server(const struct json *cluster, struct buf *url, struct buf *ca_pem);
/* Sends nothing. */
llmd_error *llmd__cluster_kube(const llmd_gke *gke, const struct json *cluster, llmd_kube **out);

#endif
