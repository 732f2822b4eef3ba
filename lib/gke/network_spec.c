/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/network.h"

#include "gke/gke.h"

#include "base/name.h"

#include <stdio.h>
#include <string.h>

/* ---- judgements ---- */

const char *llmd__last_part(const char *url)
{
    const char *slash = strrchr(url, '/');

    return slash ? slash + 1 : url;
}

static bool same_network(const struct json *resource, const char *network)
{
    return !network || strcmp(llmd__last_part(llmd__json_str(resource, "network")), network) == 0;
}

bool llmd__is_proxy_subnet(const struct json *subnet, const char *network)
{
    const char *purpose = llmd__json_str(subnet, "purpose");

    return (strcmp(purpose, "REGIONAL_MANAGED_PROXY") == 0 ||
            strcmp(purpose, "INTERNAL_HTTPS_LOAD_BALANCER") == 0) &&
           strcmp(llmd__json_str(subnet, "role"), "BACKUP") != 0 && same_network(subnet, network);
}

bool llmd__has_nat(const struct json *router, const char *network)
{
    return llmd__json_count(llmd__json_member(router, "nats")) && same_network(router, network);
}

bool llmd__network_is_ours(const struct json *resource)
{
    return strstr(llmd__json_str(resource, "description"), LLMD__OWNER_LABEL "=" LLMD__OWNER) ||
           strcmp(llmd__json_str(llmd__json_member(resource, "labels"), LLMD__OWNER_LABEL),
                  LLMD__OWNER) == 0;
}

/* ---- the table ---- */

static llmd_error *check_name(const struct json *value)
{
    return llmd__name_check_label("name", llmd__json_text(value));
}

static llmd_error *check_range(const struct json *value)
{
    const char *text = llmd__json_text(value), *fault;
    char range[64];
    uint32_t address;
    int prefix;

    if (strlen(text) > strlen("255.255.255.255/32"))
        return llmd__error(LLMD_E_INVALID, "\"%.80s\" is too long for a range of IPv4", text);
    snprintf(range, sizeof(range), "%s%s", text[0] == '/' ? "0.0.0.0" : "", text);
    fault = llmd__range_fault(range);
    if (!llmd__range_parse(range, &address, &prefix))
        return llmd__error_set_advice(llmd__error(LLMD_E_INVALID, "\"%.80s\" is no range%s%s", text,
                                                  fault ? ": " : " of IPv4", fault ? fault : ""),
                                      "write it as 192.168.0.0/23, or its size alone as /23");
    if (prefix < 8)
        return llmd__error(LLMD_E_INVALID, "%s is too large: no private range is larger than /8",
                           text);
    if (prefix > 26)
        return llmd__error(LLMD_E_INVALID, "%s is too small: proxies need /26 or larger", text);
    return NULL;
}

#define AT(member) .offset = offsetof(llmd_network_spec, member)

static const struct field network_fields[] = {
    {.name = "network",
     .type = FIELD_STRING,
     AT(network),
     .check = check_name,
     .doc = "The VPC network; `default` by default."},
    {.name = "subnet",
     .type = FIELD_STRING,
     AT(subnet),
     .check = check_name,
     .doc = "Name of the proxy-only subnet if one has to be made; `" LLMD__PROXY_SUBNET
            "` by default."},
    {.name = "range",
     .type = FIELD_STRING,
     AT(range),
     .check = check_range,
     .doc = "Its range (`192.168.0.0/23`), or only its size (`/24`); a free `/23` by default."},
    {.name = "address",
     .type = FIELD_STRING,
     AT(address),
     .check = check_name,
     .doc = "Name of a static address of the region, for a gateway spec's `address`."},
    {.name = "addressType",
     .type = FIELD_STRING,
     AT(address_type),
     .values = "external|internal",
     .doc = "`external` by default; `internal` for class gke-l7-rilb."},
    {.name = "subnetwork",
     .type = FIELD_STRING,
     AT(subnetwork),
     .check = check_name,
     .doc = "The nodes' subnet, from which an internal address is taken; by default that of the "
            "network's name."},
    {.name = "privateNodes",
     .type = FIELD_BOOL,
     AT(private_nodes),
     .doc = "Nodes will have no public addresses: warns if there is no Cloud NAT. Clusters with "
            "private nodes that are there are seen without it."},
    FIELD_END,
};

static llmd_network_spec no_memory;

const struct spec_type llmd__network_spec_type = {
    .what = "network spec",
    .size = sizeof(llmd_network_spec),
    .fields = network_fields,
    .none = &no_memory,
};

SPEC_FUNCTIONS(llmd_network_spec, llmd__network_spec_type)
SPEC_FILE_FUNCTIONS(llmd_network_spec, llmd__network_spec_type)

llmd_network_spec *llmd_network_spec_new(void)
{
    return llmd__spec_new(&llmd__network_spec_type);
}
