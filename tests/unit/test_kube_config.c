/* SPDX-License-Identifier: Apache-2.0 */
/* kubeconfigs: merging by client-go's rules, choosing a context, and what is said when it fails. */
#include "base/file.h"
#include "base/yaml.h"
#include "kube/identity.h"
#include "kube/kube.h"
#include "kube/kubeconfig.h"

#include "support/torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct source {
    const char *path, *text;
};

static llmd_error *merge(const struct source *sources, size_t count, struct json **out)
{
    struct kubeconfig_file files[4];
    struct json *documents[4] = {NULL};
    llmd_error *error = NULL;

    *out = NULL;
    for (size_t i = 0; i < count && !error; i++) {
        error = llmd__yaml_parse(sources[i].text, "kubeconfig", &documents[i]);
        files[i] = (struct kubeconfig_file){sources[i].path, documents[i]};
    }
    if (!error)
        error = llmd__kubeconfig_merge(files, count, out);
    for (size_t i = 0; i < count; i++)
        llmd__json_free(documents[i]);
    return error;
}

static const struct source three[] = {
    {"/one/config",
     "clusters: [{name: a, cluster: {server: 'https://first', "
     "certificate-authority: ca.crt}}]\n"
     "users: [{name: u, user: {client-certificate: pki/u.crt, client-key: /abs/u.key}}]\n"},
    {"/two/config", "current-context: two\n"
                    "clusters: [{name: a, cluster: {server: 'https://second', tls-server-name: x}},"
                    " {name: b, cluster: {server: 'https://b'}}]\n"
                    "contexts: [{name: two, context: {cluster: a, user: u, namespace: ns2}}]\n"
                    "users: [{name: v, user: {tokenFile: token, exec: {command: ./plugin}}}]\n"},
    {"/three/config",
     "current-context: three\n"
     "contexts: [{name: two, context: {cluster: b}}, {name: three, context: {cluster: "
     "b, user: v}}]\n"
     "users: [{name: w, user: {exec: {command: gke-gcloud-auth-plugin}}}]\n"},
};

static llmd_error *merge_three(void *data)
{
    AUTO(json) struct json *merged = NULL;
    AUTO(str) char *text = NULL;

    TRY(merge(three, 3, &merged));
    TRY(llmd__json_print(merged, &text));
    if (data && strcmp(text, data) != 0)
        return llmd__error(LLMD_E_FAILED, "got %s", text);
    return NULL;
}

/* What kubectl config view --merge gives of these three: the first entry wins as a whole. */
static const char golden[] =
    "{\"clusters\":[{\"name\":\"a\",\"cluster\":{\"server\":\"https://first\","
    "\"certificate-authority\":\"/one/ca.crt\"}},{\"name\":\"b\",\"cluster\":{\"server\":"
    "\"https://"
    "b\"}}],\"contexts\":[{\"name\":\"two\",\"context\":{\"cluster\":\"a\",\"user\":\"u\","
    "\"namespace\":\"ns2\"}},{\"name\":\"three\",\"context\":{\"cluster\":\"b\",\"user\":\"v\"}}],"
    "\"users\":[{\"name\":\"u\",\"user\":{\"client-certificate\":\"/one/pki/u.crt\",\"client-key\":"
    "\"/abs/u.key\"}},{\"name\":\"v\",\"user\":{\"tokenFile\":\"/two/token\",\"exec\":{\"command\":"
    "\"/two/./plugin\"}}},{\"name\":\"w\",\"user\":{\"exec\":{\"command\":"
    "\"gke-gcloud-auth-plugin\"}}}],\"current-context\":\"two\"}";

static void the_first_file_wins_with_its_whole_entry(void **state)
{
    AUTO(error) llmd_error *error = merge_three((void *)(uintptr_t)golden);

    (void)state;
    if (error)
        fail_msg("%s", llmd_error_message(error));
    torture(merge_three, NULL);
}

