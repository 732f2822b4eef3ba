/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What GKE would refuse, and often late: after half an hour, or in an operation that blocks the
 * cluster. Each check here costs nothing.
 */
#include "gke/pool_spec.h"

#include "gke/gke.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define MAX_NAME 40
#define FLEX_LIMIT_S (7 * 24 * 3600)

static bool said(const char *text)
{
    return text && *text;
}

static bool only(const char *text, const char *characters)
{
    return text[strspn(text, characters)] == '\0';
}

/* ---- values ---- */

/* Node pools and clusters: shorter than a DNS label, because GKE builds longer names of them. */
llmd_error *llmd__pool_check_name(const struct json *value)
{
    const char *name = llmd__json_text(value);
    size_t len = strlen(name);

    if (len && len <= MAX_NAME && islower((unsigned char)name[0]) && name[len - 1] != '-' &&
        only(name, LOWER DIGITS "-"))
        return NULL;
    return llmd__error(LLMD_E_INVALID,
                       "\"%.80s\": want at most %d lower case letters, digits and '-', a letter "
                       "first and no '-' last",
                       name, MAX_NAME);
}

llmd_error *llmd__pool_check_machine(const struct json *value)
{
    const char *machine = llmd__json_text(value);
    size_t len = strlen(machine);

    if (!len || !only(machine, LOWER DIGITS "-"))
        return llmd__error(LLMD_E_INVALID, "\"%.80s\" is no machine type", machine);
    if (len > 4 && strncmp(machine, "ct", 2) == 0 && strcmp(machine + len - 4, "-tpu") == 0)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "%s is a machine type of TPU VMs, not of GKE", machine),
            "use %.*s", (int)(len - 4), machine);
    return NULL;
}

llmd_error *llmd__pool_check_topology(const struct json *value)
{
    const char *topology = llmd__json_text(value);

    if (llmd__topology_chips(topology, NULL) > 0)
        return NULL;
    return llmd__error_set_advice(llmd__error(LLMD_E_INVALID, "\"%.80s\" is no topology", topology),
                                  "write it as 4x4");
}

static llmd_error *check_zone(const char *zone)
{
    size_t region = llmd__region_len(zone);

    if (region < strlen(zone) && region && isdigit((unsigned char)zone[region - 1]) &&
        only(zone, LOWER DIGITS "-"))
        return NULL;
    return llmd__error_set_advice(llmd__error(LLMD_E_INVALID, "\"%.80s\" is no zone", zone),
                                  "a zone is a region and a letter: europe-west4-a");
}

llmd_error *llmd__pool_check_zones(const struct json *value)
{
    const char *first = llmd__json_text(llmd__json_first(value));
    size_t region = llmd__region_len(first);

    if (!llmd__json_first(value))
        return llmd__error(LLMD_E_INVALID, "want one zone at least");
    JSON_EACH(item, value) {
        const char *zone = llmd__json_text(item);

        TRY(check_zone(zone));
        if (llmd__region_len(zone) != region || strncmp(zone, first, region) != 0)
            return llmd__error(LLMD_E_INVALID, "%s and %s lie in two regions", first, zone);
    }
    return NULL;
}

static int64_t unit_seconds(char unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    default:
        return 0;
    }
}

int64_t llmd__duration_seconds(const char *text)
{
    int64_t total = 0;

    if (!*text)
        return -1;
    while (*text) {
        size_t digits = strspn(text, DIGITS);
        int64_t unit = unit_seconds(text[digits]);

        if (!digits || digits > 9 || !unit)
            return -1;
        total += strtoll(text, NULL, 10) * unit;
        text += digits + 1;
    }
    return total;
}

llmd_error *llmd__pool_check_duration(const struct json *value)
{
    if (llmd__duration_seconds(llmd__json_text(value)) > 0)
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "\"%.80s\" is no duration", llmd__json_text(value)),
        "write it as 2h, 90m, 1h30m or 7200s");
}

llmd_error *llmd__pool_check_account(const struct json *value)
{
    const char *account = llmd__json_text(value);

    if (strchr(account, '@') || strcmp(account, "default") == 0)
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "\"%.200s\" is no service account", account),
        "give its email: nodes@PROJECT.iam.gserviceaccount.com");
}

/* "latest", "1.34", "1.34.1", "1.34.1-gke.1829001". */
llmd_error *llmd__pool_check_version(const struct json *value)
{
    const char *version = llmd__json_text(value);

    if (strcmp(version, "latest") == 0 ||
        (strncmp(version, "1.", 2) == 0 && only(version, DIGITS ".-gke")))
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "\"%.80s\" is no version of GKE", version),
        "write it as 1.34, 1.34.1 or 1.34.1-gke.1829001, in quotes");
}

/* ---- labels and taints ---- */

