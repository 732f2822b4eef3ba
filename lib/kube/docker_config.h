/* SPDX-License-Identifier: Apache-2.0 */
/* A registry login as kubelet reads it, for Secrets of type kubernetes.io/dockerconfigjson. Pure.
 */
#ifndef LLMD_KUBE_DOCKER_CONFIG_H
#define LLMD_KUBE_DOCKER_CONFIG_H

#include "base/buf.h"

#define LLMD__DOCKER_CONFIG_TYPE "kubernetes.io/dockerconfigjson"
#define LLMD__DOCKER_CONFIG_KEY ".dockerconfigjson"

/* Appends {"auths": {"registry": {"auth": base64(user:password)}}}; out is a BUF_SECRET. */
llmd_error *llmd__docker_config(const char *registry, const char *user, const char *password,
                                struct buf *out);

#endif
