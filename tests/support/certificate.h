/* SPDX-License-Identifier: Apache-2.0 */
/* A fresh self-signed client certificate, so that no key lies in the repository. */
#ifndef TESTS_SUPPORT_CERTIFICATE_H
#define TESTS_SUPPORT_CERTIFICATE_H

/* PEM texts, to be given to free(). */
void certificate_make(const char *common_name, char **cert_pem, char **key_pem);

#endif
