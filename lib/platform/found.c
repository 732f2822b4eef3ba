/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/found.h"

#include "kube/object.h"

#include <string.h>

static const char *const names[] = {
    [INSTALLER_NONE] = "none", [INSTALLER_US] = "libllmd",  [INSTALLER_GKE] = "gke",
    [INSTALLER_HELM] = "helm", [INSTALLER_OTHER] = "other",
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

/* Who applied or created it first; "" is nobody that we know of. */
static const char *first_manager(const struct json *object)
{
    return llmd__json_str(object, "metadata.managedFields[0].manager");
}

enum installer llmd__installer_of(const struct json *object, char **by)
{
    const char *gke = provider(object), *manager = first_manager(object);

    if (by)
        *by = NULL;
    if (gke) {
        if (by)
            *by = llmd__strdup(gke);
        return INSTALLER_GKE;
    }
    if (!strcmp(llmd__json_str(object, LABEL("app.kubernetes.io/managed-by")), "libllmd"))
        return INSTALLER_US;
    if (is_helm(object)) {
        if (by)
            *by = helm_release(object);
        return INSTALLER_HELM;
    }
    if (by && *manager)
        *by = llmd__strdup(manager);
    return INSTALLER_OTHER;
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

void llmd__found_free(struct platform_found *found)
{
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        llmd__free(found->components[i].version);
        llmd__free(found->components[i].ns);
        llmd__free(found->components[i].by);
    }
    llmd__json_free(found->crds);
    *found = (struct platform_found){0};
}
