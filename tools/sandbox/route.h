/* SPDX-License-Identifier: Apache-2.0 */
/* What a path of the Kubernetes API names. Pure but for the table of kinds. */
#ifndef SANDBOX_ROUTE_H
#define SANDBOX_ROUTE_H

#include "sandbox/kinds.h"

struct route {
    struct kind *kind; /* NULL: unknown */
    char version[64];
    char ns[256];   /* "" all or none */
    char name[256]; /* "" the collection */
    char subresource[64];
    char rest[2048]; /* "/v1/models" after .../proxy */
};

/* False: not a path of a resource. */
bool route_parse(struct kind *kinds, const char *path, struct route *route);

#endif
