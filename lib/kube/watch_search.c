/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/crds.h"
#include "kube/watch_turn.h"

#include <string.h>

/* What is not served is looked for when a change of CRDs tells of it: a few times, since discovery
   follows the CRD; and now and then without a cause, for what no CRD defines. What is refused is
   asked for again after SEARCH_MS. */
#define SEARCH_MS 5000
#define SEARCH_UNTOLD_MS 60000
#define SEARCH_TOLD_MS 100
#define SEARCHES_TOLD 6

/* CRDs are named as resources are, "plural.group"; of a shorter name any could be meant. */
static llmd_error *listen(const struct turn *turn)
{
    const struct watch *watch = turn->watch;

    return llmd__crds_listen(turn->graph, watch->kube,
                             strchr(watch->name, '.') ? watch->name : NULL);
}

static int64_t search_delay_ms(const struct turn *turn)
{
    struct watch *watch = turn->watch;

    if (watch->denied || watch->wish.metadata_only || llmd__crds_blind(turn->graph, watch->kube))
        return SEARCH_MS;
    if (!watch->searches_left)
        return SEARCH_UNTOLD_MS;
    return (int64_t)SEARCH_TOLD_MS << (SEARCHES_TOLD - watch->searches_left--);
}

/* Nothing is there to be watched: what was known is gone. */
llmd_error *llmd__watch_search(const struct turn *turn)
{
    turn->watch->round++;
    llmd__watch_forget(&turn->watch->version);
    llmd__watch_forget(&turn->watch->page_token);
    TRY(llmd__watch_tell_unseen(turn));
    if (!llmd__watch_is_over(turn))
        TRY(llmd__watch_tell_synced(turn));
    if (llmd__watch_is_over(turn))
        return NULL;
    if (!turn->watch->denied && !turn->watch->wish.metadata_only)
        TRY(listen(turn));
    return llmd__watch_sleep(turn, SEARCHING, search_delay_ms(turn));
}

/* What discovery met may pass: it begins anew after a while. */
static llmd_error *resolve_again(const struct turn *turn, const llmd_error *error)
{
    llmd__resolve_free(&turn->watch->resolve);
    turn->watch->resolve.renew = true;
    turn->action->kind = ACTION_NONE;
    TRY(llmd__watch_back_off(turn, llmd_error_message(error), llmd_error_retry_after_ms(error)));
    turn->watch->phase = RESOLVING;
    return NULL;
}

static bool may_pass(const struct watch *watch, const llmd_error *error)
{
    return (watch->synced || watch->wish.keeps_trying) &&
           (llmd_error_code(error) == LLMD_E_UNREACHABLE || llmd_error_retryable(error));
}

llmd_error *llmd__watch_resolve(const struct turn *turn, const struct step_input *input)
{
    struct watch *watch = turn->watch;
    bool finished = false, served = false;

    watch->phase = RESOLVING;
    watch->wake_ms = 0;
    AUTO(error)
    llmd_error *error = llmd__resolve_advance(&watch->resolve, watch->kube, watch->name, input,
                                              turn->action, &finished, &served, &watch->resource);
    if (error && may_pass(watch, error))
        return resolve_again(turn, error);
    TRY(TAKE(error));
    if (!finished)
        return NULL;
    if (served) {
        watch->failures = 0;
        llmd__crds_ignore(turn->graph, watch->kube);
        return llmd__watch_list(turn);
    }
    if (watch->wish.optional || watch->wish.missing_is_empty)
        return llmd__watch_search(turn);
    return llmd__error_wrap(llmd__discovery_missing(watch->kube, watch->name), "watch");
}

/* A CRD was changed. Several changes follow each other: one look for them all. */
llmd_error *llmd__watch_take_poke(const struct turn *turn)
{
    struct watch *watch = turn->watch;

    if (watch->phase != SEARCHING || watch->denied || watch->wish.metadata_only)
        return NULL;
    watch->searches_left = SEARCHES_TOLD;
    return llmd__watch_sleep(turn, SEARCHING, search_delay_ms(turn));
}
