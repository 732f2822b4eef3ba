/* SPDX-License-Identifier: Apache-2.0 */
/* What a watch has told so far, by namespace and name, to tell the difference after a new list. */
#ifndef LLMD_KUBE_KNOWN_H
#define LLMD_KUBE_KNOWN_H

#include "base/error.h"

struct known_object {
    struct known_object *next;
    char *ns, *name;
    char *uid, *version;
    char *text;     /* as last told: DELETED tells it again */
    unsigned round; /* of the list that saw it last */
};

struct known {
    struct known_object **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
};

struct known_object *llmd__known_find(const struct known *known, const char *ns, const char *name);
/* Adds or renews; takes text, also on failure. */
llmd_error *llmd__known_put(struct known *known, const char *ns, const char *name, const char *uid,
                            const char *version, char *text, unsigned round);
/* Takes one out, which the caller frees; NULL: none such. */
struct known_object *llmd__known_take(struct known *known, const char *ns, const char *name);
/* Takes out any one that was not seen in this round; NULL: all were. */
struct known_object *llmd__known_take_unseen(struct known *known, unsigned round);
void llmd__known_object_free(struct known_object *object);
void llmd__known_free(struct known *known);

DEFINE_AUTO(known_object, struct known_object *, llmd__known_object_free)

#endif
