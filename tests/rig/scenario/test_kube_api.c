/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llmd_kube against a real API server: run-api.sh sets LLMD_TEST_KUBECONFIG and starts this inside
 * the rig's network namespace. Without it every test is skipped.
 */
#include "api.h"

#include "kube/kube.h"
#include "base/file.h"
#include "base/json.h"
#include "base/yaml.h"

#include <llmd/llmd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <cmocka.h>

static int make_namespace(void **state)
{
    LLMD_AUTO(llmd_kube) kube = NULL;

    (void)state;
    if (!getenv("LLMD_TEST_KUBECONFIG"))
        return 0;
    if (llmd_kube_open(getenv("LLMD_TEST_KUBECONFIG"), NULL, &kube))
        return 1;
    apply(kube, "{apiVersion: v1, kind: Namespace, metadata: {name: " NS "}}");
    return 0;
}

#define CONFIG(name, value)                                                                        \
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: " name ", namespace: " NS                  \
    "}, data: {x: '" value "'}}\n---\n"

static void an_apply_tells_what_it_did(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();

    (void)state;
    delete (kube, "cm", "first");
    assert_int_equal(apply(kube, CONFIG("first", "1")).created, 1);
    assert_int_equal(apply(kube, CONFIG("first", "1")).unchanged, 1);
    assert_int_equal(apply(kube, CONFIG("first", "2")).configured, 1);
    struct tally tally = apply(kube, CONFIG("first", "2"));
    assert_int_equal(tally.unchanged, 1);
    assert_non_null(strstr(tally.last, "\"result\":{\"total\":1,\"created\":0,\"configured\":0,"
                                       "\"unchanged\":1}"));
}

static void a_dry_run_changes_nothing(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();
    LLMD_AUTO(llmd_apply_spec) spec = llmd_apply_spec_new();
    struct tally tally;

    (void)state;
    llmd_apply_spec_set(spec, "dryRun", "true");
    apply(kube, CONFIG("dry", "1"));
    succeed(apply_with(kube, CONFIG("dry", "2"), spec, &tally));
    assert_int_equal(tally.configured, 1);
    assert_int_equal(apply(kube, CONFIG("dry", "1")).unchanged, 1);
    succeed(apply_with(kube,
                       "{apiVersion: v1, kind: Namespace, metadata: {name: never}}\n---\n"
                       "{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: never}}",
                       spec, &tally));
    assert_int_equal(tally.created, 2);
}

/* Somebody else owns .data.x. */
static void write_as(const llmd_kube *kube, const char *manager, const char *body)
{
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    char path[256];
    struct http_request request = {.method = "PATCH",
                                   .path = path,
                                   .content_type = "application/apply-patch+yaml",
                                   .body = body,
                                   .body_len = strlen(body),
                                   .idempotent = true};

    snprintf(path, sizeof(path),
             "/api/v1/namespaces/" NS "/configmaps/shared?fieldManager=%s&force=true", manager);
    succeed(llmd__kube_send(NULL, kube, &request, "patch", &reply));
}

static void a_conflict_names_manager_and_field(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();
    LLMD_AUTO(llmd_apply_spec) spec = llmd_apply_spec_new();
    LLMD_AUTO(llmd_error) error = NULL;
    struct tally tally;

    (void)state;
    delete (kube, "configmaps", "shared");
    write_as(kube, "somebody",
             "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"shared\"},"
             "\"data\":{\"x\":\"theirs\",\"y\":\"theirs\"}}");
    error = apply_with(kube, CONFIG("shared", "ours"), NULL, &tally);
    assert_int_equal(llmd_error_code(error), LLMD_E_CONFLICT);
    assert_string_equal(llmd_error_message(error),
                        "apply ConfigMap/" NS "/shared: 409 Conflict: \"somebody\" owns "
                        ".data.x");
    assert_non_null(strstr(llmd_error_advice(error), "force"));
    llmd_apply_spec_set(spec, "force", "true");
    succeed(apply_with(kube, CONFIG("shared", "ours"), spec, &tally));
    assert_int_equal(tally.configured, 1);
}

