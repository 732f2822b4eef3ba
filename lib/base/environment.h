/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LLMD_BASE_ENVIRONMENT_H
#define LLMD_BASE_ENVIRONMENT_H

#include <stdlib.h>

/* NULL also where it is set to nothing, which is how shells and manifests unset a variable. */
static inline const char *llmd__environment(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

#endif
