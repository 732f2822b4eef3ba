/* SPDX-License-Identifier: Apache-2.0 */
#include "support/platform.h"

#include "base/buf.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FOLDER SOURCE_DIR "/tests/scenario/platform/"

static struct platform *connect_to(struct sandbox_process *sandbox)
{
    struct platform *platform = calloc(1, sizeof(*platform));

    assert_non_null(platform);
    assert_non_null(sandbox);
    platform->sandbox = sandbox;
    none(llmd_kube_open(sandbox_process_kubeconfig(platform->sandbox), NULL, &platform->kube));
    return platform;
}

struct platform *platform_start(const char *profile)
{
    return connect_to(start(profile));
}

struct platform *platform_start_with(const char *const *arguments)
{
    return connect_to(sandbox_process_start(arguments));
}

void platform_stop(struct platform *platform)
{
    clear(&platform->log);
    llmd_kube_free(platform->kube);
    sandbox_process_stop(platform->sandbox);
    free(platform);
}

int platform_set_up(void **state)
{
    *state = platform_start("empty");
    return 0;
}

int platform_tear_down(void **state)
{
    platform_stop(*state);
    return 0;
}

/* ---- tasks ---- */

static const char *const usual[][2] = {
    {"gatewayApi", "{bundle: " FOLDER "gateway-api.yaml}"},
    {"certManager", "{bundle: " FOLDER "cert-manager.yaml}"},
    {"kserve", "{bundle: " FOLDER "kserve.yaml}"},
    {"leaderWorkerSet", "{install: never}"},
    {"gatewayController", "{install: never}"},
};

llmd_error *platform_read_spec(const char *more, llmd_platform_spec **out)
{
    AUTO(buf) struct buf text = BUF_INIT;

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (!more || !strstr(more, usual[i][0]))
            llmd__buf_format(&text, "%s: %s\n", usual[i][0], usual[i][1]);
    llmd__buf_format(&text, "%s\n", more ? more : "");
    TRY(llmd__buf_check(&text));
    return llmd_platform_spec_parse(llmd__buf_text(&text), out);
}

typedef llmd_error *(*verb_fn)(const llmd_kube *kube, const llmd_platform_spec *spec,
                               llmd_task **out);

static llmd_error *run_spec(struct platform *platform, verb_fn verb, const llmd_platform_spec *spec,
                            int timeout_ms)
{
    llmd_task *task = NULL;
    llmd_error *made = verb(platform->kube, spec, &task);

    clear(&platform->log);
    return run(made, task, timeout_ms, &platform->log);
}

static llmd_error *run_verb(struct platform *platform, verb_fn verb, const char *more,
                            int timeout_ms)
{
    LLMD_AUTO(llmd_platform_spec) spec = NULL;

    TRY(platform_read_spec(more, &spec));
    return run_spec(platform, verb, spec, timeout_ms);
}

static llmd_error *run_plain(struct platform *platform, verb_fn verb, const char *text)
{
    LLMD_AUTO(llmd_platform_spec) spec = NULL;

    if (text)
        TRY(llmd_platform_spec_parse(text, &spec));
    return run_spec(platform, verb, spec, 30000);
}

llmd_error *platform_apply_plain(struct platform *platform, const char *spec)
{
    return run_plain(platform, llmd_platform_apply, spec);
}

llmd_error *platform_status_plain(struct platform *platform, const char *spec)
{
    return run_plain(platform, llmd_platform_status, spec);
}

llmd_error *platform_apply_within(struct platform *platform, const char *more, int timeout_ms)
{
    return run_verb(platform, llmd_platform_apply, more, timeout_ms);
}

llmd_error *platform_make_apply(struct platform *platform, llmd_task **out)
{
    LLMD_AUTO(llmd_platform_spec) spec = NULL;

    clear(&platform->log);
    TRY(platform_read_spec(NULL, &spec));
    return llmd_platform_apply(platform->kube, spec, out);
}

llmd_error *platform_apply(struct platform *platform, const char *more)
{
    return platform_apply_within(platform, more, 30000);
}

llmd_error *platform_status(struct platform *platform)
{
    return run_verb(platform, llmd_platform_status, NULL, 30000);
}

llmd_error *platform_delete(struct platform *platform, const char *more)
{
    return run_verb(platform, llmd_platform_delete, more, 30000);
}

void platform_delete_until(struct platform *platform, const char *subject)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_task) task = NULL;
    bool seen = false;

    llmd_context_set_timeout_ms(ctx, 30000);
    none(llmd_platform_delete(platform->kube, NULL, &task));
    while (!seen) {
        LLMD_AUTO(llmd_event) event = NULL;

        none(llmd_task_next(ctx, task, &event));
        if (!event)
            fail_msg("the delete ended before %s was told", subject);
        seen = !strcmp(llmd_event_subject(event), subject) &&
               !strcmp(llmd_event_reason(event), "deleted");
    }
}

