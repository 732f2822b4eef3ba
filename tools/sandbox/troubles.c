/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/troubles.h"

#include "sandbox/sandbox.h"

#include <stdio.h>
#include <string.h>

static const char *const names[TROUBLE_KINDS] = {"image-missing", "image-private", "quota",
                                                 "never-ready",   "forbidden",     "preset-unseen"};

static int kind_of(const char *name)
{
    for (int i = 0; i < TROUBLE_KINDS; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

bool troubles_add(struct sandbox *sandbox, const struct json *json)
{
    int kind = kind_of(llmd__json_str(json, "fault"));
    bool room;
    if (kind < 0)
        return false;
    sandbox_lock(sandbox);
    struct troubles *troubles = &sandbox->troubles;
    room = troubles->count < MAX_TROUBLES;
    if (room) {
        troubles->items[troubles->count].kind = (enum trouble)kind;
        snprintf(troubles->items[troubles->count].match, sizeof(troubles->items[0].match), "%s",
                 llmd__json_str(json, "match"));
        troubles->count++;
    }
    sandbox_unlock(sandbox);
    return room;
}

/* The store does not change by it: the controllers are told to look all the same. */
void troubles_clear(struct sandbox *sandbox)
{
    sandbox_lock(sandbox);
    sandbox->troubles.count = 0;
    sandbox->settled_version = -1;
    sandbox_unlock(sandbox);
}

bool has_trouble(const struct sandbox *sandbox, enum trouble kind, const char *about)
{
    for (int i = 0; i < sandbox->troubles.count; i++)
        if (sandbox->troubles.items[i].kind == kind &&
            strstr(about, sandbox->troubles.items[i].match))
            return true;
    return false;
}
