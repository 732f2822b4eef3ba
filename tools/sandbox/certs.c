/* SPDX-License-Identifier: Apache-2.0 */
/* What cert-manager does for KServe: Issuers, Certificates, their Secrets, and caBundle. */
#include "sandbox/controllers.h"
#include "sandbox/images.h"

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
    if (!store_get(&sandbox->store, "", "secrets", certificate->ns, secret))
        sandbox_create(sandbox, "", "secrets",
                       MAKE("{'metadata':{'name':%s,'namespace':%s,'annotations':{"
                            "'cert-manager.io/certificate-name':%s}},'type':'kubernetes.io/tls',"
                            "'data':{'tls.crt':%s,'tls.key':%s,'ca.crt':%s}}",
                            secret, certificate->ns, certificate->name, PEM_STAND_IN, PEM_STAND_IN,
                            PEM_STAND_IN));
    struct json *json = store_edit(certificate);
    condition_set(conditions_edit(json), "Ready", "True", "Ready",
                  "Certificate is up to date and has not expired",
                  llmd__json_int(json, "metadata.generation", 1));
    store_commit(&sandbox->store, certificate, json);
}

int64_t reconcile_certificate(struct sandbox *sandbox, struct object *object, int64_t now)
{
    if (!operator_runs(sandbox, ROLE_CERT_MANAGER))
        return 0;
    if (object->step == 0) {
        object->step = 1;
        object->since = now + 2000;
    }
    if (now < object->since)
        return object->since;
    issue(sandbox, object);
    return 0;
}

int64_t reconcile_webhook(struct sandbox *sandbox, struct object *object, int64_t now)
{
    (void)now;
    const char *from =
        object_str(object, "metadata.annotations.\"cert-manager.io/inject-ca-from\"");
    if (!*from || !operator_runs(sandbox, ROLE_CA_INJECTOR))
        return 0;
    struct json *json = store_edit(object);
    JSON_EACH(webhook, llmd__json_get(json, "webhooks"))
        llmd__json_set_str(llmd__json_edit((struct json *)webhook, "clientConfig"), "caBundle",
                           PEM_STAND_IN);
    store_commit(&sandbox->store, object, json);
    return 0;
}
