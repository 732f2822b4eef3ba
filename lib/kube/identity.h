/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are to an API server: the user of a kubeconfig as parts of an http_config. */
#ifndef LLMD_KUBE_IDENTITY_H
#define LLMD_KUBE_IDENTITY_H

#include "base/json.h"
#include "net/http.h"

struct identity {
    char *cert_pem, *key_pem;
    struct http_auth auth; /* owned until the http takes it */
    int (*certificates)(void *data, struct buf *cert_pem, struct buf *key_pem);
    char *impersonate[34]; /* "Name: value", NULL-ended */
};

/* By client-go's precedence: token file, token, basic, exec plugin; certificates besides. user
   NULL: anonymous. cluster is for exec plugins. source begins the errors. */
llmd_error *llmd__identity_open(const struct json *user, const struct json *cluster,
                                const char *source, struct identity *out);
/* base64 text under data_key, else the file under file_key, else NULL. */
llmd_error *llmd__identity_pem(const struct json *json, const char *data_key, const char *file_key,
                               const char *source, char **out);
void llmd__identity_free(struct identity *identity);

static inline void llmd__auto_identity(struct identity *identity)
{
    llmd__identity_free(identity);
}

#endif
