/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/spec.h"

#include "platform/config_keys.h"
#include "platform/known_bundles.h"

#include "base/name.h"

#include <string.h>

/* ---- checks of single values; the field reader adds key and line ---- */

static llmd_error *check_ns(const struct json *value)
{
    return llmd__name_check_label("namespace", llmd__json_text(value));
}

static llmd_error *check_gateway(const struct json *value)
{
    return llmd__name_check_label("gateway name", llmd__json_text(value));
}

static llmd_error *check_sha256(const struct json *value)
{
    if (llmd__sha256_valid(llmd__json_text(value)))
        return NULL;
    return llmd__error(LLMD_E_INVALID, "\"%s\" is no sha256: want 64 hex digits in lower case",
                       llmd__json_text(value));
}

static llmd_error *check_digests(const struct json *value)
{
    JSON_EACH(item, value) {
        const char *text = llmd__json_text(item);

        if (strncmp(text, "sha256:", 7) != 0 || !llmd__sha256_valid(text + 7))
            return llmd__error(LLMD_E_INVALID,
                               "\"%s\" is no digest: want sha256: and 64 hex digits", text);
    }
    return NULL;
}

/* The controller reads every value as JSON, except _example, which nobody needs to change. */
static llmd_error *check_config(const struct json *value)
{
    JSON_EACH(item, value) {
        if (llmd__json_type(item) != JSON_OBJECT)
            return llmd__error(LLMD_E_INVALID, "%s: want an object, got %s", llmd__json_key(item),
                               llmd__json_type_name(llmd__json_type(item)));
    }
    return llmd__config_keys_check(value, false); /* see check_config_keys() */
}

/* An image's name begins with a host, so that an address would be taken for a part of the name. */
static llmd_error *check_mirror(const struct json *value)
{
    const char *text = llmd__json_text(value), *scheme = strstr(text, "://");

    if (!scheme)
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "\"%s\" is an address: want a registry's host, port and path",
                    text),
        "write %s", scheme + 3);
}

static llmd_error *check_mirrors(const struct json *value)
{
    JSON_EACH(item, value)
        TRY(check_mirror(item));
    return NULL;
}

static llmd_error *check_ca(const struct json *value)
{
    if (strstr(llmd__json_text(value), "-----BEGIN CERTIFICATE-----"))
        return NULL;
    return llmd__error(LLMD_E_INVALID, "want certificates as PEM text");
}

static llmd_error *check_routes(const struct json *value)
{
    JSON_EACH(item, value) {
        const char *text = llmd__json_text(item), *slash = strchr(text, '/');

        if (!slash || slash == text || !slash[1] || strchr(slash + 1, '/'))
            return llmd__error(LLMD_E_INVALID, "\"%s\": want NAMESPACE/SERVICE", text);
    }
    return NULL;
}

/* ---- the tables ---- */

#define PART(member) .offset = offsetof(struct component_spec, member)

#define SOURCE_FIELDS                                                                              \
    {.name = "version",                                                                            \
     .type = FIELD_STRING,                                                                         \
     PART(version),                                                                                \
     .doc = "Of the known bundles; the newest proven one by default."},                            \
        {.name = "bundle",                                                                         \
         .type = FIELD_STRING,                                                                     \
         PART(bundle),                                                                             \
         .doc = "Instead: a file of manifests, a folder of them, or an `https://` address."},      \
        {.name = "sha256",                                                                         \
         .type = FIELD_STRING,                                                                     \
         PART(sha256),                                                                             \
         .check = check_sha256,                                                                    \
         .doc =                                                                                    \
             "Required for an address, and for a version whose digest is not known: the SHA-256 "  \
             "of what stands there."},                                                             \
        {.name = "manifests",                                                                      \
         .type = FIELD_STRING,                                                                     \
         PART(manifests),                                                                          \
         .doc = "Instead: the YAML text itself."},                                                 \
    {                                                                                              \
        .name = "install", .type = FIELD_STRING, PART(install), .values = "auto|always|never",     \
        .doc = "`auto`, the default: what another installed and serves is used"                    \
    }

