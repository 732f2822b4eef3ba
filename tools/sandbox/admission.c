/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and defaults before an object is stored. */
#include "sandbox/warden.h"
#include "sandbox/verbs.h"

#include "base/yaml.h"

#include <ctype.h>
#include <string.h>

#define LABEL_WORDS                                                                                \
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "   \
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "     \
    "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN_WORDS                                                                            \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "   \
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "  \
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define SERVICE_WORDS                                                                              \
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "   \
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "           \
    "'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"

struct answer read_body(struct call *call, struct json **out)
{
    const char *body = call->request->body;
    const char *type = request_header(call->request, "Content-Type");
    if (type && strstr(type, "protobuf"))
        return answer_status(415, "UnsupportedMediaType", NULL,
                             "the body of the request was in an unknown format - accepted media "
                             "types include: application/json, application/yaml");
    llmd_error *bad = type && strstr(type, "yaml")
                          ? llmd__yaml_parse(body, "body", out)
                          : llmd__json_parse(body, call->request->body_len, "body", out);
    if (!bad)
        return (struct answer){0};
    struct answer answer =
        answer_bad_request("error decoding the request body: %s", llmd_error_message(bad));
    llmd_error_free(bad);
    return answer;
}

/* Labels of letters, digits and inner hyphens, parted by dots where they may be. */
static bool name_is_valid(const char *name, bool dots, bool letter_first, size_t max)
{
    size_t len = strlen(name);
    char before = '.';
    if (len == 0 || len > max || (letter_first && !islower((unsigned char)name[0])))
        return false;
    for (size_t i = 0; i <= len; i++) {
        char c = name[i];
        bool edge = c == '\0' || (c == '.' && dots);
        if (edge ? before == '-' || before == '.'
                 : !(islower((unsigned char)c) || isdigit((unsigned char)c) ||
                     (c == '-' && before != '.')))
            return false;
        before = edge ? '.' : c;
    }
    return true;
}

/* Names of roles may hold colons: "system:auth-delegator". */
static bool is_rbac(const struct kind *kind)
{
    return strcmp(kind->group, "rbac.authorization.k8s.io") == 0;
}

static struct answer check_name(const struct kind *kind, const char *name)
{
    if (!*name)
        return answer_status(422, "Invalid", MAKE("{'kind':%s}", kind->name),
                             "%s \"\" is invalid: metadata.name: Required value: name or "
                             "generateName is required",
                             kind->name);
    if (is_rbac(kind) && !strpbrk(name, "/%"))
        return (struct answer){0};
    bool service = kind->builtin && strcmp(kind->plural, "services") == 0;
    bool label = kind->builtin && strcmp(kind->plural, "namespaces") == 0;
    if (service ? !name_is_valid(name, false, true, 63)
                : !name_is_valid(name, !label, false, label ? 63 : 253))
        return answer_invalid(kind, name, "metadata.name", name,
                              service ? SERVICE_WORDS
                              : label ? LABEL_WORDS
                                      : SUBDOMAIN_WORDS);
    return (struct answer){0};
}

/* Nothing new goes into a namespace that is not there or is on its way out. */
static struct answer check_namespace(struct call *call, const char *resource)
{
    const char *name = call->route.ns;
    if (!call->route.kind->namespaced)
        return (struct answer){0};
    struct kind *namespaces = kinds_find(call->sandbox->store.kinds, "", "namespaces");
    struct object *ns = store_find(namespaces, "", name);
    if (!ns)
        return answer_not_found(namespaces, name);
    if (!*object_str(ns, "metadata.deletionTimestamp"))
        return (struct answer){0};
    return answer_status(403, "Forbidden",
                         MAKE("{'name':%s,'kind':%s,'causes':[{'reason':'NamespaceTerminating',"
                              "'message':%s,'field':'metadata.namespace'}]}",
                              call->route.name, call->route.kind->plural,
                              "namespace is being terminated"),
                         "%s \"%s\" is forbidden: unable to create new content in namespace %s "
                         "because it is being terminated",
                         resource, call->route.name, name);
}

static struct answer check_identity(struct call *call, struct json *json)
{
    struct json *metadata = member_object(json, "metadata");
    const char *ns = llmd__json_str(metadata, "namespace");
    if (call->route.kind->namespaced && *ns && strcmp(ns, call->route.ns) != 0)
        return answer_bad_request("the namespace of the provided object does not match the "
                                  "namespace sent on the request");
    if (call->route.kind->namespaced)
        llmd__json_set_str(metadata, "namespace", call->route.ns);
    else
        llmd__json_remove(metadata, "namespace");
    if (*call->route.name && *llmd__json_str(metadata, "name") &&
        strcmp(llmd__json_str(metadata, "name"), call->route.name) != 0)
        return answer_bad_request("the name of the object (%s) does not match the name on the URL "
                                  "(%s)",
                                  llmd__json_str(metadata, "name"), call->route.name);
    return (struct answer){0};
}

