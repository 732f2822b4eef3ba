/* SPDX-License-Identifier: Apache-2.0 */
/* No memory that the library gave back has a secret in it, nor the beginning of one. */
#include "auth/credentials.h"
#include "auth/exec.h"
#include "kube/kubeconfig.h"
#include "service/secrets.h"
#include "support/folder.h"
#include "support/google_double.h"
#include "support/place.h"

#include <curl/curl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A piece near the beginning of each, as it is written plainly, escaped in JSON and in a form; of
   the key one from its middle. */
static char key_piece[33];
static const char *const secrets[] = {"ya29.double-tok", "0refresh-secret",
                                      "GOCSPX-client-s", "subject-secret-",
                                      "wJalrXUtnFEMI",   "session/2",
                                      "session%2F2",     "session\\/2",
                                      "session%252F2",   "hf_from-a-spec",
                                      "s3cret-of-pull",  "aGZfZnJvbS1hLXNw",
                                      key_piece,         NULL};

static atomic_int found;

static void look(const void *block)
{
    size_t size = malloc_usable_size((void *)(uintptr_t)block);

    for (size_t i = 0; secrets[i]; i++) {
        if (!memmem(block, size, secrets[i], strlen(secrets[i])))
            continue;
        /* Not the text: what tests print is searched for secrets, too. */
        print_error("%zu bytes were given back with secret %zu in them\n", size, i);
        atomic_fetch_add(&found, 1);
    }
}

/* What libcurl gives back is its own matter, but must not turn up in blocks of ours. */
static void free_of_curl(void *block)
{
    if (block)
        memset(block, 0, malloc_usable_size(block));
    free(block);
}

static void *realloc_of_curl(void *block, size_t size)
{
    void *grown = malloc(size);
    size_t had = block ? malloc_usable_size(block) : 0;

    if (had)
        memcpy(grown, block, had < size ? had : size);
    free_of_curl(block);
    return grown;
}

static struct google_double google;

