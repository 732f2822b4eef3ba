/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/leak_survey.h"

#include "gke/network.h"

#include <stdio.h>
#include <string.h>

const struct leak_kind llmd__leak_kinds[] = {
    {"forwardingRules", false, true},
    {"targetHttpProxies", false, false},
    {"targetHttpsProxies", false, false},
    {"urlMaps", false, false},
    {"backendServices", false, false},
    {"healthChecks", false, false},
    {"networkEndpointGroups", false, false},
    {"firewalls", true, false},
    {"addresses", false, true},
    {"instanceGroupManagers", false, false},
    {"instances", false, true},
    {"disks", false, true},
};

size_t llmd__leak_kind_count(void)
{
    return sizeof(llmd__leak_kinds) / sizeof(llmd__leak_kinds[0]);
}

enum owner { OWNER_OTHER, OWNER_UNKNOWN, OWNER_ANOTHER_CLUSTER, OWNER_OURS };
static const char *const owner_names[] = {"other", "unknown", "other", "ours"};

/* ---- evidence of the thing itself ---- */

static bool in_list(const struct json *list, const char *text)
{
    return *text && llmd__json_holds(list, text);
}

/* "/projects/1/locations/L/clusters/C" in a description that the GKE controllers write. */
static bool description_names(const struct json *thing, const struct leak_cluster *cluster)
{
    const char *at = strstr(llmd__json_str(thing, "description"), "/clusters/");
    size_t len = strlen(cluster->name), back = strlen(cluster->location);

    if (!at || strncmp(at + 10, cluster->name, len) != 0 || strcspn(at + 10 + len, "\"/ ,}") != 0)
        return false;
    return (size_t)(at - llmd__json_str(thing, "description")) > back &&
           strncmp(at - back, cluster->location, back) == 0 && at[-(long)back - 1] == '/';
}

static bool label_names(const struct json *thing, const struct leak_cluster *cluster)
{
    const struct json *labels = llmd__json_member(thing, "labels");
    const char *location = llmd__json_text(llmd__json_member(labels, "goog-k8s-cluster-location"));

    return strcmp(llmd__json_text(llmd__json_member(labels, "goog-k8s-cluster-name")),
                  cluster->name) == 0 &&
           (!*location || strcmp(location, cluster->location) == 0);
}

bool llmd__names_cluster(const struct json *thing, const struct leak_cluster *cluster)
{
    return label_names(thing, cluster) || description_names(thing, cluster);
}

/* Nodes and groups: "gke-llm-tpu-1a2b3c4d-grp", "gke-llm-tpu-1a2b3c4d-x9z1". Firewalls:
   "gke-llm-1a2b3c4d-all". A longer cluster name may begin so too: then it is not known whose. */
static bool name_begins(const struct json *thing, const struct leak_cluster *cluster)
{
    const char *name = llmd__json_str(thing, "name");
    size_t len = strlen(cluster->name);

    return strncmp(name, "gke-", 4) == 0 && strncmp(name + 4, cluster->name, len) == 0 &&
           name[4 + len] == '-';
}

static bool in_group(const struct json *thing, const struct leak_cluster *cluster)
{
    const char *name = llmd__json_str(thing, "name");

    JSON_EACH(group, cluster->groups) {
        size_t len = strlen(llmd__json_text(group));

        if (len > 4 && strncmp(name, llmd__json_text(group), len - 3) == 0)
            return true; /* without "grp": the group itself and its nodes */
    }
    return false;
}

static bool was_recorded(const struct json *thing, const struct leak_cluster *cluster)
{
    JSON_EACH(find, cluster->recorded) {
        if (strcmp(llmd__json_str(find, "link"), llmd__json_str(thing, "selfLink")) == 0)
            return true;
    }
    return false;
}

