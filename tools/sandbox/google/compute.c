/* SPDX-License-Identifier: Apache-2.0 */
/* compute v1: what the catalogue says, and the collections by one set of verbs. */
#include "sandbox/google/resources.h"

#include "sandbox/google/clusters.h"
#include "sandbox/google/quotas.h"
#include "sandbox/google/schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROOT "https://www.googleapis.com/compute/v1/projects/"

static struct json *missing(struct api_call *call, const char *what)
{
    return api_not_found(call, "The resource 'projects/%s/%s' was not found",
                         google_project(call->google), what);
}

static struct json *list_of(const char *kind)
{
    return MAKE("{'kind':%s}", kind);
}

/* ---- regions and zones ---- */

static struct json *zone_json(struct google *google, const struct zone *zone)
{
    AUTO(str) char *link = llmd__format(ROOT "%s/zones/%s", google_project(google), zone->name);
    AUTO(str)
    char *region = llmd__format(ROOT "%s/regions/%s", google_project(google), zone->region);
    struct named_fault *down = fault_on(google, "zone-down", zone->name);
    return MAKE("{'kind':'compute#zone','name':%s,'status':%s,'region':%s,'selfLink':%s}",
                zone->name, down ? "DOWN" : "UP", region, link);
}

static struct json *region_json(struct google *google, const char *name)
{
    AUTO(str) char *link = llmd__format(ROOT "%s/regions/%s", google_project(google), name);
    struct json *json = MAKE("{'kind':'compute#region','name':%s,'status':'UP','selfLink':%s,"
                             "'zones':[],'quotas':[]}",
                             name, link);
    for (size_t i = 0; i < catalog_zone_count; i++) {
        if (strcmp(catalog_zones[i].region, name) != 0)
            continue;
        AUTO(str)
        char *zone =
            llmd__format(ROOT "%s/zones/%s", google_project(google), catalog_zones[i].name);
        llmd__json_add_str(llmd__json_edit(json, "zones"), zone);
    }
    for (size_t i = 0; i < region_quota_count; i++) {
        const char *metric = region_quotas[i].metric;
        llmd__json_add(llmd__json_edit(json, "quotas"),
                       MAKE("{'metric':%s,'limit':%f,'usage':%f}", metric,
                            region_limit(google, name, metric),
                            region_usage(google, name, metric)));
    }
    return json;
}

static struct json *get_zone(struct api_call *call)
{
    const struct zone *zone = catalog_zone(api_segment(call, 3));
    AUTO(str) char *what = llmd__format("zones/%s", api_segment(call, 3));
    return zone ? zone_json(call->google, zone) : missing(call, what);
}

static struct json *get_region(struct api_call *call)
{
    AUTO(str) char *what = llmd__format("regions/%s", api_segment(call, 3));
    return catalog_region(api_segment(call, 3)) ? region_json(call->google, api_segment(call, 3))
                                                : missing(call, what);
}

static struct json *filtered(struct api_call *call, const char *kind, struct json *all)
{
    struct json *list = list_of(kind);
    struct json *items = llmd__json_array();
    char *filter = api_query(call, "filter");
    JSON_EACH(item, all)
        if (filter_takes(filter, item))
            llmd__json_add(items, must_copy(item));
    page_items(call, list, "items", items);
    llmd__json_free(all);
    free(filter);
    return list;
}

static struct json *list_zones(struct api_call *call)
{
    struct json *items = llmd__json_array();
    for (size_t i = 0; i < catalog_zone_count; i++)
        llmd__json_add(items, zone_json(call->google, &catalog_zones[i]));
    return filtered(call, "compute#zoneList", items);
}

static struct json *list_regions(struct api_call *call)
{
    struct json *items = llmd__json_array();
    for (size_t i = 0; i < catalog_zone_count; i++)
        if (i == 0 || strcmp(catalog_zones[i].region, catalog_zones[i - 1].region) != 0)
            llmd__json_add(items, region_json(call->google, catalog_zones[i].region));
    return filtered(call, "compute#regionList", items);
}

