/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/redhat_manifest.h"

#include "kube/object.h"

#include <string.h>

#define INFRASTRUCTURES "infrastructures.config.openshift.io"

static bool holds(const struct json *objects, const char *kind, const char *name)
{
    JSON_EACH(item, objects) {
        if (!strcmp(llmd__json_str(item, "kind"), kind) && !strcmp(llmd__object_name(item), name))
            return true;
    }
    return false;
}

static const struct operands *operands(void)
{
    return llmd__component(COMPONENT_CERT_MANAGER)->profile->operands;
}

llmd_error *llmd__redhat_resource(const char *state, struct json **out)
{
    return llmd__json_make(out,
                           "{'apiVersion': 'operator.openshift.io/v1alpha1', 'kind':"
                           " 'CertManager', 'metadata': {'name': %s}, 'spec': {'managementState':"
                           " %s}}",
                           operands()->object, state);
}

static llmd_error *add(struct json *list, struct json *object)
{
    llmd__json_add(list, object);
    return llmd__json_check(list);
}

/* Stands in for OpenShift's own, which a release for other clusters brings the CRD of. */
static llmd_error *add_infrastructure(struct json *const phases[PHASE_COUNT], struct json *list)
{
    struct json *object = NULL;

    if (!holds(phases[PHASE_CRDS], "CustomResourceDefinition", INFRASTRUCTURES) ||
        holds(phases[PHASE_PRESETS], "Infrastructure", "cluster"))
        return NULL;
    TRY(llmd__json_make(&object,
                        "{'apiVersion': 'config.openshift.io/v1', 'kind':"
                        " 'Infrastructure', 'metadata': {'name': 'cluster'}, 'spec': {}}"));
    return add(list, object);
}

llmd_error *llmd__redhat_manifests(struct json *const phases[PHASE_COUNT], struct json *list)
{
    struct json *object = NULL;

    if (!holds(phases[PHASE_NAMESPACES], "Namespace", operands()->ns)) {
        TRY(llmd__json_make(&object,
                            "{'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': %s}}",
                            operands()->ns));
        TRY(add(list, object));
    }
    TRY(add_infrastructure(phases, list));
    if (holds(phases[PHASE_PRESETS], "CertManager", operands()->object))
        return NULL;
    TRY(llmd__redhat_resource("Managed", &object));
    return add(list, object);
}
