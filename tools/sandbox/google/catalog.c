/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/google/catalog.h"

#include <stdio.h>
#include <string.h>

const struct zone catalog_zones[] = {
    {"asia-northeast1-a", "asia-northeast1"},
    {"asia-northeast1-b", "asia-northeast1"},
    {"asia-northeast1-c", "asia-northeast1"},
    {"europe-west4-a", "europe-west4"},
    {"europe-west4-b", "europe-west4"},
    {"europe-west4-c", "europe-west4"},
    {"southamerica-west1-a", "southamerica-west1"},
    {"southamerica-west1-b", "southamerica-west1"},
    {"southamerica-west1-c", "southamerica-west1"},
    {"us-central1-a", "us-central1"},
    {"us-central1-b", "us-central1"},
    {"us-central1-c", "us-central1"},
    {"us-central1-f", "us-central1"},
    {"us-central2-b", "us-central2"},
    {"us-east1-b", "us-east1"},
    {"us-east1-c", "us-east1"},
    {"us-east1-d", "us-east1"},
    {"us-east5-a", "us-east5"},
    {"us-east5-b", "us-east5"},
    {"us-east5-c", "us-east5"},
    {"us-south1-a", "us-south1"},
    {"us-south1-b", "us-south1"},
    {"us-south1-c", "us-south1"},
    {"us-west1-a", "us-west1"},
    {"us-west1-b", "us-west1"},
    {"us-west1-c", "us-west1"},
    {"us-west4-a", "us-west4"},
    {"us-west4-b", "us-west4"},
    {"us-west4-c", "us-west4"},
};
const size_t catalog_zone_count = sizeof(catalog_zones) / sizeof(catalog_zones[0]);

#define V6E                                                                                        \
    "us-central1-b us-east1-d us-east5-a us-east5-b us-south1-b europe-west4-a "                   \
    "asia-northeast1-b southamerica-west1-a"
#define V5E "us-central1-a us-west1-c us-west4-a us-south1-a europe-west4-b us-east5-c"
#define L4                                                                                         \
    "us-central1-a us-central1-b us-central1-c us-east1-b us-east1-c us-east1-d us-west1-a "       \
    "us-west1-b us-west4-a europe-west4-a europe-west4-b europe-west4-c asia-northeast1-a"
#define T4                                                                                         \
    "us-central1-a us-central1-b us-central1-c us-central1-f us-east1-c us-east1-d "               \
    "us-west1-a us-west1-b europe-west4-b europe-west4-c asia-northeast1-a"
#define A100 "us-central1-a us-central1-b us-central1-c us-central1-f europe-west4-a europe-west4-b"
#define H100 "us-central1-a us-central1-c us-east5-a us-west1-b europe-west4-b europe-west4-c"

