/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Google's own troubles, by name. A state lasts until it is cleared; an event happens `count`
 * times. What `match` means stands with each name in docs/sandbox.md.
 */
#include "sandbox/google/state.h"
#include "sandbox/conn.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    bool state;
} names[] = {
    {"stockout", true},
    {"delete-stops-create", true},
    {"tpu-quota", true},
    {"cpu-quota", true},
    {"address-quota", true},
    {"org-policy", true},
    {"api-disabled", true},
    {"no-proxy-subnet", true},
    {"no-gateway-class", true},
    {"wrong-permissions", true},
    {"machine-type-absent", true},
    {"zone-down", true},
    {"billing-disabled", true},
    {"missing-zones", true},
    {"unknown-enum", true},
    {"reconciling-after-create", true},
    {"create-fails", true},
    {"no-service-account", true},
    {"slow", true},
    {"operation-conflict", false},
    {"too-many-operations", false},
    {"ambiguous-create", false},
    {"ambiguous", false},
    {"rate-limit", false},
    {"503-burst", false},
    {"html-502", false},
    {"bad-token-once", false},
    {"operation-404-first", false},
    {"operation-fails", false},
    {"token-failure", false},
    {"token-revoked", true},
};

static int find_name(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i].name) == len && memcmp(names[i].name, name, len) == 0)
            return (int)i;
    return -1;
}

bool google_fault_known(const char *name, size_t len)
{
    return find_name(name, len) >= 0;
}

void google_fault_names(FILE *to)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        fprintf(to, " %s", names[i].name);
    fprintf(to, "\n");
}

/* A disabled API is a state of the project, which enabling it ends, or clearing the fault. */
static void disable_service(struct google *google, const char *service)
{
    llmd__json_set(google->services, *service ? service : "container.googleapis.com",
                   MAKE("{'state':'DISABLED','fault':true}"));
}

static void clear_services(struct google *google)
{
    JSON_EACH(service, google->services) {
        if (llmd__json_bool(service, "fault", false))
            llmd__json_set_str((struct json *)service, "state", "ENABLED");
    }
}

static void append(struct google *google, struct named_fault *fault)
{
    struct named_fault **end = &google->faults;
    while (*end)
        end = &(*end)->next;
    *end = fault;
}

bool google_fault_add(struct google *google, const struct json *json)
{
    const char *match = llmd__json_str(json, "match");
    const char *name = llmd__json_str(json, "fault");
    int index = google ? find_name(name, strlen(name)) : -1;
    if (index < 0)
        return false;
    pthread_mutex_lock(&google->mutex);
    if (strcmp(names[index].name, "api-disabled") == 0) {
        disable_service(google, match);
        pthread_mutex_unlock(&google->mutex);
        return true;
    }
    struct named_fault *fault = must_alloc(sizeof(*fault));
    *fault = (struct named_fault){
        .name = names[index].name,
        .match = must_strndup(match, strlen(match)),
        .number = (int)llmd__json_int(json, "number", 0),
        .skip = (int)llmd__json_int(json, "skip", 0),
        .left = (int)llmd__json_int(json, "count", names[index].state ? -1 : 1)};
    append(google, fault);
    pthread_mutex_unlock(&google->mutex);
    return true;
}

void google_fault_clear(struct google *google)
{
    if (!google)
        return;
    pthread_mutex_lock(&google->mutex);
    while (google->faults) {
        struct named_fault *fault = google->faults;
        google->faults = fault->next;
        free(fault->match);
        free(fault);
    }
    clear_services(google);
    pthread_mutex_unlock(&google->mutex);
}

struct named_fault *fault_on(struct google *google, const char *name, const char *line)
{
    for (struct named_fault *fault = google->faults; fault; fault = fault->next) {
        if (fault->left == 0 || strcmp(fault->name, name) != 0 ||
            (*line && !strstr(line, fault->match)))
            continue;
        if (fault->skip > 0) {
            fault->skip--;
            continue;
        }
        if (fault->left > 0)
            fault->left--;
        return fault;
    }
    return NULL;
}

bool fault_take(struct google *google, const char *name, const char *line, int *number)
{
    const struct named_fault *fault = fault_on(google, name, line);
    if (fault && number)
        *number = fault->number;
    return fault != NULL;
}
