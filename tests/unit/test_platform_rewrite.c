/* SPDX-License-Identifier: Apache-2.0 */
/* What a spec changes in a release, on a small one of our own. */
#include "base/file.h"
#include "base/yaml.h"
#include "kube/object.h"
#include "platform/release.h"
#include "platform/rewrite.h"
#include "support/errors.h"
#include "support/golden.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SHA "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* ---- images ---- */

static void test_images(void **state)
{
    static const struct {
        const char *spec, *image, *wanted;
    } rows[] = {
        {"{}", "kserve/a:1", "kserve/a:1"},
        {"{imageMirror: m.example/c}", "kserve/a:1", "m.example/c/kserve/a:1"},
        {"{imageMirror: m.example/c}", "nginx", "m.example/c/library/nginx"},
        {"{imageMirror: m.example/c}", "ghcr.io/x/y:1@" SHA, "m.example/c/x/y:1@" SHA},
        {"{imageMirror: m.example}", "localhost/a:1", "m.example/a:1"},
        {"{imageMirror: m.example}", "host:5000/a:1", "m.example/a:1"},
        {"{imageMirrors: {quay.io: q.example}}", "quay.io/a/b:1", "q.example/a/b:1"},
        {"{imageMirrors: {quay.io: q.example}}", "quay.io.evil/a:1", "quay.io.evil/a:1"},
        {"{imageMirrors: {quay.io: q.example}, imageMirror: m.example}", "a/b", "m.example/a/b"},
        {"{imageMirrors: {docker.io: h.example, docker.io/kserve: k.example}}", "kserve/a:1",
         "k.example/a:1"},
        {"{digests: {kserve/a: \"" SHA "\"}}", "kserve/a:1", "kserve/a@" SHA},
        {"{digests: {\"docker.io/kserve/a:1\": \"" SHA "\"}}", "kserve/a:1", "kserve/a@" SHA},
        {"{digests: {\"kserve/a:2\": \"" SHA "\"}}", "kserve/a:1", "kserve/a:1"},
        {"{digests: {kserve/a: \"" SHA "\"}, imageMirror: m.example:80}", "kserve/a:1",
         "m.example:80/kserve/a@" SHA},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(platform_spec) llmd_platform_spec *spec = NULL;
        AUTO(str) char *image = NULL;

        none(llmd_platform_spec_parse(rows[i].spec, &spec));
        none(llmd__image_rewrite(spec, rows[i].image, &image));
        if (strcmp(image, rows[i].wanted) != 0)
            fail_msg("%s: %s became %s", rows[i].spec, rows[i].image, image);
    }
}

/* ---- a release ---- */

static const char lws[] =
    "kind: List\napiVersion: v1\nitems:\n"
    "- {kind: Namespace, apiVersion: v1, metadata: {name: lws-system}}\n"
    "- kind: CustomResourceDefinition\n"
    "  apiVersion: apiextensions.k8s.io/v1\n"
    "  metadata: {name: leaderworkersets.leaderworkerset.x-k8s.io}\n"
    "  spec: {conversion: {strategy: Webhook}, versions: [{name: v1, storage: true}]}\n"
    "---\n"
    "kind: Deployment\n"
    "apiVersion: apps/v1\n"
    "metadata: {name: lws-controller-manager, namespace: lws-system}\n"
    "spec:\n"
    "  template:\n"
    "    spec:\n"
    "      imagePullSecrets: [{name: theirs}, {name: libllmd-pull}]\n"
    "      containers:\n"
    "      - name: manager\n"
    "        image: registry.k8s.io/lws/lws:v0.8.0\n"
    "        args: [--helper-image=registry.k8s.io/lws/helper:1, --name=lws.lws-system.svc, "
    "--v=2]\n"
    "        env: [{name: SIDECAR_IMAGE, value: registry.k8s.io/lws/side:1},\n"
    "              {name: NAMESPACE, value: lws-system}, {name: IMAGE}]\n"
    "        resources: {limits: {cpu: 100m}}\n";

static llmd_error *make(const char *spec_text, enum component component, const char *text,
                        struct release *release)
{
    AUTO(platform_spec) llmd_platform_spec *spec = NULL;
    struct json *documents = NULL;

    *release = (struct release){0};
    TRY(llmd_platform_spec_parse(spec_text, &spec));
    TRY(llmd__yaml_parse_all(text, "release", &documents));
    return llmd__release_make(spec, component, NULL, documents, release);
}

static void same(const struct release *release, enum phase phase, const char *path,
                 const char *wanted)
{
    const struct json *object = llmd__json_first(release->phases[phase]);
    char *text = NULL;

    none(llmd__json_print(llmd__json_get(object, path), &text));
    assert_string_equal(text, wanted);
    llmd__free(text);
}

