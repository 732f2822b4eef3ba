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

int platform_set_up(void **state)
{
    struct platform *platform = calloc(1, sizeof(*platform));

    assert_non_null(platform);
    platform->sandbox = start("empty");
    none(llmd_kube_open(sandbox_process_kubeconfig(platform->sandbox), NULL, &platform->kube));
    *state = platform;
    return 0;
}

int platform_tear_down(void **state)
{
    struct platform *platform = *state;

    clear(&platform->log);
    llmd_kube_free(platform->kube);
    sandbox_process_stop(platform->sandbox);
    free(platform);
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

static llmd_error *read_spec(const char *more, llmd_platform_spec **out)
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

static llmd_error *run_verb(struct platform *platform, verb_fn verb, const char *more,
                            int timeout_ms)
{
    LLMD_AUTO(llmd_platform_spec) spec = NULL;
    llmd_task *task = NULL;
    llmd_error *made;

    TRY(read_spec(more, &spec));
    made = verb(platform->kube, spec, &task);
    clear(&platform->log);
    return run(made, task, timeout_ms, &platform->log);
}

llmd_error *platform_apply_within(struct platform *platform, const char *more, int timeout_ms)
{
    return run_verb(platform, llmd_platform_apply, more, timeout_ms);
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

/* ---- what there is ---- */

char *platform_version(struct platform *platform)
{
    AUTO(json) struct json *json = NULL;
    char *answer = NULL;

    assert_int_equal(ask(platform, "GET", "/sandbox/state", &answer), 200);
    none(llmd__json_parse(answer, strlen(answer), "state", &json));
    free(answer);
    return strdup(llmd__json_str(json, "resourceVersion"));
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
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        "/apis/cert-manager.io/v1/certificates",
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
