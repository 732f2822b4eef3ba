/* SPDX-License-Identifier: Apache-2.0 */
/* Application Default Credentials. */
#include "auth/credentials.h"
#include "auth/google.h"

#include <stdlib.h>

llmd_error *llmd_credentials_google(llmd_context *ctx, const char *path, llmd_credentials **out)
{
    const char *token = getenv("CLOUDSDK_AUTH_ACCESS_TOKEN");

    (void)ctx, (void)path;
    REQUIRE(out);
    *out = NULL;
    if (token && token[0])
        return llmd__credentials_token(token, "CLOUDSDK_AUTH_ACCESS_TOKEN", out);
    return llmd__error(LLMD_E_NOT_FOUND, "no Google credentials");
}

llmd_error *llmd_credentials_google_json(const char *json, llmd_credentials **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(json);
    return llmd__error(LLMD_E_INVALID, "no Google credentials");
}

llmd_error *llmd_credentials_from_command(const char *argv_json, llmd_credentials **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(argv_json);
    return llmd__error(LLMD_E_INVALID, "no command");
}