const struct machine catalog_machines[] = {
    {"e2-micro", 2, 1024, NULL, 0, "*", NULL, NULL, "CPUS"},
    {"e2-medium", 2, 4096, NULL, 0, "*", NULL, NULL, "CPUS"},
    {"e2-standard-2", 2, 8192, NULL, 0, "*", NULL, NULL, "CPUS"},
    {"e2-standard-4", 4, 16384, NULL, 0, "*", NULL, NULL, "CPUS"},
    {"e2-standard-8", 8, 32768, NULL, 0, "*", NULL, NULL, "CPUS"},
    {"e2-standard-16", 16, 65536, NULL, 0, "*", NULL, NULL, "CPUS"},
    {"e2-standard-32", 32, 131072, NULL, 0, "*", NULL, NULL, "CPUS"},
    {"n1-standard-1", 1, 3840, NULL, 0, "*", NULL, NULL, "CPUS"},
    {"n1-standard-2", 2, 7680, NULL, 0, "* us-central2-b", NULL, NULL, "CPUS"},
    {"n1-standard-4", 4, 15360, NULL, 0, "* us-central2-b", NULL, NULL, "CPUS"},
    {"n1-standard-8", 8, 30720, NULL, 0, "* us-central2-b", NULL, NULL, "CPUS"},
    {"n1-standard-16", 16, 61440, NULL, 0, "* us-central2-b", NULL, NULL, "CPUS"},
    {"n2-standard-4", 4, 16384, NULL, 0, "*", NULL, NULL, "N2_CPUS"},
    {"n2-standard-8", 8, 32768, NULL, 0, "*", NULL, NULL, "N2_CPUS"},
    {"n2-standard-16", 16, 65536, NULL, 0, "*", NULL, NULL, "N2_CPUS"},
    {"c3-standard-4", 4, 16384, NULL, 0, L4, NULL, NULL, "C3_CPUS"},
    {"c3-standard-8", 8, 32768, NULL, 0, L4, NULL, NULL, "C3_CPUS"},
    {"ct6e-standard-1t", 44, 180224, "ct6e", 1, V6E, "tpu-v6e-slice", "1x1", NULL},
    {"ct6e-standard-4t", 180, 737280, "ct6e", 4, V6E, "tpu-v6e-slice", "2x2", NULL},
    {"ct6e-standard-8t", 180, 1474560, "ct6e", 8, V6E, "tpu-v6e-slice", "2x4", NULL},
    /* The twin of the TPU VMs: Compute Engine lists it, GKE refuses it. */
    {"ct6e-standard-4t-tpu", 180, 737280, "tpu-v6e", 4, V6E, NULL, NULL, NULL},
    {"ct5lp-hightpu-1t", 24, 49152, "ct5lp", 1, V5E, "tpu-v5-lite-podslice", "1x1",
     "TPU_LITE_PODSLICE_V5"},
    {"ct5lp-hightpu-4t", 112, 196608, "ct5lp", 4, V5E, "tpu-v5-lite-podslice", "2x2",
     "TPU_LITE_PODSLICE_V5"},
    {"ct5lp-hightpu-8t", 224, 393216, "ct5lp", 8, V5E, "tpu-v5-lite-podslice", "2x4",
     "TPU_LITE_PODSLICE_V5"},
    {"g2-standard-4", 4, 16384, "nvidia-l4", 1, L4, "nvidia-l4", NULL, "NVIDIA_L4_GPUS"},
    {"g2-standard-8", 8, 32768, "nvidia-l4", 1, L4, "nvidia-l4", NULL, "NVIDIA_L4_GPUS"},
    {"g2-standard-12", 12, 49152, "nvidia-l4", 1, L4, "nvidia-l4", NULL, "NVIDIA_L4_GPUS"},
    {"g2-standard-24", 24, 98304, "nvidia-l4", 2, L4, "nvidia-l4", NULL, "NVIDIA_L4_GPUS"},
    {"g2-standard-48", 48, 196608, "nvidia-l4", 4, L4, "nvidia-l4", NULL, "NVIDIA_L4_GPUS"},
    {"g2-standard-96", 96, 393216, "nvidia-l4", 8, L4, "nvidia-l4", NULL, "NVIDIA_L4_GPUS"},
    {"a2-highgpu-1g", 12, 87040, "nvidia-tesla-a100", 1, A100, "nvidia-tesla-a100", NULL,
     "NVIDIA_A100_GPUS"},
    {"a2-highgpu-8g", 96, 696320, "nvidia-tesla-a100", 8, A100, "nvidia-tesla-a100", NULL,
     "NVIDIA_A100_GPUS"},
    {"a2-ultragpu-1g", 12, 174080, "nvidia-a100-80gb", 1, A100, "nvidia-a100-80gb", NULL,
     "NVIDIA_A100_80GB_GPUS"},
    {"a3-highgpu-1g", 26, 239616, "nvidia-h100-80gb", 1, H100, "nvidia-h100-80gb", NULL,
     "NVIDIA_H100_GPUS"},
    {"a3-highgpu-8g", 208, 1916928, "nvidia-h100-80gb", 8, H100, "nvidia-h100-80gb", NULL,
     "NVIDIA_H100_GPUS"},
};
const size_t catalog_machine_count = sizeof(catalog_machines) / sizeof(catalog_machines[0]);

