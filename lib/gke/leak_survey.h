/* SPDX-License-Identifier: Apache-2.0 */
/* Whose it is, of all that Compute Engine lists. Pure: lists in, finds out. */
#ifndef LLMD_GKE_LEAK_SURVEY_H
#define LLMD_GKE_LEAK_SURVEY_H

#include "base/json.h"

/* What is known of the cluster. Borrowed. */
struct leak_cluster {
    const char *name, *location, *region;
    const struct json *addresses; /* strings: of its Gateways; NULL: none */
    const struct json *groups;    /* strings: names of its instance groups; NULL */
    const struct json *recorded;  /* finds of an earlier survey that were ours; NULL */
};

/* What is looked for. A row is one aggregated (or global) list. */
struct leak_kind {
    const char *collection; /* "forwardingRules" */
    bool global_only;       /* no aggregated list: global/COLLECTION */
    bool billable;
};
extern const struct leak_kind llmd__leak_kinds[];
size_t llmd__leak_kind_count(void);

/* Whether a label or description of this thing names the cluster. */
bool llmd__names_cluster(const struct json *thing, const struct leak_cluster *cluster);
/* lists: {"forwardingRules": [items], ...}. out: [{"kind", "name", "location", "owner", "why",
   "billable", "link"}]: ours, what may be ours (unknown), and what is of no GKE cluster (other)
   of the same region, as far as it is billable. */
llmd_error *llmd__leak_survey(const struct json *lists, const struct leak_cluster *cluster,
                              struct json **out);

#endif