static void a_kind_and_its_objects_go_in_one_apply(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();
    static const char manifests[] =
        "{apiVersion: rig.llmd.test/v1, kind: Gadget, metadata: {name: g, namespace: " NS
        "}, spec: {size: 3}}\n---\n"
        "apiVersion: apiextensions.k8s.io/v1\n"
        "kind: CustomResourceDefinition\n"
        "metadata: {name: gadgets.rig.llmd.test}\n"
        "spec:\n"
        "  group: rig.llmd.test\n"
        "  scope: Namespaced\n"
        "  names: {plural: gadgets, singular: gadget, kind: Gadget, shortNames: [gdg]}\n"
        "  versions:\n"
        "  - name: v1\n"
        "    served: true\n"
        "    storage: true\n"
        "    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, "
        "properties: {size: {type: integer}}}}}}\n";
    char *json = NULL;

    (void)state;
    delete (kube, "crd", "gadgets.rig.llmd.test");
    assert_int_equal(apply(kube, manifests).created, 2);
    assert_int_equal(apply(kube, manifests).unchanged, 2);
    succeed(llmd_kube_get(NULL, kube, "gdg", NS, "g", &json));
    assert_non_null(strstr(json, "\"size\":3"));
    llmd_free(json);
    succeed(llmd_kube_get(NULL, kube, "gadgets.v1.rig.llmd.test", NS, "g", &json));
    llmd_free(json);
    delete (kube, "gadget", "g");
    delete (kube, "crd", "gadgets.rig.llmd.test");
}

static void what_is_wrong_is_refused_with_words(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();
    struct tally tally;
    char *json = NULL;
    llmd_error *error;

    (void)state;
    error = apply_with(kube, "{apiVersion: nosuch.test/v1, kind: Thing, metadata: {name: t}}", NULL,
                       &tally);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_string_equal(llmd_error_reason(error), "ResourceNotServed");
    llmd_error_free(error);
    error = apply_with(kube,
                       "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: " NS
                       "}, dta: {x: y}}",
                       NULL, &tally);
    if (!getenv("LLMD_TEST_SANDBOX")) /* which knows no schemas of built-in kinds */
        assert_non_null(strstr(llmd_error_message(error), "dta"));
    llmd_error_free(error);
    error = llmd_kube_get(NULL, kube, "configmap", NS, "absent", &json);
    assert_string_equal(llmd_error_reason(error), "NotFound");
    llmd_error_free(error);
    error = llmd_kube_get(NULL, kube, "deploymets", NS, "absent", &json);
    assert_non_null(strstr(llmd_error_message(error), "did you mean \"deployments\""));
    llmd_error_free(error);
}

/* A webhook whose service does not exist yet checks config maps with the label "hooked". */
#define HOOK                                                                                       \
    "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, "         \
    "metadata: {name: rig.llmd.test}, webhooks: [{name: hook.rig.llmd.test, failurePolicy: Fail, " \
    "sideEffects: None, admissionReviewVersions: [v1], objectSelector: {matchLabels: {app: "       \
    "hooked}}, rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], "        \
    "resources: [configmaps]}], clientConfig: {service: {name: nowhere, namespace: " NS            \
    ", path: /}}}]}"
#define HOOKED                                                                                     \
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: hooked, namespace: " NS                    \
    ", labels: {app: hooked}}}"

static void a_webhook_that_starts_is_waited_for(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube_with("LLMD_TEST_FAKE_NODES"); /* the rig */
    LLMD_AUTO(llmd_context) brief = limit(6000);
    struct tally tally = {0};
    llmd_task *task = NULL;
    llmd_error *error;

    (void)state;
    delete (kube, "cm", "hooked");
    apply(kube, HOOK);
    usleep(1000000); /* the server takes a moment to know its webhooks */
    succeed(llmd_kube_apply(kube, HOOKED, NULL, &task));
    error = llmd_task_run(brief, task, count, &tally);
    assert_int_equal(llmd_error_code(error), LLMD_E_TIMEOUT);
    llmd_error_free(error);
    assert_int_equal(tally.warnings, 1);
    assert_non_null(strstr(tally.warning, "hook.rig.llmd.test"));
    assert_non_null(strstr(tally.warning, "trying again"));
    delete (kube, "validatingwebhookconfigurations", "rig.llmd.test");
    succeed(run(task, &tally, LIMIT_MS));
    assert_int_equal(tally.created, 1);
}