#define CONTROLLER_FIELDS                                                                          \
    {.name = "namespace",                                                                          \
     .type = FIELD_STRING,                                                                         \
     PART(ns),                                                                                     \
     .check = check_ns,                                                                            \
     .doc = "Of its controllers; the release's own by default."},                                  \
    {                                                                                              \
        .name = "resources", .type = FIELD_JSON, PART(resources), .json = JSON_OBJECT,             \
        .check = llmd__resources_check,                                                            \
        .doc = "Kubernetes resources of its controllers' containers."                              \
    }

static const struct field crds_fields[] = {SOURCE_FIELDS, FIELD_END};
static const struct field controller_fields[] = {SOURCE_FIELDS, CONTROLLER_FIELDS, FIELD_END};
static const struct field lws_fields[] = {
    SOURCE_FIELDS,
    CONTROLLER_FIELDS,
    {.name = "controller",
     .type = FIELD_BOOL,
     PART(controller),
     .doc = "Its controller too, for services with workers; needs `bundle` or `manifests`. By "
            "default only its CRD is installed."},
    FIELD_END,
};

/* All three or none; see check_pull_secret(). */
static const struct field pull_fields[] = {
    {.name = "registry",
     .type = FIELD_STRING,
     .offset = offsetof(struct platform_pull_secret, registry),
     .doc = "Registry host, such as `quay.io`."},
    {.name = "user",
     .type = FIELD_STRING,
     .offset = offsetof(struct platform_pull_secret, user),
     .doc = "User or service-account name."},
    {.name = "password",
     .type = FIELD_SECRET,
     .offset = offsetof(struct platform_pull_secret, password),
     .doc = "Password or token; wiped after use, never printed."},
    FIELD_END,
};

/* The upstream project's releases before know InferencePool v1alpha2 only (P79). */
static llmd_error *check_istio_version(const struct json *value)
{
    const char *text = llmd__json_text(value);

    if (llmd__version_compare(text, "1.27") >= 0)
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "Istio %s does not know InferencePool v1", text),
        "use 1.27 or newer (OpenShift Service Mesh 3.2)");
}

#define ISTIO(member) .offset = offsetof(struct platform_istio, member)

static const struct field istio_fields[] = {
    {.name = "enabled",
     .type = FIELD_BOOL,
     ISTIO(enabled),
     .doc = "The gateway is Istio's: adds what that needs, and TLS to the model servers."},
    {.name = "gateway",
     .type = FIELD_STRING,
     ISTIO(gateway),
     .check = check_gateway,
     .doc =
         "The Gateway's name; `inference-gateway` by default. Its `infrastructure.parametersRef` "
         "names the ConfigMap NAME-config."},
    {.name = "namespace",
     .type = FIELD_STRING,
     ISTIO(ns),
     .check = check_ns,
     .doc = "The Gateway's; KServe's by default."},
    {.name = "version",
     .type = FIELD_STRING,
     ISTIO(version),
     .check = check_istio_version,
     .doc = "Istio's version, such as `1.27.5`; older than 1.27 is refused."},
    {.name = "ca",
     .type = FIELD_STRING,
     ISTIO(ca),
     .check = check_ca,
     .doc = "The CA, PEM, that signed the model servers' certificates."},
    {.name = "routes",
     .type = FIELD_STRINGS,
     ISTIO(routes),
     .check = check_routes,
     .doc = "Services that exist, `NAMESPACE/NAME`, whose requests the endpoint picker must see "
            "whole."},
    {.name = "sail",
     .type = FIELD_BOOL,
     ISTIO(sail),
     .doc = "The Sail operator runs Istio: it is told to leave the injector's CA bundle alone."},
    {.name = "allowIstiod",
     .type = FIELD_BOOL,
     ISTIO(allow_istiod),
     .doc = "Network policies that let the services reach istiod; only where others deny all."},
    FIELD_END,
};