const struct channel catalog_channels[] = {
    {"RAPID",
     {"1.35.1-gke.1396000", "1.35.0-gke.2745000", "1.34.3-gke.1245000", NULL},
     "1.35.0-gke.2745000"},
    {"REGULAR",
     {"1.35.0-gke.2745000", "1.34.3-gke.1051003", "1.34.1-gke.3355002", "1.33.5-gke.2118001", NULL},
     "1.34.1-gke.3355002"},
    {"STABLE",
     {"1.34.1-gke.3355002", "1.33.5-gke.1308000", "1.32.9-gke.1548000", NULL},
     "1.33.5-gke.1308000"},
    {"EXTENDED",
     {"1.34.1-gke.3355002", "1.33.5-gke.2118001", "1.32.9-gke.1548000", "1.30.14-gke.1720000",
      NULL},
     "1.34.1-gke.3355002"},
};
const size_t catalog_channel_count = sizeof(catalog_channels) / sizeof(catalog_channels[0]);

const struct zone *catalog_zone(const char *name)
{
    for (size_t i = 0; i < catalog_zone_count; i++)
        if (strcmp(catalog_zones[i].name, name) == 0)
            return &catalog_zones[i];
    return NULL;
}

bool catalog_region(const char *name)
{
    for (size_t i = 0; i < catalog_zone_count; i++)
        if (strcmp(catalog_zones[i].region, name) == 0)
            return true;
    return false;
}

const struct machine *catalog_machine(const char *name)
{
    for (size_t i = 0; i < catalog_machine_count; i++)
        if (strcmp(catalog_machines[i].name, name) == 0)
            return &catalog_machines[i];
    return NULL;
}

static bool lists(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += len)
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
            return true;
    return false;
}

bool machine_in_zone(const struct machine *machine, const char *zone)
{
    /* us-central2-b is the zone that has TPUs and neither e2 nor n2. */
    if (machine->zones[0] == '*' && strcmp(zone, "us-central2-b") != 0)
        return true;
    return lists(machine->zones, zone);
}

bool machine_is_tpu(const struct machine *machine)
{
    return machine && machine->label && strncmp(machine->name, "ct", 2) == 0;
}

int topology_chips(const char *topology)
{
    int x = 0;
    int y = 0;
    char end;
    return sscanf(topology, "%dx%d%c", &x, &y, &end) == 2 && x > 0 && y > 0 ? x * y : 0;
}

bool machine_is_multi_host(const struct machine *machine, const char *topology)
{
    return machine_is_tpu(machine) && topology_chips(topology) > machine->chips;
}

static const char *in_channel(const struct channel *channel, const char *wanted)
{
    size_t len = strlen(wanted);
    if (!*wanted || strcmp(wanted, "-") == 0)
        return channel->standard;
    if (strcmp(wanted, "latest") == 0)
        return channel->versions[0];
    /* An alias means the channel's default where that has it, else the newest. */
    if (strncmp(channel->standard, wanted, len) == 0 && strchr(".-", channel->standard[len]))
        return channel->standard;
    for (int i = 0; channel->versions[i]; i++)
        if (strncmp(channel->versions[i], wanted, len) == 0 &&
            (!channel->versions[i][len] || strchr(".-", channel->versions[i][len])))
            return channel->versions[i];
    return NULL;
}

const char *catalog_version(const char *channel, const char *wanted)
{
    const char *found = NULL;
    for (size_t i = 0; i < catalog_channel_count && !found; i++)
        if (!*channel || strcmp(catalog_channels[i].name, channel) == 0 ||
            strcmp(channel, "UNSPECIFIED") == 0)
            found = in_channel(&catalog_channels[i], wanted);
    return found;
}
