/* SPDX-License-Identifier: Apache-2.0 */
/* Reservations: the one kind of capacity that can be asked for. */
#include "gke/preflight.h"

#include "gke/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* int64 is a string in Google's JSON. */
static int64_t number(const struct json *json, const char *path)
{
    return strtoll(llmd__json_text(llmd__json_get(json, path)), NULL, 10);
}

static llmd_error *tell_bad(struct preflight_ask *ask, struct graph *graph, const char *reason,
                            const char *message)
{
    const struct check check = {LLMD_LEVEL_ERROR, ask->subject, reason,
                                "look at the reservation's project, zone, state and machine type, "
                                "or leave reservation out"};

    return llmd__preflight_tell(ask->preflight, graph, &check, "%s", message);
}

static llmd_error *tell_free(struct preflight_ask *ask, struct graph *graph,
                             const struct json *reservation)
{
    int64_t count = number(reservation, "specificReservation.count");
    int64_t used = number(reservation, "specificReservation.inUseCount");
    int64_t needed = llmd__pool_nodes_at_once(&ask->preflight->pools[ask->index]);
    struct check check = {LLMD_LEVEL_INFO, ask->subject, "RESERVATION", "",
                          "RESERVATION",   count,        used,          needed};

    if (needed > count - used) {
        check.level = LLMD_LEVEL_ERROR;
        check.reason = "RESERVATION_FULL";
        check.advice = "want fewer nodes, or enlarge the reservation";
    }
    return llmd__preflight_tell(ask->preflight, graph, &check,
                                "machines %lld, used %lld, needed "
                                "%lld",
                                (long long)count, (long long)used, (long long)needed);
}

static llmd_error *on_reservation(void *data, struct graph *graph, const struct look_answer *answer)
{
    struct preflight_ask *ask = data;
    const char *machine = llmd__last_part(
        llmd__json_str(answer->json, "specificReservation.instanceProperties.machineType"));
    const char *status = llmd__json_str(answer->json, "status");

    if (answer->trouble == TROUBLE_NOT_FOUND)
        return tell_bad(ask, graph, "RESERVATION_NOT_FOUND", "there is no such reservation");
    if (answer->refusal)
        return llmd__preflight_unknown(ask->preflight, graph, ask->subject, answer);
    if (*machine && strcmp(machine, ask->preflight->pools[ask->index].machine) != 0)
        return tell_bad(ask, graph, "RESERVATION_DIFFERS", "it is for another machine type");
    if (strcmp(status, "READY") != 0)
        return tell_bad(ask, graph, "RESERVATION_NOT_READY", "it is not READY");
    return tell_free(ask, graph, answer->json);
}

/* "NAME", or "projects/P/reservations/NAME" of another project that shares it. */
static llmd_error *ask_zone(struct preflight *preflight, struct graph *graph, size_t index,
                            const char *zone)
{
    const char *wanted = preflight->pools[index].reservation;
    const char *project = llmd_gke_project(preflight->gke);
    bool shared = strncmp(wanted, "projects/", 9) == 0;
    char subject[160];

    snprintf(subject, sizeof(subject), "Reservation/%s/%s", zone, llmd__last_part(wanted));
    return llmd__preflight_look(preflight, graph, GOOGLE_COMPUTE, subject, index, on_reservation,
                                NULL, NULL, "/compute/v1/projects/%.*s/zones/%s/reservations/%s",
                                shared ? (int)strcspn(wanted + 9, "/") : (int)strlen(project),
                                shared ? wanted + 9 : project, zone, llmd__last_part(wanted));
}

llmd_error *llmd__preflight_reservations(struct preflight *preflight, struct graph *graph)
{
    for (size_t i = 0; i < preflight->pool_count; i++) {
        AUTO(json) struct json *zones = NULL;

        if (!preflight->pools[i].reservation || !*preflight->pools[i].reservation)
            continue;
        TRY(llmd__pool_zones(preflight, &preflight->pools[i], &zones));
        JSON_EACH(zone, zones) {
            TRY(ask_zone(preflight, graph, i, llmd__json_text(zone)));
        }
    }
    return NULL;
}