static int set_up(void **state)
{
    (void)state;
    google_double_start(&google);
    snprintf(key_piece, sizeof key_piece, "%.32s", google.pem + 200);
    atomic_store(&found, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    google_double_stop(&google);
    return 0;
}

static void get_token(llmd_credentials *credentials)
{
    AUTO(buf) struct buf header = BUF_SECRET;
    struct http_auth auth = llmd__credentials_auth(credentials);

    for (int i = 0; i < 2; i++) {
        llmd__buf_reset(&header);
        llmd_error *error = auth.authorize(NULL, auth.data, i > 0, &header);
        if (error)
            print_error("%s\n", llmd_error_message(error));
        assert_null(error);
    }
    auth.free(auth.data);
}

/* Takes json. */
static void assert_wiped(char *json)
{
    llmd_credentials *credentials = NULL;

    folder_write("credentials.json", json, 0600);
    free(json);
    AUTO(str) char *path = llmd__format("%s/credentials.json", folder);
    llmd__alloc_on_free(look);
    assert_null(llmd_credentials_google(NULL, path, &credentials));
    get_token(credentials);
    llmd_credentials_free(credentials);
    llmd__alloc_on_free(NULL);
    assert_int_equal(found, 0);
}

/* The look itself: what is freed, and what realloc outgrows. */
static void test_look(void **state)
{
    char *text = llmd__strdup(SUBJECT_TOKEN);

    (void)state;
    llmd__alloc_on_free(look);
    text = llmd__realloc(text, 4096);
    assert_int_equal(found, 1);
    llmd__free(text);
    assert_int_equal(found, 2);
    llmd__alloc_on_free(NULL);
}

static void test_service_account(void **state)
{
    (void)state;
    assert_wiped(google_double_service_account(&google, ""));
}

static void test_user(void **state)
{
    (void)state;
    assert_wiped(google_double_user(&google, ""));
}

static void test_workforce_login(void **state)
{
    char *json = NULL;

    (void)state;
    google.rotates = true;
    assert_true(asprintf(&json,
                         "{\"type\":\"external_account_authorized_user\",\"audience\":\"a\","
                         "\"client_id\":\"client\",\"client_secret\":\"" CLIENT_SECRET
                         "\",\"refresh_token\":\"" REFRESH_TOKEN "\",\"token_url\":\"%s/token\"}",
                         server_url(google.server)) > 0);
    assert_wiped(json);
}

static void test_impersonated(void **state)
{
    char *user = google_double_user(&google, "");

    (void)state;
    assert_wiped(google_double_impersonated(&google, user));
    free(user);
}

static void assert_external_wiped(const char *format, const char *place)
{
    char *source = NULL;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    assert_true(asprintf(&source, format, place, place, place) > 0);
#pragma GCC diagnostic pop
    assert_wiped(google_double_external(&google, source, false));
    free(source);
}

static void test_external_file(void **state)
{
    (void)state;
    folder_write("subject", SUBJECT_TOKEN "\n", 0600);
    assert_external_wiped("{\"file\":\"%s/subject\"}", folder);
    folder_write("subject.json", "{\"jwt\":\"" SUBJECT_TOKEN "\"}", 0600);
    assert_external_wiped("{\"file\":\"%s/subject.json\",\"format\":{\"type\":\"json\","
                          "\"subject_token_field_name\":\"jwt\"}}",
                          folder);
}

static void test_external_url(void **state)
{
    (void)state;
    server_on_text(google.server, "GET", "/subject", 200, "text/plain", SUBJECT_TOKEN);
    assert_external_wiped("{\"url\":\"%s/subject\",\"headers\":{\"Authorization\":"
                          "\"bearer GOCSPX-client-s\"}}",
                          server_url(google.server));
}

/* It prints in two steps: what came first is outgrown. */
static void test_external_executable(void **state)
{
    (void)state;
    folder_script("program",
                  "printf '{\"version\":1,\"success\":true,\"id_token\":\"%s' " SUBJECT_TOKEN
                  "; sleep 0.1; echo '\",\"token_type\":"
                  "\"urn:ietf:params:oauth:token-type:id_token\"}'");
    assert_external_wiped("{\"executable\":{\"command\":\"%s/program\"}}", folder);
}

static void test_external_aws(void **state)
{
    (void)state;
    assert_external_wiped("{\"environment_id\":\"aws1\",\"region_url\":\"%s/aws/zone\","
                          "\"url\":\"%s/aws/keys\",\"imdsv2_session_token_url\":\"%s/aws/session\","
                          "\"regional_cred_verification_url\":\"https://sts.{region}.amazonaws.com"
                          "?Action=GetCallerIdentity&Version=2011-06-15\"}",
                          server_url(google.server));
}

static void test_metadata(void **state)
{
    llmd_credentials *credentials = NULL;

    (void)state;
    setenv("GCE_METADATA_HOST", server_url(google.server) + strlen("http://"), 1);
    llmd__alloc_on_free(look);
    assert_null(llmd_credentials_google(NULL, NULL, &credentials));
    get_token(credentials);
    llmd_credentials_free(credentials);
    llmd__alloc_on_free(NULL);
    unsetenv("GCE_METADATA_HOST");
    assert_int_equal(found, 0);
}

/* A spec may hold a registry's password and a token of Hugging Face. */
static void test_spec(void **state)
{
    static const char text[] =
        "name: qwen\nmodel: hf://a/b\nhfToken: hf_from-a-spec-0123456789\n"
        "pullSecret: {registry: quay.io, user: u, password: s3cret-of-pull}\n";
    llmd_service_spec *spec = NULL;

    (void)state;
    folder_write("spec.yaml", text, 0600);
    AUTO(str) char *path = llmd__format("%s/spec.yaml", folder);
    llmd__alloc_on_free(look);
    assert_null(llmd_service_spec_parse_file(path, &spec));
    llmd_service_spec_set(spec, "hfToken", "hf_from-a-spec-again");
    AUTO(secret_json) struct json *list = llmd__json_array();
    assert_null(llmd__secrets_manifests(spec, "llm", false, list));
    assert_int_equal(llmd__json_count(list), 2);
    llmd_service_spec_free(spec);
    llmd__alloc_on_free(NULL);
    assert_int_equal(found, 0);
}

static void assert_command_wiped(const char *script)
{
    llmd_credentials *credentials = NULL;

    folder_script("command", script);
    AUTO(str) char *argv = llmd__format("[\"%s/command\"]", folder);
    llmd__alloc_on_free(look);
    assert_null(llmd_credentials_from_command(argv, &credentials));
    get_token(credentials);
    llmd_credentials_free(credentials);
    llmd__alloc_on_free(NULL);
    assert_int_equal(found, 0);
}

static void test_command(void **state)
{
    (void)state;
    assert_command_wiped("echo " TOKEN_PREFIX);
    assert_command_wiped("printf '{\"access_token\":\"%s\",' " TOKEN_PREFIX
                         "; sleep 0.1; echo '\"expires_in\":3600}'");
}

static void test_given(void **state)
{
    llmd_credentials *credentials = NULL;

    (void)state;
    folder_write("token", TOKEN_PREFIX "\n", 0600);
    AUTO(str) char *path = llmd__format("%s/token", folder);
    llmd__alloc_on_free(look);
    assert_null(llmd_credentials_from_token(TOKEN_PREFIX, &credentials));
    get_token(credentials);
    llmd_credentials_free(credentials);
    assert_null(llmd_credentials_from_file(path, &credentials));
    get_token(credentials);
    llmd_credentials_free(credentials);
    llmd__alloc_on_free(NULL);
    assert_int_equal(found, 0);
}

static void test_exec_plugin(void **state)
{
    static const char answer[] =
        "{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"" TOKEN_PREFIX "\","
        "\"clientCertificateData\":\"C\",\"clientKeyData\":\"" SUBJECT_TOKEN "\"}}";
    struct exec_credential credential;

    (void)state;
    llmd__alloc_on_free(look);
    assert_null(llmd__exec_parse(answer, strlen(answer), &credential));
    llmd__exec_credential_free(&credential);
    llmd__alloc_on_free(NULL);
    assert_int_equal(found, 0);
}

/* Read from a file and from a text: tokens, passwords and variables of exec plugins stand in it. */
static void test_kubeconfig(void **state)
{
    static const char config[] =
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: %s}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "users:\n- {name: t, user: {token: " TOKEN_PREFIX "}}\n"
        "- {name: p, user: {username: u, password: " CLIENT_SECRET "}}\n"
        "- {name: e, user: {exec: {apiVersion: client.authentication.k8s.io/v1,\n"
        "    interactiveMode: Never, command: x, args: [" REFRESH_TOKEN "],\n"
        "    env: [{name: A, value: " SUBJECT_TOKEN "}]}}}\n";
    static const char *const users[] = {"t", "p", "e"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        llmd_kube *kube = NULL;
        char *text = NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        assert_true(asprintf(&text, config, users[i]) > 0);
#pragma GCC diagnostic pop
        folder_write("config", text, 0600);
        AUTO(str) char *path = llmd__format("%s/config", folder);
        llmd__alloc_on_free(look);
        assert_null(llmd_kube_open_text(text, NULL, &kube));
        llmd_kube_free(kube);
        assert_null(llmd_kube_open(path, NULL, &kube));
        llmd_kube_free(kube);
        llmd__alloc_on_free(NULL);
        free(text);
    }
    assert_int_equal(found, 0);
}

#define FLOW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLOW(test_look),         FLOW(test_service_account),
        FLOW(test_user),         FLOW(test_workforce_login),
        FLOW(test_impersonated), FLOW(test_external_file),
        FLOW(test_external_url), FLOW(test_external_executable),
        FLOW(test_external_aws), FLOW(test_metadata),
        FLOW(test_command),      FLOW(test_given),
        FLOW(test_spec),         FLOW(test_exec_plugin),
        FLOW(test_kubeconfig),
    };

    setenv("LLMD_ALLOW_LOOPBACK_TOKEN_URLS", "1", 1);
    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
    setenv("HOME", "/nonexistent", 1);
    unsetenv("CLOUDSDK_CONFIG");
    unsetenv("GOOGLE_APPLICATION_CREDENTIALS");
    curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free_of_curl, realloc_of_curl, strdup,
                         calloc);
    llmd__alloc_fail_at(0); /* so that cJSON's blocks are seen as well */
    return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