static void test_a_controller(void **state)
{
    struct release release;

    (void)state;
    none(make("{leaderWorkerSet: {controller: true, bundle: lws.yaml, namespace: mine}, "
              "imageMirror: m.example,"
              " imagePullPolicy: Never, pullSecret: {registry: r, user: u, password: p}}",
              COMPONENT_LWS, lws, &release));
    assert_string_equal(release.version, "0.8.0");
    assert_string_equal(release.ns, "mine");
    same(&release, PHASE_NAMESPACES, "metadata.name", "\"mine\"");
    assert_int_equal(llmd__json_count(release.phases[PHASE_NAMESPACES]), 1);
    same(&release, PHASE_CRDS, "spec.conversion.strategy", "\"Webhook\"");
    same(&release, PHASE_CONTROLLERS, "spec.template.spec.imagePullSecrets",
         "[{\"name\":\"libllmd-pull\"},{\"name\":\"theirs\"}]");
#define CONTAINER "spec.template.spec.containers[0]."
    same(&release, PHASE_CONTROLLERS, CONTAINER "image", "\"m.example/lws/lws:v0.8.0\"");
    same(&release, PHASE_CONTROLLERS, CONTAINER "imagePullPolicy", "\"Never\"");
    same(&release, PHASE_CONTROLLERS, CONTAINER "args",
         "[\"--helper-image=m.example/lws/helper:1\",\"--name=lws.mine.svc\",\"--v=2\"]");
    same(&release, PHASE_CONTROLLERS, CONTAINER "env",
         "[{\"name\":\"SIDECAR_IMAGE\",\"value\":\"m.example/lws/side:1\"},"
         "{\"name\":\"NAMESPACE\",\"value\":\"mine\"},{\"name\":\"IMAGE\"}]");
    same(&release, PHASE_CONTROLLERS, CONTAINER "resources.limits.cpu", "\"100m\"");
    same(&release, PHASE_CONFIG, "data.\".dockerconfigjson\"",
         "\"eyJhdXRocyI6eyJyIjp7ImF1dGgiOiJkVHB3In19fQ==\"");
    llmd__release_free(&release);
}

static void test_only_the_crd(void **state)
{
    struct release release;

    (void)state;
    none(make("{pullSecret: {registry: r, user: u, password: p}}", COMPONENT_LWS, lws, &release));
    assert_null(release.ns);
    assert_int_equal(llmd__json_count(release.phases[PHASE_CRDS]), 1);
    same(&release, PHASE_CRDS, "spec", "{\"versions\":[{\"name\":\"v1\",\"storage\":true}]}");
    same(&release, PHASE_CRDS, "metadata.labels",
         "{\"app.kubernetes.io/managed-by\":\"libllmd\","
         "\"libllmd.dev/component\":\"leaderWorkerSet\"}");
    for (int i = 0; i < PHASE_COUNT; i++)
        assert_true(i == PHASE_CRDS || !llmd__json_count(release.phases[i]));
    llmd__release_free(&release);
}

/* Said in full, or the next apply moves it. */
static void test_a_policy(void **state)
{
    static const char text[] =
        "kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1\n"
        "metadata: {name: gateways.gateway.networking.k8s.io}\n"
        "---\n"
        "kind: ValidatingAdmissionPolicy\napiVersion: admissionregistration.k8s.io/v1\n"
        "metadata: {name: safe-upgrades}\n"
        "spec:\n"
        "  matchConstraints:\n"
        "    objectSelector: {matchLabels: {a: b}}\n"
        "    resourceRules: [{resources: ['*']}, {scope: Cluster}]\n";
    struct release release;

    (void)state;
    none(make("{}", COMPONENT_GATEWAY_API, text, &release));
    same(&release, PHASE_CONFIG, "spec.matchConstraints",
         "{\"objectSelector\":{\"matchLabels\":{\"a\":\"b\"}},\"resourceRules\":[{\"resources\":["
         "\"*\"],\"scope\":\"*\"},{\"scope\":\"Cluster\"}],\"matchPolicy\":\"Equivalent\","
         "\"namespaceSelector\":{}}");
    llmd__release_free(&release);
}

/* ---- the ConfigMap ---- */

static const char config[] = "kind: Deployment\napiVersion: apps/v1\n"
                             "metadata: {name: llmisvc-controller-manager, namespace: kserve}\n"
                             "---\n"
                             "kind: ConfigMap\napiVersion: v1\n"
                             "metadata: {name: inferenceservice-config, namespace: kserve}\n"
                             "data:\n"
                             "  _example: |\n    # words\n"
                             "  storageInitializer: '{\"image\": \"a/b:1\", \"cpuLimit\": \"1\"}'\n"
                             "  ingress: '{\"kserveIngressGateway\": \"kserve/gw\"}'\n"
                             "  untouched: '{ \"a\" : 1 }'\n";

