/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/presets.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define TPU_LABEL "cloud.google.com/gke-tpu-accelerator"
#define GPU_LABEL "cloud.google.com/gke-accelerator"
#define TPU_RESOURCE "google.com/tpu"
#define GPU_RESOURCE "nvidia.com/gpu"
#define PER_REGION "-per-project-region"
#define METRIC "compute.googleapis.com/"

/* Quotas of old come one a chip, and regions.get lists them; those of v6e and H100 share a metric
   with a family as dimension, and regions.get does not know them. Quotas of tpu.googleapis.com
   are another pool and say nothing about GKE. */
#define FAMILY_QUOTA(id, metric, dimension, family)                                                \
    {                                                                                              \
        id PER_REGION, METRIC metric, dimension, family, NULL                                      \
    }
#define OWN_QUOTA(id, metric, region)                                                              \
    {                                                                                              \
        id PER_REGION, METRIC metric, NULL, NULL, region                                           \
    }
#define NO_REGION_QUOTA(id, metric)                                                                \
    {                                                                                              \
        id PER_REGION, METRIC metric, NULL, NULL, NULL                                             \
    }

enum { V6E, V5E, T4, L4, A100, A100_80, H100, CHIPS };

static const struct chip chips[CHIPS] = {
    [V6E] = {.name = "tpu-v6e",
             .kind = ACCELERATOR_TPU,
             .machines = "ct6e-standard-",
             .guest = "ct6e",
             .label = TPU_LABEL,
             .label_value = "tpu-v6e-slice",
             .resource = TPU_RESOURCE,
             .multi_host = "ct6e-standard-4t",
             .on_demand =
                 FAMILY_QUOTA("TPUS-PER-TPU-FAMILY", "tpus_per_tpu_family", "tpu_family", "CT6E"),
             .spot = NO_REGION_QUOTA("PREEMPTIBLE-TPU-V6E", "preemptible_tpu_v6e")},
    [V5E] = {.name = "tpu-v5e",
             .kind = ACCELERATOR_TPU,
             .machines = "ct5lp-hightpu-",
             .guest = "ct5lp",
             .label = TPU_LABEL,
             .label_value = "tpu-v5-lite-podslice",
             .resource = TPU_RESOURCE,
             .multi_host = "ct5lp-hightpu-4t",
             .on_demand =
                 OWN_QUOTA("TPU-LITE-PODSLICE-V5", "tpu_lite_podslice_v5", "TPU_LITE_PODSLICE_V5"),
             .spot =
                 OWN_QUOTA("PREEMPTIBLE-TPU-LITE-PODSLICE-V5", "preemptible_tpu_lite_podslice_v5",
                           "PREEMPTIBLE_TPU_LITE_PODSLICE_V5")},
    [T4] = {.name = "nvidia-t4",
            .kind = ACCELERATOR_GPU,
            .accelerator = "nvidia-tesla-t4",
            .guest = "nvidia-tesla-t4",
            .label = GPU_LABEL,
            .label_value = "nvidia-tesla-t4",
            .resource = GPU_RESOURCE,
            .on_demand = OWN_QUOTA("NVIDIA-T4-GPUS", "nvidia_t4_gpus", "NVIDIA_T4_GPUS"),
            .spot = OWN_QUOTA("PREEMPTIBLE-NVIDIA-T4-GPUS", "preemptible_nvidia_t4_gpus",
                              "PREEMPTIBLE_NVIDIA_T4_GPUS")},
    [L4] = {.name = "nvidia-l4",
            .kind = ACCELERATOR_GPU,
            .machines = "g2-standard-",
            .accelerator = "nvidia-l4",
            .guest = "nvidia-l4",
            .label = GPU_LABEL,
            .label_value = "nvidia-l4",
            .resource = GPU_RESOURCE,
            .on_demand = OWN_QUOTA("NVIDIA-L4-GPUS", "nvidia_l4_gpus", "NVIDIA_L4_GPUS"),
            .spot = OWN_QUOTA("PREEMPTIBLE-NVIDIA-L4-GPUS", "preemptible_nvidia_l4_gpus",
                              "PREEMPTIBLE_NVIDIA_L4_GPUS")},
    [A100] = {.name = "nvidia-a100",
              .kind = ACCELERATOR_GPU,
              .machines = "a2-highgpu-",
              .accelerator = "nvidia-tesla-a100",
              .guest = "nvidia-tesla-a100",
              .label = GPU_LABEL,
              .label_value = "nvidia-tesla-a100",
              .resource = GPU_RESOURCE,
              .on_demand = OWN_QUOTA("NVIDIA-A100-GPUS", "nvidia_a100_gpus", "NVIDIA_A100_GPUS"),
              .spot = OWN_QUOTA("PREEMPTIBLE-NVIDIA-A100-GPUS", "preemptible_nvidia_a100_gpus",
                                "PREEMPTIBLE_NVIDIA_A100_GPUS")},
    [A100_80] = {.name = "nvidia-a100-80gb",
                 .kind = ACCELERATOR_GPU,
                 .machines = "a2-ultragpu-",
                 .accelerator = "nvidia-a100-80gb",
                 .guest = "nvidia-a100-80gb",
                 .label = GPU_LABEL,
                 .label_value = "nvidia-a100-80gb",
                 .resource = GPU_RESOURCE,
                 .on_demand = OWN_QUOTA("NVIDIA-A100-80GB-GPUS", "nvidia_a100_80gb_gpus",
                                        "NVIDIA_A100_80GB_GPUS"),
                 .spot = OWN_QUOTA("PREEMPTIBLE-NVIDIA-A100-80GB-GPUS",
                                   "preemptible_nvidia_a100_80gb_gpus",
                                   "PREEMPTIBLE_NVIDIA_A100_80GB_GPUS")},
    [H100] = {.name = "nvidia-h100",
              .kind = ACCELERATOR_GPU,
              .machines = "a3-highgpu-",
              .accelerator = "nvidia-h100-80gb",
              .guest = "nvidia-h100-80gb",
              .label = GPU_LABEL,
              .label_value = "nvidia-h100-80gb",
              .resource = GPU_RESOURCE,
              .on_demand = FAMILY_QUOTA("GPUS-PER-GPU-FAMILY", "gpus_per_gpu_family", "gpu_family",
                                        "NVIDIA_H100"),
              .spot =
                  NO_REGION_QUOTA("PREEMPTIBLE-NVIDIA-H100-GPUS", "preemptible_nvidia_h100_gpus")},
};