static bool ends_domain(const char *domain, size_t len, const char *end)
{
    size_t end_len = strlen(end);

    return len >= end_len && strncmp(domain + len - end_len, end, end_len) == 0 &&
           (len == end_len || domain[len - end_len - 1] == '.');
}

static llmd_error *check_label_key(const char *key)
{
    static const char *const reserved[] = {"kubernetes.io", "k8s.io", "cloud.google.com"};
    const char *slash = strchr(key, '/');
    llmd_error *error = NULL;

    for (size_t i = 0; slash && !error && i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (ends_domain(key, (size_t)(slash - key), reserved[i]))
            error =
                llmd__error(LLMD_E_INVALID, "\"%.200s\" is reserved for GKE and Kubernetes", key);
    }
    if (error && strstr(key, "gke-tpu-"))
        return llmd__error_set_advice(error, "leave it out: GKE sets the labels of TPU nodes");
    return llmd__error_set_advice(error, "use a prefix of your own: example.com/role");
}

llmd_error *llmd__pool_check_labels(const struct json *value)
{
    JSON_EACH(label, value) {
        if (!*llmd__json_key(label))
            return llmd__error(LLMD_E_INVALID, "a label without a key");
        TRY(check_label_key(llmd__json_key(label)));
    }
    return NULL;
}

/* Kubernetes' spelling and Google's; the body takes only the latter. */
static const char *effect_of(const char *text)
{
    static const char *const effects[][2] = {{"NoSchedule", "NO_SCHEDULE"},
                                             {"PreferNoSchedule", "PREFER_NO_SCHEDULE"},
                                             {"NoExecute", "NO_EXECUTE"}};

    for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
        if (strcmp(text, effects[i][0]) == 0 || strcmp(text, effects[i][1]) == 0)
            return effects[i][1];
    }
    return NULL;
}

llmd_error *llmd__taint_parse(const char *text, struct taint *out)
{
    const char *colon = strrchr(text, ':');
    size_t key_len = strcspn(text, "=:");

    *out = (struct taint){.effect = colon ? effect_of(colon + 1) : NULL};
    if (!out->effect || !key_len)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "\"%.200s\" is no taint", text),
            "write it as key=value:NoSchedule (or :PreferNoSchedule, :NoExecute)");
    out->key = llmd__strndup(text, key_len);
    out->value = text[key_len] == '='
                     ? llmd__strndup(text + key_len + 1, (size_t)(colon - text) - key_len - 1)
                     : llmd__strdup("");
    if (out->key && out->value)
        return NULL;
    llmd__free(TAKE(out->key));
    llmd__free(TAKE(out->value));
    return NO_MEMORY;
}

llmd_error *llmd__pool_check_taints(const struct json *value)
{
    JSON_EACH(item, value) {
        struct taint taint;

        TRY(llmd__taint_parse(llmd__json_text(item), &taint));
        llmd__free(taint.key);
        llmd__free(taint.value);
    }
    return NULL;
}

/* ---- a pool as a whole ---- */

static llmd_error *check_hardware(const struct pool_spec *pool)
{
    const struct pool_preset *preset = llmd__pool_preset(pool->preset);

    if (!said(pool->machine))
        return llmd__error_set_advice(llmd__error(LLMD_E_INVALID, "machine is missing"),
                                      "name a preset or a machine type");
    if (preset && preset->chip != llmd__pool_chip(pool))
        return llmd__error(LLMD_E_INVALID, "machine %s is not of the preset %s", pool->machine,
                           preset->name);
    if (said(pool->accelerator.type) && llmd__chip_of_machine(pool->machine) &&
        llmd__chip_of_machine(pool->machine) != llmd__chip_of_accelerator(pool->accelerator.type))
        return llmd__error(LLMD_E_INVALID, "accelerator: machine type %s has no %s", pool->machine,
                           pool->accelerator.type);
    return NULL;
}

static llmd_error *single_host(const struct pool_spec *pool)
{
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "topology %s is that of one %s, and GKE takes none there",
                    pool->topology, pool->machine),
        "leave topology out: each node is a slice of its own");
}

/* The slices that a v5e and a v6e come in: two dimensions, doubled in turn. */
static bool is_known_slice(const char *topology)
{
    static const char *const known[] = {"2x4", "4x4", "4x8", "8x8", "8x16", "16x16"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i], topology) == 0)
            return true;
    }
    return false;
}

