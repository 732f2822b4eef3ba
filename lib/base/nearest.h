/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the known word that is nearest to one that is not known. Pure. */
#ifndef LLMD_BASE_NEAREST_H
#define LLMD_BASE_NEAREST_H

#include <stddef.h>

struct nearest {
    const char *name; /* NULL while none is near enough */
    size_t len;
    size_t distance;
};

void llmd__nearest_try(struct nearest *nearest, const char *word, const char *name, size_t len);

#endif