#define TPU(name, chip, machine, chips_, topology, hosts, doc)                                     \
    {                                                                                              \
        name, &chips[chip], machine, chips_, topology, hosts, false, doc                           \
    }
#define GPU(name, chip, machine, count, doc)                                                       \
    {                                                                                              \
        name, &chips[chip], machine, count, NULL, 1, false, doc                                    \
    }
#define SLICES(prefix, chip, machines, chip_doc)                                                   \
    TPU(prefix "1t", chip, machines "1t", 1, "1x1", 1, "One " chip_doc " chip."),                  \
        TPU(prefix "4t", chip, machines "4t", 4, "2x2", 1, "Four " chip_doc " chips, one host."),  \
        TPU(prefix "8t", chip, machines "8t", 8, "2x4", 1, "Eight " chip_doc " chips, one host."), \
        TPU(prefix "2x4", chip, machines "4t", 4, "2x4", 2, "8 " chip_doc " chips, 2 hosts."),     \
        TPU(prefix "4x4", chip, machines "4t", 4, "4x4", 4, "16 " chip_doc " chips, 4 hosts."),    \
        TPU(prefix "4x8", chip, machines "4t", 4, "4x8", 8, "32 " chip_doc " chips, 8 hosts."),    \
        TPU(prefix "8x8", chip, machines "4t", 4, "8x8", 16, "64 " chip_doc " chips, 16 hosts."),  \
        TPU(prefix "8x16", chip, machines "4t", 4, "8x16", 32,                                     \
            "128 " chip_doc " chips, 32 hosts."),                                                  \
        TPU(prefix "16x16", chip, machines "4t", 4, "16x16", 64,                                   \
            "256 " chip_doc " chips, 64 hosts.")