static void apply_many(const llmd_kube *kube, int from, int to)
{
    AUTO(buf) struct buf text = BUF_INIT;

    for (int i = from; i < to; i++)
        llmd__buf_format(
            &text,
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: many-%d, namespace: " NS
            ", labels: {set: many}}}\n---\n",
            i);
    apply(kube, llmd__buf_text(&text));
}

static void a_list_comes_in_pages(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();
    LLMD_AUTO(llmd_kube_list) list = NULL;
    static bool seen[1100];
    char *json = NULL;
    int total = 0;

    (void)state;
    apply_many(kube, 0, 1100);
    succeed(llmd_kube_list_open(kube, "configmaps", NS, "set=many", NULL, &list));
    for (;; total++) {
        succeed(llmd_kube_list_next(NULL, list, &json));
        if (!json)
            break;
        const char *name = strstr(json, "\"name\":\"many-");
        assert_non_null(name);
        int number = (int)strtol(name + 13, NULL, 10);
        assert_false(seen[number]);
        seen[number] = true;
        assert_non_null(strstr(json, "\"kind\":\"ConfigMap\""));
        llmd_free(json);
    }
    assert_int_equal(total, 1100);
}

struct seen {
    int added, modified, deleted, synced;
};

/* Takes changes until so many came, or nothing comes for so long. */
static void watch_for(llmd_kube_watch *watch, struct seen *seen, int wanted, int64_t ms)
{
    LLMD_AUTO(llmd_context) ctx = limit(ms);

    while (seen->added + seen->modified + seen->deleted + seen->synced < wanted) {
        LLMD_AUTO(llmd_kube_change) change = NULL;
        LLMD_AUTO(llmd_error) error = llmd_kube_watch_next(ctx, watch, &change);
        if (error) {
            if (llmd_error_code(error) != LLMD_E_TIMEOUT)
                fail_msg("%s", llmd_error_message(error));
            return;
        }
        seen->added += llmd_kube_change_type(change) == LLMD_CHANGE_ADDED;
        seen->modified += llmd_kube_change_type(change) == LLMD_CHANGE_MODIFIED;
        seen->deleted += llmd_kube_change_type(change) == LLMD_CHANGE_DELETED;
        seen->synced += llmd_kube_change_type(change) == LLMD_CHANGE_SYNCED;
    }
}

static void expect(const struct seen *seen, int added, int modified, int deleted)
{
    assert_int_equal(seen->added, added);
    assert_int_equal(seen->modified, modified);
    assert_int_equal(seen->deleted, deleted);
    assert_int_equal(seen->synced, 1);
}

/* A new server process knows no old versions: it answers 410, and the difference is told. */
static void a_watch_outlives_the_api_server(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube_with("LLMD_TEST_APISERVER");
    LLMD_AUTO(llmd_kube_watch) watch = NULL;
    struct seen seen = {0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof(name), "kept-%d", i);
        delete (kube, "cm", name);
    }
    succeed(llmd_kube_watch_open(kube, "cm", NS, "app=kept", NULL, &watch));
    watch_for(watch, &seen, 1, LIMIT_MS);
    expect(&seen, 0, 0, 0);
#define KEPT(name, value)                                                                          \
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: " name ", namespace: " NS                  \
    ", labels: {app: kept}}, data: {x: '" value "'}}\n---\n"
    apply(kube, KEPT("kept-0", "1") KEPT("kept-1", "1"));
    watch_for(watch, &seen, 3, LIMIT_MS);
    expect(&seen, 2, 0, 0);
    apiserver("kill");
    watch_for(watch, &seen, 4, 1500); /* notices that nobody is there, and says nothing */
    expect(&seen, 2, 0, 0);
    apiserver("start");
    apply(kube, KEPT("kept-0", "2") KEPT("kept-2", "1"));
    delete (kube, "cm", "kept-1");
    watch_for(watch, &seen, 6, LIMIT_MS);
    expect(&seen, 3, 1, 1);
    watch_for(watch, &seen, 7, 2000);
    expect(&seen, 3, 1, 1);
}