#define AT(member) .offset = offsetof(llmd_platform_spec, member)
#define COMPONENT(component, table, key, text)                                                     \
    {                                                                                              \
        .name = key, .type = FIELD_OBJECT,                                                         \
        .offset = offsetof(llmd_platform_spec, components) +                                       \
                  (component) * sizeof(struct component_spec),                                     \
        .fields = table, .doc = text                                                               \
    }

static const struct field platform_fields[] = {
    COMPONENT(COMPONENT_KSERVE, controller_fields, "kserve",
              "KServe's llmisvc controller, its presets, and the CRDs of inference pools."),
    COMPONENT(COMPONENT_CERT_MANAGER, controller_fields, "certManager",
              "cert-manager, which makes the certificate of KServe's webhooks."),
    COMPONENT(COMPONENT_GATEWAY_API, crds_fields, "gatewayApi",
              "The standard CRDs of Gateway API; never touched where the provider manages them."),
    COMPONENT(COMPONENT_LWS, lws_fields, "leaderWorkerSet",
              "LeaderWorkerSet, for services that span several hosts."),
    COMPONENT(COMPONENT_GATEWAY_CONTROLLER, controller_fields, "gatewayController",
              "A gateway controller that knows InferencePools, by `bundle` or `manifests`; none by "
              "default, as GKE has its own."),
    {.name = "bundles",
     .type = FIELD_STRING,
     AT(bundles),
     .doc = "A folder that platform fetch made: nothing is downloaded."},
    {.name = "ca",
     .type = FIELD_STRING,
     AT(ca),
     .check = check_ca,
     .doc = "Further CA certificates, PEM, for downloads of bundles and of models."},
    {.name = "pullSecret",
     .type = FIELD_OBJECT,
     AT(pull_secret),
     .fields = pull_fields,
     .doc = "A registry login; the library makes the Secret in each namespace."},
    {.name = "imageMirror",
     .type = FIELD_STRING,
     AT(image_mirror),
     .check = check_mirror,
     .doc = "Takes the place of every image's registry: `mirror.example.com/cache`."},
    {.name = "imageMirrors",
     .type = FIELD_MAP,
     AT(image_mirrors),
     .check = check_mirrors,
     .doc = "How image names begin, and what comes there instead; the longest wins: `docker.io: "
            "mirror.example.com/hub`."},
    {.name = "imagePullPolicy",
     .type = FIELD_STRING,
     AT(image_pull_policy),
     .values = "Always|IfNotPresent|Never",
     .doc = "Of all containers that are installed"},
    {.name = "digests",
     .type = FIELD_MAP,
     AT(digests),
     .check = check_digests,
     .doc = "Images, as the release names them, and the digests that they are pinned to."},
    {.name = "config",
     .type = FIELD_JSON,
     AT(config),
     .json = JSON_OBJECT,
     .check = check_config,
     .doc = "Merge patches (RFC 7396) for the values of KServe's ConfigMap: `storageInitializer: "
            "{memoryLimit: 24Gi}`. Names that no known release reads are refused."},
    {.name = "routeTimeouts",
     .type = FIELD_JSON,
     AT(route_timeouts),
     .json = JSON_BOOL,
     .doc = "`false` takes the timeouts out of KServe's route presets, `true` leaves them; by "
            "default they go on GKE, which refuses them."},
    {.name = "monitors",
     .type = FIELD_STRING,
     AT(monitors),
     .values = "gke|operator",
     .doc = "Objects by which model servers' metrics are collected: Google's managed collection, "
            "or the "
            "Prometheus operator; none by default"},
    {.name = "istio",
     .type = FIELD_OBJECT,
     AT(istio),
     .fields = istio_fields,
     .doc = "What KServe needs of Istio as its gateway."},
    {.name = "adopt",
     .type = FIELD_BOOL,
     AT(adopt),
     .doc = "Takes over what others installed, instead of using it as it is."},
    {.name = "stripFinalizers",
     .type = FIELD_BOOL,
     AT(strip_finalizers),
     .doc = "Delete may remove finalizers whose controller is gone: KServe's two, and those of "
            "cert-manager's operator."},
    FIELD_END,
};

