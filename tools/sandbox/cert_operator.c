/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Red Hat's operator of cert-manager: makes cert-manager of the resource CertManager `cluster`, and
 * that itself when nobody has. After its source (branch cert-manager-1.15): Deployments come and go
 * with managementState, by a finalizer each; what else it made it writes again whenever it is
 * missing, also when Removed, and never deletes.
 */
#include "sandbox/controllers.h"
#include "sandbox/images.h"
#include "sandbox/managed.h"
#include "sandbox/pace.h"
#include "sandbox/verbs.h"

#include <string.h>

#define MANAGER "cert-manager-operator"
#define NAMESPACE "cert-manager"
#define FINALIZER "cert-manager-operator.operator.openshift.io/"

static const struct {
    const char *name;
    const char *image; /* the variable of the operator that names it */
} operands[] = {
    {"cert-manager", "RELATED_IMAGE_CERT_MANAGER_CONTROLLER"},
    {"cert-manager-webhook", "RELATED_IMAGE_CERT_MANAGER_WEBHOOK"},
    {"cert-manager-cainjector", "RELATED_IMAGE_CERT_MANAGER_CA_INJECTOR"},
};
#define OPERANDS (sizeof(operands) / sizeof(operands[0]))

struct operating {
    struct sandbox *sandbox;
    struct object *deployment; /* the operator's own */
};

static const char *variable(const struct operating *operating, const char *name)
{
    JSON_EACH(item, llmd__json_get(object_json(operating->deployment),
                                   "spec.template.spec.containers[0].env"))
        if (strcmp(llmd__json_str(item, "name"), name) == 0)
            return llmd__json_str(item, "value");
    return "";
}

static struct json *labels(const struct operating *operating, const char *name)
{
    AUTO(str) char *version = llmd__format("v%s", variable(operating, "OPERAND_IMAGE_VERSION"));
    return MAKE("{'app.kubernetes.io/instance':'cert-manager','app.kubernetes.io/name':%s,"
                "'app.kubernetes.io/version':%s}",
                name, version);
}

/* ---- writing as the operator ---- */

static void own(const struct json *live, struct json *now, const char *api_version)
{
    managed_update(
        live, now,
        &(struct apply_request){.manager = MANAGER, .api_version = api_version, .subresource = ""});
}

static void commit(struct sandbox *sandbox, struct object *object, struct json *json)
{
    own(object_json(object), json, llmd__json_str(json, "apiVersion"));
    store_commit(&sandbox->store, object, json);
}

/* Takes json, its labels are made here. What is there gets them, and stays. */
static void ensure(const struct operating *operating, const char *group, const char *plural,
                   struct json *json)
{
    struct sandbox *sandbox = operating->sandbox;
    struct kind *kind = kinds_find(sandbox->store.kinds, group, plural);
    struct json *metadata = llmd__json_edit(json, "metadata");
    const char *name = llmd__json_str(json, "metadata.name");
    struct object *object = store_find(kind, kind->namespaced ? NAMESPACE : "", name);
    char api_version[128];
    if (kind->namespaced)
        llmd__json_set_str(metadata, "namespace", NAMESPACE);
    llmd__json_set(metadata, "labels", labels(operating, name));
    if (object) {
        struct json *live = store_edit(object);
        JSON_EACH(label, llmd__json_member(metadata, "labels"))
            llmd__json_set_str(member_object(llmd__json_edit(live, "metadata"), "labels"),
                               llmd__json_key(label), llmd__json_text(label));
        commit(sandbox, object, live);
        llmd__json_free(json);
        return;
    }
    kind_api_version(kind, kind->storage_version, api_version, sizeof(api_version));
    default_object(sandbox, kind, json);
    own(NULL, json, api_version);
    sandbox_create(sandbox, group, plural, json);
}

/* ---- what it makes ---- */

static struct json *webhook_configuration(const char *path)
{
    return MAKE("{'metadata':{'name':'cert-manager-webhook','annotations':{"
                "'cert-manager.io/inject-ca-from-secret':'cert-manager/cert-manager-webhook-ca'}},"
                "'webhooks':[{'name':'webhook.cert-manager.io','admissionReviewVersions':['v1'],"
                "'clientConfig':{'service':{'name':'cert-manager-webhook','namespace':'" NAMESPACE
                "','path':%s}},'failurePolicy':'Fail','sideEffects':'None','rules':[{'apiGroups':["
                "'cert-manager.io'],'apiVersions':['v1'],'operations':['CREATE','UPDATE'],"
                "'resources':['*/*']}]}]}",
                path);
}

