/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/odh_manifest.h"

#include "kube/object.h"

#include <string.h>

#define SELFSIGNED "opendatahub-selfsigned-issuer"
#define CA "opendatahub-ca" /* SERVICE_CA_SIGNING_SECRET_NAME of its controller */
#define ISSUER "opendatahub-ca-issuer"

static bool is_there(const struct json *certificates, const char *name)
{
    JSON_EACH(item, certificates) {
        if (!strcmp(llmd__object_name(item), name))
            return true;
    }
    return false;
}

static llmd_error *add_issuer(const char *name, const char *kind, const struct json *spec,
                              struct json *list)
{
    struct json *object = NULL;

    TRY(llmd__json_make(&object,
                        "{'apiVersion': 'cert-manager.io/v1', 'kind': 'ClusterIssuer',"
                        " 'metadata': {'name': %s}, 'spec': {%s: %j}}",
                        name, kind, spec));
    llmd__json_add(list, object);
    return llmd__json_check(list);
}

/* RSA, as its overlay has it: the controller takes no other key (P26). */
static llmd_error *add_certificate(const char *ns, struct json *list)
{
    struct json *object = NULL;

    TRY(llmd__json_make(
        &object,
        "{'apiVersion': 'cert-manager.io/v1', 'kind': 'Certificate', 'metadata': {'name': %s,"
        " 'namespace': %s}, 'spec': {'isCA': true, 'commonName': %s, 'secretName': %s,"
        " 'privateKey': {'algorithm': 'RSA', 'size': 4096},"
        " 'issuerRef': {'group': 'cert-manager.io', 'kind': 'ClusterIssuer', 'name': %s}}}",
        CA, ns, CA, CA, SELFSIGNED));
    llmd__json_add(list, object);
    return llmd__json_check(list);
}

llmd_error *llmd__odh_manifests(const char *ns, const struct json *certificates, struct json *list)
{
    AUTO(json) struct json *nothing = llmd__json_object();
    AUTO(json) struct json *ca = NULL;

    CHECK_MEMORY(nothing);
    if (is_there(certificates, ISSUER))
        return NULL;
    TRY(llmd__json_make(&ca, "{'secretName': %s}", CA));
    TRY(add_issuer(SELFSIGNED, "selfSigned", nothing, list));
    TRY(add_certificate(ns, list));
    return add_issuer(ISSUER, "ca", ca, list);
}
