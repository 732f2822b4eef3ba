/* SPDX-License-Identifier: Apache-2.0 */
/* What cert-manager does for KServe: Issuers, Certificates, their Secrets, and caBundle. */
#include "sandbox/controllers.h"
#include "sandbox/images.h"
#include "sandbox/pace.h"

#include <string.h>

/* Nobody here reads it: webhooks are never called. It only has to be there. */
#define PEM_STAND_IN                                                                               \
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCnNhbmRib3gKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="

int64_t reconcile_issuer(struct sandbox *sandbox, struct object *object, int64_t now)
{
    (void)now;
    if (!operator_runs(sandbox, ROLE_CERT_MANAGER))
        return 0;
    struct json *json = store_edit(object);
    condition_set(conditions_edit(json), "Ready", "True", "IsReady", "", 0);
    store_commit(&sandbox->store, object, json);
    return 0;
}

static void issue(struct sandbox *sandbox, struct object *certificate)
{
    const char *secret = object_str(certificate, "spec.secretName");
    const struct json *labels =
        llmd__json_get(object_json(certificate), "spec.secretTemplate.labels");
    if (!store_get(&sandbox->store, "", "secrets", certificate->ns, secret))
        sandbox_create(sandbox, "", "secrets",
                       MAKE("{'metadata':{'name':%s,'namespace':%s,'labels':%j,'annotations':{"
                            "'cert-manager.io/certificate-name':%s}},'type':'kubernetes.io/tls',"
                            "'data':{'tls.crt':%s,'tls.key':%s,'ca.crt':%s}}",
                            secret, certificate->ns, labels, certificate->name, PEM_STAND_IN,
                            PEM_STAND_IN, PEM_STAND_IN));
    struct json *json = store_edit(certificate);
    condition_set(conditions_edit(json), "Ready", "True", "Ready",
                  "Certificate is up to date and has not expired",
                  llmd__json_int(json, "metadata.generation", 1));
    store_commit(&sandbox->store, certificate, json);
}

static bool issuer_is_ready(struct sandbox *sandbox, const struct object *certificate)
{
    bool cluster = strcmp(object_str(certificate, "spec.issuerRef.kind"), "ClusterIssuer") == 0;
    struct object *issuer =
        store_get(&sandbox->store, "cert-manager.io", cluster ? "clusterissuers" : "issuers",
                  cluster ? "" : certificate->ns, object_str(certificate, "spec.issuerRef.name"));
    return issuer && strcmp(condition_status(object_json(issuer), "Ready"), "True") == 0;
}

int64_t reconcile_certificate(struct sandbox *sandbox, struct object *object, int64_t now)
{
    if (!operator_runs(sandbox, ROLE_CERT_MANAGER) || !issuer_is_ready(sandbox, object))
        return 0;
    if (object->step == 0) {
        object->step = 1;
        object->since = now + pace_ms(&sandbox->options, PACE_CERTIFICATE, 2000);
    }
    if (now < object->since)
        return object->since;
    issue(sandbox, object);
    return 0;
}

/* ---- caBundle ---- */

#define INJECT_FROM "metadata.annotations.\"cert-manager.io/inject-ca-from\""
#define INJECT_FROM_SECRET "metadata.annotations.\"cert-manager.io/inject-ca-from-secret\""

/* The Secret that "ns/name" of a Certificate leads to; NULL: not there yet. */
static struct object *secret_of_certificate(struct sandbox *sandbox, const char *from)
{
    const char *slash = strchr(from, '/');
    if (!slash)
        return NULL;
    AUTO(str) char *ns = llmd__strndup(from, (size_t)(slash - from));
    struct object *certificate =
        store_get(&sandbox->store, "cert-manager.io", "certificates", ns, slash + 1);
    if (!certificate)
        return NULL;
    return store_get(&sandbox->store, "", "secrets", ns,
                     object_str(certificate, "spec.secretName"));
}

/* cert-manager's webhook makes a CA for itself when it starts. */
static struct object *secret_of_webhook(struct sandbox *sandbox, const char *from)
{
    const char *slash = strchr(from, '/');
    if (!slash)
        return NULL;
    AUTO(str) char *ns = llmd__strndup(from, (size_t)(slash - from));
    struct object *secret = store_get(&sandbox->store, "", "secrets", ns, slash + 1);
    if (secret || !operator_runs(sandbox, ROLE_CERT_WEBHOOK))
        return secret;
    return sandbox_create(sandbox, "", "secrets",
                          MAKE("{'metadata':{'name':%s,'namespace':%s,'annotations':{"
                               "'cert-manager.io/allow-direct-injection':'true'}},'type':'Opaque',"
                               "'data':{'ca.crt':%s,'tls.crt':%s,'tls.key':%s}}",
                               slash + 1, ns, PEM_STAND_IN, PEM_STAND_IN, PEM_STAND_IN));
}

/* Whether there is something to inject, and the injector to do it. */
static bool ca_is_there(struct sandbox *sandbox, const struct object *object)
{
    const char *from = object_str(object, INJECT_FROM);
    const char *secret = object_str(object, INJECT_FROM_SECRET);
    if ((!*from && !*secret) || !operator_runs(sandbox, ROLE_CA_INJECTOR))
        return false;
    return *from ? secret_of_certificate(sandbox, from) != NULL
                 : secret_of_webhook(sandbox, secret) != NULL;
}

static void inject(struct json *json)
{
    struct json *conversion = llmd__json_edit(json, "spec.conversion.webhook.clientConfig");
    JSON_EACH(webhook, llmd__json_get(json, "webhooks"))
        llmd__json_set_str(llmd__json_edit((struct json *)webhook, "clientConfig"), "caBundle",
                           PEM_STAND_IN);
    if (conversion)
        llmd__json_set_str(conversion, "caBundle", PEM_STAND_IN);
}

/* Of webhook configurations and CRDs: a second or two after the Secret. */
int64_t reconcile_ca_bundle(struct sandbox *sandbox, struct object *object, int64_t now)
{
    if (!ca_is_there(sandbox, object)) {
        object->probe_at = 0;
        return 0;
    }
    if (!object->probe_at)
        object->probe_at = now + 1500;
    if (now < object->probe_at)
        return object->probe_at;
    struct json *json = store_edit(object);
    inject(json);
    store_commit(&sandbox->store, object, json);
    return 0;
}