static struct json *get_project(struct api_call *call)
{
    struct google *google = call->google;
    struct json *json = MAKE("{'kind':'compute#project','name':%s,'id':'" PROJECT_NUMBER
                             "','defaultServiceAccount':'" PROJECT_NUMBER
                             "-compute@developer.gserviceaccount.com','quotas':[]}",
                             google_project(google));
    static const struct region_quota quotas[] = {{"NETWORKS", 15},
                                                 {"FIREWALLS", 200},
                                                 {"FORWARDING_RULES", 45},
                                                 {"BACKEND_SERVICES", 50},
                                                 {"HEALTH_CHECKS", 75},
                                                 {"URL_MAPS", 30},
                                                 {"TARGET_HTTP_PROXIES", 30},
                                                 {"STATIC_ADDRESSES", 21},
                                                 {"IN_USE_ADDRESSES", 69}};
    for (size_t i = 0; i < sizeof(quotas) / sizeof(quotas[0]); i++)
        llmd__json_add(
            llmd__json_edit(json, "quotas"),
            MAKE("{'metric':%s,'limit':%f,'usage':%f}", quotas[i].metric, quotas[i].limit, 0.0));
    return json;
}

/* ---- machine types ---- */

static bool offered(struct google *google, const struct machine *machine, const char *zone)
{
    AUTO(str) char *line = llmd__format("%s %s", machine->name, zone);
    struct named_fault *fault = fault_on(google, "machine-type-absent", line);
    bool hit = fault && (*fault->match || machine_is_tpu(machine));
    return machine_in_zone(machine, zone) && !hit;
}

static struct json *machine_json(struct google *google, const struct machine *machine,
                                 const char *zone)
{
    AUTO(str)
    char *link = llmd__format(ROOT "%s/zones/%s/machineTypes/%s", google_project(google), zone,
                              machine->name);
    struct json *json =
        MAKE("{'kind':'compute#machineType','name':%s,'guestCpus':%d,'memoryMb':%d,"
             "'maximumPersistentDisks':128,'zone':%s,'selfLink':%s,'isSharedCpu':false}",
             machine->name, machine->cpus, machine->memory_mb, zone, link);
    if (machine->accelerator)
        llmd__json_set(json, "accelerators",
                       MAKE("[{'guestAcceleratorType':%s,'guestAcceleratorCount':%d}]",
                            machine->accelerator, machine->chips));
    return json;
}

static struct json *get_machine(struct api_call *call)
{
    const char *zone = api_segment(call, 3);
    const struct machine *machine = catalog_machine(api_segment(call, 5));
    AUTO(str) char *what = llmd__format("zones/%s/machineTypes/%s", zone, api_segment(call, 5));
    if (!catalog_zone(zone) || !machine || !offered(call->google, machine, zone))
        return missing(call, what);
    return machine_json(call->google, machine, zone);
}

static struct json *machines_of(struct google *google, const char *zone)
{
    struct json *items = llmd__json_array();
    for (size_t i = 0; i < catalog_machine_count; i++)
        if (offered(google, &catalog_machines[i], zone))
            llmd__json_add(items, machine_json(google, &catalog_machines[i], zone));
    return items;
}

static struct json *accelerators_of(struct google *google, const char *zone)
{
    struct json *items = llmd__json_array();
    const char *last = "";
    for (size_t i = 0; i < catalog_machine_count; i++) {
        const struct machine *machine = &catalog_machines[i];
        if (!machine->accelerator || strcmp(machine->accelerator, last) == 0 ||
            !offered(google, machine, zone))
            continue;
        last = machine->accelerator;
        llmd__json_add(items, MAKE("{'kind':'compute#acceleratorType','name':%s,'description':%s,"
                                   "'maximumCardsPerInstance':8,'zone':%s}",
                                   last, last, zone));
    }
    return items;
}

static struct json *catalog_of(struct google *google, const char *what, const char *zone)
{
    return strcmp(what, "machineTypes") == 0 ? machines_of(google, zone)
                                             : accelerators_of(google, zone);
}