static void test_the_config(void **state)
{
    struct release release;

    (void)state;
    none(
        make("{kserve: {namespace: k}, imageMirror: m.example, ca: \"-----BEGIN CERTIFICATE-----\","
             " config: {storageInitializer: {cpuLimit: null, memoryLimit: 1Gi}, scheduler: "
             "{expirationAnnotations: [b]}}}",
             COMPONENT_KSERVE, config, &release));
    same(&release, PHASE_CONFIG, "data._example", "\"# words\\n\"");
    same(&release, PHASE_CONFIG, "data.storageInitializer",
         "\"{\\\"image\\\":\\\"m.example/a/b:1\\\",\\\"memoryLimit\\\":\\\"1Gi\\\","
         "\\\"caBundleConfigMapName\\\":\\\"libllmd-ca\\\"}\"");
    same(&release, PHASE_CONFIG, "data.ingress", "\"{\\\"kserveIngressGateway\\\":\\\"k/gw\\\"}\"");
    same(&release, PHASE_CONFIG, "data.untouched", "\"{ \\\"a\\\" : 1 }\"");
    same(&release, PHASE_CONFIG, "data.scheduler",
         "\"{\\\"expirationAnnotations\\\":[\\\"b\\\"]}\"");
    llmd__release_free(&release);
}

/* ---- monitors and Istio ---- */

static void compare(const char *name, const struct release *release)
{
    struct buf text = BUF_INIT;
    char path[256];

    for (int i = 0; i < PHASE_COUNT; i++) {
        JSON_EACH(object, release->phases[i]) {
            char *printed = NULL;

            if (strstr("inferenceservice-config llmisvc-controller-manager",
                       llmd__object_name(object)))
                continue;
            none(llmd__json_print_pretty(object, &printed));
            llmd__buf_format(&text, "# %s\n%s\n", llmd__phase_name((enum phase)i), printed);
            llmd__free(printed);
        }
    }
    snprintf(path, sizeof(path), SOURCE_DIR "/tests/unit/golden/platform-%s.txt", name);
    golden_compare(path, llmd__buf_text(&text));
    llmd__buf_free(&text);
}

#define ISTIO                                                                                      \
    "{monitors: operator, pullSecret: {registry: r, user: u, password: p}, istio: {enabled: true," \
    " gateway: edge, namespace: istio-gw, version: 1.27.5, sail: true, allowIstiod: true,"         \
    " ca: \"-----BEGIN CERTIFICATE-----\", routes: [llm/qwen, llm/gemma]}}"

/* P51: the CA in a ConfigMap that the gateway mounts; P75: the way to istiod; P78: Sail leaves the
   injector's CA alone; and probes by HTTPS, which KServe's presets make of its TLS switch. */
static void test_istio(void **state)
{
    struct release release;

    (void)state;
    none(make(ISTIO, COMPONENT_KSERVE, config, &release));
    compare("istio", &release);
    JSON_EACH(object, release.phases[PHASE_CONFIG]) {
        if (!strcmp(llmd__object_name(object), "inferenceservice-config"))
            assert_non_null(strstr(llmd__json_str(object, "data.ingress"),
                                   "\"enableLLMInferenceServiceTLS\":true"));
    }
    llmd__release_free(&release);
}

static size_t count_filters(const struct release *release, const char *name)
{
    size_t count = 0;

    JSON_EACH(object, release->phases[PHASE_PRESETS]) {
        count += strcmp(llmd__json_str(object, "kind"), "EnvoyFilter") == 0 &&
                 strstr(llmd__object_name(object), name);
    }
    return count;
}

/* Its filter names a route's rules, so that it is written when the route is there. */
static void P50_no_filter_before_its_route(void **state)
{
    AUTO(platform_spec) llmd_platform_spec *spec = NULL;
    AUTO(found) struct platform_found found = {0};
    struct json *documents = NULL;
    struct release release;

    (void)state;
    found.no_routes = llmd__json_array();
    llmd__json_add_str(found.no_routes, "llm/gemma");
    none(llmd_platform_spec_parse(ISTIO, &spec));
    none(llmd__yaml_parse_all(config, "release", &documents));
    none(llmd__release_make(spec, COMPONENT_KSERVE, &found, documents, &release));
    assert_int_equal(count_filters(&release, "qwen"), 1);
    assert_int_equal(count_filters(&release, "gemma"), 0);
    llmd__release_free(&release);
}

static void test_monitors_on_gke(void **state)
{
    struct release release;

    (void)state;
    none(make("monitors: gke", COMPONENT_KSERVE, config, &release));
    compare("monitors-gke", &release);
    llmd__release_free(&release);
}

/* ---- Open Data Hub's KServe ---- */