static void make_static(const struct operating *operating)
{
    for (size_t i = 0; i < OPERANDS; i++) {
        ensure(operating, "", "serviceaccounts",
               MAKE("{'metadata':{'name':%s}}", operands[i].name));
        ensure(operating, "rbac.authorization.k8s.io", "clusterroles",
               MAKE("{'metadata':{'name':%s},'rules':[]}", operands[i].name));
    }
    ensure(operating, "", "services",
           MAKE("{'metadata':{'name':'cert-manager-webhook'},'spec':{'ports':[{'port':443,"
                "'targetPort':10250}],'selector':{'app.kubernetes.io/name':"
                "'cert-manager-webhook'}}}"));
    ensure(operating, "admissionregistration.k8s.io", "mutatingwebhookconfigurations",
           webhook_configuration("/mutate"));
    ensure(operating, "admissionregistration.k8s.io", "validatingwebhookconfigurations",
           webhook_configuration("/validate"));
}

static void make_deployments(const struct operating *operating)
{
    for (size_t i = 0; i < OPERANDS; i++) {
        const char *name = operands[i].name;
        ensure(operating, "apps", "deployments",
               MAKE("{'metadata':{'name':%s},'spec':{'replicas':1,'selector':{'matchLabels':{"
                    "'app.kubernetes.io/name':%s}},'template':{'metadata':{'labels':{"
                    "'app.kubernetes.io/name':%s}},'spec':{'serviceAccountName':%s,'containers':[{"
                    "'name':%s,'image':%s}]}}}}",
                    name, name, name, name, name, variable(operating, operands[i].image)));
    }
}

/* ---- finalizers ---- */

/* What others hold stays. */
static struct json *finalizers(const struct json *before, bool held)
{
    struct json *list = llmd__json_array();
    JSON_EACH(item, before) {
        if (strncmp(llmd__json_text(item), FINALIZER, strlen(FINALIZER)) != 0)
            llmd__json_add_str(list, llmd__json_text(item));
    }
    for (size_t i = 0; held && i < OPERANDS; i++) {
        AUTO(str) char *name = llmd__format(FINALIZER "%s-deployment", operands[i].name);
        llmd__json_add_str(list, name);
    }
    return list;
}

static void hold(struct sandbox *sandbox, struct object *resource, bool held)
{
    struct json *json = store_edit(resource);
    const struct json *before = llmd__json_get(json, "metadata.finalizers");
    AUTO(json) struct json *list = finalizers(before, held);
    if (llmd__json_equal(before, list) || (!before && !llmd__json_count(list))) {
        llmd__json_free(json);
        return;
    }
    if (llmd__json_count(list))
        llmd__json_set(llmd__json_edit(json, "metadata"), "finalizers", TAKE(list));
    else
        llmd__json_remove(llmd__json_edit(json, "metadata"), "finalizers");
    commit(sandbox, resource, json);
}

/* ---- the resource ---- */

static void remove_deployments(const struct operating *operating, struct object *resource)
{
    struct sandbox *sandbox = operating->sandbox;
    for (size_t i = 0; i < OPERANDS; i++) {
        struct object *deployment =
            store_get(&sandbox->store, "apps", "deployments", NAMESPACE, operands[i].name);
        if (deployment)
            object_delete(sandbox, deployment, "Background");
    }
    hold(sandbox, resource, false);
    if (*object_str(resource, "metadata.deletionTimestamp") &&
        !*object_str(resource, "metadata.finalizers[0]"))
        store_remove(&sandbox->store, resource);
}

static int64_t operate(const struct operating *operating, struct object *resource, int64_t now)
{
    const char *state = object_str(resource, "spec.managementState");
    if (strcmp(state, "Unmanaged") == 0)
        return 0;
    make_static(operating);
    if (strcmp(state, "Removed") == 0 || *object_str(resource, "metadata.deletionTimestamp")) {
        remove_deployments(operating, resource);
        return 0;
    }
    hold(operating->sandbox, resource, true);
    if (!resource->since)
        resource->since = now + 3000;
    if (now < resource->since)
        return resource->since;
    make_deployments(operating);
    return 0;
}

static struct object *own_deployment(struct sandbox *sandbox)
{
    struct kind *deployments = kinds_find(sandbox->store.kinds, "apps", "deployments");
    for (struct object *object = deployments->objects; object; object = object->next)
        if (image_role(object_str(object, "spec.template.spec.containers[0].image")) ==
            ROLE_CERT_OPERATOR)
            return object;
    return NULL;
}

int64_t run_cert_operator(struct sandbox *sandbox, int64_t now)
{
    struct kind *kind = kinds_find(sandbox->store.kinds, "operator.openshift.io", "certmanagers");
    struct operating operating = {sandbox, own_deployment(sandbox)};
    struct object *resource;
    if (!kind || !kind->served || !operator_runs(sandbox, ROLE_CERT_OPERATOR) ||
        !store_get(&sandbox->store, "", "namespaces", "", NAMESPACE))
        return 0;
    resource = store_find(kind, "", "cluster");
    if (resource)
        return operate(&operating, resource, now);
    struct json *json =
        MAKE("{'metadata':{'name':'cluster'},'spec':{'managementState':'Managed'}}");
    own(NULL, json, "operator.openshift.io/v1alpha1");
    sandbox_create(sandbox, kind->group, kind->plural, json);
    return 0;
}