/* ---- requests ---- */

static int send(struct platform *platform, const char *method, const char *type, const char *path,
                const char *body, char **out)
{
    AUTO(str)
    char *url = llmd__format("%s%s", sandbox_process_url(platform->sandbox), path);

    return sandbox_process_http(method, url, type, body, out);
}

static int ask(struct platform *platform, const char *method, const char *path, char **out)
{
    return send(platform, method, NULL, path, NULL, out);
}

static void patch(struct platform *platform, const char *type, const char *path, const char *json)
{
    char *answer = NULL;
    int status = send(platform, "PATCH", type, path, json, &answer);

    if (status / 100 != 2)
        fail_msg("PATCH %s: %d %s", path, status, answer ? answer : "");
    free(answer);
}

void platform_put_as(struct platform *platform, const char *manager, const char *path,
                     const char *json)
{
    AUTO(str) char *full = llmd__format("%s?fieldManager=%s", path, manager);

    patch(platform, "application/apply-patch+yaml", full, json);
}

void platform_patch(struct platform *platform, const char *path, const char *json)
{
    patch(platform, "application/merge-patch+json", path, json);
}

void platform_put(struct platform *platform, const char *path, const char *json)
{
    platform_put_as(platform, "somebody", path, json);
}

void platform_remove(struct platform *platform, const char *path)
{
    assert_int_equal(ask(platform, "DELETE", path, NULL), 200);
}

int platform_get(struct platform *platform, const char *path)
{
    return ask(platform, "GET", path, NULL);
}

int platform_read(struct platform *platform, const char *path, char **out)
{
    return ask(platform, "GET", path, out);
}

size_t platform_ready_pods(struct platform *platform, const char *selector)
{
    AUTO(str) char *path = llmd__format("/api/v1/pods?labelSelector=%s", selector);
    AUTO(json) struct json *list = NULL;
    char *answer = NULL;
    size_t ready = 0;

    assert_int_equal(ask(platform, "GET", path, &answer), 200);
    none(llmd__json_parse(answer, strlen(answer), path, &list));
    free(answer);
    JSON_EACH(pod, llmd__json_member(list, "items")) {
        JSON_EACH(condition, llmd__json_get(pod, "status.conditions"))
            ready += !strcmp(llmd__json_str(condition, "type"), "Ready") &&
                     !strcmp(llmd__json_str(condition, "status"), "True") &&
                     !*llmd__json_str(pod, "metadata.deletionTimestamp");
    }
    return ready;
}

void platform_fault(struct platform *platform, const char *fault, const char *match)
{
    AUTO(str) char *json = llmd__format("{\"fault\":\"%s\",\"match\":\"%s\"}", fault, match);

    assert_true(sandbox_process_command(platform->sandbox, "faults", json));
}

void platform_add_gateway(struct platform *platform)
{
    static const char *const names[][2] = {
        {"envoy-gateway", "docker.io/envoyproxy/gateway:v1.8.1"},
        {"ai-gateway-controller", "docker.io/envoyproxy/ai-gateway-controller:v1.0.0"}};

    for (size_t i = 0; i < 2; i++) {
        AUTO(str)
        char *path = llmd__format("/apis/apps/v1/namespaces/default/deployments/%s", names[i][0]);
        AUTO(str)
        char *json = llmd__format(
            "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"%s\"},"
            "\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"%s\"}},\"template\":{\"metadata\":{"
            "\"labels\":{\"app\":\"%s\"}},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":"
            "\"%s\"}]}}}}",
            names[i][0], names[i][0], names[i][0], names[i][1]);
        platform_put(platform, path, json);
    }
    platform_put(platform, "/apis/gateway.networking.k8s.io/v1/gatewayclasses/envoy",
                 "{\"apiVersion\":\"gateway.networking.k8s.io/v1\",\"kind\":\"GatewayClass\","
                 "\"metadata\":{\"name\":\"envoy\"},\"spec\":{\"controllerName\":"
                 "\"gateway.envoyproxy.io/gatewayclass-controller\"}}");
    platform_put(platform,
                 "/apis/gateway.networking.k8s.io/v1/namespaces/kserve/gateways/"
                 "kserve-ingress-gateway",
                 "{\"apiVersion\":\"gateway.networking.k8s.io/v1\",\"kind\":\"Gateway\","
                 "\"metadata\":{\"name\":\"kserve-ingress-gateway\"},\"spec\":{"
                 "\"gatewayClassName\":\"envoy\",\"listeners\":[{\"name\":\"http\",\"port\":80,"
                 "\"protocol\":\"HTTP\",\"allowedRoutes\":{\"namespaces\":{\"from\":\"All\"}}}]}}");
}

