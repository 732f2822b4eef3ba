/* SPDX-License-Identifier: Apache-2.0 */
/* What refused looks mean together: twenty-five of one cause are told as that cause, once. */
#include "gke/preflight.h"

#include <string.h>

static llmd_error *hold(struct preflight *preflight, const struct check *check,
                        const struct look_answer *answer)
{
    struct json *held = llmd__json_add_object(preflight->held);

    llmd__json_set_int(held, "level", check->level);
    llmd__json_set_str(held, "subject", check->subject);
    llmd__json_set_str(held, "reason", check->reason);
    llmd__json_set_str(held, "advice", check->advice);
    llmd__json_set_str(held, "message", llmd_error_message(answer->refusal));
    llmd__json_set_int(held, "trouble", answer->trouble);
    return llmd__json_check(preflight->held);
}

static llmd_error *count_unreachable(struct preflight *preflight, const struct look_answer *answer)
{
    if (llmd_error_code(answer->refusal) != LLMD_E_UNREACHABLE)
        return NULL;
    preflight->unreached++;
    if (preflight->unreachable)
        return NULL;
    preflight->unreachable = llmd__error_copy(answer->refusal);
    return preflight->unreachable ? NULL : NO_MEMORY;
}

llmd_error *llmd__preflight_refused(struct preflight *preflight, struct graph *graph,
                                    const struct check *check, const struct look_answer *answer)
{
    if (preflight->answered)
        return llmd__preflight_tell(preflight, graph, check, "%s",
                                    llmd_error_message(answer->refusal));
    TRY(count_unreachable(preflight, answer));
    return hold(preflight, check, answer);
}

static llmd_error *tell(struct preflight *preflight, struct graph *graph, const struct json *held,
                        const char *more)
{
    const struct check check = {(llmd_level)llmd__json_int(held, "level", LLMD_LEVEL_WARNING),
                                llmd__json_str(held, "subject"), llmd__json_str(held, "reason"),
                                llmd__json_str(held, "advice")};

    return llmd__preflight_tell(preflight, graph, &check, "%s%s", llmd__json_str(held, "message"),
                                more);
}

llmd_error *llmd__preflight_answered(struct preflight *preflight, struct graph *graph)
{
    if (preflight->answered)
        return NULL;
    preflight->answered = true;
    JSON_EACH(held, preflight->held) {
        TRY(tell(preflight, graph, held, ""));
    }
    return NULL;
}

/* ---- nothing was answered ---- */

static enum trouble trouble_of(const struct json *held)
{
    enum trouble trouble = (enum trouble)llmd__json_int(held, "trouble", TROUBLE_UNKNOWN);

    /* What may not be seen is not there, by the words of some services. */
    return trouble == TROUBLE_NOT_FOUND ? TROUBLE_PERMISSION : trouble;
}

/* That of the project, which is in the way of all others. */
static const struct json *find_cause(const struct preflight *preflight)
{
    JSON_EACH(held, preflight->held) {
        const char *reason = llmd__json_str(held, "reason");

        if (strcmp(reason, "PROJECT_NOT_FOUND") == 0 || strcmp(reason, "CREDENTIALS") == 0)
            return held;
    }
    return NULL;
}

static bool is_of(const struct json *held, const struct json *cause)
{
    return cause && held != cause && trouble_of(held) == trouble_of(cause) &&
           strcmp(llmd__json_str(held, "reason"), "UNKNOWN") == 0;
}

static llmd_error *tell_cause(struct preflight *preflight, struct graph *graph,
                              const struct json *cause, size_t alike)
{
    AUTO(str)
    char *more = llmd__format("; nothing could be checked: %zu more looks at project %s were "
                              "refused alike",
                              alike, llmd_gke_project(preflight->gke));

    CHECK_MEMORY(more);
    return tell(preflight, graph, cause, alike ? more : "");
}

llmd_error *llmd__preflight_tell_held(struct preflight *preflight, struct graph *graph)
{
    const struct json *cause = find_cause(preflight);
    size_t alike = 0;

    if (preflight->answered || !llmd__json_count(preflight->held))
        return NULL;
    if (preflight->unreached == llmd__json_count(preflight->held))
        return llmd__error_wrap(TAKE(preflight->unreachable),
                                "preflight: nothing could be checked");
    JSON_EACH(held, preflight->held) {
        if (is_of(held, cause))
            alike++;
        else if (held != cause)
            TRY(tell(preflight, graph, held, ""));
    }
    return cause ? tell_cause(preflight, graph, cause, alike) : NULL;
}
