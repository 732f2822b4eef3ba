/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prices out of Google's catalogue of SKUs, or the caller's. There is no built-in price: a figure
 * that nobody can date is worse than none (P116). Pure.
 */
#ifndef LLMD_GKE_PRICE_H
#define LLMD_GKE_PRICE_H

#include "base/json.h"

enum price_way { WAY_ON_DEMAND, WAY_SPOT, WAY_FLEX, WAY_COUNT };

/* One SKU that is looked for, and its price once the catalogue has named it. */
struct price {
    char begins[80]; /* of its description, up to "running in" or "in" */
    enum price_way way;
    bool found;
    double hourly; /* per unit: a chip, a core, a GiB */
    char sku[128]; /* its whole description */
};

struct prices {
    const char *region; /* borrowed */
    struct price items[96];
    size_t count;
};

/* What is wanted of the catalogue; wanting again gives the same. -1: no room. */
int llmd__price_want(struct prices *prices, const char *begins, enum price_way way);
/* Takes what is wanted from one page of SKUs; everything else of it may be forgotten. */
void llmd__prices_read(struct prices *prices, const struct json *page);
/* The newest price of a SKU per hour of one unit; false: not understood. */
bool llmd__sku_hourly(const struct json *sku, double *hourly);
bool llmd__prices_complete(const struct prices *prices); /* nothing more to look for */

/* A node of a pool as prices see it. */
struct node_kind {
    char machine[64];
    const char *accelerator; /* "nvidia-l4" of GPUs; borrowed; "" */
    int chips;               /* TPU chips or GPUs */
    bool tpu;
    double cpus, memory_gb; /* 0: not known */
    const char *disk_type;  /* borrowed; "" */
    int disk_gb;
};

/* A part of a node, or of a cluster: so many units of a price. */
struct price_part {
    char what[64]; /* "TPU chip", "vCPU" */
    double quantity;
    int price[WAY_COUNT]; /* index in prices; -1: there is none */
};
struct price_parts {
    struct price_part items[6];
    size_t count;
};

/* Machines whose family nobody here knows get no part: they are then told as without a price. */
void llmd__price_node_parts(const struct node_kind *kind, struct prices *prices,
                            struct price_parts *out);
void llmd__price_cluster_parts(bool zonal, struct prices *prices, struct price_parts *out);
/* The parts in this way, per hour; false: a part has no price in it. Disks cost the same in all. */
bool llmd__price_sum(const struct price_parts *parts, const struct prices *prices,
                     enum price_way way, double *hourly);

/* The caller's price of a node: "ct6e-standard-4t", " spot" or " flex" behind it; GPUs that have a
   name of their own in it are added. */
bool llmd__given_price(const struct json *given, const char *name, enum price_way way,
                       double *hourly);

#endif