static const struct pool_preset presets[] = {
    SLICES("tpu-v6e-", V6E, "ct6e-standard-", "TPU v6e"),
    SLICES("tpu-v5e-", V5E, "ct5lp-hightpu-", "TPU v5e"),
    GPU("nvidia-t4", T4, "n1-standard-4", 1, "One NVIDIA T4, 16 GB."),
    GPU("nvidia-l4", L4, "g2-standard-8", 1, "One NVIDIA L4, 24 GB."),
    GPU("nvidia-a100", A100, "a2-highgpu-1g", 1, "One NVIDIA A100, 40 GB."),
    GPU("nvidia-a100-80gb", A100_80, "a2-ultragpu-1g", 1, "One NVIDIA A100, 80 GB."),
    GPU("nvidia-h100", H100, "a3-highgpu-8g", 8, "Eight NVIDIA H100, 80 GB each."),
    {"cpu", NULL, "e2-standard-4", 0, NULL, 1, true, "No accelerator."},
};

const struct pool_preset *llmd__pool_preset(const char *name)
{
    for (size_t i = 0; name && i < COUNT(presets); i++) {
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    }
    return NULL;
}

static bool is_of(const struct pool_preset *preset, const char *topology)
{
    if (!preset->topology || !topology || !*topology)
        return preset->hosts == 1;
    return strcmp(preset->topology, topology) == 0;
}

const struct pool_preset *llmd__pool_preset_of(const char *machine, const char *topology)
{
    for (size_t i = 0; machine && i < COUNT(presets); i++) {
        if (strcmp(presets[i].machine, machine) == 0 && is_of(&presets[i], topology))
            return &presets[i];
    }
    return NULL;
}

/* ct6e-standard-4t-tpu is the TPU VM twin of ct6e-standard-4t, and no node of GKE's. */
static bool is_twin(const char *machine)
{
    size_t len = strlen(machine);

    return len > 4 && strcmp(machine + len - 4, "-tpu") == 0;
}

const struct chip *llmd__chip_of_machine(const char *machine)
{
    for (size_t i = 0; machine && !is_twin(machine) && i < COUNT(chips); i++) {
        const char *machines = chips[i].machines;

        if (machines && strncmp(machine, machines, strlen(machines)) == 0)
            return &chips[i];
    }
    return NULL;
}

const struct chip *llmd__chip_of_accelerator(const char *type)
{
    for (size_t i = 0; type && i < COUNT(chips); i++) {
        if (chips[i].accelerator && strcmp(chips[i].accelerator, type) == 0)
            return &chips[i];
    }
    return NULL;
}

/* The sizes of g2 say vCPUs. */
static int g2_chips(int vcpus)
{
    return vcpus == 96 ? 8 : vcpus == 48 ? 4 : vcpus == 24 ? 2 : 1;
}

int llmd__machine_chips(const char *machine)
{
    const char *size = machine ? strrchr(machine, '-') : NULL;
    char *end;
    long count = size ? strtol(size + 1, &end, 10) : 0;

    if (count <= 0 || count > 1024)
        return 0;
    if (strncmp(machine, "g2-", 3) == 0)
        return g2_chips((int)count);
    if (strcmp(end, "t") == 0 || (strcmp(end, "g") == 0 && machine[0] == 'a'))
        return (int)count;
    return 0;
}

static bool begins(const char *machine, const char *prefix)
{
    return machine && strncmp(machine, prefix, strlen(prefix)) == 0;
}

bool llmd__machine_is_tpu(const char *machine)
{
    return begins(machine, "ct") || begins(machine, "tpu");
}

/* v6e and later take no Persistent Disk. */
const char *llmd__machine_disk(const char *machine)
{
    return begins(machine, "ct6e-") || begins(machine, "tpu7x-") ? "hyperdisk-balanced"
                                                                 : "pd-balanced";
}

int llmd__topology_chips(const char *topology, int *dimensions)
{
    long product = 1;
    int count = 0;

    for (const char *at = topology; at; count++) {
        char *end;
        long side = *at >= '1' && *at <= '9' ? strtol(at, &end, 10) : 0;

        if (side <= 0 || side > 64 || count == 3 || (*end && *end != 'x'))
            return 0;
        product *= side;
        at = *end ? end + 1 : NULL;
    }
    if (dimensions)
        *dimensions = count;
    return count > 1 ? (int)product : 0;
}