static void a_wait_outlives_the_api_server(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube_with("LLMD_TEST_APISERVER");
    LLMD_AUTO(llmd_context) brief = limit(1500);
    LLMD_AUTO(llmd_error) timeout = NULL;
    struct tally tally = {0};
    llmd_task *task = NULL;

    (void)state;
    delete (kube, "cm", "late");
    succeed(llmd_kube_wait(kube, "cm", NS, "late", "jsonpath={.data.x}=2", &task));
    timeout = llmd_task_run(brief, task, count, &tally);
    assert_int_equal(llmd_error_code(timeout), LLMD_E_TIMEOUT);
    assert_int_equal(tally.warnings, 1); /* it does not exist yet */
    apply(kube, CONFIG("late", "1"));
    apiserver("kill");
    usleep(2000000); /* long enough to be missed */
    apiserver("start");
    apply(kube, CONFIG("late", "2"));
    succeed(run(task, &tally, LIMIT_MS));
}

static void a_held_object_is_told_and_waited_for(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();
    LLMD_AUTO(llmd_context) ctx = limit(8000);
    LLMD_AUTO(llmd_error) timeout = NULL;
    struct tally tally = {0};
    llmd_task *task = NULL;

    (void)state;
    apply(kube, "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, namespace: " NS
                ", finalizers: [rig.llmd.test/hold]}}");
    succeed(llmd_kube_delete(kube, "configmap", NS, "held", &task));
    timeout = llmd_task_run(ctx, task, count, &tally);
    assert_int_equal(llmd_error_code(timeout), LLMD_E_TIMEOUT);
    assert_int_equal(tally.warnings, 1);
    assert_non_null(strstr(tally.warning, "rig.llmd.test/hold"));
    apply(kube, "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, namespace: " NS "}}");
    succeed(run(task, &tally, LIMIT_MS));
    assert_non_null(strstr(tally.last, "\"result\":{\"existed\":true}"));
    tally = delete (kube, "configmap", "held");
    assert_non_null(strstr(tally.last, "\"result\":{\"existed\":false}"));
}

static const char waited_kind[] =
    "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: "
    "waited.rig.llmd.test}, spec: {group: rig.llmd.test, scope: Cluster, names: {plural: waited, "
    "singular: waitone, kind: Waited}, versions: [{name: v1, served: true, storage: true, schema: "
    "{openAPIV3Schema: {type: object}}}]}}";

static void waits_end_when_it_is_so(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();
    struct tally tally = {0};
    llmd_task *task = NULL;

    (void)state;
    succeed(llmd_kube_wait(kube, "ns", NULL, NS, "jsonpath={.status.phase}=Active", &task));
    succeed(run(task, &tally, LIMIT_MS));
    succeed(llmd_kube_wait(kube, "ns", NULL, NS, "create", &task));
    succeed(run(task, &tally, LIMIT_MS));
    succeed(llmd_kube_wait(kube, "cm", NS, "never-was", "delete", &task));
    succeed(run(task, &tally, LIMIT_MS));
    apply(kube, waited_kind);
    succeed(
        llmd_kube_wait(kube, "crd", NULL, "waited.rig.llmd.test", "condition=Established", &task));
    succeed(run(task, &tally, LIMIT_MS));
}

