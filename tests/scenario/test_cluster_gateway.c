/* SPDX-License-Identifier: Apache-2.0 */
/* What Gateways and services meet on a cluster that GKE made: late classes, global ones, objects
   that GKE looks after, health checks. */
#include "support/events.h"
#include "support/folder.h"
#include "support/gke.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static llmd_kube *make_and_connect(struct gke_rig *rig)
{
    llmd_kube *kube = NULL;

    gke_good(rig, gke_try_apply(rig, PLAIN));
    gke_good(rig, llmd_cluster_connect(rig->ctx, rig->gke, "llm", &kube));
    return kube;
}

static llmd_error *apply(struct gke_rig *rig, const llmd_kube *kube, const char *manifests)
{
    llmd_task *task = NULL;
    llmd_error *error = llmd_kube_apply(kube, manifests, NULL, &task);

    return gke_run(rig, error, task);
}

static llmd_error *apply_gateway(struct gke_rig *rig, const llmd_kube *kube)
{
    LLMD_AUTO(llmd_gateway_spec) spec = llmd_gateway_spec_new("default", "edge");
    llmd_task *task = NULL;
    llmd_error *error = llmd_gateway_apply(kube, spec, &task);

    return gke_run(rig, error, task);
}

static llmd_error *apply_service_with(struct gke_rig *rig, const llmd_kube *kube,
                                      const char *warmup)
{
    LLMD_AUTO(llmd_service_spec) spec = llmd_service_spec_new("default", "qwen", "hf://a/b");
    llmd_task *task = NULL;
    llmd_error *error;

    llmd_service_spec_set(spec, "preset", "simulator");
    llmd_service_spec_set(spec, "gateway.name", "edge");
    llmd_service_spec_set(spec, "warmup", warmup);
    error = llmd_service_apply(kube, spec, &task);
    return gke_run(rig, error, task);
}

static llmd_error *apply_service(struct gke_rig *rig, const llmd_kube *kube)
{
    return apply_service_with(rig, kube, "1");
}

/* Up to 45 minutes may pass before GKE adds its classes: progress, not a fault. */
static void P15_classes_that_come_late_are_waited_for(void **state)
{
    struct gke_rig *rig = *state;
    LLMD_AUTO(llmd_kube) kube = NULL;

    assert_true(sandbox_process_command(rig->sandbox, "faults",
                                        "{\"fault\":\"no-gateway-class\",\"number\":2700}"));
    kube = make_and_connect(rig);
    gke_good(rig, apply_gateway(rig, kube));
    assert_true(gke_index_of(rig, "GatewayClassPending", "gke-l7-regional-external-managed") >= 0);
    assert_int_equal(llmd__json_count(llmd__json_get(gke_result_of(rig), "status.addresses")), 1);
    gke_nothing_is_left(rig);
}

#define GLOBAL_GATEWAY                                                                             \
    "apiVersion: gateway.networking.k8s.io/v1\n"                                                   \
    "kind: Gateway\n"                                                                              \
    "metadata: {name: edge, namespace: default}\n"                                                 \
    "spec:\n"                                                                                      \
    "  gatewayClassName: gke-l7-global-external-managed\n"                                         \
    "  listeners: [{name: http, port: 80, protocol: HTTP}]\n"

/* Somebody else's Gateway; a spec of ours with such a class is refused before anything is sent. */
static void P16_a_service_behind_a_global_gateway_ends_at_once(void **state)
{
    struct gke_rig *rig = *state;
    LLMD_AUTO(llmd_kube) kube = make_and_connect(rig);
    LLMD_AUTO(llmd_gateway_spec) spec = llmd_gateway_spec_new("default", "edge");
    llmd_task *task = NULL;

    llmd_gateway_spec_set(spec, "class", "gke-l7-global-external-managed");
    gke_bad(rig, llmd_gateway_apply(kube, spec, &task), LLMD_E_INVALID, "is global");
    gke_good(rig, apply(rig, kube, GLOBAL_GATEWAY));
    gke_bad(rig, apply_service(rig, kube), LLMD_E_FAILED, "cannot route to an InferencePool");
    assert_true(gke_index_of(rig, "GatewayClassUnsupported", "") >= 0);
}

#define EXPERIMENTAL                                                                               \
    "apiVersion: apiextensions.k8s.io/v1\n"                                                        \
    "kind: CustomResourceDefinition\n"                                                             \
    "metadata:\n"                                                                                  \
    "  name: tcproutes.gateway.networking.k8s.io\n"                                                \
    "  annotations: {gateway.networking.k8s.io/channel: experimental}\n"                           \
    "spec:\n"                                                                                      \
    "  group: gateway.networking.k8s.io\n"                                                         \
    "  scope: Namespaced\n"                                                                        \
    "  names: {kind: TCPRoute, plural: tcproutes}\n"                                               \
    "  versions: [{name: v1alpha2, served: true, storage: true,\n"                                 \
    "              schema: {openAPIV3Schema: {type: object}}}]\n"