static struct json *list_catalog(struct api_call *call)
{
    const char *zone = api_segment(call, 3);
    const char *what = api_segment(call, 4);
    AUTO(str) char *place = llmd__format("zones/%s", zone);
    AUTO(str) char *kind = llmd__format("compute#%.*sList", (int)strlen(what) - 1, what);
    if (!catalog_zone(zone))
        return missing(call, place);
    return filtered(call, kind, catalog_of(call->google, what, zone));
}

/* ---- aggregated lists: {"zones/Z": {"machineTypes": [...]} or a warning} ---- */

static void add_scope(struct json *items, const char *scope, const char *member, struct json *list)
{
    if (llmd__json_count(list) > 0)
        llmd__json_set(items, scope, MAKE("{%s:%j}", member, list));
    else
        llmd__json_set(items, scope,
                       MAKE("{'warning':{'code':'NO_RESULTS_ON_PAGE','message':'There are no "
                            "results for scope on this page.','data':[{'key':'scope','value':%s}]}"
                            "}",
                            scope));
    llmd__json_free(list);
}

static struct json *take_filtered(struct json *all, const char *filter)
{
    struct json *list = llmd__json_array();
    JSON_EACH(item, all)
        if (filter_takes(filter, item))
            llmd__json_add(list, must_copy(item));
    llmd__json_free(all);
    return list;
}

static struct json *aggregate_catalog(struct api_call *call)
{
    const char *what = api_segment(call, 3);
    char *filter = api_query(call, "filter");
    struct json *json = MAKE("{'kind':'compute#aggregatedList','items':{}}");
    for (size_t i = 0; i < catalog_zone_count; i++) {
        const char *zone = catalog_zones[i].name;
        AUTO(str) char *scope = llmd__format("zones/%s", zone);
        add_scope(llmd__json_edit(json, "items"), scope, what,
                  take_filtered(catalog_of(call->google, what, zone), filter));
    }
    free(filter);
    return json;
}

/* ---- collections ---- */

static char *scope_of(struct api_call *call)
{
    if (strcmp(call->segments[2], "global") == 0)
        return llmd__format("global");
    return llmd__format("%s/%s", call->segments[2], api_segment(call, 3));
}

/* Index of the collection's segment. */
static int at_collection(const struct api_call *call)
{
    return strcmp(call->segments[2], "global") == 0 ? 3 : 4;
}

static struct json *shown(struct google *google, const struct resource *resource)
{
    struct json *json = must_copy(resource->json);
    llmd__json_remove(json, "requestId");
    if (strcmp(resource->collection, "operations") == 0) {
        bool done = resource->ready_at <= google_now(google);
        llmd__json_set_str(json, "status", done ? "DONE" : "RUNNING");
        llmd__json_set_int(json, "progress", done ? 100 : 0);
    }
    return json;
}

static struct json *items_of(struct google *google, const char *collection, const char *scope)
{
    struct json *items = llmd__json_array();
    groups_list(google, collection, scope, items);
    for (struct resource *resource = google->resources; resource; resource = resource->next)
        if (strcmp(resource->collection, collection) == 0 && strcmp(resource->scope, scope) == 0 &&
            resource_is_visible(google, resource))
            llmd__json_add(items, shown(google, resource));
    return items;
}

static struct json *list_resources(struct api_call *call)
{
    const char *collection = api_segment(call, at_collection(call));
    AUTO(str) char *scope = scope_of(call);
    const struct collection *known = collection_find(collection);
    AUTO(str) char *kind = llmd__format("%sList", known ? known->kind : "compute#");
    AUTO(str) char *what = llmd__format("%s/%s", scope, collection);
    if (!known)
        return missing(call, what);
    return filtered(call, kind, items_of(call->google, known->name, scope));
}