static llmd_error *check_known_topology(const struct pool_spec *pool, const struct chip *chip)
{
    int dimensions = 0, chips = llmd__topology_chips(pool->topology, &dimensions);
    llmd_error *error = NULL;

    if (chips == llmd__pool_chips_per_node(pool))
        return dimensions == 2
                   ? single_host(pool)
                   : llmd__error_set_advice(llmd__error(LLMD_E_INVALID,
                                                        "topology %s: those of %s have "
                                                        "two dimensions",
                                                        pool->topology, chip->name),
                                            "leave topology out: each node is a slice of its own");
    if (!is_known_slice(pool->topology))
        error = llmd__error(LLMD_E_INVALID, "topology %s: there is no such slice of %s",
                            pool->topology, chip->name);
    else if (strcmp(pool->machine, chip->multi_host) != 0)
        error = llmd__error(LLMD_E_INVALID, "topology %s: slices of several hosts are made of %s",
                            pool->topology, chip->multi_host);
    return llmd__error_set_advice(
        error, "with machine %s there are 2x4, 4x4, 4x8, 8x8, 8x16 and 16x16", chip->multi_host);
}

static llmd_error *check_topology(const struct pool_spec *pool)
{
    const struct chip *chip = llmd__pool_chip(pool);
    int chips = llmd__pool_chips_per_node(pool);
    int slice = llmd__topology_chips(pool->topology, NULL);

    if (!said(pool->topology))
        return NULL;
    if (llmd__pool_accelerator(pool) != ACCELERATOR_TPU)
        return llmd__error(LLMD_E_INVALID, "topology %s: %s has no TPU", pool->topology,
                           pool->machine);
    if (chip)
        return check_known_topology(pool, chip);
    if (chips && slice == chips)
        return single_host(pool);
    if (chips && slice % chips != 0)
        return llmd__error(LLMD_E_INVALID, "topology %s: its %d chips are no multiple of %s's %d",
                           pool->topology, slice, pool->machine, chips);
    return NULL;
}

/* A slice is there as a whole or not at all. */
static llmd_error *check_slice_sizes(const struct pool_spec *pool)
{
    int hosts = llmd__pool_hosts(pool);
    const char *wrong = NULL;

    if (pool->nodes > 0 && pool->nodes != hosts)
        wrong = "nodes";
    else if (pool->min_nodes > 0)
        wrong = "minNodes";
    else if (pool->max_nodes >= 0 && pool->max_nodes != hosts)
        wrong = "maxNodes";
    if (!wrong)
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "%s: a slice of topology %s has %d nodes or none", wrong,
                    pool->topology, hosts),
        "nodes is 0 or %d; with autoscaling minNodes is 0 and maxNodes %d", hosts, hosts);
}

static llmd_error *check_sizes(const struct pool_spec *pool)
{
    int least = llmd__pool_nodes_at_least(pool), most = llmd__pool_nodes_at_most(pool);

    if (llmd__pool_multi_host(pool))
        return check_slice_sizes(pool);
    if (!llmd__pool_autoscaled(pool))
        return NULL;
    if (pool->max_nodes < 0)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "maxNodes is missing: autoscaling needs it"),
            "set maxNodes, or leave minNodes out");
    if (least > most)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "minNodes: %d is more than maxNodes, %d", least, most),
            "raise maxNodes to %d, or lower minNodes to %d", least, most);
    if (pool->nodes >= 0 && (pool->nodes < least || pool->nodes > most))
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "nodes: %d is not between minNodes %d and maxNodes %d",
                        pool->nodes, least, most),
            "nodes is where autoscaling begins: leave it out, or give %d to %d", least, most);
    return NULL;
}

static llmd_error *check_flex_start(const struct pool_spec *pool)
{
    if (!pool->flex_start)
        return NULL;
    if (!llmd__pool_autoscaled(pool))
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "flexStart: such pools need autoscaling"), "set maxNodes");
    if (llmd__pool_nodes_at_once(pool) > 0)
        return llmd__error(LLMD_E_INVALID, "flexStart: such pools begin at 0 nodes");
    if (said(pool->max_run_duration) &&
        llmd__duration_seconds(pool->max_run_duration) > FLEX_LIMIT_S)
        return llmd__error(LLMD_E_INVALID, "maxRunDuration: with flexStart at most 7 days");
    return NULL;
}

static llmd_error *exclude(const char *one, const char *other)
{
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "%s and %s exclude one another", one, other),
        "leave one of them out; a fall-back may have the other");
}

static llmd_error *check_exclusions(const struct pool_spec *pool)
{
    if (llmd__pool_spot(pool) && pool->flex_start)
        return exclude("spot", "flexStart");
    if (said(pool->reservation) && llmd__pool_spot(pool))
        return exclude("spot", "reservation");
    if (said(pool->reservation) && pool->flex_start)
        return exclude("flexStart", "reservation");
    if (llmd__pool_multi_host(pool) && llmd__json_count(pool->zones) > 1)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "zones: a slice of several hosts lies in one zone"),
            "name one, and others in the fall-backs");
    return NULL;
}

llmd_error *llmd__pool_check(const struct pool_spec *pool)
{
    TRY(check_hardware(pool));
    TRY(check_topology(pool));
    TRY(check_sizes(pool));
    TRY(check_flex_start(pool));
    return check_exclusions(pool);
}