static bool made_by_gke(const char *name)
{
    static const char *const prefixes[] = {"gkegw1-", "k8s1-", "k8s2-", "k8s-", "gke-", "pvc-"};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

/* A thing that carries another cluster's mark is nobody's riddle. */
static bool of_another_cluster(const struct json *thing, const struct leak_cluster *cluster)
{
    const struct json *labels = llmd__json_member(thing, "labels");
    const char *named = llmd__json_text(llmd__json_member(labels, "goog-k8s-cluster-name"));

    return (*named && !label_names(thing, cluster)) ||
           (strstr(llmd__json_str(thing, "description"), "/clusters/") &&
            !description_names(thing, cluster));
}

static enum owner judge(const struct json *thing, const struct leak_cluster *cluster,
                        const char **why)
{
    *why = "recorded while the cluster stood";
    if (was_recorded(thing, cluster))
        return OWNER_OURS;
    *why = "a label names the cluster";
    if (label_names(thing, cluster))
        return OWNER_OURS;
    *why = "its description names the cluster";
    if (description_names(thing, cluster))
        return OWNER_OURS;
    *why = "it has the address of one of the cluster's Gateways";
    if (in_list(cluster->addresses, llmd__json_str(thing, "IPAddress")))
        return OWNER_OURS;
    *why = "it belongs to one of the cluster's instance groups";
    if (in_group(thing, cluster))
        return OWNER_OURS;
    *why = "it belongs to another cluster";
    if (of_another_cluster(thing, cluster))
        return OWNER_ANOTHER_CLUSTER;
    *why = "its name begins with the cluster's, as another cluster's might";
    if (name_begins(thing, cluster))
        return OWNER_UNKNOWN;
    *why = "GKE made it, for whom its name does not say";
    if (made_by_gke(llmd__json_str(thing, "name")))
        return OWNER_UNKNOWN;
    *why = llmd__network_is_ours(thing) ? "libllmd made it; network delete removes it"
                                        : "nothing ties it to the cluster";
    return OWNER_OTHER;
}

/* ---- things and their ties ---- */

struct thing {
    const struct json *json;
    const struct leak_kind *kind;
    enum owner owner;
    const char *why;
};

struct survey {
    struct thing *things;
    size_t count;
    const struct leak_cluster *cluster;
};

static bool same_link(const char *a, const char *b)
{
    const char *x = strstr(a, "/projects/"), *y = strstr(b, "/projects/");

    /* Hosts and versions of links differ from API to API. */
    return x && y && strcmp(x, y) == 0;
}

/* Whether any string inside `json` is this link. */
static bool mentions(const struct json *json, const char *link)
{
    if (llmd__json_type(json) == JSON_STRING)
        return same_link(llmd__json_text(json), link);
    JSON_EACH(child, json) {
        if (strcmp(llmd__json_key(child), "selfLink") != 0 && mentions(child, link))
            return true;
    }
    return false;
}

/* "gkegw1-abcd-": the four characters are one cluster's. */
static bool same_controller(const char *a, const char *b)
{
    return strncmp(a, "gkegw1-", 7) == 0 && strncmp(b, "gkegw1-", 7) == 0 && strlen(a) > 12 &&
           strncmp(a, b, 12) == 0 && a[11] == '-';
}

static bool tied(const struct thing *ours, const struct thing *other)
{
    return mentions(ours->json, llmd__json_str(other->json, "selfLink")) ||
           same_controller(llmd__json_str(ours->json, "name"), llmd__json_str(other->json, "name"));
}

/* Forwarding rule -> proxy -> URL map -> backend service -> health check and endpoint group: what
   an owned thing points to is owned, unless somebody else's mark is on it. */
static bool spread_from(struct survey *survey, const struct thing *owned)
{
    bool changed = false;

    for (size_t j = 0; j < survey->count; j++) {
        struct thing *other = &survey->things[j];

        if (other->owner != OWNER_UNKNOWN || !tied(owned, other))
            continue;
        other->owner = owned->owner;
        other->why = "the cluster's load balancer holds it";
        changed = true;
    }
    return changed;
}

/* Ours first: what two clusters share keeps nobody from hearing of it. */
static void spread(struct survey *survey, enum owner owner)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (size_t i = 0; i < survey->count; i++)
            if (survey->things[i].owner == owner)
                changed = spread_from(survey, &survey->things[i]) || changed;
    }
}

