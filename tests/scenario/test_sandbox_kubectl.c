/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that we did not write drives the sandbox: kubectl, from the PATH or from the rig's
 * cache. Skipped where there is none.
 */
#include "support/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct sandbox_process *sandbox;
static char kubectl[512];

static const char gateway[] = "apiVersion: v1\n"
                              "kind: Namespace\n"
                              "metadata: {name: llm}\n"
                              "---\n"
                              "apiVersion: gateway.networking.k8s.io/v1\n"
                              "kind: Gateway\n"
                              "metadata: {name: edge, namespace: llm}\n"
                              "spec:\n"
                              "  gatewayClassName: gke-l7-rilb\n"
                              "  listeners: [{name: http, port: 80, protocol: HTTP}]\n";

static const char service[] =
    "apiVersion: serving.kserve.io/v1alpha2\n"
    "kind: LLMInferenceService\n"
    "metadata: {name: qwen, namespace: llm}\n"
    "spec:\n"
    "  model: {uri: hf://Qwen/Qwen2.5-3B-Instruct, name: tiny}\n"
    "  replicas: 1\n"
    "  router: {gateway: {refs: [{name: edge}]}, route: {}, scheduler: {}}\n"
    "  template:\n"
    "    containers:\n"
    "    - name: main\n"
    "      image: vllm/vllm-tpu:v1\n"
    "      resources: {limits: {google.com/tpu: 4}}\n"
    "    nodeSelector: {cloud.google.com/gke-tpu-topology: 2x2}\n";

static void find_kubectl(void)
{
    glob_t found;
    char pattern[300];
    const char *home = getenv("HOME");
    if (system("command -v kubectl >/dev/null 2>&1") == 0) {
        snprintf(kubectl, sizeof(kubectl), "kubectl");
        return;
    }
    snprintf(pattern, sizeof(pattern), "%s/.cache/llmd-rig/*/bin/kubectl", home ? home : "");
    if (glob(pattern, 0, NULL, &found) == 0) {
        snprintf(kubectl, sizeof(kubectl), "%s", found.gl_pathv[0]);
        globfree(&found);
    }
}

static int start(void **state)
{
    (void)state;
    find_kubectl();
    if (!*kubectl)
        return 0;
    sandbox = sandbox_process_start(NULL);
    return sandbox ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    sandbox_process_stop(sandbox);
    return 0;
}

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        fail_msg("cannot write %s", path);
    close(fd);
}

/* Its exit status; both of its outputs in out. */
static int run(char out[16384], const char *arguments)
{
    char command[2048];
    snprintf(command, sizeof(command), "%s --kubeconfig %s %s 2>&1", kubectl,
             sandbox_process_kubeconfig(sandbox), arguments);
    FILE *stream = popen(command, "r");
    size_t len = fread(out, 1, 16383, stream);
    out[len] = '\0';
    return pclose(stream);
}

static void must_run(const char *arguments, const char *expected)
{
    char out[16384];
    if (run(out, arguments) != 0 || !strstr(out, expected))
        fail_msg("kubectl %s: %s\nwant: %s", arguments, out, expected);
}

static void apply(const char *text, const char *expected)
{
    char path[] = "/tmp/llmd-kubectl-XXXXXX";
    char arguments[200];
    write_file(path, text);
    snprintf(arguments, sizeof(arguments), "apply --server-side -f %s", path);
    must_run(arguments, expected);
    unlink(path);
}

static void deploys_looks_and_deletes(void **state)
{
    (void)state;
    if (!*kubectl) {
        print_message("no kubectl in the PATH or in the rig's cache\n");
        skip();
    }
    apply(gateway, "gateway.gateway.networking.k8s.io/edge serverside-applied");
    apply(service, "llminferenceservice.serving.kserve.io/qwen serverside-applied");
    must_run("wait -n llm llmisvc/qwen --for=condition=Ready --timeout=30s", "condition met");
    must_run("get -n llm llmisvc qwen -o jsonpath={.status.url}", "/llm/qwen");
    must_run("get -n llm pods", "1/1     Running");
    must_run("logs -n llm deploy/qwen-kserve -c main --tail=1", "Application startup complete.");
    must_run("rollout status -n llm deploy/qwen-kserve", "successfully rolled out");
    must_run("patch -n llm llmisvc qwen --type=merge -p '{\"spec\":{\"replicas\":2}}'", "patched");
    must_run("scale -n llm deploy/qwen-kserve-router-scheduler --replicas=2", "scaled");
    must_run("label -n llm llmisvc qwen a=b", "labeled");
    must_run("get events -n llm -o jsonpath={.items[*].reason}", "LLMInferenceServiceReady");
    must_run("api-resources", "llmisvc");
    must_run("version", "Server Version: v1.34.10");
    must_run("delete -n llm llmisvc qwen --timeout=20s", "deleted");
    must_run("delete ns llm --timeout=20s", "deleted");
}

static void is_refused_in_the_usual_words(void **state)
{
    (void)state;
    char out[16384];
    char path[] = "/tmp/llmd-kubectl-XXXXXX";
    char arguments[200];
    if (!*kubectl)
        skip();
    assert_int_not_equal(run(out, "get pod nobody"), 0);
    assert_non_null(strstr(out, "Error from server (NotFound): pods \"nobody\" not found"));
    write_file(path, "apiVersion: v1\nkind: Namespace\nmetadata: {name: Bad_Name}\n");
    snprintf(arguments, sizeof(arguments), "apply --server-side -f %s", path);
    assert_int_not_equal(run(out, arguments), 0);
    unlink(path);
    assert_non_null(strstr(out, "is invalid: metadata.name: Invalid value: \"Bad_Name\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deploys_looks_and_deletes),
        cmocka_unit_test(is_refused_in_the_usual_words),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
