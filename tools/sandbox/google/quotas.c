/* SPDX-License-Identifier: Apache-2.0 */
/* Quotas of regions, Cloud Quotas for TPU families, and their use in Cloud Monitoring. */
#include "sandbox/google/quotas.h"

#include "sandbox/google/clusters.h"

#include <stdlib.h>
#include <string.h>

const struct region_quota region_quotas[] = {
    {"CPUS", 200},
    {"N2_CPUS", 200},
    {"C3_CPUS", 100},
    {"DISKS_TOTAL_GB", 40960},
    {"SSD_TOTAL_GB", 40960},
    {"STATIC_ADDRESSES", 21},
    {"IN_USE_ADDRESSES", 69},
    {"INSTANCE_GROUP_MANAGERS", 50},
    {"INSTANCES", 720},
    {"PREEMPTIBLE_CPUS", 0},
    {"NVIDIA_L4_GPUS", 16},
    {"NVIDIA_T4_GPUS", 16},
    {"NVIDIA_A100_GPUS", 16},
    {"NVIDIA_A100_80GB_GPUS", 8},
    {"NVIDIA_H100_GPUS", 8},
    {"TPU_LITE_PODSLICE_V5", 32},
    {"PREEMPTIBLE_TPU_LITE_PODSLICE_V5", 64},
};
const size_t region_quota_count = sizeof(region_quotas) / sizeof(region_quotas[0]);

double region_limit(struct google *google, const char *region, const char *metric)
{
    struct named_fault *cpu = fault_on(google, "cpu-quota", region);
    struct named_fault *address = fault_on(google, "address-quota", region);
    if (cpu && (strcmp(metric, "CPUS") == 0 || strcmp(metric, "N2_CPUS") == 0))
        return cpu->number;
    if (address && strcmp(metric, "IN_USE_ADDRESSES") == 0)
        return address->number;
    for (size_t i = 0; i < region_quota_count; i++)
        if (strcmp(region_quotas[i].metric, metric) == 0)
            return region_quotas[i].limit;
    return 0;
}

/* ---- TPU families ---- */

static const struct {
    const char *region;
    const char *family;
    int chips;
    int spot_chips;
} tpu_limits[] = {
    {"europe-west4", "CT6E", 64, 64},    {"us-east1", "CT6E", 32, 32},
    {"us-east5", "CT6E", 64, 128},       {"us-central1", "CT6E", 32, 0},
    {"asia-northeast1", "CT6E", 16, 16}, {"europe-west4", "CT5LP", 32, 64},
    {"us-west4", "CT5LP", 32, 64},       {"us-south1", "CT5LP", 32, 0},
};

int quota_tpu_limit(struct google *google, const char *region, const char *family, bool spot)
{
    if (fault_on(google, "tpu-quota", region))
        return 0;
    for (size_t i = 0; i < sizeof(tpu_limits) / sizeof(tpu_limits[0]); i++)
        if (strcmp(tpu_limits[i].region, region) == 0 && strcmp(tpu_limits[i].family, family) == 0)
            return spot ? tpu_limits[i].spot_chips : tpu_limits[i].chips;
    return 0;
}

#define ON_DEMAND "TPUS-PER-TPU-FAMILY-per-project-region"
#define SPOT "PREEMPTIBLE-TPU-V6E-per-project-region"

static struct json *dimension(const char *region, const char *family, int value)
{
    AUTO(str) char *text = llmd__format("%d", value);
    return MAKE("{'dimensions':{'region':%s,'tpu_family':%s},'details':{'value':%s},"
                "'applicableLocations':[%s]}",
                region, family, text, region);
}

static struct json *quota_info(struct google *google, bool spot)
{
    const char *id = spot ? SPOT : ON_DEMAND;
    AUTO(str)
    char *name = llmd__format("projects/" PROJECT_NUMBER "/locations/global/services/"
                              "compute.googleapis.com/quotaInfos/%s",
                              id);
    struct json *json =
        MAKE("{'name':%s,'quotaId':%s,'metric':%s,'service':'compute.googleapis.com','isPrecise':"
             "true,'refreshInterval':'','containerType':'PROJECT','dimensions':[],"
             "'metricDisplayName':%s,'quotaDisplayName':%s,'metricUnit':'1',"
             "'quotaIncreaseEligibility':{'isEligible':true},'serviceRequestQuotaUri':"
             "'https://console.cloud.google.com/iam-admin/quotas','dimensionsInfos':[]}",
             name, id,
             spot ? "compute.googleapis.com/preemptible_tpu_v6e"
                  : "compute.googleapis.com/tpus_per_tpu_family",
             spot ? "Preemptible TPU v6e" : "TPUs per TPU family", id);
    struct json *infos = llmd__json_edit(json, "dimensionsInfos");
    llmd__json_add_str(llmd__json_edit(json, "dimensions"), "region");
    if (!spot)
        llmd__json_add_str(llmd__json_edit(json, "dimensions"), "tpu_family");
    for (size_t i = 0; i < sizeof(tpu_limits) / sizeof(tpu_limits[0]); i++) {
        const char *region = tpu_limits[i].region;
        const char *family = tpu_limits[i].family;
        if (!spot || strcmp(family, "CT6E") == 0)
            llmd__json_add(infos, dimension(region, spot ? NULL : family,
                                            quota_tpu_limit(google, region, family, spot)));
    }
    /* The least specific entry comes last: everywhere else there is none. */
    llmd__json_add(infos, MAKE("{'details':{'value':'0'}}"));
    return json;
}

