/* SPDX-License-Identifier: Apache-2.0 */
#include "support/api.h"
#include "sandbox/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct sandbox_process *api_sandbox;

struct json *api_ask(const char *method, const char *path, const char *type, const char *body,
                     int *status)
{
    char url[1024];
    char *text;
    struct json *json = NULL;
    const char *base = strncmp(path, "http", 4) == 0 ? "" : sandbox_process_url(api_sandbox);
    snprintf(url, sizeof(url), "%s%s", base, path);
    *status = sandbox_process_http(method, url, type, body, &text);
    if (text)
        llmd_error_free(llmd__json_parse(text, strlen(text), "answer", &json));
    free(text);
    return json;
}

void api_apply(const char *path, const char *body)
{
    char target[600];
    int status;
    snprintf(target, sizeof(target), "%s?fieldManager=test&force=true", path);
    AUTO(json) struct json *json = api_ask("PATCH", target, APPLY, body, &status);
    if (status != 200 && status != 201)
        fail_msg("%s: %d %s", path, status, llmd__json_str(json, "message"));
}

void pause_ms(int ms)
{
    struct timespec length = {ms / 1000, (ms % 1000) * 1000000L};
    nanosleep(&length, NULL);
}

const struct json *api_condition(const struct json *object, const char *type)
{
    JSON_EACH(condition, llmd__json_get(object, "status.conditions")) {
        if (strcmp(llmd__json_str(condition, "type"), type) == 0)
            return condition;
    }
    return NULL;
}

struct json *api_await(const char *path, const char *type, const char *wanted, const char *reason)
{
    for (int i = 0; i < 1000; i++) {
        int status;
        struct json *json = api_ask("GET", path, NULL, NULL, &status);
        const struct json *condition = api_condition(json, type);
        if (strcmp(llmd__json_str(condition, "status"), wanted) == 0 &&
            (!reason || strcmp(llmd__json_str(condition, "reason"), reason) == 0))
            return json;
        llmd__json_free(json);
        pause_ms(10);
    }
    fail_msg("%s: %s did not become %s %s", path, type, wanted, reason ? reason : "");
    return NULL;
}

static const char gateway[] =
    "{\"apiVersion\":\"gateway.networking.k8s.io/v1\",\"kind\":\"Gateway\",\"metadata\":{\"name\":"
    "\"edge\"},\"spec\":{\"gatewayClassName\":\"%s\",\"listeners\":[{\"name\":\"http\",\"port\":80,"
    "\"protocol\":\"HTTP\"}]}}";

void api_apply_gateway(const char *class)
{
    char body[600];
    snprintf(body, sizeof(body), gateway, class);
    api_apply("/apis/gateway.networking.k8s.io/v1/namespaces/llm/gateways/edge", body);
}

void api_apply_service(const char *name, const char *extra, const char *container)
{
    char path[300];
    char body[2000];
    snprintf(path, sizeof(path), SERVICES "/%s", name);
    snprintf(body, sizeof(body),
             "{\"apiVersion\":\"serving.kserve.io/v1alpha2\",\"kind\":\"LLMInferenceService\","
             "\"metadata\":{\"name\":\"%s\"},\"spec\":{\"model\":{\"uri\":\"hf://x/"
             "y\",\"name\":\"tiny\"},"
             "\"replicas\":1,\"storageInitializer\":{\"enabled\":false},%s\"template\":{"
             "\"containers\":[{"
             "\"name\":\"main\",%s\"resources\":{\"limits\":{\"google.com/tpu\":\"4\"}}}],"
             "\"nodeSelector\":{\"cloud.google.com/gke-tpu-topology\":\"2x2\"}}}}",
             name, extra, container);
    api_apply(path, body);
}

void api_apply_namespace(void)
{
    api_apply("/api/v1/namespaces/llm",
              "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"llm\"}}");
}

int api_start(const char *const *arguments)
{
    api_sandbox = sandbox_process_start(arguments);
    return api_sandbox ? 0 : -1;
}

void api_stop(void)
{
    sandbox_process_stop(api_sandbox);
    api_sandbox = NULL;
}
