/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Google's token servers, as strict as the real ones: the token endpoint (it verifies the
 * assertion's signature and claims), the Security Token Service, the IAM Credentials API, the
 * metadata server; and AWS's metadata server. Tokens are "TOKEN_PREFIX" and a number, from 1.
 * As the scripted server it never uses the library's allocator.
 */
#ifndef TESTS_SUPPORT_GOOGLE_DOUBLE_H
#define TESTS_SUPPORT_GOOGLE_DOUBLE_H

#include "support/server.h"

#include <openssl/evp.h>
#include <stdatomic.h>

#define TOKEN_PREFIX "ya29.double-token-that-nobody-may-see-in-a-log-or-in-an-error-message-"
#define ACCOUNT "runner@acme.iam.gserviceaccount.com"
#define REFRESH_TOKEN                                                                              \
    "1//0refresh-secret-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"
#define CLIENT_SECRET "GOCSPX-client-secret"
#define AUDIENCE                                                                                   \
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q"
#define WORKFORCE "//iam.googleapis.com/locations/global/workforcePools/p/providers/q"
#define SUBJECT_TOKEN "subject-secret-0123456789-0123456789-0123456789-0123456789-0123456789"
#define AWS_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

struct google_double {
    struct server *server;
    EVP_PKEY *key;      /* of the service account */
    char *pem;          /* the same, escaped for JSON */
    atomic_uint issued; /* tokens, of all kinds */
    int expires_in;     /* seconds; 0: 3600 */
    bool as_text;       /* expires_in as a JSON string, as Azure sends it */
    bool rotates;       /* each use of a refresh token brings another */
    int answer_ms;      /* how long a token takes */
    char *seen_subject; /* the last subject_token of the STS */
};

void google_double_start(struct google_double *google);
void google_double_stop(struct google_double *google);
/* Credentials files by kind, to be freed. extra: further members, beginning with a comma; "". */
char *google_double_service_account(const struct google_double *google, const char *extra);
char *google_double_user(const struct google_double *google, const char *extra);
/* source: the credential_source object. impersonate: whether it then acts as ACCOUNT. */
char *google_double_external(const struct google_double *google, const char *source,
                             bool impersonate);
char *google_double_impersonated(const struct google_double *google, const char *source);

#endif