/* The same family names exist in the TPU API's own quotas, which say nothing about GKE. */
static struct json *tpu_api_info(const char *id)
{
    return MAKE("{'quotaId':%s,'metric':'tpu.googleapis.com/v6e','service':'tpu.googleapis.com',"
                "'dimensions':['zone'],'dimensionsInfos':[{'details':{'value':'-1'}}]}",
                id);
}

static struct json *get_info(struct api_call *call)
{
    const char *id = api_segment(call, 7);
    if (strcmp(api_segment(call, 5), "tpu.googleapis.com") == 0)
        return tpu_api_info(id);
    if (strcmp(id, ON_DEMAND) == 0 || strcmp(id, SPOT) == 0)
        return quota_info(call->google, strcmp(id, SPOT) == 0);
    return api_not_found(call, "Quota info %s was not found.", id);
}

static struct json *list_infos(struct api_call *call)
{
    struct json *json = MAKE("{'quotaInfos':[]}");
    llmd__json_add(llmd__json_edit(json, "quotaInfos"), quota_info(call->google, false));
    llmd__json_add(llmd__json_edit(json, "quotaInfos"), quota_info(call->google, true));
    return json;
}

static struct json *ask_for_more(struct api_call *call)
{
    char uuid[37];
    if (!*llmd__json_str(call->body, "quotaId") || !llmd__json_get(call->body, "quotaConfig"))
        return api_invalid(call, "quota_id and quota_config are required.");
    google_uuid(call->google, uuid);
    AUTO(str)
    char *name =
        llmd__format("projects/" PROJECT_NUMBER "/locations/global/quotaPreferences/%s", uuid);
    struct json *json = must_copy(call->body);
    llmd__json_set_str(json, "name", name);
    llmd__json_set_bool(json, "reconciling", true);
    if (!call->google->preferences)
        call->google->preferences = llmd__json_array();
    llmd__json_add(call->google->preferences, must_copy(json));
    return json;
}

static struct json *list_preferences(struct api_call *call)
{
    return MAKE("{'quotaPreferences':%j}", call->google->preferences);
}

struct json *quotas_serve(struct api_call *call)
{
    static const struct api_route routes[] = {
        {"GET", "projects/*/locations/*/services/*/quotaInfos", list_infos},
        {"GET", "projects/*/locations/*/services/*/quotaInfos/*", get_info},
        {"POST", "projects/*/locations/*/quotaPreferences", ask_for_more},
        {"PATCH", "projects/*/locations/*/quotaPreferences/*", ask_for_more},
        {"GET", "projects/*/locations/*/quotaPreferences", list_preferences},
    };
    return DISPATCH(call, routes);
}

/* ---- Cloud Monitoring ---- */

static struct json *series(const char *region, const char *family, const char *metric, int used)
{
    AUTO(str) char *value = llmd__format("%d", used);
    char stamp[40];
    clock_stamp(stamp);
    return MAKE("{'metric':{'labels':{'quota_metric':'compute.googleapis.com/tpus_per_tpu_family',"
                "'limit_name':'" ON_DEMAND "','tpu_family':%s},'type':%s},'resource':{'type':"
                "'compute.googleapis.com/Location','labels':{'project_id':'my-project','location':"
                "%s,'resource_container':'" PROJECT_NUMBER "'}},'metricKind':'GAUGE','valueType':"
                "'INT64','points':[{'interval':{'startTime':%s,'endTime':%s},'value':{'int64Value':"
                "%s}}]}",
                family, metric, region, stamp, stamp, value);
}

static struct json *list_series(struct api_call *call)
{
    char *filter = api_query(call, "filter");
    char *end = api_query(call, "interval.endTime");
    struct json *json = NULL;
    if (!filter || !end) {
        json = api_invalid(call, "Field %s had an invalid value: the field is required.",
                           filter ? "interval.endTime" : "filter");
    } else if (strstr(filter, "tpus_per_tpu_family/usage")) {
        json = MAKE("{'timeSeries':[],'unit':'1'}");
        for (size_t i = 0; i < sizeof(tpu_limits) / sizeof(tpu_limits[0]); i++) {
            int used = tpu_usage(call->google, tpu_limits[i].region, tpu_limits[i].family, false);
            if (used)
                llmd__json_add(llmd__json_edit(json, "timeSeries"),
                               series(tpu_limits[i].region, tpu_limits[i].family,
                                      "compute.googleapis.com/quota/tpus_per_tpu_family/usage",
                                      used));
        }
    }
    free(filter);
    free(end);
    return json;
}

struct json *monitoring_serve(struct api_call *call)
{
    static const struct api_route routes[] = {
        {"GET", "projects/*/timeSeries", list_series},
    };
    return DISPATCH(call, routes);
}
