/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be wrong with a cluster, by name: POST /sandbox/faults {"fault":"image-missing",
 * "match":"cert-manager-webhook"}. They last until /sandbox/faults/clear.
 */
#ifndef SANDBOX_TROUBLES_H
#define SANDBOX_TROUBLES_H

#include <stdbool.h>

struct json;
struct sandbox;

/* match is a part of what the trouble is about. */
enum trouble {
    TROUBLE_IMAGE_MISSING, /* the image's name */
    TROUBLE_IMAGE_PRIVATE, /* the image's name: 401 without a pull secret */
    TROUBLE_QUOTA,         /* the ReplicaSet's name: no pod of it may be made */
    TROUBLE_NEVER_READY,   /* the pod's name: it runs and is never ready */
    TROUBLE_FORBIDDEN,     /* "clusterroles.rbac.authorization.k8s.io NAME": may not be written */
    TROUBLE_PRESET_UNSEEN, /* the preset's name: KServe's cache has not got it yet */
    TROUBLE_KINDS
};

#define MAX_TROUBLES 16

struct troubles {
    struct {
        enum trouble kind;
        char match[128];
    } items[MAX_TROUBLES];
    int count;
};

/* False: the name is none of these, or there are too many already. */
bool troubles_add(struct sandbox *sandbox, const struct json *json);
void troubles_clear(struct sandbox *sandbox);
/* Called with the lock held. */
bool has_trouble(const struct sandbox *sandbox, enum trouble kind, const char *about);

#endif
