/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/pool_manifest.h"

#include "gke/gke.h"
#include "gke/manifest_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SCOPE "https://www.googleapis.com/auth/"
#define RESERVATION_KEY "compute.googleapis.com/reservation-name"

/* What gcloud gives to the default account. Scopes are fixed after creation; an account of its own
   is limited by its roles instead. */
static void set_scopes(struct json *config, const char *account)
{
    static const char *const usual[] = {
        SCOPE "devstorage.read_only",        SCOPE "logging.write",  SCOPE "monitoring",
        SCOPE "service.management.readonly", SCOPE "servicecontrol", SCOPE "trace.append"};
    struct json *scopes = llmd__json_set_array(config, "oauthScopes");

    llmd__json_set_str(config, "serviceAccount", account);
    if (account && *account) {
        llmd__json_add_str(scopes, SCOPE "cloud-platform");
        return;
    }
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        llmd__json_add_str(scopes, usual[i]);
}

/* int64 is a string in protobuf's JSON. */
static void set_int64(struct json *object, const char *key, int value)
{
    char text[24];

    snprintf(text, sizeof(text), "%d", value);
    llmd__json_set_str(object, key, text);
}

static void set_accelerator(struct json *config, const struct pool_accelerator *accelerator)
{
    struct json *item = NULL;

    if (!accelerator->type || !*accelerator->type)
        return;
    item = llmd__json_add_object(llmd__json_set_array(config, "accelerators"));
    set_int64(item, "acceleratorCount", accelerator->count);
    llmd__json_set_str(item, "acceleratorType", accelerator->type);
}

static llmd_error *add_taint(struct json *taints, const char *text)
{
    struct json *item = llmd__json_add_object(taints);
    struct taint taint;

    TRY(llmd__taint_parse(text, &taint));
    llmd__json_set_str(item, "key", taint.key);
    if (*taint.value)
        llmd__json_set_str(item, "value", taint.value);
    llmd__json_set_str(item, "effect", taint.effect);
    llmd__free(taint.key);
    llmd__free(taint.value);
    return NULL;
}

static llmd_error *set_taints(struct json *config, const struct json *taints)
{
    struct json *list = llmd__json_first(taints) ? llmd__json_set_array(config, "taints") : NULL;

    JSON_EACH(taint, taints) {
        TRY(add_taint(list, llmd__json_text(taint)));
    }
    return NULL;
}

static void set_reservation(struct json *config, const struct pool_spec *pool)
{
    struct json *affinity = NULL;

    if (!pool->flex_start && (!pool->reservation || !*pool->reservation))
        return;
    affinity = llmd__json_set_object(config, "reservationAffinity");
    if (pool->flex_start) {
        llmd__json_set_str(affinity, "consumeReservationType", "NO_RESERVATION");
        return;
    }
    llmd__json_set_str(affinity, "consumeReservationType", "SPECIFIC_RESERVATION");
    llmd__json_set_str(affinity, "key", RESERVATION_KEY);
    llmd__json_add_str(llmd__json_set_array(affinity, "values"), pool->reservation);
}

/* protobuf's Duration: seconds and nothing else. */
static void set_duration(struct json *config, const char *duration)
{
    char text[32];

    if (!duration || !*duration)
        return;
    snprintf(text, sizeof(text), "%" PRId64 "s", llmd__duration_seconds(duration));
    llmd__json_set_str(config, "maxRunDuration", text);
}

static void set_capacity(struct json *config, const struct pool_spec *pool)
{
    if (llmd__pool_spot(pool))
        llmd__json_set_bool(config, "spot", true);
    if (pool->flex_start)
        llmd__json_set_bool(config, "flexStart", true);
    set_duration(config, pool->max_run_duration);
    set_reservation(config, pool);
}

static void set_machine(struct json *config, const struct pool_spec *pool)
{
    llmd__json_set_str(config, "machineType", pool->machine);
    set_accelerator(config, &pool->accelerator);
    llmd__json_set_str(config, "diskType", pool->disk_type);
    if (pool->disk_gb > 0)
        llmd__json_set_int(config, "diskSizeGb", pool->disk_gb);
    if (!llmd__json_bool(pool->secure_boot, NULL, false))
        return;
    struct json *shielded = llmd__json_set_object(config, "shieldedInstanceConfig");
    llmd__json_set_bool(shielded, "enableSecureBoot", true);
    llmd__json_set_bool(shielded, "enableIntegrityMonitoring", true);
}

