/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chips and the pools that have them: the one place for all names of a chip, which differ from API
 * to API (a v6e is ct6e to Compute Engine, tpu-v6e-slice to Kubernetes and CT6E to quotas). Pure.
 */
#ifndef LLMD_GKE_PRESETS_H
#define LLMD_GKE_PRESETS_H

#include <stdbool.h>
#include <stddef.h>

enum accelerator_kind { ACCELERATOR_NONE, ACCELERATOR_TPU, ACCELERATOR_GPU };

struct chip_quota {
    const char *id;        /* Cloud Quotas: "TPUS-PER-TPU-FAMILY-per-project-region" */
    const char *metric;    /* Monitoring: "compute.googleapis.com/tpus_per_tpu_family" */
    const char *dimension; /* besides region: "tpu_family"; NULL: none */
    const char *family;    /* its value: "CT6E" */
    const char *region;    /* metric of regions.get: "NVIDIA_L4_GPUS"; NULL: not listed there */
};

struct chip {
    const char *name; /* ours: "tpu-v6e" */
    enum accelerator_kind kind;
    const char *machines;    /* how its machine types begin: "ct6e-standard-"; NULL: any n1 */
    const char *guest;       /* their guestAcceleratorType: "ct6e" */
    const char *accelerator; /* acceleratorType of a node pool: "nvidia-l4"; NULL for TPUs */
    const char *label;       /* that GKE gives the nodes */
    const char *label_value; /* "tpu-v6e-slice" */
    const char *resource;    /* "google.com/tpu" */
    const char *multi_host;  /* machine type of slices of several hosts; NULL: none */
    struct chip_quota on_demand, spot; /* spot is flex-start's too */
};

struct pool_preset {
    const char *name;        /* "tpu-v6e-4t" */
    const struct chip *chip; /* NULL: none */
    const char *machine;
    int chips;            /* a node */
    const char *topology; /* of the slice, "2x2"; NULL: no TPU */
    int hosts;            /* more than 1: a pool is one slice */
    bool secure_boot;
    const char *doc;
};

#define LLMD__POOL_PRESET_NAMES                                                                    \
    "tpu-v6e-1t|tpu-v6e-4t|tpu-v6e-8t|tpu-v6e-2x4|tpu-v6e-4x4|tpu-v6e-4x8|tpu-v6e-8x8|"            \
    "tpu-v6e-8x16|tpu-v6e-16x16|tpu-v5e-1t|tpu-v5e-4t|tpu-v5e-8t|tpu-v5e-2x4|tpu-v5e-4x4|"         \
    "tpu-v5e-4x8|tpu-v5e-8x8|tpu-v5e-8x16|tpu-v5e-16x16|nvidia-t4|nvidia-l4|nvidia-a100|"          \
    "nvidia-a100-80gb|nvidia-h100|cpu"

/* NULL: no such preset. */
const struct pool_preset *llmd__pool_preset(const char *name);
/* The preset that is made of this machine type (and, of a TPU, topology; NULL or "": one host), as
   a recommendation names it; NULL if none. */
const struct pool_preset *llmd__pool_preset_of(const char *machine, const char *topology);
/* The chip of this machine type, or of this acceleratorType; NULL: none, or one we do not know. */
const struct chip *llmd__chip_of_machine(const char *machine);
const struct chip *llmd__chip_of_accelerator(const char *type);
/* Chips in one machine of this type by its name; 0 if the name does not say. */
int llmd__machine_chips(const char *machine);
bool llmd__machine_is_tpu(const char *machine); /* also of those that no chip here names */
/* The boot disk that nodes get when nobody says which: its type, and its size in GB. */
const char *llmd__machine_disk(const char *machine);
#define LLMD__DISK_GB 100
/* "4x4" -> 16; 0 if it is none. dimensions may be NULL. */
int llmd__topology_chips(const char *topology, int *dimensions);

#endif
