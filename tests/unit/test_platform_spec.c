/* SPDX-License-Identifier: Apache-2.0 */
/* Platform specs: what is read, what is refused and with which words. */
#include "platform/spec.h"
#include "support/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char all[] =
    "kserve: {version: 0.20.0, namespace: serving, install: always,\n"
    "         resources: {limits: {cpu: 2}}}\n"
    "certManager: {bundle: https://example.com/cm.yaml,\n"
    "  sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}\n"
    "gatewayApi: {install: never}\n"
    "leaderWorkerSet: {controller: true, bundle: lws.yaml}\n"
    "gatewayController: {manifests: \"kind: Namespace\"}\n"
    "bundles: ./bundles\n"
    "pullSecret: {registry: quay.io, user: me, password: hush}\n"
    "imageMirror: mirror.example.com/cache\n"
    "imageMirrors: {docker.io: hub.example.com}\n"
    "imagePullPolicy: IfNotPresent\n"
    "digests: {\"quay.io/a/b:1\": "
    "\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}\n"
    "config: {storageInitializer: {memoryLimit: 24Gi}}\n"
    "routeTimeouts: false\n"
    "monitors: gke\n"
    "istio: {enabled: true, version: 1.27.5, routes: [llm/qwen]}\n"
    "adopt: true\n"
    "stripFinalizers: true\n";

static void test_everything_is_read(void **state)
{
    llmd_platform_spec *spec = NULL, *again = NULL;
    char *text = NULL, *text_again = NULL;
    const struct component_spec *kserve;

    (void)state;
    none(llmd_platform_spec_parse(all, &spec));
    kserve = llmd__platform_part(spec, COMPONENT_KSERVE);
    assert_string_equal(kserve->version, "0.20.0");
    assert_string_equal(kserve->ns, "serving");
    assert_string_equal(spec->pull_secret.password, "hush");
    assert_true(spec->istio.enabled && spec->adopt && spec->strip_finalizers);
    assert_true(spec->components[COMPONENT_LWS].controller);
    none(llmd_platform_spec_json(spec, &text));
    assert_null(strstr(text, "hush"));
    assert_non_null(strstr(text, "\"password\":\"***\""));
    memcpy(strstr(text, "***"), "hus", 3); /* a secret is not read as it is shown */
    none(llmd_platform_spec_parse(text, &again));
    none(llmd_platform_spec_json(again, &text_again));
    memcpy(strstr(text, "hus"), "***", 3);
    assert_string_equal(text, text_again);
    llmd_free(text);
    llmd_free(text_again);
    llmd_platform_spec_free(spec);
    llmd_platform_spec_free(again);
}

static void test_nothing_said_is_good(void **state)
{
    llmd_platform_spec *spec = llmd_platform_spec_new();
    char *text = NULL;

    (void)state;
    none(llmd__spec_check(spec));
    none(llmd_platform_spec_json(spec, &text));
    assert_string_equal(text, "{}");
    llmd_free(text);
    llmd_platform_spec_set(spec, "kserve.version", "0.19.0");
    llmd_platform_spec_set(spec, "config", "{storageInitializer: {memoryLimit: 1Gi}}");
    llmd_platform_spec_set(spec, "imageMirrors.docker.io", "hub.example.com");
    none(llmd__spec_check(spec));
    assert_string_equal(llmd__json_text(llmd__json_member(spec->image_mirrors, "docker.io")),
                        "hub.example.com");
    llmd_platform_spec_free(spec);
}