static void a_context_is_chosen(void **state)
{
    AUTO(json) struct json *merged = NULL;
    struct kubeconfig_choice choice;

    (void)state;
    assert_null(merge(three, 3, &merged));
    assert_null(llmd__kubeconfig_choose(merged, NULL, "kubeconfig", &choice));
    assert_string_equal(choice.context, "two");
    assert_string_equal(choice.ns, "ns2");
    assert_string_equal(llmd__json_str(choice.cluster, "server"), "https://first");
    assert_non_null(choice.user);
    assert_null(llmd__kubeconfig_choose(merged, "three", "kubeconfig", &choice));
    assert_string_equal(choice.ns, "default");
}

/* Each bad kubeconfig, and what must be said of it. */
static const struct {
    const char *text, *context, *message;
    llmd_code code;
} refused[] = {
    {"{contexts: [{name: x, context: {}}, {name: y, context: {}}]}", "z",
     "the kubeconfig text has no context \"z\"; contexts in it: \"x\", \"y\"", LLMD_E_NOT_FOUND},
    {"{contexts: [{name: x, context: {}}]}", NULL,
     "the kubeconfig text sets no current-context; contexts in it: \"x\"", LLMD_E_INVALID},
    {"{a: b}", "x", "the kubeconfig text has no context \"x\"; contexts in it: none",
     LLMD_E_NOT_FOUND},
    {"{contexts: [{name: x, context: {cluster: nowhere}}]}", "x",
     "the kubeconfig text: context \"x\" names the cluster \"nowhere\", which is not there",
     LLMD_E_INVALID},
    {"{contexts: [{name: x, context: {cluster: c, user: nobody}}], clusters: [{name: c, cluster: "
     "{server: 'https://c'}}]}",
     "x", "the kubeconfig text: context \"x\" names the user \"nobody\", which is not there",
     LLMD_E_INVALID},
    {"{contexts: [{name: x, context: {cluster: c}}], clusters: [{name: c, cluster: {}}]}", "x",
     "the kubeconfig text: cluster \"c\" has no server", LLMD_E_INVALID},
    {"clusters:\n- name: c\n  cluster:\n    server: 7\n", NULL,
     "kubeconfig text:4: server: want a string, got an integer", LLMD_E_INVALID},
    {"clusters:\n- cluster: {}\n", NULL, "kubeconfig text:2: clusters: an entry without a name",
     LLMD_E_INVALID},
    {"users:\n- name: u\n- name: u\n", NULL, "kubeconfig text:3: users: \"u\" stands there twice",
     LLMD_E_INVALID},
    {"contexts: {}\n", NULL, "kubeconfig text:1: contexts: want a list, got an object",
     LLMD_E_INVALID},
    {"", NULL, "the kubeconfig text is empty", LLMD_E_INVALID},
    {"# nothing\n", NULL, "the kubeconfig text is empty", LLMD_E_INVALID},
};

static void what_is_wrong_is_said_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        LLMD_AUTO(llmd_kube) kube = NULL;
        AUTO(error)
        llmd_error *error = llmd_kube_open_text(refused[i].text, refused[i].context, &kube);
        assert_null(kube);
        assert_string_equal(llmd_error_message(error), refused[i].message);
        assert_int_equal(llmd_error_code(error), refused[i].code);
    }
}

static void a_cluster_without_a_server_is_refused_with_advice(void **state)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    AUTO(error)
    llmd_error *error = llmd_kube_open_text(
        "{contexts: [{name: x, context: {cluster: c}}], clusters: [{name: c}]}", "x", &kube);

    (void)state;
    assert_null(kube);
    assert_string_equal(llmd_error_message(error),
                        "the kubeconfig text: cluster \"c\" has no server");
    assert_non_null(strstr(llmd_error_advice(error), "server: https://"));
}