/* GKE lets no experimental Gateway API in. */
static struct answer check_gateway_api_channel(struct call *call, const struct json *json)
{
    const char *channel =
        llmd__json_str(json, "metadata.annotations.\"gateway.networking.k8s.io/channel\"");
    if (call->sandbox->options.profile != PROFILE_GKE ||
        strcmp(call->route.kind->plural, "customresourcedefinitions") != 0 ||
        strcmp(channel, "experimental") != 0)
        return (struct answer){0};
    return answer_status(422, "Invalid", NULL,
                         "customresourcedefinitions.apiextensions.k8s.io \"%s\" is forbidden: "
                         "ValidatingAdmissionPolicy denied request: All Gateway API CRDs must "
                         "belong to the 'standard' channel. Experimental CRDs are not permitted.",
                         call->route.name);
}

static struct answer check_warden(const struct call *call, const struct json *pod)
{
    bool is_pod = call->route.kind->builtin && strcmp(call->route.kind->plural, "pods") == 0;
    AUTO(str) char *words = is_pod ? warden_refusal(call->sandbox, pod) : NULL;
    return words ? answer_status(400, WARDEN_REASON, NULL, "%s", words) : (struct answer){0};
}

/* As RBAC refuses to let somebody grant what he does not have himself. */
static struct answer check_forbidden(const struct call *call)
{
    char resource[300];
    kind_resource(call->route.kind, resource, sizeof(resource));
    AUTO(str) char *about = llmd__format("%s %s", resource, call->route.name);
    if (!has_trouble(call->sandbox, TROUBLE_FORBIDDEN, about))
        return (struct answer){0};
    return answer_status(403, "Forbidden",
                         MAKE("{'name':%s,'group':%s,'kind':%s}", call->route.name,
                              call->route.kind->group, call->route.kind->plural),
                         "%s \"%s\" is forbidden: user \"sandbox\" (groups="
                         "[\"system:authenticated\"]) is attempting to grant RBAC permissions not "
                         "currently held:\n{APIGroups:[\"\"], Resources:[\"secrets\"], "
                         "Verbs:[\"create\" \"delete\" \"get\"]}",
                         resource, call->route.name);
}

struct answer admit_create(struct call *call, struct json *json)
{
    char resource[300];
    kind_resource(call->route.kind, resource, sizeof(resource));
    struct answer refused = check_identity(call, json);
    if (!refused.status)
        refused = check_name(call->route.kind, call->route.name);
    if (!refused.status)
        refused = check_namespace(call, resource);
    if (!refused.status)
        refused = check_gateway_api_channel(call, json);
    if (!refused.status)
        refused = check_warden(call, json);
    if (!refused.status)
        refused = check_forbidden(call);
    if (!refused.status)
        refused = webhooks_check(call->sandbox, call->route.kind, "CREATE");
    return refused;
}

struct answer admit_change(struct call *call)
{
    if (*call->route.subresource)
        return (struct answer){0};
    struct answer refused = check_forbidden(call);
    if (!refused.status)
        refused = webhooks_check(call->sandbox, call->route.kind, "UPDATE");
    return refused;
}

/* KServe 0.20 keeps its own presets from being deleted while its webhook serves. */
static struct answer check_preset(const struct call *call)
{
    static const char kept[] = "kserve-config-llm-";
    struct kind *configurations =
        kinds_find(call->sandbox->store.kinds, "admissionregistration.k8s.io",
                   "validatingwebhookconfigurations");
    if (strcmp(call->route.kind->plural, "llminferenceserviceconfigs") != 0 ||
        strcmp(call->route.ns, "kserve") != 0 ||
        strncmp(call->route.name, kept, sizeof(kept) - 1) != 0 ||
        !store_find(configurations, "", "llminferenceserviceconfig.serving.kserve.io"))
        return (struct answer){0};
    /* The real one's last words are not on record. */
    return answer_status(403, "Forbidden", NULL,
                         "admission webhook \"llminferenceserviceconfig.kserve-webhook-server."
                         "v1alpha2.validator\" denied the request: LLMInferenceServiceConfig "
                         "\"%s/%s\" is well-known and must not be deleted",
                         call->route.ns, call->route.name);
}

struct answer admit_delete(struct call *call)
{
    struct answer refused = webhooks_check(call->sandbox, call->route.kind, "DELETE");
    return refused.status ? refused : check_preset(call);
}

/* ---- defaults ---- */