/* ---- the whole ---- */

static bool is_url(const char *text)
{
    return !strncmp(text, "https://", 8) || !strncmp(text, "http://", 7);
}

static llmd_error *check_source(const struct component_spec *part)
{
    if (part->bundle && part->manifests)
        return llmd__error(LLMD_E_INVALID, "want bundle or manifests, not both");
    if ((part->bundle || part->manifests) && part->version)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "version chooses a known bundle, and another one is given"),
            "leave out version: it is read from the bundle");
    if (part->bundle && is_url(part->bundle) && !part->sha256)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "%s needs its sha256", part->bundle),
            "add sha256 as its publisher states it; what is downloaded is held against it");
    if (part->sha256 && !part->version && !(part->bundle && is_url(part->bundle)))
        return llmd__error(LLMD_E_INVALID,
                           "sha256 belongs to a bundle that is an address, or to a version");
    return NULL;
}

/* Otherwise it is refused only when the cluster was looked at: the bundle lacks the Deployment. */
static llmd_error *check_lws(const struct component_spec *lws)
{
    if (!lws->controller || lws->bundle || lws->manifests)
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID,
                    "leaderWorkerSet.controller: the known bundle holds the CRD only"),
        "name its release as leaderWorkerSet.bundle: a file, or an address with its sha256");
}

/* What a known release reads is known; a bundle of one's own may read more. */
static llmd_error *check_config_keys(const llmd_platform_spec *spec)
{
    const struct component_spec *kserve = &spec->components[COMPONENT_KSERVE];

    return llmd__error_wrap(
        llmd__config_keys_check(spec->config, !kserve->bundle && !kserve->manifests), "config");
}

static llmd_error *check_pull_secret(const struct platform_pull_secret *secret)
{
    int said = !!secret->registry + !!secret->user + !!secret->password;

    if (said == 0 || said == 3)
        return NULL;
    return llmd__error(LLMD_E_INVALID, "pullSecret: want registry, user and password");
}

static llmd_error *check_whole(const void *object)
{
    const llmd_platform_spec *spec = object;

    for (int i = 0; i < COMPONENT_COUNT; i++)
        TRY(llmd__error_wrap(check_source(&spec->components[i]), "%s",
                             llmd__component((enum component)i)->key));
    TRY(check_lws(&spec->components[COMPONENT_LWS]));
    TRY(check_config_keys(spec));
    return check_pull_secret(&spec->pull_secret);
}

static llmd_platform_spec no_memory;

const struct spec_type llmd__platform_spec_type = {
    .what = "platform spec",
    .size = sizeof(llmd_platform_spec),
    .fields = platform_fields,
    .none = &no_memory,
    .check = check_whole,
};

SPEC_FUNCTIONS(llmd_platform_spec, llmd__platform_spec_type)
SPEC_FILE_FUNCTIONS(llmd_platform_spec, llmd__platform_spec_type)

llmd_platform_spec *llmd_platform_spec_new(void)
{
    return llmd__spec_new(&llmd__platform_spec_type);
}

const struct component_spec *llmd__platform_part(const llmd_platform_spec *spec,
                                                 enum component component)
{
    return &spec->components[component];
}

bool llmd__platform_wants(const llmd_platform_spec *spec, enum component component)
{
    const struct component_spec *part = &spec->components[component];

    if (component == COMPONENT_GATEWAY_CONTROLLER && !part->bundle && !part->manifests &&
        !part->version)
        return false;
    return !part->install || strcmp(part->install, "never") != 0;
}

bool llmd__platform_crds_only(const llmd_platform_spec *spec, enum component component)
{
    return component == COMPONENT_LWS && !spec->components[component].controller;
}
