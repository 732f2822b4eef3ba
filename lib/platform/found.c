/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/found.h"

#include "kube/object.h"

#include <string.h>

static const char *const names[] = {
    [INSTALLER_NONE] = "none",
    [INSTALLER_US] = "libllmd",
    [INSTALLER_GKE] = "gke",
    [INSTALLER_HELM] = "helm",
    [INSTALLER_KUSTOMIZE] = "kustomize",
    [INSTALLER_OTHER] = "other",
    [INSTALLER_UNKNOWN] = "unknown",
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

const char *llmd__installer_name(enum installer installer)
{
    return names[installer];
}

enum installer llmd__installer_find(const char *name)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (!strcmp(names[i], name))
            return (enum installer)i;
    return INSTALLER_NONE;
}

/* ---- who installed an object ---- */

#define LABEL(key) "metadata.labels.\"" key "\""
#define ANNOTATION(key) "metadata.annotations.\"" key "\""

/* GKE marks what its addon manager keeps; an addon's CRDs may carry only the manager's name. */
static const char *provider(const struct json *object)
{
    static const char *const managers[] = {"kube-addon-manager", "GkeAddonManager",
                                           "gke-addon-manager"};

    if (*llmd__json_str(object, LABEL("addonmanager.kubernetes.io/mode")))
        return "GKE's addon manager";
    if (*llmd__json_str(object, ANNOTATION("components.gke.io/component-name")))
        return "a component of GKE";
    JSON_EACH(entry, llmd__json_get(object, "metadata.managedFields")) {
        for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++)
            if (!strcmp(llmd__json_str(entry, "manager"), managers[i]))
                return managers[i];
    }
    return NULL;
}

static char *helm_release(const struct json *object)
{
    const char *name = llmd__json_str(object, ANNOTATION("meta.helm.sh/release-name"));
    const char *ns = llmd__json_str(object, ANNOTATION("meta.helm.sh/release-namespace"));

    return *name ? llmd__format("helm release %s%s%s", ns, *ns ? "/" : "", name)
                 : llmd__strdup("helm");
}

/* Charts that others rendered carry the label too; only helm itself writes the annotation. */
static bool is_helm(const struct json *object)
{
    return *llmd__json_str(object, ANNOTATION("meta.helm.sh/release-name")) ||
           (!strcmp(llmd__json_str(object, LABEL("app.kubernetes.io/managed-by")), "Helm") &&
            *llmd__json_str(object, LABEL("helm.sh/chart")));
}

/* What kustomize (buildMetadata: managedByLabel, originAnnotations) and those that use it leave. */
static bool is_kustomize(const struct json *object)
{
    return !strncmp(llmd__json_str(object, LABEL("app.kubernetes.io/managed-by")), "kustomize",
                    9) ||
           *llmd__json_str(object, ANNOTATION("config.kubernetes.io/origin")) ||
           *llmd__json_str(object, LABEL("kustomize.toolkit.fluxcd.io/name"));
}

/* Who keeps it, or who applied or created it first; NULL: nobody that we know of. */
static char *keeper(const struct json *object)
{
    const char *flux = llmd__json_str(object, LABEL("kustomize.toolkit.fluxcd.io/name"));
    const char *argo = llmd__json_str(object, ANNOTATION("argocd.argoproj.io/tracking-id"));
    const char *olm = llmd__json_str(object, LABEL("olm.owner"));
    const char *manager = llmd__json_str(object, "metadata.managedFields[0].manager");

    if (*flux)
        return llmd__format("Flux Kustomization %s", flux);
    if (*argo)
        return llmd__format("Argo CD application %.*s", (int)strcspn(argo, ":"), argo);
    if (*olm)
        return llmd__format("operator %s", olm);
    return *manager ? llmd__strdup(manager) : NULL;
}

/* The name for people is the caller's. */
static enum installer name_installer(const struct json *object, char **name)
{
    const char *gke = provider(object);

    if (gke) {
        *name = llmd__strdup(gke);
        return INSTALLER_GKE;
    }
    if (!strcmp(llmd__json_str(object, LABEL("app.kubernetes.io/managed-by")), "libllmd"))
        return INSTALLER_US;
    if (is_helm(object)) {
        *name = helm_release(object);
        return INSTALLER_HELM;
    }
    *name = keeper(object);
    if (is_kustomize(object))
        return INSTALLER_KUSTOMIZE;
    return *name ? INSTALLER_OTHER : INSTALLER_UNKNOWN;
}

enum installer llmd__installer_of(const struct json *object, char **by)
{
    AUTO(str) char *name = NULL;
    enum installer installer = name_installer(object, &name);

    if (by)
        *by = TAKE(name);
    return installer;
}

/* ---- what was found ---- */

static struct json *served_versions(const struct json *crd)
{
    struct json *versions = llmd__json_array();

    JSON_EACH(version, llmd__json_get(crd, "spec.versions")) {
        if (llmd__json_bool(version, "served", false))
            llmd__json_add_str(versions, llmd__json_str(version, "name"));
    }
    return versions;
}

llmd_error *llmd__found_add_crd(struct platform_found *found, const struct json *crd)
{
    AUTO(str) char *by = NULL;
    enum installer installer = llmd__installer_of(crd, &by);
    AUTO(json) struct json *versions = served_versions(crd);
    struct json *entry = NULL;

    CHECK_MEMORY(versions);
    if (!found->crds)
        found->crds = llmd__json_object();
    CHECK_MEMORY(found->crds);
    TRY(llmd__json_make(&entry, "{'installer': %s, 'by': %s, 'versions': %j}",
                        llmd__installer_name(installer), by, versions));
    llmd__json_set(found->crds, llmd__object_name(crd), entry);
    return llmd__json_check(found->crds);
}

llmd_error *llmd__found_add_version(struct platform_found *found, const char *crd,
                                    const char *version)
{
    AUTO(str) char *path = llmd__format("\"%s\".versions", crd);
    struct json *versions;

    CHECK_MEMORY(path);
    versions = llmd__json_edit(found->crds, path);
    if (!versions || llmd__json_holds(versions, version))
        return NULL;
    llmd__json_add_str(versions, version);
    return llmd__json_check(versions);
}

llmd_error *llmd__half_installed(const struct platform_found *found, enum component component,
                                 const char *deployment)
{
    const char *by = found->components[component].by;

    return llmd__error_set_advice(
        llmd__error_set_reason(
            llmd__error(LLMD_E_CONFLICT,
                        "platform: %s is installed only in part by %s: its Deployment %s is not "
                        "there",
                        llmd__component(component)->title, by ? by : "somebody", deployment),
            "HalfInstalled"),
        "complete or remove that installation, or let the library take it over with adopt: true");
}

void llmd__found_free(struct platform_found *found)
{
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        llmd__free(found->components[i].version);
        llmd__free(found->components[i].ns);
        llmd__free(found->components[i].by);
        llmd__free(found->components[i].record);
    }
    llmd__json_free(found->crds);
    llmd__json_free(found->no_routes);
    llmd__free(found->istio_version);
    *found = (struct platform_found){0};
}
