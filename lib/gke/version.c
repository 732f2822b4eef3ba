/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/version.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

/* The next number of the text, which moves behind it; false at the end. */
static bool next_number(const char **text, long *number)
{
    *text += strcspn(*text, DIGITS);
    if (!**text)
        return false;
    *number = strtol(*text, NULL, 10);
    *text += strspn(*text, DIGITS);
    return true;
}

/* Release channels upgrade clusters by themselves, and Google takes no downgrade: a spec that names
   an older version is content. */
bool llmd__version_newer(const char *wanted, const char *current)
{
    long want = 0, have = 0;

    if (!wanted || !*current)
        return false;
    while (next_number(&wanted, &want) && next_number(&current, &have)) {
        if (want != have)
            return want > have;
    }
    return false;
}