static void credentials_are_told_apart(void **state)
{
    const char *names[] = {"LLMD_TEST_KUBECONFIG_TOKEN", "LLMD_TEST_KUBECONFIG_NOBODY"};
    char *json = NULL;

    (void)state;
    for (int i = 0; i < 2; i++) {
        LLMD_AUTO(llmd_kube) kube = NULL;
        LLMD_AUTO(llmd_error) error = NULL;
        if (!getenv(names[i]))
            skip();
        succeed(llmd_kube_open(getenv(names[i]), NULL, &kube));
        error = llmd_kube_get(NULL, kube, "namespaces", NULL, NS, &json);
        assert_int_equal(llmd_error_code(error), i ? LLMD_E_DENIED : LLMD_OK);
        if (i)
            assert_non_null(strstr(llmd_error_advice(error), "allow \"get\" on \"namespaces\""));
        llmd_free(json);
        json = NULL;
    }
}

/* On a kwok node, which run-api.sh adds. Every address of its pods is this machine, so that the
   "pod" answers as the API server does. */
static void make_pod(const llmd_kube *kube)
{
    struct tally tally = {0};
    llmd_task *task = NULL;

    apply(kube, "{apiVersion: v1, kind: Pod, metadata: {name: talker, namespace: " NS
                ", labels: {app: talker}}, spec: {containers: [{name: main, image: nothing}]}}\n"
                "---\n"
                "{apiVersion: v1, kind: Service, metadata: {name: front, namespace: " NS
                "}, spec: {selector: {app: talker}, ports: [{port: 443, targetPort: 6443}]}}");
    succeed(llmd_kube_wait(kube, "pod", NS, "talker", "condition=Ready", &task));
    succeed(run(task, &tally, PATIENCE * LIMIT_MS));
}

/* The endpoints of a service follow its pods later. */
static void read_version(const llmd_kube *kube, const char *target)
{
    AUTO(error) llmd_error *error = NULL;
    char *body = NULL;

    for (int i = 0; i < PATIENCE * LIMIT_MS / 100 && !body; i++, usleep(100000)) {
        llmd_error_free(error);
        error = llmd_kube_proxy_get(NULL, kube, NS, target, "/version", &body);
    }
    succeed(TAKE(error));
    assert_non_null(strstr(body, "gitVersion"));
    llmd_free(body);
}

static void the_proxy_reaches_pods_and_services(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube_with("LLMD_TEST_FAKE_NODES");
    LLMD_AUTO(llmd_error) error = NULL;
    char *body = NULL;

    (void)state;
    make_pod(kube);
    read_version(kube, "pods/https:talker:6443");
    read_version(kube, "services/https:front:443");
    error = llmd_kube_proxy_get(NULL, kube, NS, "services/absent:80", "/", &body);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
}

static void logs_come_line_by_line(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube_with("LLMD_TEST_FAKE_NODES");
    LLMD_AUTO(llmd_kube_logs) logs = NULL;
    LLMD_AUTO(llmd_context) ctx = limit(LIMIT_MS);
    LLMD_AUTO(llmd_error) error = NULL;
    char *line = NULL;

    (void)state;
    make_pod(kube);
    succeed(llmd_kube_logs_open(kube, NS, "talker", NULL, false, false, -1, &logs));
    succeed(llmd_kube_logs_next(ctx, logs, &line));
    assert_non_null(line);
    while (line) {
        assert_null(strchr(line, '\n'));
        llmd_free(line);
        succeed(llmd_kube_logs_next(ctx, logs, &line));
    }
    llmd_kube_logs_free(TAKE(logs));
    succeed(llmd_kube_logs_open(kube, NS, "absent", NULL, false, false, -1, &logs));
    error = llmd_kube_logs_next(ctx, logs, &line);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    delete (kube, "pod", "talker");
}

/* The token of one kubeconfig, put into a file that another one names. */
static void write_token(const char *path, const char *token)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(token, file);
    fclose(file);
}

