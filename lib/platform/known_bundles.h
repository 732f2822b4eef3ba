/* SPDX-License-Identifier: Apache-2.0 */
/* The bundles that are known: data of the library, of a file, of a folder that fetch filled. */
#ifndef LLMD_PLATFORM_KNOWN_BUNDLES_H
#define LLMD_PLATFORM_KNOWN_BUNDLES_H

#include "base/json.h"
#include "platform/component.h"

#define LLMD__SHA256_UNKNOWN "unknown"    /* of a file in a list: the caller must give it */
#define LLMD__BUNDLES_FILE "bundles.json" /* the list in a folder of llmd_platform_fetch() */

/* The library's and LLMD_BUNDLES', or only those of a folder. */
llmd_error *llmd__bundles_known(const char *folder, struct json **out);
/* Of this version; NULL: the newest of those that were proven on a real cluster, or else of all,
   whose files can be had and checked. NULL: none. */
const struct json *llmd__bundles_find(const struct json *list, enum component component,
                                      const char *version);
/* "0.17.0, 0.20.0", or "" */
void llmd__bundles_versions(const struct json *list, enum component component, struct buf *out);
/* 64 hex digits in lower case. */
bool llmd__sha256_valid(const char *text);
/* By number, part for part: 0.9 is before 0.10; "v" in front does not count; 1.5.0-rc.1 is before
   1.5.0. */
int llmd__version_compare(const char *a, const char *b);

#endif