static struct json *aggregate_resources(struct api_call *call)
{
    const char *what = api_segment(call, 3);
    char *filter = api_query(call, "filter");
    struct json *json = MAKE("{'kind':'compute#aggregatedList','items':{}}");
    struct json *items = llmd__json_edit(json, "items");
    const struct collection *known = collection_find(what);
    for (size_t i = 0; known && i < 2 * catalog_zone_count + 1; i++) {
        const struct zone *zone = &catalog_zones[i / 2 < catalog_zone_count ? i / 2 : 0];
        AUTO(str)
        char *scope = i == 2 * catalog_zone_count ? llmd__format("global")
                      : i % 2                     ? llmd__format("zones/%s", zone->name)
                                                  : llmd__format("regions/%s", zone->region);
        if (!llmd__json_member(items, scope))
            add_scope(items, scope, what,
                      take_filtered(items_of(call->google, known->name, scope), filter));
    }
    free(filter);
    return json;
}

static struct resource *named_resource(struct api_call *call, struct json **error)
{
    int at = at_collection(call);
    AUTO(str) char *scope = scope_of(call);
    struct resource *resource =
        resource_find(call->google, api_segment(call, at), scope, api_segment(call, at + 1));
    AUTO(str)
    char *what = llmd__format("%s/%s/%s", scope, api_segment(call, at), api_segment(call, at + 1));
    if (resource && !resource_is_visible(call->google, resource))
        resource = NULL;
    *error = resource ? NULL : missing(call, what);
    return resource;
}

static struct json *get_resource(struct api_call *call)
{
    struct json *error;
    struct resource *resource = named_resource(call, &error);
    return resource ? shown(call->google, resource) : error;
}

/* ---- mutations ---- */

static struct json *repeated(struct api_call *call)
{
    struct json *found = NULL;
    char *id = api_query(call, "requestId");
    for (struct resource *resource = call->google->resources; resource && id;
         resource = resource->next)
        if (strcmp(llmd__json_str(resource->json, "requestId"), id) == 0)
            found = shown(call->google, resource);
    free(id);
    return found;
}

struct json *compute_operation(struct api_call *call, const char *type, const char *scope,
                               const char *target, int64_t duration)
{
    char uuid[37];
    char stamp[40];
    char *id = api_query(call, "requestId");
    google_uuid(call->google, uuid);
    clock_stamp_micro(stamp);
    AUTO(str) char *name = llmd__format("operation-%s", uuid);
    struct resource *operation = resource_add(
        call->google, "operations", scope, name,
        MAKE("{'operationType':%s,'targetLink':%s,'user':'sandbox','insertTime':%s,'startTime':%s,"
             "'requestId':%s}",
             type, target, stamp, stamp, id));
    operation->ready_at = google_now(call->google) + duration;
    if (fault_take(call->google, "ambiguous", call->line, NULL))
        call->cut_afterwards = true;
    free(id);
    return shown(call->google, operation);
}

static struct json *subnet_refusal(struct api_call *call, const char *scope)
{
    const struct json *body = call->body;
    const char *range = llmd__json_str(body, "ipCidrRange");
    const char *network = strrchr(llmd__json_str(body, "network"), '/');
    bool proxy = strcmp(llmd__json_str(body, "purpose"), "REGIONAL_MANAGED_PROXY") == 0;
    const char *bits = strchr(range, '/');
    for (struct resource *other = call->google->resources; other; other = other->next) {
        const char *theirs = strrchr(llmd__json_str(other->json, "network"), '/');
        if (strcmp(other->collection, "subnetworks") != 0 ||
            !resource_is_visible(call->google, other) || !network || !theirs ||
            strcmp(network, theirs) != 0)
            continue;
        if (ranges_overlap(range, llmd__json_str(other->json, "ipCidrRange")))
            return api_invalid(call,
                               "Invalid IPCidrRange: %s conflicts with existing subnetwork "
                               "'%s' in region '%s'.",
                               range, other->name, other->scope + strlen("regions/"));
        if (proxy && strcmp(other->scope, scope) == 0 &&
            strcmp(llmd__json_str(other->json, "purpose"), "REGIONAL_MANAGED_PROXY") == 0)
            return api_invalid(call, "Invalid value for field 'resource.role': 'ACTIVE'. An active "
                                     "proxy-only subnetwork already exists in this region and "
                                     "network.");
    }
    if (network && strcmp(network, "/default") == 0 && ranges_overlap(range, "10.128.0.0/9"))
        return api_invalid(call,
                           "Invalid IPCidrRange: %s: it overlaps 10.128.0.0/9, which is "
                           "reserved for the subnetworks of an auto mode network.",
                           range);
    if (proxy && bits && strtol(bits + 1, NULL, 10) > 26)
        return api_invalid(call,
                           "Invalid value for field 'resource.ipCidrRange': '%s'. A "
                           "proxy-only subnetwork must have at least 64 addresses.",
                           range);
    return NULL;
}

