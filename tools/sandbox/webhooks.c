/* SPDX-License-Identifier: Apache-2.0 */
/* Admission webhooks are not called, but an unreachable one refuses as a real one does. */
#include "sandbox/selector.h"
#include "sandbox/verbs.h"

#include <string.h>

static bool list_has(const struct json *list, const char *word)
{
    JSON_EACH(item, list)
        if (strcmp(llmd__json_text(item), word) == 0 || strcmp(llmd__json_text(item), "*") == 0 ||
            strcmp(llmd__json_text(item), "*/*") == 0)
            return true;
    return false;
}

static bool rules_match(const struct json *rules, const struct kind *kind, const char *operation)
{
    JSON_EACH(rule, rules)
        if (list_has(llmd__json_member(rule, "operations"), operation) &&
            list_has(llmd__json_member(rule, "apiGroups"), kind->group) &&
            list_has(llmd__json_member(rule, "resources"), kind->plural))
            return true;
    return false;
}

static bool pod_is_ready(const struct object *pod)
{
    return strcmp(condition_status(object_json(pod), "Ready"), "True") == 0;
}

/* Why the webhook's service cannot be reached, or NULL when it can. */
static char *why_unreachable(struct sandbox *sandbox, const struct json *service)
{
    const char *ns = llmd__json_str(service, "namespace");
    const char *name = llmd__json_str(service, "name");
    struct object *found = store_get(&sandbox->store, "", "services", ns, name);
    struct kind *pods = kinds_find(sandbox->store.kinds, "", "pods");
    bool any = false;
    if (!found)
        return llmd__format("service \"%s\" not found", name);
    const struct json *selector = llmd__json_get(object_json(found), "spec.selector");
    for (struct object *pod = pods->objects; pod; pod = pod->next) {
        if (strcmp(pod->ns, ns) != 0 || !selector_matches(selector, true, object_json(pod)))
            continue;
        if (pod_is_ready(pod))
            return NULL;
        any = true;
    }
    if (!any)
        return llmd__format("no endpoints available for service \"%s\"", name);
    return llmd__format("dial tcp %s:443: connect: connection refused",
                        object_str(found, "spec.clusterIP"));
}

/* Reached, but nobody has said yet whose certificates are to be believed. */
static char *why_refused(struct sandbox *sandbox, const struct json *webhook)
{
    char *why = why_unreachable(sandbox, llmd__json_get(webhook, "clientConfig.service"));
    if (why || *llmd__json_str(webhook, "clientConfig.caBundle"))
        return why;
    return llmd__format("tls: failed to verify certificate: x509: certificate signed by unknown "
                        "authority");
}

static struct answer check_webhook(struct sandbox *sandbox, const struct json *webhook)
{
    const struct json *service = llmd__json_get(webhook, "clientConfig.service");
    if (!service || strcmp(llmd__json_str(webhook, "failurePolicy"), "Ignore") == 0)
        return (struct answer){0};
    AUTO(str) char *why = why_refused(sandbox, webhook);
    if (!why)
        return (struct answer){0};
    AUTO(str)
    char *message =
        llmd__format("failed calling webhook \"%s\": failed to call webhook: Post "
                     "\"https://%s.%s.svc:443%s?timeout=%ds\": %s",
                     llmd__json_str(webhook, "name"), llmd__json_str(service, "name"),
                     llmd__json_str(service, "namespace"), llmd__json_str(service, "path"),
                     (int)llmd__json_int(webhook, "timeoutSeconds", 10), why);
    return answer_status(500, "InternalError", MAKE("{'causes':[{'message':%s}]}", message),
                         "Internal error occurred: %s", message);
}

static struct answer check_configurations(struct sandbox *sandbox, const char *plural,
                                          const struct kind *kind, const char *operation)
{
    struct kind *configurations =
        kinds_find(sandbox->store.kinds, "admissionregistration.k8s.io", plural);
    struct answer refused = {0};
    for (struct object *object = configurations->objects; object; object = object->next)
        JSON_EACH(webhook, llmd__json_get(object_json(object), "webhooks")) {
            if (!refused.status &&
                rules_match(llmd__json_member(webhook, "rules"), kind, operation))
                refused = check_webhook(sandbox, webhook);
        }
    return refused;
}

struct answer webhooks_check(struct sandbox *sandbox, const struct kind *kind,
                             const char *operation)
{
    struct answer refused = {0};
    /* Webhooks never guard their own configurations, or nobody could repair them. */
    if (strcmp(kind->group, "admissionregistration.k8s.io") == 0)
        return refused;
    refused = check_configurations(sandbox, "mutatingwebhookconfigurations", kind, operation);
    if (!refused.status)
        refused = check_configurations(sandbox, "validatingwebhookconfigurations", kind, operation);
    return refused;
}
