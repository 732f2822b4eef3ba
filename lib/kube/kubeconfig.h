/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig by client-go's rules. Pure: documents and environment are arguments; only
 * llmd__kubeconfig_open() touches files.
 */
#ifndef LLMD_KUBE_KUBECONFIG_H
#define LLMD_KUBE_KUBECONFIG_H

#include "base/json.h"

#include <llmd/kube.h>

struct kubeconfig_file {
    const char *path;
    const struct json *document;
};

/* Merges: for clusters, users and contexts the first file that has a name wins with its whole
   entry, for current-context the first that sets it; relative paths are made absolute against the
   file that holds them. Errors name file and line. */
llmd_error *llmd__kubeconfig_merge(const struct kubeconfig_file *files, size_t count,
                                   struct json **out);

/* What a context means; everything points into the merged document. */
struct kubeconfig_choice {
    const char *context;
    const char *ns; /* "default" where none is set */
    const struct json *cluster;
    const struct json *user; /* NULL: anonymous */
};
/* kubecontext NULL or "": the current one. NOT_FOUND names the contexts that exist; source names
   the kubeconfig in errors. */
llmd_error *llmd__kubeconfig_choose(const struct json *merged, const char *kubecontext,
                                    const char *source, struct kubeconfig_choice *out);

/* Where to look when no file is named. */
struct kubeconfig_places {
    const char *list;                        /* $KUBECONFIG, or NULL */
    const char *home;                        /* $HOME, or NULL */
    const char *service_host, *service_port; /* $KUBERNETES_SERVICE_HOST, _PORT, or NULL */
    const char *account_dir;                 /* of the pod's service account */
};
llmd_error *llmd__kubeconfig_open(const char *kubeconfig, const char *kubecontext,
                                  const struct kubeconfig_places *places, llmd_kube **out);
llmd_error *llmd__kubeconfig_in_cluster(const struct kubeconfig_places *places, llmd_kube **out);
/* A handle from a choice: reads certificates and token files, opens exec plugins. */
llmd_error *llmd__kubeconfig_connect(const struct kubeconfig_choice *choice, const char *source,
                                     llmd_kube **out);

#endif
