/* SPDX-License-Identifier: Apache-2.0 */
/* client.authentication.k8s.io exec plugins: run, cache until expiry, one run for many threads. */
#ifndef LLMD_AUTH_EXEC_H
#define LLMD_AUTH_EXEC_H

#include "base/json.h"
#include "net/http.h"

struct exec_plugin;

/* spec is the kubeconfig's `exec` object; config_dir: relative commands are found there. cluster is
   what provideClusterInfo wants, or NULL. */
llmd_error *llmd__exec_open(const struct json *spec, const char *config_dir,
                            const struct json *cluster, struct exec_plugin **out);
void llmd__exec_free(struct exec_plugin *plugin);
/* As http_auth.authorize. */
llmd_error *llmd__exec_authorize(llmd_context *ctx, void *plugin, bool refresh, struct buf *header);
/* As http_config.certificates: 1 when the plugin gave a client certificate. */
int llmd__exec_certificates(void *plugin, struct buf *cert_pem, struct buf *key_pem);
/* Pure: an ExecCredential's text to token, certificate and expiry. */
struct exec_credential {
    char *token, *cert_pem, *key_pem;
    int64_t expires_wall_ms; /* 0: none */
    char *api_version;       /* what the plugin says it speaks */
};
llmd_error *llmd__exec_parse(const char *text, size_t len, struct exec_credential *out);
void llmd__exec_credential_free(struct exec_credential *credential);

#endif
