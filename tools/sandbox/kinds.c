/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in kinds are those that a client of KServe meets; one more is one more row. A kind is
 * never freed while we run, only no longer served: watches and history point at it.
 */
#include "sandbox/kinds.h"

#include "sandbox/conn.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMESPACED 1
#define STATUS 2
#define GENERATION 4

static const struct {
    const char *group;
    const char *version;
    const char *plural;
    const char *name;
    const char *short_names;
    int flags;
} builtins[] = {
    {"", "v1", "namespaces", "Namespace", "ns", STATUS},
    {"", "v1", "pods", "Pod", "po", NAMESPACED | STATUS | GENERATION},
    {"", "v1", "services", "Service", "svc", NAMESPACED | STATUS},
    {"", "v1", "secrets", "Secret", "", NAMESPACED},
    {"", "v1", "configmaps", "ConfigMap", "cm", NAMESPACED},
    {"", "v1", "serviceaccounts", "ServiceAccount", "sa", NAMESPACED},
    {"", "v1", "nodes", "Node", "no", STATUS},
    {"", "v1", "events", "Event", "ev", NAMESPACED},
    {"", "v1", "endpoints", "Endpoints", "ep", NAMESPACED},
    {"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", NAMESPACED | STATUS},
    {"", "v1", "persistentvolumes", "PersistentVolume", "pv", STATUS},
    {"", "v1", "limitranges", "LimitRange", "limits", NAMESPACED},
    {"", "v1", "resourcequotas", "ResourceQuota", "quota", NAMESPACED | STATUS},
    {"apps", "v1", "deployments", "Deployment", "deploy", NAMESPACED | STATUS | GENERATION},
    {"apps", "v1", "replicasets", "ReplicaSet", "rs", NAMESPACED | STATUS | GENERATION},
    {"apps", "v1", "statefulsets", "StatefulSet", "sts", NAMESPACED | STATUS | GENERATION},
    {"apps", "v1", "daemonsets", "DaemonSet", "ds", NAMESPACED | STATUS | GENERATION},
    {"batch", "v1", "jobs", "Job", "", NAMESPACED | STATUS | GENERATION},
    {"batch", "v1", "cronjobs", "CronJob", "cj", NAMESPACED | STATUS | GENERATION},
    {"rbac.authorization.k8s.io", "v1", "roles", "Role", "", NAMESPACED},
    {"rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", "", NAMESPACED},
    {"rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", "", 0},
    {"rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", "", 0},
    {"apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition",
     "crd,crds", STATUS | GENERATION},
    {"admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations",
     "ValidatingWebhookConfiguration", "", GENERATION},
    {"admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations",
     "MutatingWebhookConfiguration", "", GENERATION},
    {"admissionregistration.k8s.io", "v1", "validatingadmissionpolicies",
     "ValidatingAdmissionPolicy", "", STATUS | GENERATION},
    {"admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings",
     "ValidatingAdmissionPolicyBinding", "", GENERATION},
    {"apiregistration.k8s.io", "v1", "apiservices", "APIService", "", STATUS},
    {"autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa",
     NAMESPACED | STATUS},
    {"coordination.k8s.io", "v1", "leases", "Lease", "", NAMESPACED},
    {"discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", "", NAMESPACED},
    {"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", "netpol",
     NAMESPACED | GENERATION},
    {"networking.k8s.io", "v1", "ingresses", "Ingress", "ing", NAMESPACED | STATUS | GENERATION},
    {"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", "pdb",
     NAMESPACED | STATUS | GENERATION},
    {"scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", "pc", GENERATION},
    {"storage.k8s.io", "v1", "storageclasses", "StorageClass", "sc", 0},
};

static char *copy(const char *text)
{
    return must_strndup(text, strlen(text));
}

static void append_kind(struct kind **table, struct kind *kind)
{
    while (*table)
        table = &(*table)->next;
    *table = kind;
}

static char *lower(const char *text)
{
    char *out = copy(text);
    for (char *c = out; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return out;
}

void kinds_add_builtin(struct kind **table)
{
    for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
        struct kind *kind = must_alloc(sizeof(*kind));
        *kind = (struct kind){.group = copy(builtins[i].group),
                              .versions = {copy(builtins[i].version)},
                              .version_count = 1,
                              .storage_version = copy(builtins[i].version),
                              .plural = copy(builtins[i].plural),
                              .singular = lower(builtins[i].name),
                              .name = copy(builtins[i].name),
                              .short_names = copy(builtins[i].short_names),
                              .namespaced = builtins[i].flags & NAMESPACED,
                              .has_status = builtins[i].flags & STATUS,
                              .generation = builtins[i].flags & GENERATION,
                              .builtin = true,
                              .served = true};
        append_kind(table, kind);
    }
}

