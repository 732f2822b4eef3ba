/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubectl reads every object before it applies it, to tell "configured" from "unchanged". Here one
 * request for the whole run gives a version of the store to compare with: resourceVersions are
 * decimal numbers that grow over all kinds (KEP-5504 made that a promise).
 */
#include "kube/applied.h"

#include "kube/kube.h"

#include <string.h>

const char *llmd__applied_name(enum applied applied)
{
    static const char *const names[] = {"created", "configured", "unchanged"};

    return names[applied];
}

static bool is_newer(const char *version, const char *than)
{
    size_t len = strlen(version), than_len = strlen(than);

    return len != than_len ? len > than_len : strcmp(version, than) > 0;
}

/* When we last changed something, or when somebody else did; RFC 3339 in UTC sorts as text. The
   server leaves our time alone when an apply changes nothing. */
static const char *last_write(const struct json *object, bool ours)
{
    const char *last = "";

    JSON_EACH(entry, llmd__json_get(object, "metadata.managedFields")) {
        bool is_ours = strcmp(llmd__json_str(entry, "manager"), LLMD__FIELD_MANAGER) == 0 &&
                       strcmp(llmd__json_str(entry, "operation"), "Apply") == 0;
        const char *time = llmd__json_str(entry, "time");
        if (is_ours == ours && strcmp(time, last) > 0)
            last = time;
    }
    return last;
}

/* Whether two answers say the same, bookkeeping aside. */
static bool is_same_content(struct json *a, struct json *b)
{
    llmd__json_remove(llmd__json_edit(a, "metadata"), "managedFields");
    llmd__json_remove(llmd__json_edit(b, "metadata"), "managedFields");
    return llmd__json_equal(a, b);
}

enum applied llmd__applied_judge(int http_status, struct json *answer, const char *baseline,
                                 struct json *looked)
{
    const char *version = llmd__json_str(answer, "metadata.resourceVersion");
    bool unchanged = false;

    if (http_status == 201)
        return APPLIED_CREATED;
    if (looked)
        unchanged = strcmp(version, llmd__json_str(looked, "metadata.resourceVersion")) == 0 &&
                    is_same_content(answer, looked);
    else if (baseline)
        unchanged = !is_newer(version, baseline) ||
                    strcmp(last_write(answer, true), last_write(answer, false)) < 0;
    return unchanged ? APPLIED_UNCHANGED : APPLIED_CONFIGURED;
}