static void user_errors_are_found_when_opening(void **state)
{
    static const struct {
        const char *user, *said;
    } cases[] = {
        {"{client-certificate-data: Zm9v}", "client-certificate without client-key"},
        {"{client-key-data: '***', client-certificate-data: Zm9v}", "client-key-data"},
        {"{client-certificate: /no/such.crt, client-key: /no/such.key}", "/no/such.crt"},
        {"{tokenFile: /no/such/token}", "/no/such/token"},
        {"{auth-provider: {name: gcp}}", "auth-provider \"gcp\""},
        {"{as: \"a\\nb\"}", "control character"},
    };
    char text[1024];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LLMD_AUTO(llmd_kube) kube = NULL;
        snprintf(
            text, sizeof(text),
            "{current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}], "
            "clusters: [{name: c, cluster: {server: 'https://c'}}], users: [{name: u, user: %s}]}",
            cases[i].user);
        AUTO(error) llmd_error *error = llmd_kube_open_text(text, NULL, &kube);
        assert_non_null(error);
        if (!strstr(llmd_error_message(error), cases[i].said))
            fail_msg("want \"%s\" in \"%s\"", cases[i].said, llmd_error_message(error));
    }
}

/* --- files --- */

static char folder[] = "/tmp/llmd-kubeconfig-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : 1;
}

static int remove_folder(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static void write_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    fclose(file);
}

#define CONFIG(server, ns)                                                                         \
    "{current-context: x, contexts: [{name: x, context: {cluster: c, namespace: " ns               \
    "}}], clusters: [{name: c, cluster: {server: '" server "'}}]}"

static void the_list_of_files_is_read(void **state)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    char list[512];

    (void)state;
    write_file("first", CONFIG("https://first", "one"));
    write_file("second", CONFIG("https://second", "two"));
    write_file("empty", "");
    snprintf(list, sizeof(list), "%s/missing::%s/empty:%s/first:%s/second:%s/first", folder, folder,
             folder, folder, folder);
    assert_null(
        llmd__kubeconfig_open(NULL, NULL, &(struct kubeconfig_places){.list = list}, &kube));
    assert_string_equal(llmd_kube_server(kube), "https://first");
    assert_string_equal(llmd_kube_namespace(kube), "one");
    assert_string_equal(llmd_kube_context(kube), "x");
}

static void a_named_file_must_exist_and_say_something(void **state)
{
    struct kubeconfig_places places = {.list = NULL};
    llmd_kube *kube = NULL;
    char path[256];
    llmd_error *error;

    (void)state;
    snprintf(path, sizeof(path), "%s/absent", folder);
    error = llmd__kubeconfig_open(path, NULL, &places, &kube);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_non_null(strstr(llmd_error_message(error), path));
    llmd_error_free(error);
    write_file("empty", "# only words\n");
    snprintf(path, sizeof(path), "%s/empty", folder);
    error = llmd__kubeconfig_open(path, NULL, &places, &kube);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    assert_non_null(strstr(llmd_error_message(error), "empty is empty"));
    llmd_error_free(error);
    write_file("broken", "clusters: [\n");
    snprintf(path, sizeof(path), "%s/broken", folder);
    error = llmd__kubeconfig_open(path, NULL, &places, &kube);
    assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
    assert_non_null(strstr(llmd_error_message(error), "/broken:"));
    llmd_error_free(error);
    error = llmd__kubeconfig_open(NULL, NULL, &places, &kube);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    assert_non_null(strstr(llmd_error_message(error), "~/.kube/config does not exist"));
    assert_non_null(strstr(llmd_error_advice(error), "KUBECONFIG"));
    llmd_error_free(error);
}