static void open_with_token_file(const char *path, llmd_kube **out)
{
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(json) struct json *config = NULL;
    AUTO(str) char *changed = NULL;

    assert_null(llmd__file_read(getenv("LLMD_TEST_KUBECONFIG_TOKEN"), 1 << 20, &text));
    assert_null(llmd__yaml_parse(llmd__buf_text(&text), "kubeconfig", &config));
    write_token(path, "wrong");
    struct json *user = llmd__json_edit(config, "users[0].user");
    char *token = llmd__strdup(llmd__json_str(user, "token"));
    llmd__json_remove(user, "token");
    llmd__json_set_str(user, "tokenFile", path);
    assert_null(llmd__json_print(config, &changed));
    succeed(llmd_kube_open_text(changed, NULL, out));
    assert_int_equal(setenv("LLMD_TEST_TOKEN", token, 1), 0);
    llmd__free(token);
}

static void a_token_file_may_change(void **state)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    char path[] = "/tmp/llmd-token-XXXXXX";
    char *json = NULL;
    llmd_error *error;

    (void)state;
    if (!getenv("LLMD_TEST_KUBECONFIG_TOKEN"))
        skip();
    close(mkstemp(path));
    open_with_token_file(path, &kube);
    error = llmd_kube_get(NULL, kube, "ns", NULL, NS, &json);
    assert_int_equal(llmd_error_code(error), LLMD_E_DENIED);
    assert_int_equal(llmd_error_http_status(error), 401);
    llmd_error_free(error);
    write_token(path, getenv("LLMD_TEST_TOKEN"));
    succeed(llmd_kube_get(NULL, kube, "ns", NULL, NS, &json));
    llmd_free(json);
    unlink(path);
}

struct watcher {
    llmd_kube_watch *watch;
    atomic_bool synced;
    llmd_code code;
};

static void *watch_on(void *data)
{
    struct watcher *watcher = data;
    llmd_kube_watch *watch = watcher->watch;

    while (watcher->code == LLMD_OK) {
        llmd_kube_change *change = NULL;
        llmd_error *error = llmd_kube_watch_next(NULL, watch, &change);
        if (change)
            atomic_store(&watcher->synced, true);
        llmd_kube_change_free(change);
        watcher->code = llmd_error_code(error);
        llmd_error_free(error);
    }
    return NULL;
}

static void a_watch_may_be_freed_while_it_waits(void **state)
{
    LLMD_AUTO(llmd_kube) kube = open_kube();
    struct watcher watcher = {.code = LLMD_OK};
    pthread_t thread;

    (void)state;
    succeed(llmd_kube_watch_open(kube, "secrets", NS, NULL, "metadata.name=none", &watcher.watch));
    assert_int_equal(pthread_create(&thread, NULL, watch_on, &watcher), 0);
    while (!atomic_load(&watcher.synced))
        usleep(1000);
    usleep(100000); /* it is inside again */
    llmd_kube_watch_free(watcher.watch);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(watcher.code, LLMD_E_CANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_apply_tells_what_it_did),
        cmocka_unit_test(a_dry_run_changes_nothing),
        cmocka_unit_test(a_conflict_names_manager_and_field),
        cmocka_unit_test(a_kind_and_its_objects_go_in_one_apply),
        cmocka_unit_test(what_is_wrong_is_refused_with_words),
        cmocka_unit_test(a_list_comes_in_pages),
        cmocka_unit_test(a_held_object_is_told_and_waited_for),
        cmocka_unit_test(waits_end_when_it_is_so),
        cmocka_unit_test(a_watch_may_be_freed_while_it_waits),
        cmocka_unit_test(a_watch_outlives_the_api_server),
        cmocka_unit_test(a_wait_outlives_the_api_server),
    };

    /* What asks for a second credential, real pods or a real webhook. First, before restarts. */
    const struct CMUnitTest on_the_rig[] = {
        cmocka_unit_test(credentials_are_told_apart),
        cmocka_unit_test(a_token_file_may_change),
        cmocka_unit_test(the_proxy_reaches_pods_and_services),
        cmocka_unit_test(logs_come_line_by_line),
        cmocka_unit_test(a_webhook_that_starts_is_waited_for),
    };
    int failed = 0;
    if (getenv("LLMD_TEST_FAKE_NODES"))
        failed += cmocka_run_group_tests(on_the_rig, make_namespace, NULL);
    return failed + cmocka_run_group_tests(tests, make_namespace, NULL);
}