static char *join_short_names(const struct json *names)
{
    struct buf buf = BUF_INIT;
    JSON_EACH(name, llmd__json_get(names, "shortNames"))
        llmd__buf_format(&buf, "%s%s", buf.len ? "," : "", llmd__json_text(name));
    char *text = copy(llmd__buf_text(&buf));
    llmd__buf_free(&buf);
    return text;
}

/* "v1" before "v1beta1" before "v1alpha2", as Kubernetes orders them. */
static long version_rank(const char *version)
{
    char *end;
    long major = strtol(version + 1, &end, 10);
    long level = strncmp(end, "alpha", 5) == 0 ? 1 : strncmp(end, "beta", 4) == 0 ? 2 : 3;
    long minor = level == 3 ? 0 : strtol(end + (level == 1 ? 5 : 4), NULL, 10);
    return level * 1000000 + major * 1000 + minor;
}

static void read_versions(struct kind *kind, const struct json *crd)
{
    for (int i = 0; i < kind->version_count; i++)
        free(kind->versions[i]);
    kind->version_count = 0;
    kind->has_status = false;
    JSON_EACH(version, llmd__json_get(crd, "spec.versions")) {
        const char *name = llmd__json_str(version, "name");
        if (llmd__json_get(version, "subresources.status"))
            kind->has_status = true;
        if (llmd__json_bool(version, "storage", false)) {
            free(kind->storage_version);
            kind->storage_version = copy(name);
        }
        if (!llmd__json_bool(version, "served", false) || kind->version_count == MAX_VERSIONS)
            continue;
        int at = kind->version_count++;
        while (at > 0 && version_rank(kind->versions[at - 1]) < version_rank(name)) {
            kind->versions[at] = kind->versions[at - 1];
            at--;
        }
        kind->versions[at] = copy(name);
    }
}

void kinds_add_crd(struct kind **table, const struct json *crd)
{
    const struct json *names = llmd__json_get(crd, "spec.names");
    const char *group = llmd__json_str(crd, "spec.group");
    struct kind *kind = kinds_find(*table, group, llmd__json_str(names, "plural"));
    if (!kind) {
        kind = must_alloc(sizeof(*kind));
        *kind = (struct kind){.group = copy(group),
                              .plural = copy(llmd__json_str(names, "plural")),
                              .name = copy(llmd__json_str(names, "kind")),
                              .storage_version = copy(""),
                              .singular = lower(llmd__json_str(names, "kind")),
                              .short_names = join_short_names(names),
                              .generation = true};
        append_kind(table, kind);
    }
    kind->namespaced = strcmp(llmd__json_str(crd, "spec.scope"), "Namespaced") == 0;
    kind->served = true;
    read_versions(kind, crd);
}

void kinds_remove_crd(struct kind *table, const struct json *crd)
{
    struct kind *kind = kinds_find(table, llmd__json_str(crd, "spec.group"),
                                   llmd__json_str(crd, "spec.names.plural"));
    if (kind)
        kind->served = false;
}

void kinds_free(struct kind **table)
{
    while (*table) {
        struct kind *kind = *table;
        *table = kind->next;
        for (int i = 0; i < kind->version_count; i++)
            free(kind->versions[i]);
        free(kind->group);
        free(kind->storage_version);
        free(kind->plural);
        free(kind->singular);
        free(kind->name);
        free(kind->short_names);
        free(kind);
    }
}

struct kind *kinds_find(struct kind *table, const char *group, const char *plural)
{
    for (struct kind *kind = table; kind; kind = kind->next)
        if (strcmp(kind->group, group) == 0 && strcmp(kind->plural, plural) == 0)
            return kind;
    return NULL;
}

struct kind *kinds_find_name(struct kind *table, const char *group, const char *name)
{
    for (struct kind *kind = table; kind; kind = kind->next)
        if (strcmp(kind->group, group) == 0 && strcmp(kind->name, name) == 0)
            return kind;
    return NULL;
}

bool kind_serves(const struct kind *kind, const char *version)
{
    for (int i = 0; i < kind->version_count; i++)
        if (strcmp(kind->versions[i], version) == 0)
            return true;
    return false;
}

void kind_resource(const struct kind *kind, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s", kind->plural, *kind->group ? "." : "", kind->group);
}

void kind_api_version(const struct kind *kind, const char *version, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s", kind->group, *kind->group ? "/" : "", version);
}