static void default_str(struct json *object, const char *key, const char *value)
{
    if (!llmd__json_member(object, key))
        llmd__json_set_str(object, key, value);
}

static void default_int(struct json *object, const char *key, int64_t value)
{
    if (!llmd__json_member(object, key))
        llmd__json_set_int(object, key, value);
}

static void default_service(struct sandbox *sandbox, struct json *json)
{
    struct json *spec = member_object(json, "spec");
    default_str(spec, "type", "ClusterIP");
    default_str(spec, "sessionAffinity", "None");
    JSON_EACH(port, llmd__json_member(spec, "ports")) {
        default_str((struct json *)port, "protocol", "TCP");
        if (!llmd__json_member(port, "targetPort"))
            llmd__json_set((struct json *)port, "targetPort",
                           must_copy(llmd__json_member(port, "port")));
    }
    if (!llmd__json_member(spec, "clusterIP")) {
        int n = ++sandbox->service_address;
        AUTO(str) char *address = llmd__format("10.96.%d.%d", n / 250 + 1, n % 250 + 1);
        llmd__json_set_str(spec, "clusterIP", address);
        llmd__json_add_str(llmd__json_set_array(spec, "clusterIPs"), address);
    }
    llmd__json_set_object(member_object(json, "status"), "loadBalancer");
}

/* Only defaults that a client reads back or that decide something here. */
static void default_pod_spec(struct json *spec)
{
    default_str(spec, "restartPolicy", "Always");
    default_str(spec, "dnsPolicy", "ClusterFirst");
    default_str(spec, "schedulerName", "default-scheduler");
    default_int(spec, "terminationGracePeriodSeconds", 30);
    JSON_EACH(container, llmd__json_member(spec, "containers")) {
        const char *image = llmd__json_str(container, "image");
        bool latest = !strchr(image, '@') && (!strrchr(image, ':') || strstr(image, ":latest"));
        default_str((struct json *)container, "imagePullPolicy",
                    latest ? "Always" : "IfNotPresent");
        default_str((struct json *)container, "terminationMessagePath", "/dev/termination-log");
        default_str((struct json *)container, "terminationMessagePolicy", "File");
        JSON_EACH(port, llmd__json_member(container, "ports"))
            default_str((struct json *)port, "protocol", "TCP");
    }
}

static void default_workload(struct json *json)
{
    struct json *spec = member_object(json, "spec");
    struct json *pod = llmd__json_edit(spec, "template.spec");
    default_int(spec, "replicas", 1);
    default_int(spec, "progressDeadlineSeconds", 600);
    default_int(spec, "revisionHistoryLimit", 10);
    if (!llmd__json_member(spec, "strategy"))
        llmd__json_set(spec, "strategy",
                       MAKE("{'type':'RollingUpdate','rollingUpdate':{'maxUnavailable':'25%%',"
                            "'maxSurge':'25%%'}}"));
    if (pod)
        default_pod_spec(pod);
}

/* As the CRD's schema has it: a Gateway that nobody looks after says so. */
static void default_gateway(struct json *json)
{
    if (llmd__json_get(json, "status.conditions"))
        return;
    llmd__json_set(member_object(json, "status"), "conditions",
                   MAKE("[{'type':'Accepted','status':'Unknown','reason':'Pending','message':"
                        "'Waiting for controller','lastTransitionTime':'1970-01-01T00:00:00Z'},"
                        "{'type':'Programmed','status':'Unknown','reason':'Pending','message':"
                        "'Waiting for controller','lastTransitionTime':'1970-01-01T00:00:00Z'}]"));
}

void default_object(struct sandbox *sandbox, const struct kind *kind, struct json *json)
{
    member_object(json, "metadata");
    if (strcmp(kind->name, "Service") == 0 && kind->builtin)
        default_service(sandbox, json);
    else if (strcmp(kind->name, "Deployment") == 0)
        default_workload(json);
    else if (strcmp(kind->name, "Pod") == 0)
        default_pod_spec(member_object(json, "spec"));
    else if (strcmp(kind->name, "Gateway") == 0)
        default_gateway(json);
    if (strcmp(kind->name, "Pod") == 0)
        default_str(member_object(json, "status"), "phase", "Pending");
    if (strcmp(kind->name, "Namespace") == 0) {
        default_str(member_object(json, "status"), "phase", "Active");
        struct json *labels = member_object(llmd__json_edit(json, "metadata"), "labels");
        AUTO(str) char *name = llmd__strdup(llmd__json_str(json, "metadata.name"));
        llmd__json_set_str(labels, "kubernetes.io/metadata.name", name);
        if (!llmd__json_get(json, "spec.finalizers"))
            llmd__json_set(json, "spec", MAKE("{'finalizers':['kubernetes']}"));
    }
}