static void complete(struct api_call *call, const char *collection, const char *scope,
                     struct json *json)
{
    int number = (int)(call->google->resource_id % 200) + 10;
    AUTO(str) char *external = llmd__format("203.0.113.%d", number);
    AUTO(str) char *internal = llmd__format("10.164.0.%d", number);
    if (strcmp(collection, "addresses") == 0) {
        bool inside = strcmp(llmd__json_str(json, "addressType"), "INTERNAL") == 0;
        llmd__json_set_str(json, "address", inside ? internal : external);
        llmd__json_set_str(json, "addressType", inside ? "INTERNAL" : "EXTERNAL");
        llmd__json_set_str(json, "status", "RESERVED");
    }
    if (strcmp(collection, "subnetworks") == 0 && *llmd__json_str(json, "purpose"))
        llmd__json_set_str(json, "state", "READY");
    (void)scope;
}

static struct json *insert_refusal(struct api_call *call, const struct collection *known,
                                   const char *scope)
{
    struct violations violations = {.entries = NULL};
    const char *name = llmd__json_str(call->body, "name");
    struct json *error = NULL;
    if (!call->body)
        return api_error(call, 400, "INVALID_ARGUMENT", "required",
                         "Required field 'resource' not "
                         "specified");
    if (!schema_check(&compute_schema, known->message, call->body, &violations))
        error = api_invalid(call, "%s", llmd__buf_text(&violations.text));
    violations_free(&violations);
    if (error)
        return error;
    if (!*name)
        return api_error(call, 400, "INVALID_ARGUMENT", "required",
                         "Invalid value for field 'resource.name': ''. Required field is missing.");
    if (resource_find(call->google, known->name, scope, name))
        return api_error(call, 409, "ALREADY_EXISTS", "alreadyExists",
                         "The resource 'projects/%s/%s/%s/%s' already exists",
                         google_project(call->google), scope, known->name, name);
    return strcmp(known->name, "subnetworks") == 0 ? subnet_refusal(call, scope) : NULL;
}

static struct json *insert_resource(struct api_call *call)
{
    const struct collection *known = collection_find(api_segment(call, at_collection(call)));
    AUTO(str) char *scope = scope_of(call);
    struct json *refused = repeated(call);
    if (refused)
        return refused;
    if (!known || !known->message)
        return missing(call, scope);
    refused = insert_refusal(call, known, scope);
    if (refused)
        return refused;
    struct json *json = must_copy(call->body);
    const char *name = llmd__json_str(call->body, "name");
    complete(call, known->name, scope, json);
    struct resource *resource = resource_add(call->google, known->name, scope, name, json);
    resource->ready_at = google_now(call->google) + known->insert_time;
    return compute_operation(call, "insert", scope, llmd__json_str(json, "selfLink"),
                             known->insert_time);
}

static struct json *patch_resource(struct api_call *call)
{
    struct json *error = repeated(call);
    struct resource *resource = error ? NULL : named_resource(call, &error);
    if (!resource)
        return error;
    must(llmd__json_merge(&resource->json, call->body));
    return compute_operation(call, "patch", resource->scope,
                             llmd__json_str(resource->json, "selfLink"), 5 * SECONDS);
}

