/* SPDX-License-Identifier: Apache-2.0 */
/* What a GKE Gateway needs of the network: the inside of a network spec, and pure judgements. */
#ifndef LLMD_GKE_NETWORK_H
#define LLMD_GKE_NETWORK_H

#include "base/spec.h"

#include <llmd/cluster.h>

struct llmd_network_spec {
    struct spec head;
    char *network, *subnet;
    char *range; /* "192.168.0.0/23", or only "/24" */
    char *address, *address_type, *subnetwork;
    bool private_nodes;
};

extern const struct spec_type llmd__network_spec_type;

#define LLMD__PROXY_SUBNET "libllmd-proxy-only" /* its name, if the spec gives none */
#define LLMD__PROXY_PREFIX 23                   /* what Google recommends; /26 is the least */
#define LLMD__NAT_ADVICE                                                                           \
    "make a Cloud Router with Cloud NAT in the region, or keep images and models in Artifact "     \
    "Registry and Cloud Storage with Private Google Access"

/* Last part of a URL, "default" of ".../global/networks/default". */
const char *llmd__last_part(const char *url);
/* An active proxy-only subnet, by its present or its old purpose; of this network (NULL: any). */
bool llmd__is_proxy_subnet(const struct json *subnet, const char *network);
/* A Cloud Router with NAT in this network. */
bool llmd__has_nat(const struct json *router, const char *network);
/* Carries our mark: a subnet has no labels, so that the description holds it. */
bool llmd__network_is_ours(const struct json *resource);

/* "10.0.0.0/8"; false: no IPv4 range. */
bool llmd__range_parse(const char *text, uint32_t *address, int *prefix);
/* Why a text is no range, of IPv4 or IPv6; NULL: it is one. */
const char *llmd__range_fault(const char *text);
/* The first range of this size that touches none of `used` (an array of strings, others than IPv4
   are passed over): in 192.168.0.0/16, 172.16.0.0/12 and 10.0.0.0/9, in that order. 10.128.0.0/9
   belongs to networks of auto mode, 172.17.0.0/16 to Docker. False: none is free. */
bool llmd__range_free(const struct json *used, int prefix, char out[20]);
/* What of `used` a range touches; NULL: nothing. */
const char *llmd__range_taken(const struct json *used, const char *range);

#endif
