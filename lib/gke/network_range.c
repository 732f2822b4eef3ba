/* SPDX-License-Identifier: Apache-2.0 */
/* Address ranges: finding a free one. Pure. */
#include "gke/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range {
    uint32_t begin, end; /* both inside */
};

/* "/24" */
static bool read_prefix(const char *text, int most, int *prefix)
{
    char *end;
    long bits;

    if (*text != '/' || text[1] < '0' || text[1] > '9')
        return false;
    bits = strtol(text + 1, &end, 10);
    *prefix = (int)bits;
    return !*end && bits <= most;
}

/* What stands before the slash, to which *rest points. */
static bool read_address(const char *text, int family, void *address, const char **rest)
{
    size_t len = strcspn(text, "/");
    char alone[INET6_ADDRSTRLEN];

    *rest = text + len;
    if (len >= sizeof(alone))
        return false;
    snprintf(alone, sizeof(alone), "%.*s", (int)len, text);
    return inet_pton(family, alone, address) == 1;
}

bool llmd__range_parse(const char *text, uint32_t *address, int *prefix)
{
    struct in_addr read;

    if (!read_address(text, AF_INET, &read, &text) || !read_prefix(text, 32, prefix))
        return false;
    *address = ntohl(read.s_addr);
    return true;
}

const char *llmd__range_fault(const char *text)
{
    bool six = strchr(text, ':') != NULL;
    struct in6_addr address;
    int prefix;

    if (!read_address(text, six ? AF_INET6 : AF_INET, &address, &text))
        return six ? "its beginning is no IPv6 address"
                   : "an address is four numbers, each from 0 to 255";
    if (!read_prefix(text, six ? 128 : 32, &prefix))
        return six ? "behind the address stands / and a number of bits from 0 to 128"
                   : "behind the address stands / and a number of bits from 0 to 32";
    return NULL;
}

static struct range range_of(uint32_t address, int prefix)
{
    uint32_t hosts = prefix ? (uint32_t)((UINT64_C(1) << (32 - prefix)) - 1) : UINT32_MAX;

    return (struct range){address & ~hosts, address | hosts};
}

static bool touch(const struct range *a, const struct range *b)
{
    return a->begin <= b->end && b->begin <= a->end;
}

static bool read_range(const char *text, struct range *range)
{
    uint32_t address;
    int prefix;

    /* The default route covers everything and takes nothing. */
    if (!llmd__range_parse(text, &address, &prefix) || prefix == 0)
        return false;
    *range = range_of(address, prefix);
    return true;
}

static const struct json *taker(const struct json *used, const struct range *wanted,
                                struct range *found)
{
    JSON_EACH(item, used) {
        if (read_range(llmd__json_text(item), found) && touch(found, wanted))
            return item;
    }
    return NULL;
}

const char *llmd__range_taken(const struct json *used, const char *text)
{
    struct range wanted, found;
    const struct json *item;

    if (!read_range(text, &wanted))
        return NULL;
    item = taker(used, &wanted, &found);
    return item ? llmd__json_text(item) : NULL;
}

/* Jumps behind what is in the way, so that a /8 costs one turn. */
static bool search(const struct json *used, const struct range *in, int prefix, uint32_t *out)
{
    static const struct range docker = {0xac110000, 0xac11ffff}; /* 172.17.0.0/16 */
    uint64_t at = in->begin, size = UINT64_C(1) << (32 - prefix);

    while (at + size - 1 <= in->end) {
        struct range wanted = range_of((uint32_t)at, prefix), found;

        if (touch(&wanted, &docker))
            found = docker;
        else if (!taker(used, &wanted, &found)) {
            *out = wanted.begin;
            return true;
        }
        at = ((uint64_t)found.end + size) / size * size;
    }
    return false;
}

bool llmd__range_free(const struct json *used, int prefix, char out[20])
{
    static const struct range private_ranges[] = {
        {0xc0a80000, 0xc0a8ffff}, /* 192.168.0.0/16 */
        {0xac100000, 0xac1fffff}, /* 172.16.0.0/12 */
        {0x0a000000, 0x0a7fffff}, /* 10.0.0.0/9 */
    };
    uint32_t address;

    if (prefix < 8 || prefix > 32)
        return false;
    for (size_t i = 0; i < sizeof(private_ranges) / sizeof(private_ranges[0]); i++) {
        if (!search(used, &private_ranges[i], prefix, &address))
            continue;
        snprintf(out, 20, "%u.%u.%u.%u/%d", address >> 24, address >> 16 & 255, address >> 8 & 255,
                 address & 255, prefix);
        return true;
    }
    return false;
}
