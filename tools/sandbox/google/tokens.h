/* SPDX-License-Identifier: Apache-2.0 */
/* Access tokens that the sandbox hands out. Has a lock of its own, which is a leaf. */
#ifndef SANDBOX_GOOGLE_TOKENS_H
#define SANDBOX_GOOGLE_TOKENS_H

#include <stdbool.h>

struct google_tokens;

#define SANDBOX_CLIENT_ID "sandbox.apps.googleusercontent.com"
#define SANDBOX_CLIENT_SECRET "sandbox-client-secret"
#define SANDBOX_REFRESH_TOKEN "1//sandbox-refresh-token"
#define SANDBOX_SERVICE_ACCOUNT "sandbox@my-project.iam.gserviceaccount.com"

/* fixed: always this token and always good (NULL: a new one each time); seconds: how long one
   lives. */
struct google_tokens *tokens_new(const char *fixed, int seconds);
void tokens_free(struct google_tokens *tokens);
/* A token for the caller to free (llmd__free). */
char *tokens_issue(struct google_tokens *tokens);
bool tokens_good(struct google_tokens *tokens, const char *token);
int tokens_seconds(const struct google_tokens *tokens);
int tokens_issued(struct google_tokens *tokens);
/* The service account's key: made when first asked for. PEM, for free(); verify a JWT's text. */
char *tokens_private_key(struct google_tokens *tokens);
bool tokens_verify(struct google_tokens *tokens, const char *signed_text, unsigned long len,
                   const unsigned char *signature, unsigned long signature_len);

#endif
