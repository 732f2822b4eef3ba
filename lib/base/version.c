/* SPDX-License-Identifier: Apache-2.0 */
#include <llmd/version.h>

const char *llmd_version(void)
{
    return LLMD_VERSION;
}