/* What a caller hands over is applied or refused as it is; of its own the library makes none. */
static void P17_experimental_gateway_api_is_refused_in_gkes_words(void **state)
{
    struct gke_rig *rig = *state;
    LLMD_AUTO(llmd_kube) kube = make_and_connect(rig);

    gke_bad(rig, apply(rig, kube, EXPERIMENTAL), LLMD_E_INVALID,
            "must belong to the 'standard' channel");
}

/* ---- what GKE looks after ---- */

#define SETTINGS(value)                                                                            \
    "apiVersion: v1\n"                                                                             \
    "kind: ConfigMap\n"                                                                            \
    "metadata: {name: settings, namespace: default}\n"                                             \
    "data: {of: " value "}\n"

static int set_up_kube(void **state)
{
    struct gke_rig *rig = calloc(1, sizeof(*rig));

    *state = rig;
    rig->sandbox = start("gke");
    rig->ctx = llmd_context_new();
    return rig->sandbox ? 0 : -1;
}

static int tear_down_kube(void **state)
{
    struct gke_rig *rig = *state;

    llmd__json_free(rig->events);
    llmd_context_free(rig->ctx);
    sandbox_process_stop(rig->sandbox);
    free(rig);
    return 0;
}

static void apply_as_gke(const struct gke_rig *rig)
{
    char url[300], *text = NULL;

    snprintf(url, sizeof(url),
             "%s/api/v1/namespaces/default/configmaps/settings?fieldManager=kube-addon-manager",
             sandbox_process_url(rig->sandbox));
    assert_int_equal(
        sandbox_process_http("PATCH", url, "application/apply-patch+yaml", SETTINGS("GKE"), &text),
        201);
    free(text);
}

/* Never by force of its own: the owner is named, and what GKE owns stays as it is. */
static void P22_what_gke_looks_after_is_left_alone(void **state)
{
    struct gke_rig *rig = *state;
    LLMD_AUTO(llmd_kube) kube = NULL;
    LLMD_AUTO(llmd_error) error = NULL;
    char *json = NULL;

    apply_as_gke(rig);
    gke_good(rig, llmd_kube_open(sandbox_process_kubeconfig(rig->sandbox), NULL, &kube));
    error = apply(rig, kube, SETTINGS("ours"));
    assert_int_equal(llmd_error_code(error), LLMD_E_CONFLICT);
    assert_non_null(strstr(llmd_error_message(error), "\"kube-addon-manager\" owns .data.of"));
    assert_non_null(strstr(llmd_error_advice(error), "GKE looks after this object"));
    gke_good(rig, llmd_kube_get(rig->ctx, kube, "configmaps", "default", "settings", &json));
    assert_non_null(strstr(json, "\"of\":\"GKE\""));
    llmd_free(json);
}

/* ---- health checks ---- */

/* A policy that is there before its pool is dropped by GKE's controller. Slower than a cluster that
   Google made here, so that a hasty policy is too early. */
static void P103_the_policy_comes_after_the_pool(void **state)
{
    struct gke_rig *rig = *state;
    LLMD_AUTO(llmd_kube) kube = NULL;
    char *policy = NULL;

    gke_good(rig, llmd_kube_open(sandbox_process_kubeconfig(rig->sandbox), NULL, &kube));
    gke_good(rig, apply_gateway(rig, kube));
    gke_good(rig, apply_service(rig, kube));
    assert_true(gke_index_of(rig, "WarmUp", "answered") >= 0);
    gke_good(rig, llmd_kube_get(rig->ctx, kube, "healthcheckpolicies.networking.gke.io", "default",
                                "qwen-pool-health", &policy));
    assert_non_null(strstr(policy, "\"reason\":\"Attached\""));
    llmd_free(policy);
}

#define POLICY(path)                                                                               \
    "apiVersion: networking.gke.io/v1\n"                                                           \
    "kind: HealthCheckPolicy\n"                                                                    \
    "metadata: {name: qwen-pool-health, namespace: default}\n"                                     \
    "spec:\n"                                                                                      \
    "  default: {config: {type: HTTP, httpHealthCheck: {port: 8000, requestPath: " path "}}}\n"    \
    "  targetRef: {group: inference.networking.k8s.io, kind: InferencePool,\n"                     \
    "              name: qwen-inference-pool}\n"

