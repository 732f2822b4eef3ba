/* SPDX-License-Identifier: Apache-2.0 */
/* An exec plugin's answer, and Retry-After: whatever they say, nothing breaks. */
#include "auth/exec.h"
#include "net/retry.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct exec_credential credential;
    AUTO(str) char *header = llmd__strndup((const char *)data, size);
    AUTO(error) llmd_error *error = llmd__exec_parse((const char *)data, size, &credential);

    if (!error && !credential.token && !credential.cert_pem)
        abort();
    if (error && (credential.token || credential.key_pem))
        abort();
    llmd__exec_credential_free(&credential);
    if (llmd__retry_after_ms(header, 784111777000) < -1)
        abort();
    return 0;
}