/* What is wrong with the places that were looked at, and the way without a file. */
static void no_file_at_all_says_which_is_missing_or_empty(void **state)
{
    static const struct {
        const char *first, *second;
        const char *words;
    } rows[] = {
        {"absent", "absent", "absent does not exist"},
        {"nothing", "nothing", "/nothing is empty"},
        {"nothing", "absent", "/nothing is empty"},
        {"absent", "nothing", "/nothing is empty"},
    };

    (void)state;
    write_file("nothing", "# only words\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        llmd_kube *kube = NULL;
        char list[512];

        snprintf(list, sizeof(list), "%s/%s:%s/%s", folder, rows[i].first, folder, rows[i].second);
        AUTO(error)
        llmd_error *error =
            llmd__kubeconfig_open(NULL, NULL, &(struct kubeconfig_places){.list = list}, &kube);
        assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
        if (!strstr(llmd_error_message(error), rows[i].words) ||
            strstr(llmd_error_message(error), " or "))
            fail_msg("%s: %s", list, llmd_error_message(error));
        assert_non_null(strstr(llmd_error_advice(error), "connect to a GKE cluster by its name"));
    }
}

/* A self-signed certificate is not needed: any PEM text is only read at the first connection. */
static void a_pod_finds_its_own_cluster(void **state)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    struct kubeconfig_places places = {
        .service_host = "fd00::1", .service_port = "443", .account_dir = folder};

    (void)state;
    write_file("token", "secret\n");
    write_file("ca.crt", "");
    write_file("namespace", "mine\n");
    AUTO(error) llmd_error *error = llmd__kubeconfig_open(NULL, NULL, &places, &kube);
    if (error)
        fail_msg("%s", llmd_error_message(error));
    assert_string_equal(llmd_kube_server(kube), "https://[fd00::1]:443");
    assert_string_equal(llmd_kube_namespace(kube), "mine");
}

static void who_is_impersonated(void **state)
{
    static const char text[] = "{as: jane, as-uid: '7', as-groups: [dev, ops],"
                               " as-user-extra: {scopes: [view, edit], example.com/team: [llm]}}";
    static const char *const headers[] = {"Impersonate-User: jane",
                                          "Impersonate-Uid: 7",
                                          "Impersonate-Group: dev",
                                          "Impersonate-Group: ops",
                                          "Impersonate-Extra-scopes: view",
                                          "Impersonate-Extra-scopes: edit",
                                          "Impersonate-Extra-example.com%2Fteam: llm"};
    AUTO(json) struct json *user = NULL;
    struct identity identity;

    (void)state;
    assert_null(llmd__yaml_parse(text, "user", &user));
    assert_null(llmd__identity_open(user, NULL, "test", &identity));
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        assert_string_equal(identity.impersonate[i], headers[i]);
    assert_null(identity.impersonate[7]);
    llmd__identity_free(&identity);
}

static llmd_error *open_and_free(void *data)
{
    LLMD_AUTO(llmd_kube) kube = NULL;

    return llmd_kube_open_text(data, NULL, &kube);
}

static void memory_may_end(void **state)
{
    static char text[] =
        "{current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}], clusters: "
        "[{name: c, cluster: {server: 'http://c', tls-server-name: n, proxy-url: 'http://p'}}], "
        "users: [{name: u, user: {as: a, as-groups: [g], as-user-extra: {e: [x]}, username: n, "
        "password: p}}]}";

    (void)state;
    torture(open_and_free, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_file_wins_with_its_whole_entry),
        cmocka_unit_test(a_context_is_chosen),
        cmocka_unit_test(what_is_wrong_is_said_with_its_place),
        cmocka_unit_test(a_cluster_without_a_server_is_refused_with_advice),
        cmocka_unit_test(user_errors_are_found_when_opening),
        cmocka_unit_test(the_list_of_files_is_read),
        cmocka_unit_test(a_named_file_must_exist_and_say_something),
        cmocka_unit_test(no_file_at_all_says_which_is_missing_or_empty),
        cmocka_unit_test(a_pod_finds_its_own_cluster),
        cmocka_unit_test(who_is_impersonated),
        cmocka_unit_test(memory_may_end),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
