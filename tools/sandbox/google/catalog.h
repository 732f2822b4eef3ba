/* SPDX-License-Identifier: Apache-2.0 */
/* Regions, zones, machine types and versions, as tables. Starting data, not what Google has today.
 */
#ifndef SANDBOX_GOOGLE_CATALOG_H
#define SANDBOX_GOOGLE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

struct machine {
    const char *name;
    int cpus;
    int memory_mb;
    const char *accelerator; /* guestAcceleratorType, or NULL */
    int chips;
    const char *zones;    /* separated by blanks; "*": all but those without e2 */
    const char *label;    /* gke-tpu-accelerator or gke-accelerator, or NULL */
    const char *topology; /* of one host */
    const char *quota;    /* metric of a region, or NULL */
};

struct zone {
    const char *name;
    const char *region;
};

extern const struct zone catalog_zones[];
extern const size_t catalog_zone_count;
extern const struct machine catalog_machines[];
extern const size_t catalog_machine_count;

const struct zone *catalog_zone(const char *name);
bool catalog_region(const char *name);
const struct machine *catalog_machine(const char *name);
bool machine_in_zone(const struct machine *machine, const char *zone);
bool machine_is_tpu(const struct machine *machine);
bool machine_is_multi_host(const struct machine *machine, const char *topology);
int topology_chips(const char *topology); /* 0: not one */

struct channel {
    const char *name;
    const char *versions[5]; /* newest first, NULL-ended */
    const char *standard;
};

extern const struct channel catalog_channels[];
extern const size_t catalog_channel_count;
/* "1.34", "latest", "" ... in this channel ("" none); NULL: unsupported. */
const char *catalog_version(const char *channel, const char *wanted);

#endif
