/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/cluster_spec_check.h"

#include "gke/gke.h"
#include "gke/network.h"

#include <string.h>

#define MAX_LABEL 63
#define MAX_LABELS 64
#define LABEL_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789_-"

/* ---- values ---- */

llmd_error *llmd__cluster_check_networks(const struct json *value)
{
    JSON_EACH(item, value) {
        const char *range = llmd__json_text(item);
        const char *fault = llmd__range_fault(range);

        if (fault)
            return llmd__error_set_advice(
                llmd__error(LLMD_E_INVALID, "\"%.80s\" is no range of addresses: %s", range, fault),
                "write it as 203.0.113.0/24; one address is 203.0.113.7/32");
    }
    return NULL;
}

static bool is_label_text(const char *text)
{
    return strlen(text) <= MAX_LABEL && text[strspn(text, LABEL_CHARACTERS)] == '\0';
}

static llmd_error *check_label(const char *key, const char *value)
{
    if (strcmp(key, LLMD__OWNER_LABEL) == 0 && strcmp(value, LLMD__OWNER) != 0)
        return llmd__error(LLMD_E_INVALID,
                           "\"%s\" says who made the cluster: the library sets it itself", key);
    if (key[0] >= 'a' && key[0] <= 'z' && is_label_text(key) && is_label_text(value))
        return NULL;
    return llmd__error(
        LLMD_E_INVALID,
        "\"%.80s\": \"%.80s\": want lower case letters, digits, '-' and '_', at most "
        "%d, a letter first in the key",
        key, value, MAX_LABEL);
}

llmd_error *llmd__cluster_check_labels(const struct json *value)
{
    /* One of them is ours. */
    if (llmd__json_count(value) >= MAX_LABELS)
        return llmd__error(LLMD_E_INVALID, "want %d labels or fewer", MAX_LABELS - 1);
    JSON_EACH(label, value) {
        TRY(check_label(llmd__json_key(label), llmd__json_text(label)));
    }
    return NULL;
}

/* ---- the whole ---- */

static llmd_error *check_name(const char *name)
{
    AUTO(json) struct json *value = NULL;

    if (!name || !*name)
        return llmd__error_set_advice(llmd__error(LLMD_E_INVALID, "name is missing"),
                                      "add one, such as name: llm");
    value = llmd__json_new_str(name, strlen(name));
    CHECK_MEMORY(value);
    return llmd__error_wrap(llmd__pool_check_name(value), "name");
}

static llmd_error *check_network_policy(const llmd_cluster_spec *spec)
{
    if (!spec->network_policy || !llmd__cluster_spec_on(spec->dataplane_v2))
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "networkPolicy: GKE takes none with Dataplane V2, %s",
                    spec->dataplane_v2 ? "which the spec says" : "the default"),
        "leave it out, because Dataplane V2 enforces network policies itself; or say "
        "dataplaneV2: false");
}

/* Where the author wrote it: the added system pool does not count. */
static size_t place_in_spec(const llmd_cluster_spec *spec, size_t index)
{
    return index - (llmd__cluster_spec_pools(spec) - spec->node_pools.count);
}

static llmd_error *check_other_names(const llmd_cluster_spec *spec, size_t index, const char *name)
{
    for (size_t other = 0; other < index; other++) {
        AUTO(pool_spec) struct pool_spec pool = {0};

        TRY(llmd__cluster_spec_pool(spec, other, &pool));
        if (strcmp(pool.name, name) == 0)
            return llmd__error_set_advice(
                llmd__error(LLMD_E_INVALID, "name: there is another pool %s", name),
                "give each pool a name");
    }
    return NULL;
}

static llmd_error *check_region(const llmd_cluster_spec *spec, const struct pool_spec *pool)
{
    const char *here = llmd__json_text(llmd__json_first(spec->zones));
    const char *zone = llmd__json_text(llmd__json_first(pool->zones));
    size_t len = llmd__region_len(here);

    if (!*here || !*zone || (len == llmd__region_len(zone) && strncmp(here, zone, len) == 0))
        return NULL;
    return llmd__error(LLMD_E_INVALID, "zones: %s is not in the region of %s", zone, here);
}

static llmd_error *check_pool(const llmd_cluster_spec *spec, size_t index)
{
    AUTO(pool_spec) struct pool_spec pool = {0};

    TRY(llmd__cluster_spec_pool(spec, index, &pool));
    TRY(check_region(spec, &pool));
    return check_other_names(spec, index, pool.name);
}

llmd_error *llmd__cluster_check(const void *object)
{
    const llmd_cluster_spec *spec = object;

    TRY(check_name(spec->name));
    TRY(check_network_policy(spec));
    for (size_t index = 0; index < llmd__cluster_spec_pools(spec); index++)
        TRY(llmd__error_wrap(check_pool(spec, index), "nodePools[%zu]",
                             place_in_spec(spec, index)));
    return NULL;
}