/* A cluster whose labelled nodes stand here has its name in those of firewalls, too. */
static bool named_by_neighbour(const struct survey *survey, const struct thing *thing)
{
    const char *name = llmd__json_str(thing->json, "name");

    for (size_t i = 0; i < survey->count && strncmp(name, "gke-", 4) == 0; i++) {
        const struct json *labels = llmd__json_member(survey->things[i].json, "labels");
        const char *neighbour = llmd__json_text(llmd__json_member(labels, "goog-k8s-cluster-name"));
        size_t len = strlen(neighbour);

        if (len && survey->things[i].owner == OWNER_ANOTHER_CLUSTER &&
            strcmp(neighbour, survey->cluster->name) != 0 &&
            strncmp(name + 4, neighbour, len) == 0 && name[4 + len] == '-')
            return true;
    }
    return false;
}

static void settle_neighbours(struct survey *survey)
{
    for (size_t i = 0; i < survey->count; i++) {
        struct thing *thing = &survey->things[i];

        if (thing->owner != OWNER_UNKNOWN || !named_by_neighbour(survey, thing))
            continue;
        thing->owner = OWNER_ANOTHER_CLUSTER;
        thing->why = "its name begins with that of another cluster, which is there";
    }
}

/* ---- the survey ---- */

static const char *location_of(const struct json *thing)
{
    const char *zone = llmd__json_str(thing, "zone"), *region = llmd__json_str(thing, "region");

    if (*zone)
        return llmd__last_part(zone);
    return *region ? llmd__last_part(region) : "global";
}

static bool in_reach(const struct json *thing, const struct leak_cluster *cluster)
{
    const char *location = location_of(thing);
    size_t len = strlen(cluster->region);

    return strcmp(location, "global") == 0 || (strncmp(location, cluster->region, len) == 0 &&
                                               (location[len] == '\0' || location[len] == '-'));
}

static size_t count_things(const struct json *lists)
{
    size_t count = 0;

    JSON_EACH(list, lists) {
        count += llmd__json_count(list);
    }
    return count;
}

static void gather(struct survey *survey, const struct leak_kind *kind, const struct json *list)
{
    JSON_EACH(item, list) {
        struct thing *thing = &survey->things[survey->count];

        if (!in_reach(item, survey->cluster))
            continue;
        *thing = (struct thing){.json = item, .kind = kind};
        thing->owner = judge(item, survey->cluster, &thing->why);
        survey->count++;
    }
}

/* An address in use is somebody's running load balancer; idle ones cost. */
static bool worth_telling(const struct thing *thing)
{
    if (thing->owner == OWNER_OURS || thing->owner == OWNER_UNKNOWN)
        return true;
    return strcmp(thing->kind->collection, "addresses") == 0 &&
           strcmp(llmd__json_str(thing->json, "status"), "IN_USE") != 0;
}

static llmd_error *show(const struct survey *survey, struct json **out)
{
    AUTO(json) struct json *finds = llmd__json_array();

    for (size_t i = 0; i < survey->count; i++) {
        const struct thing *thing = &survey->things[i];
        struct json *find;

        if (!worth_telling(thing))
            continue;
        find = llmd__json_add_object(finds);
        llmd__json_set_str(find, "kind", thing->kind->collection);
        llmd__json_set_str(find, "name", llmd__json_str(thing->json, "name"));
        llmd__json_set_str(find, "location", location_of(thing->json));
        llmd__json_set_str(find, "owner", owner_names[thing->owner]);
        llmd__json_set_str(find, "why", thing->why);
        llmd__json_set_bool(find, "billable", thing->kind->billable);
        llmd__json_set_str(find, "link", llmd__json_str(thing->json, "selfLink"));
    }
    TRY(llmd__json_check(finds));
    *out = TAKE(finds);
    return NULL;
}

llmd_error *llmd__leak_survey(const struct json *lists, const struct leak_cluster *cluster,
                              struct json **out)
{
    struct survey survey = {.cluster = cluster};
    size_t count = count_things(lists);
    llmd_error *error;

    *out = NULL;
    survey.things = llmd__calloc(count ? count : 1, sizeof(*survey.things));
    CHECK_MEMORY(survey.things);
    for (size_t i = 0; i < llmd__leak_kind_count(); i++)
        gather(&survey, &llmd__leak_kinds[i],
               llmd__json_member(lists, llmd__leak_kinds[i].collection));
    spread(&survey, OWNER_OURS);
    spread(&survey, OWNER_ANOTHER_CLUSTER);
    settle_neighbours(&survey);
    error = show(&survey, out);
    llmd__free(survey.things);
    return error;
}