static bool in_use(const struct google *google, const struct resource *resource)
{
    const char *link = llmd__json_str(resource->json, "selfLink");
    for (const struct resource *other = google->resources; other; other = other->next)
        JSON_EACH(member, other->json)
            if (other != resource && strcmp(llmd__json_text(member), link) == 0 &&
                strcmp(llmd__json_key(member), "selfLink") != 0 &&
                strcmp(other->collection, "operations") != 0)
                return true;
    return strcmp(llmd__json_str(resource->json, "status"), "IN_USE") == 0;
}

static struct json *delete_resource(struct api_call *call)
{
    struct json *error = repeated(call);
    struct resource *resource = error ? NULL : named_resource(call, &error);
    if (!resource)
        return error;
    if (in_use(call->google, resource))
        return api_error(call, 400, "INVALID_ARGUMENT", "resourceInUseByAnotherResource",
                         "The %s resource 'projects/%s/%s/%s/%s' is already being used by another "
                         "resource",
                         collection_find(resource->collection)->kind + strlen("compute#"),
                         google_project(call->google), resource->scope, resource->collection,
                         resource->name);
    struct json *answer = compute_operation(
        call, "delete", resource->scope, llmd__json_str(resource->json, "selfLink"), 10 * SECONDS);
    resource_remove(call->google, resource);
    return answer;
}

/* ---- others ---- */

static struct json *wait_operation(struct api_call *call)
{
    /* The server's side of the wait is at most two minutes; here it never holds the lock, so it
       answers at once with what is, which the contract allows. */
    return get_resource(call);
}

static struct json *get_health(struct api_call *call)
{
    struct json *error;
    struct resource *resource = named_resource(call, &error);
    if (!resource)
        return error;
    return MAKE("{'kind':'compute#backendServiceGroupHealth','healthStatus':%j}",
                llmd__json_get(resource->json, "healthOfSandbox"));
}

struct json *compute_serve(struct api_call *call)
{
    static const struct api_route routes[] = {
        {"GET", "projects/*", get_project},
        {"GET", "projects/*/regions", list_regions},
        {"GET", "projects/*/regions/*", get_region},
        {"GET", "projects/*/zones", list_zones},
        {"GET", "projects/*/zones/*", get_zone},
        {"GET", "projects/*/zones/*/machineTypes", list_catalog},
        {"GET", "projects/*/zones/*/machineTypes/*", get_machine},
        {"GET", "projects/*/zones/*/acceleratorTypes", list_catalog},
        {"GET", "projects/*/aggregated/machineTypes", aggregate_catalog},
        {"GET", "projects/*/aggregated/acceleratorTypes", aggregate_catalog},
        {"GET", "projects/*/aggregated/*", aggregate_resources},
        {"POST", "projects/*/regions/*/operations/*/wait", wait_operation},
        {"POST", "projects/*/zones/*/operations/*/wait", wait_operation},
        {"POST", "projects/*/global/operations/*/wait", wait_operation},
        {"POST", "projects/*/regions/*/backendServices/*/getHealth", get_health},
        {"POST", "projects/*/global/backendServices/*/getHealth", get_health},
        {"GET", "projects/*/global/*", list_resources},
        {"GET", "projects/*/regions/*/*", list_resources},
        {"GET", "projects/*/zones/*/*", list_resources},
        {"GET", "projects/*/global/*/*", get_resource},
        {"GET", "projects/*/regions/*/*/*", get_resource},
        {"GET", "projects/*/zones/*/*/*", get_resource},
        {"POST", "projects/*/global/*", insert_resource},
        {"POST", "projects/*/regions/*/*", insert_resource},
        {"POST", "projects/*/zones/*/*", insert_resource},
        {"PATCH", "projects/*/global/*/*", patch_resource},
        {"PATCH", "projects/*/regions/*/*/*", patch_resource},
        {"DELETE", "projects/*/global/*/*", delete_resource},
        {"DELETE", "projects/*/regions/*/*/*", delete_resource},
        {"DELETE", "projects/*/zones/*/*/*", delete_resource},
    };
    bool mine = false;
    struct json *json = groups_serve(call, &mine);
    return mine ? json : DISPATCH(call, routes);
}
