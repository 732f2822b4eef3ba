/* SPDX-License-Identifier: Apache-2.0 */
/* Versions as GKE writes and takes them: "1.34", "1.34.1", "1.34.1-gke.1829001". Pure. */
#ifndef LLMD_GKE_VERSION_H
#define LLMD_GKE_VERSION_H

#include <stdbool.h>

/* Whether `wanted` (NULL, "", "latest": no) names something newer than `current`. What it leaves
   open does not count: "1.34" is not newer than "1.34.1-gke.5". */
bool llmd__version_newer(const char *wanted, const char *current);

#endif