#define SHA "sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"kserv: {}", "kserve"},
        {"kserve:\n  verson: 1", "version"},
        {"gatewayApi: {namespace: a}", "namespace"},
        {"kserve: {namespace: Not_One}", "namespace"},
        {"kserve: {bundle: a.yaml, manifests: b}", "kserve: want bundle or manifests, not both"},
        {"kserve: {bundle: a.yaml, version: 0.20.0}", "kserve: version chooses a known bundle"},
        {"kserve: {bundle: \"https://example.com/a\"}", "https://example.com/a needs its sha256"},
        {"kserve: {bundle: a.yaml, " SHA "}", "belongs to a bundle that is an address"},
        {"kserve: {bundle: \"https://example.com/a\", sha256: ABC}", "64 hex digits"},
        {"kserve: {install: maybe}", "auto"},
        {"imageMirror: https://mirror.example.com/a", "write mirror.example.com/a"},
        {"imageMirrors: {docker.io: \"http://m.example.com\"}", "write m.example.com"},
        {"leaderWorkerSet: {controller: true}", "the known bundle holds the CRD only"},
        {"leaderWorkerSet: {controller: true, version: 0.8.0}", "leaderWorkerSet.bundle"},
        {"digests: {a: \"sha256:12\"}", "is no digest"},
        {"config: {storageInitializer: 3}", "storageInitializer: want an object, got an integer"},
        {"config: {storageInitialiser: {}}", "did you mean \"storageInitializer\"?"},
        {"config:\n  Ingress: {}", ":1: config: Ingress: unknown key"},
        {"config: {storageInitializer: {memorylimit: 1Gi}}",
         "storageInitializer.memorylimit: unknown key"},
        {"config: {storageInitializer: {memorylimit: 1Gi}}", "did you mean \"memoryLimit\"?"},
        {"config: {zzz: {}}", "config: zzz: unknown key"},
        {"config: {zzz: {}}", "known keys are agent, "},
        {"{kserve: {bundle: a.yaml}, config: {ingres: {}}}", "did you mean \"ingress\"?"},
        {"kserve: {resources: {limit: {cpu: 1}}}", "did you mean \"limits\"?"},
        {"kserve: {resources: {limits: 3}}", "resources: limits: want an object"},
        {"kserve: {resources: {limits: {cpus: 1}}}", "did you mean \"cpu\"?"},
        {"kserve:\n  resources: {limits: {memory: 1GB}}",
         ":2: kserve.resources: limits.memory: \"1GB\" is no quantity"},
        {"certManager: {resources: {requests: {memory: [1]}}}", "is no quantity"},
        {"certManager: {resources: {requests: {cpu: -1}}}", "is no quantity"},
        {"ca: hello", "PEM"},
        {"pullSecret: {registry: quay.io}", "want registry, user and password"},
        {"pullSecret: {registry: quay.io, user: me, password: \"***\"}", "give the secret itself"},
        {"istio: {routes: [qwen]}", "want NAMESPACE/SERVICE"},
        {"istio: {version: 1.26.2}", "does not know InferencePool v1"},
        {"istio: {gateway: A_b}", "gateway name"},
        {"monitors: prometheus", "gke"},
        {"apiVersion: v1\nkind: ConfigMap", "kube apply"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        llmd_platform_spec *spec = NULL;
        llmd_error *error = llmd_platform_spec_parse(rows[i].text, &spec);

        if (!error)
            fail_msg("%s was taken", rows[i].text);
        assert_null(spec);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
        if (!strstr(llmd_error_message(error), rows[i].words) &&
            !strstr(llmd_error_advice(error), rows[i].words))
            fail_msg("%s: %s (%s)", rows[i].text, llmd_error_message(error),
                     llmd_error_advice(error));
        llmd_error_free(error);
    }
}

/* What nobody here can know is left to who knows it. */
static void test_what_is_not_known(void **state)
{
    static const char *const rows[] = {
        "{kserve: {bundle: a.yaml}, config: {futureThing: {a: 1}}}",
        "{kserve: {bundle: a.yaml}, config: {ingress: {futureThing: 1}}}",
        "config: {autoscaling-wva-controller-config: {a: 1}, ingress: {urlScheme: null}}",
        "kserve: {resources: {limits: {cpu: 0.5, memory: 1.5Gi, nvidia.com/gpu: 1, hugepages-2Mi: "
        "4Mi, ephemeral-storage: 1e9}, requests: {cpu: null}, claims: [{name: a}]}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        llmd_platform_spec *spec = NULL;

        none(llmd_platform_spec_parse(rows[i], &spec));
        llmd_platform_spec_free(spec);
    }
}

static void test_components(void **state)
{
    (void)state;
    for (int i = 0; i < COMPONENT_COUNT; i++)
        assert_int_equal(llmd__component_find(llmd__component((enum component)i)->key), i);
    assert_int_equal(llmd__component_find("kubeflow"), COMPONENT_COUNT);
}

static void test_phases(void **state)
{
    static const struct {
        const char *api_version, *kind;
        enum phase phase;
    } rows[] = {
        {"v1", "Namespace", PHASE_NAMESPACES},
        {"apiextensions.k8s.io/v1", "CustomResourceDefinition", PHASE_CRDS},
        {"v1", "ConfigMap", PHASE_CONFIG},
        {"rbac.authorization.k8s.io/v1", "ClusterRole", PHASE_CONFIG},
        {"policy/v1", "PodDisruptionBudget", PHASE_CONFIG},
        {"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", PHASE_CONFIG},
        {"cert-manager.io/v1", "Certificate", PHASE_CERTIFICATES},
        {"apps/v1", "Deployment", PHASE_CONTROLLERS},
        {"batch/v1", "Job", PHASE_CONTROLLERS},
        {"admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", PHASE_WEBHOOKS},
        {"serving.kserve.io/v1alpha2", "LLMInferenceServiceConfig", PHASE_PRESETS},
        {"gateway.networking.k8s.io/v1", "GatewayClass", PHASE_PRESETS},
        {"leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", PHASE_PRESETS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json *object = NULL;

        none(llmd__json_make(&object, "{'apiVersion': %s, 'kind': %s}", rows[i].api_version,
                             rows[i].kind));
        if (llmd__phase_of(object) != rows[i].phase)
            fail_msg("%s is in %s", rows[i].kind, llmd__phase_name(llmd__phase_of(object)));
        llmd__json_free(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_read), cmocka_unit_test(test_nothing_said_is_good),
        cmocka_unit_test(test_refusals),           cmocka_unit_test(test_what_is_not_known),
        cmocka_unit_test(test_components),         cmocka_unit_test(test_phases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
