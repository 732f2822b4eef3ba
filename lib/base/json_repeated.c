/* SPDX-License-Identifier: Apache-2.0 */
/* A key that stands twice: which of the two was meant cannot be known, so both are named. */
#include "base/json.h"

#include <string.h>

static int first_line(const struct json *object, const char *key)
{
    JSON_EACH(member, object) {
        if (!strcmp(llmd__json_key(member), key))
            return llmd__json_line(member);
    }
    return 0;
}

llmd_error *llmd__json_refuse_repeated(struct json *object, const char *what, const char *noun)
{
    const struct json *repeated = NULL;

    TRY(llmd__json_find_repeated(object, &repeated));
    if (!repeated)
        return NULL;
    const char *key = llmd__json_key(repeated);
    int line = llmd__json_line(repeated), first = first_line(object, key);
    /* In JSON on one line the first line says nothing more. */
    if (first == line)
        return llmd__error_set_advice(llmd__error(LLMD_E_INVALID,
                                                  "%s:%d: the key \"%s\" stands twice in one %s",
                                                  what, line, key, noun),
                                      "remove one of the two");
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID,
                    "%s:%d: the key \"%s\" stands twice in one %s, first in line %d", what, line,
                    key, noun, first),
        "remove one of the two");
}