static llmd_error *set_copy(struct json *object, const char *key, const struct json *value)
{
    struct json *copy = NULL;

    if (!llmd__json_first(value))
        return NULL;
    TRY(llmd__json_copy(value, &copy));
    llmd__json_set(object, key, copy);
    return NULL;
}

static llmd_error *set_config(struct json *body, const struct pool_spec *pool)
{
    struct json *config = llmd__json_set_object(body, "config");

    set_machine(config, pool);
    set_capacity(config, pool);
    set_scopes(config, pool->service_account);
    llmd__json_set_str(llmd__json_set_object(config, "resourceLabels"), LLMD__OWNER_LABEL,
                       LLMD__OWNER);
    TRY(set_copy(config, "labels", pool->labels));
    return set_taints(config, pool->taints);
}

void llmd__pool_set_autoscaling(struct json *autoscaling, const struct pool_spec *pool)
{
    llmd__json_set_bool(autoscaling, "enabled", true);
    llmd__json_set_int(autoscaling, "minNodeCount", llmd__pool_nodes_at_least(pool));
    llmd__json_set_int(autoscaling, "maxNodeCount", llmd__pool_nodes_at_most(pool));
    llmd__set_enum(autoscaling, "locationPolicy", pool->location_policy);
}

/* Of several hosts only: with one, GKE refuses the topology (P104). */
static void set_placement(struct json *body, const struct pool_spec *pool)
{
    struct json *placement = NULL;

    if (!llmd__pool_multi_host(pool))
        return;
    placement = llmd__json_set_object(body, "placementPolicy");
    llmd__json_set_str(placement, "type", "COMPACT");
    llmd__json_set_str(placement, "tpuTopology", pool->topology);
}

static llmd_error *check_place(const struct pool_spec *pool, const struct gke_place *place)
{
    bool regional = llmd__region_len(place->location) == strlen(place->location);

    TRY(llmd__place_check(place, pool->zones));
    if (llmd__pool_multi_host(pool) && regional && !pool->zones)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID,
                        "zones is missing: a slice of several hosts lies in one "
                        "zone, and %s has several",
                        place->location),
            "name the zone: zones: [%s-a]", place->location);
    return NULL;
}

static llmd_error *build(const struct pool_spec *pool, struct json **out)
{
    TRY(llmd__json_make(out,
                        "{'name': %s, 'initialNodeCount': %d, 'version': %s,"
                        " 'management': {'autoRepair': true, 'autoUpgrade': true},"
                        " 'upgradeSettings': {'maxSurge': 1}}",
                        pool->name, llmd__pool_nodes_at_once(pool), pool->version));
    if (llmd__pool_autoscaled(pool))
        llmd__pool_set_autoscaling(llmd__json_set_object(*out, "autoscaling"), pool);
    set_placement(*out, pool);
    TRY(set_copy(*out, "locations", pool->zones));
    if (pool->max_pods_per_node > 0)
        set_int64(llmd__json_set_object(*out, "maxPodsConstraint"), "maxPodsPerNode",
                  pool->max_pods_per_node);
    TRY(set_config(*out, pool));
    TRY(llmd__json_check(*out));
    return llmd__json_merge(out, pool->overlay);
}

llmd_error *llmd__pool_manifest(const struct pool_spec *pool, const struct gke_place *place,
                                struct json **out)
{
    AUTO(json) struct json *body = NULL;

    *out = NULL;
    TRY(llmd__error_wrap(check_place(pool, place), "node pool %s", pool->name));
    TRY(build(pool, &body));
    TRY(llmd__error_wrap(llmd__manifest_check_pool(body), "node pool %s", pool->name));
    *out = TAKE(body);
    return NULL;
}

llmd_error *llmd__pool_body(const struct pool_spec *pool, const struct gke_place *place,
                            struct json **out)
{
    AUTO(json) struct json *manifest = NULL;
    AUTO(json) struct json *body = NULL;

    *out = NULL;
    TRY(llmd__pool_manifest(pool, place, &manifest));
    body = llmd__json_object();
    llmd__json_set(body, "nodePool", TAKE(manifest));
    TRY(llmd__json_check(body));
    *out = TAKE(body);
    return NULL;
}