static const char odh_short[] =
    "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: kserve-controller-manager, "
    "namespace: odh}\nspec: {template: {spec: {containers: [{name: manager, image: \"a:v1\", env: "
    "[{name: ENABLE_LLMISVC_CONTROLLER, value: \"true\"}]}]}}}\n";

static void read_file(const char *name, struct buf *text)
{
    char path[256];

    snprintf(path, sizeof(path), SOURCE_DIR "/tests/scenario/platform/%s", name);
    none(llmd__file_read(path, 1 << 20, text));
}

/* Its controller has another name, and its CA is made here: of RSA, the only kind that it reads
   (P26). */
static void test_odh(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT;
    struct release release;

    (void)state;
    read_file("odh.yaml", &text);
    none(make("{}", COMPONENT_KSERVE, llmd__buf_text(&text), &release));
    assert_string_equal(release.version, "0.15-latest");
    assert_string_equal(release.ns, "opendatahub");
    assert_string_equal(release.controller, "kserve-controller-manager");
    compare("odh", &release);
    llmd__release_free(&release);
}

/* ---- Red Hat's cert-manager ---- */

/* Its namespaces and its resource are made here, and the login goes to the accounts of the pods
   that the operator makes (P36). */
static void test_red_hat(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT;
    struct release release;

    (void)state;
    read_file("redhat.yaml", &text);
    none(make("{imageMirror: m.example, pullSecret: {registry: r, user: u, password: p}}",
              COMPONENT_CERT_MANAGER, llmd__buf_text(&text), &release));
    assert_string_equal(release.version, "1.15.5");
    assert_string_equal(release.ns, "cert-manager-operator");
    assert_string_equal(release.controller, "cert-manager-operator-controller-manager");
    compare("redhat", &release);
    llmd__release_free(&release);
}

static const char redhat_short[] =
    "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: "
    "cert-manager-operator-controller-manager, namespace: o}\nspec: {template: {spec: {containers: "
    "[{name: m, image: a, env: [{name: OPERAND_IMAGE_VERSION, value: 1.15.5}]}]}}}\n---\n"
    "{kind: ServiceAccount, apiVersion: v1, metadata: {name: cert-manager, namespace: "
    "cert-manager}}\n---\n"
    "{kind: CustomResourceDefinition, apiVersion: apiextensions.k8s.io/v1, metadata: {name: "
    "infrastructures.config.openshift.io}}\n";

/* ---- without memory ---- */

static llmd_error *redhat_work(void *data)
{
    struct release release;
    llmd_error *error = make("{pullSecret: {registry: r, user: u, password: p}}",
                             COMPONENT_CERT_MANAGER, data, &release);

    if (!error)
        llmd__release_free(&release);
    return error;
}

static llmd_error *odh_work(void *data)
{
    struct release release;
    llmd_error *error = make("{}", COMPONENT_KSERVE, data, &release);

    if (!error)
        llmd__release_free(&release);
    return error;
}

static llmd_error *release_work(void *data)
{
    struct release release;
    llmd_error *error =
        make("{leaderWorkerSet: {controller: true, bundle: lws.yaml, namespace: mine}, "
             "imageMirror: m.example,"
             " imagePullPolicy: Never, pullSecret: {registry: r, user: u, password: p}}",
             COMPONENT_LWS, data, &release);

    if (!error)
        llmd__release_free(&release);
    return error;
}

static llmd_error *istio_work(void *data)
{
    struct release release;
    llmd_error *error = make(ISTIO, COMPONENT_KSERVE, data, &release);

    if (!error)
        llmd__release_free(&release);
    return error;
}

static llmd_error *config_work(void *data)
{
    struct release release;
    llmd_error *error = make("{kserve: {namespace: k}, imageMirror: m.example,"
                             " ca: \"-----BEGIN CERTIFICATE-----\", config: {ingress: {b: 2}}}",
                             COMPONENT_KSERVE, data, &release);

    if (!error)
        llmd__release_free(&release);
    return error;
}

static void test_without_memory(void **state)
{
    (void)state;
    torture(release_work, (void *)(uintptr_t)lws);
    torture(config_work, (void *)(uintptr_t)config);
    torture(istio_work, (void *)(uintptr_t)config);
    torture(odh_work, (void *)(uintptr_t)odh_short);
    torture(redhat_work, (void *)(uintptr_t)redhat_short);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_a_controller),
        cmocka_unit_test(test_only_the_crd),
        cmocka_unit_test(test_a_policy),
        cmocka_unit_test(test_the_config),
        cmocka_unit_test(test_istio),
        cmocka_unit_test(P50_no_filter_before_its_route),
        cmocka_unit_test(test_odh),
        cmocka_unit_test(test_red_hat),
        cmocka_unit_test(test_monitors_on_gke),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
