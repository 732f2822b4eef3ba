/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/network.h"

#include "gke/gke.h"

#include "base/file.h"
#include "base/name.h"
#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SPEC (1 << 20)

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
    const char *text = llmd__json_text(value);
    uint32_t address;
    int prefix = 0;

    if (text[0] == '/')
        prefix = (int)strtol(text + 1, NULL, 10);
    else if (!llmd__range_parse(text, &address, &prefix))
        prefix = 0;
    if (prefix < 8)
        return llmd__error(LLMD_E_INVALID, "\"%s\" is no range: want \"192.168.0.0/23\" or \"/23\"",
                           text);
    if (prefix > 26)
        return llmd__error(LLMD_E_INVALID, "%s is too small: proxies need /26 or larger", text);
    return NULL;
}

#define AT(member) .offset = offsetof(llmd_network_spec, member)

const struct field llmd__network_fields[] = {
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

void llmd_network_spec_free(llmd_network_spec *spec)
{
    if (!spec)
        return;
    llmd__fields_free(llmd__network_fields, spec);
    llmd__free(spec);
}
DEFINE_AUTO(network_spec, llmd_network_spec *, llmd_network_spec_free)

static llmd_error *parse_named(const char *text, const char *what, llmd_network_spec **out)
{
    AUTO(network_spec) llmd_network_spec *spec = llmd__calloc(1, sizeof(*spec));
    AUTO(json) struct json *object = NULL;

    CHECK_MEMORY(spec);
    TRY(llmd__yaml_parse(text, what, &object));
    TRY(llmd__fields_read(llmd__network_fields, object, what, spec));
    *out = TAKE(spec);
    return NULL;
}

llmd_error *llmd_network_spec_parse(const char *text, llmd_network_spec **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(text);
    return parse_named(text, "network spec", out);
}

llmd_error *llmd_network_spec_parse_file(const char *path, llmd_network_spec **out)
{
    AUTO(buf) struct buf text = BUF_INIT;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(path);
    TRY(llmd__file_read(path, MAX_SPEC, &text));
    return parse_named(llmd__buf_text(&text), path, out);
}