/* What the load balancer sees: the reason of the last finding, its words and its level. */
static void verify(struct gke_rig *rig, const llmd_kube *kube, const char *reason,
                   const char *words)
{
    llmd_task *task = NULL;
    const struct json *last = NULL;
    llmd_error *error = llmd_network_health(rig->gke, kube, "default", "qwen", &task);

    gke_good(rig, gke_run(rig, error, task));
    JSON_EACH(event, rig->events) {
        last = event;
    }
    assert_string_equal(llmd__json_str(last, "reason"), reason);
    assert_non_null(strstr(llmd__json_str(last, "message"), words));
    assert_string_equal(llmd__json_str(last, "level"),
                        strcmp(reason, "Healthy") == 0 ? "info" : "error");
    assert_true(strcmp(reason, "Healthy") == 0 || *llmd__json_str(last, "advice"));
}

static llmd_kube *make_service(struct gke_rig *rig, const char *before)
{
    llmd_kube *kube = make_and_connect(rig);

    if (before)
        gke_good(rig, apply(rig, kube, before));
    gke_good(rig, apply_gateway(rig, kube));
    gke_good(rig, apply_service_with(rig, kube, "0"));
    return kube;
}

/* All is Ready in the cluster, and no call would be answered. */
static void P40_P103_a_policy_that_gke_dropped_is_made_anew(void **state)
{
    struct gke_rig *rig = *state;
    LLMD_AUTO(llmd_kube) kube = make_service(rig, POLICY("/health"));
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    char *policy = NULL;

    verify(rig, kube, "Healthy", "\"/health\"");
    assert_true(gke_index_of(rig, "PolicyAnew", "Google asks for \"/\"") >= 0);
    assert_true(llmd__json_bool(gke_result_of(rig), "recreated", false));
    assert_int_equal(llmd__json_int(gke_result_of(rig), "healthy", -1), 1);
    assert_string_equal(llmd__json_str(gke_result_of(rig), "pool"), "qwen-inference-pool");
    gke_good(rig, llmd_kube_get(rig->ctx, kube, "healthcheckpolicies.networking.gke.io", "default",
                                "qwen-pool-health", &policy));
    assert_non_null(strstr(policy, "\"reason\":\"Attached\""));
    assert_non_null(strstr(policy, "\"libllmd\"")); /* as it was, with its labels */
    llmd_free(policy);
    verify(rig, kube, "Healthy", "\"/health\"");
    assert_int_equal(gke_index_of(rig, "PolicyAnew", ""), -1);
    gke_nothing_is_left(rig);
}

/* With handles of its own: others keep connections. */
static llmd_error *verify_once(void *data)
{
    const struct gke_rig *rig = data;
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_kube) kube = NULL;
    LLMD_AUTO(llmd_task) task = NULL;

    TRY(llmd_gke_open(rig->credentials, "my-project", "europe-west4-a", &gke));
    TRY(llmd_cluster_connect(NULL, gke, "llm", &kube));
    TRY(llmd_network_health(gke, kube, "default", "qwen", &task));
    return llmd_task_run(NULL, task, NULL, NULL);
}

/* A policy that GKE follows is left alone, whatever it asks for; so is one that is not there. */
static void P103_what_google_asks_for_is_told(void **state)
{
    struct gke_rig *rig = *state;
    LLMD_AUTO(llmd_kube) kube = make_service(rig, NULL);
    llmd_task *task = NULL;
    llmd_error *error;

    verify(rig, kube, "Healthy", "\"/health\"");
    gke_good(rig, apply(rig, kube, POLICY("/nope")));
    verify(rig, kube, "Unhealthy", "0 of 1 backends are HEALTHY");
    assert_true(gke_index_of(rig, "Unhealthy", ":8000 for \"/nope\"") >= 0);
    assert_int_equal(gke_index_of(rig, "PolicyAnew", ""), -1);
    error = llmd_kube_delete(kube, "healthcheckpolicies.networking.gke.io", "default",
                             "qwen-pool-health", &task);
    gke_good(rig, gke_run(rig, error, task));
    verify(rig, kube, "Unhealthy", "for \"/\"");
    assert_int_equal(gke_index_of(rig, "PolicyAnew", ""), -1);
    torture_sample(verify_once, rig, 1, 60);
    error = llmd_network_health(rig->gke, kube, "default", "none", &task);
    gke_bad(rig, gke_run(rig, error, task), LLMD_E_NOT_FOUND, "default/none: has no InferencePool");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        GKE_TEST(P15_classes_that_come_late_are_waited_for),
        GKE_TEST(P16_a_service_behind_a_global_gateway_ends_at_once),
        GKE_TEST(P17_experimental_gateway_api_is_refused_in_gkes_words),
        cmocka_unit_test_setup_teardown(P22_what_gke_looks_after_is_left_alone, set_up_kube,
                                        tear_down_kube),
        GKE_TEST(P40_P103_a_policy_that_gke_dropped_is_made_anew),
        GKE_TEST(P103_what_google_asks_for_is_told),
        cmocka_unit_test_setup_teardown(P103_the_policy_comes_after_the_pool, set_up_kube,
                                        tear_down_kube),
    };

    if (argc > 1) /* "P2*": these alone */
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