void platform_add_istio(struct platform *platform, const char *version)
{
    AUTO(str)
    char *json = llmd__format(
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"istiod\"},"
        "\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{"
        "\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"discovery\",\"image\":"
        "\"docker.io/istio/pilot:%s\"}]}}}}",
        version);

    platform_put(platform, "/apis/apps/v1/namespaces/default/deployments/istiod", json);
    platform_put(
        platform,
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
        "envoyfilters.networking.istio.io",
        "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\","
        "\"metadata\":{\"name\":\"envoyfilters.networking.istio.io\"},\"spec\":{\"group\":"
        "\"networking.istio.io\",\"scope\":\"Namespaced\",\"names\":{\"kind\":"
        "\"EnvoyFilter\",\"listKind\":\"EnvoyFilterList\",\"plural\":\"envoyfilters\"},"
        "\"versions\":[{\"name\":\"v1alpha3\",\"served\":true,\"storage\":true,\"schema\":{"
        "\"openAPIV3Schema\":{\"type\":\"object\","
        "\"x-kubernetes-preserve-unknown-fields\":true}}}]}}");
}

/* As KServe makes it for a service. */
void platform_add_route(struct platform *platform, const char *ns, const char *service)
{
    AUTO(str) char *path = llmd__format("/api/v1/namespaces/%s", ns);
    AUTO(str)
    char *json = llmd__format(
        "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\"}}", ns);
    AUTO(str)
    char *route = llmd__format(
        "/apis/gateway.networking.k8s.io/v1/namespaces/%s/httproutes/%s-kserve-route", ns, service);
    AUTO(str)
    char *text =
        llmd__format("{\"apiVersion\":\"gateway.networking.k8s.io/v1\",\"kind\":\"HTTPRoute\","
                     "\"metadata\":{\"name\":\"%s-kserve-route\"},\"spec\":{}}",
                     service);

    platform_put(platform, path, json);
    platform_put(platform, route, text);
}

/* ---- what there is ---- */

static char *read_version(struct platform *platform)
{
    AUTO(json) struct json *json = NULL;
    char *answer = NULL;

    assert_int_equal(ask(platform, "GET", "/sandbox/state", &answer), 200);
    none(llmd__json_parse(answer, strlen(answer), "state", &json));
    free(answer);
    return strdup(llmd__json_str(json, "resourceVersion"));
}

/* Controllers have their own pace, and on a busy machine none: KServe's may still hold its presets
   when an apply that wrote them has ended. */
char *platform_version(struct platform *platform)
{
    char *last = read_version(platform);

    for (int i = 0; i < 50; i++) {
        char *now;

        usleep(100000);
        now = read_version(platform);
        if (strcmp(now, last) == 0) {
            free(last);
            return now;
        }
        free(last);
        last = now;
    }
    fail_msg("the cluster never settles");
    return last;
}

static void add_names(struct platform *platform, const char *path, struct buf *names)
{
    AUTO(json) struct json *json = NULL;
    char *answer = NULL;

    if (ask(platform, "GET", path, &answer) == 200) {
        none(llmd__json_parse(answer, strlen(answer), path, &json));
        JSON_EACH(item, llmd__json_member(json, "items"))
            llmd__buf_format(names, "%s %s/%s\n", path, llmd__json_str(item, "metadata.namespace"),
                             llmd__json_str(item, "metadata.name"));
    }
    free(answer);
}

char *platform_objects(struct platform *platform)
{
    static const char *const paths[] = {
        "/api/v1/namespaces",
        "/api/v1/pods",
        "/api/v1/services",
        "/api/v1/secrets",
        "/api/v1/configmaps",
        "/api/v1/serviceaccounts",
        "/apis/apps/v1/deployments",
        "/apis/apps/v1/replicasets",
        "/apis/coordination.k8s.io/v1/leases",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        "/apis/rbac.authorization.k8s.io/v1/roles",
        "/apis/rbac.authorization.k8s.io/v1/rolebindings",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        "/apis/cert-manager.io/v1/certificates",
        "/apis/operator.openshift.io/v1alpha1/certmanagers",
        "/apis/serving.kserve.io/v1alpha2/llminferenceserviceconfigs",
    };
    AUTO(buf) struct buf names = BUF_INIT;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        add_names(platform, paths[i], &names);
    return strdup(llmd__buf_text(&names));
}

void platform_wait_a_second(void)
{
    usleep(1100000);
}
