/* SPDX-License-Identifier: Apache-2.0 */
/* What is served, by every name, from both forms of discovery; and the paths that follow. */
#include "kube/object.h"

#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kube_fixture.h"

static const struct {
    const char *name, *found; /* "plural.version.group", NULL: not served */
} names[] = {
    {"pods", "pods.v1."},
    {"pod", "pods.v1."},
    {"po", "pods.v1."},
    {"Pod", "pods.v1."},
    {"PODS", "pods.v1."},
    {"pods.v1", "pods.v1."},
    {"pods.v2", NULL},
    {"deploy", "deployments.v1.apps"},
    {"deployments.apps", "deployments.v1.apps"},
    {"deployment.v1.apps", "deployments.v1.apps"},
    {"deployments.v2.apps", NULL},
    {"deployments.extensions", NULL},
    {"events", "events.v1."}, /* the core group comes first */
    {"events.events.k8s.io", "events.v1.events.k8s.io"},
    {"llmisvc", "llminferenceservices.v1alpha2.serving.kserve.io"}, /* the preferred version */
    {"llminferenceservices.v1alpha1.serving.kserve.io",
     "llminferenceservices.v1alpha1.serving.kserve.io"},
    {"llminferenceservices.serving.kserve.io", "llminferenceservices.v1alpha2.serving.kserve.io"},
    {"p", NULL},
    {"", NULL},
    {".apps", NULL},
};

static void check_name(const llmd_kube *kube, const char *name, const char *wanted)
{
    AUTO(buf) struct buf found = BUF_INIT;
    struct resource resource;

    if (!llmd__discovery_lookup(kube, name, &resource)) {
        if (wanted)
            fail_msg("%s is not found", name);
        return;
    }
    llmd__buf_format(&found, "%s.%s.%s", resource.plural, resource.version, resource.group);
    assert_string_equal(llmd__buf_text(&found), wanted ? wanted : "nothing");
}

static void resources_are_found_by_every_name(void **state)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    struct resource resource;

    (void)state;
    assert_null(fixture_kube(&kube));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check_name(kube, names[i].name, names[i].found);
    assert_true(llmd__discovery_lookup_kind(kube, "apps/v1", "Deployment", &resource));
    assert_true(resource.namespaced);
    assert_true(llmd__discovery_lookup_kind(kube, "v1", "Namespace", &resource));
    assert_false(resource.namespaced);
    assert_false(llmd__discovery_lookup_kind(kube, "apps/v2", "Deployment", &resource));
    assert_false(llmd__discovery_lookup_kind(kube, "app/v1", "Deployment", &resource));
}

static void the_nearest_name_is_offered(void **state)
{
    LLMD_AUTO(llmd_kube) kube = NULL;

    (void)state;
    assert_null(fixture_kube(&kube));
    AUTO(error) llmd_error *error = llmd__discovery_missing(kube, "deploymnts");
    assert_string_equal(llmd_error_reason(error), "ResourceNotServed");
    assert_string_equal(llmd_error_message(error), "the server does not serve \"deploymnts\"; did "
                                                   "you mean \"deployments\"?");
}

/* The form of servers before 1.27: lists of versions, then one document each. */
static const struct {
    const char *path, *answer;
    int status;
} old_form[] = {
    {"/api", "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}", 200},
    {"/apis",
     "{\"kind\":\"APIGroupList\",\"groups\":[{\"name\":\"apps\",\"versions\":[{\"groupVersion\":"
     "\"apps/v1beta1\"},{\"groupVersion\":\"apps/v1\"}],\"preferredVersion\":{\"groupVersion\":"
     "\"apps/v1\"}},{\"name\":\"away\",\"versions\":[{\"groupVersion\":\"away/v1\"}]}]}",
     200},
    {"/api/v1",
     "{\"kind\":\"APIResourceList\",\"groupVersion\":\"v1\",\"resources\":[{\"name\":\"pods\","
     "\"singularName\":\"pod\",\"namespaced\":true,\"kind\":\"Pod\",\"shortNames\":[\"po\"]},"
     "{\"name\":\"pods/log\",\"kind\":\"Pod\",\"namespaced\":true}]}",
     200},
    {"/apis/apps/v1",
     "{\"kind\":\"APIResourceList\",\"groupVersion\":\"apps/v1\",\"resources\":[{\"name\":"
     "\"deployments\",\"singularName\":\"\",\"namespaced\":true,\"kind\":\"Deployment\"}]}",
     200},
    {"/apis/apps/v1beta1", "{\"kind\":\"APIResourceList\",\"groupVersion\":\"apps/v1beta1\"}", 200},
    {"/apis/away/v1", "{\"kind\":\"Status\"}", 503},
};

static llmd_error *walk_old(const llmd_kube *kube, struct discovery_walk *walk)
{
    struct step_input input = {.kind = INPUT_BEGIN, .text = ""};
    bool done = false;

    TRY(llmd__discovery_begin(walk));
    for (size_t i = 0; !done; i++) {
        struct step_action action = {0};
        TRY(llmd__discovery_advance(walk, kube, &input, &action, &done));
        if (done)
            return i == 6 ? NULL : llmd__error(LLMD_E_FAILED, "%zu documents", i);
        if (strcmp(action.request.path, old_form[i].path) != 0)
            return llmd__error(LLMD_E_FAILED, "asks for %s", action.request.path);
        input = fixture_reply(old_form[i].status, old_form[i].answer, 0);
    }
    return NULL;
}

static llmd_error *discover_old(void *data)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    struct discovery_walk walk = {0};
    struct resource resource;
    llmd_error *error;

    (void)data;
    TRY(llmd_kube_open_text(FIXTURE_KUBECONFIG, NULL, &kube));
    error = walk_old(kube, &walk);
    llmd__discovery_walk_free(&walk);
    TRY(error);
    if (!llmd__discovery_lookup(kube, "po", &resource) ||
        !llmd__discovery_lookup(kube, "deployments.v1.apps", &resource))
        return llmd__error(LLMD_E_FAILED, "not found");
    return NULL;
}

static void the_old_form_is_read_too(void **state)
{
    AUTO(error) llmd_error *error = discover_old(NULL);

    (void)state;
    if (error)
        fail_msg("%s", llmd_error_message(error));
    torture(discover_old, NULL);
}

static void another_server_is_not_believed(void **state)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    struct discovery_walk walk = {0};
    struct step_action action = {0};
    struct step_input hello = fixture_reply(200, "{\"hello\":1}", 0);
    struct step_input denied = fixture_reply(403, "{\"kind\":\"Status\",\"message\":\"no\"}", 0);
    bool done;

    (void)state;
    assert_null(llmd_kube_open_text(FIXTURE_KUBECONFIG, NULL, &kube));
    assert_null(llmd__discovery_begin(&walk));
    AUTO(error) llmd_error *error = llmd__discovery_advance(&walk, kube, &hello, &action, &done);
    assert_int_equal(llmd_error_code(error), LLMD_E_PROTOCOL);
    AUTO(error) llmd_error *refused = llmd__discovery_advance(&walk, kube, &denied, &action, &done);
    assert_int_equal(llmd_error_code(refused), LLMD_E_DENIED);
    llmd__discovery_walk_free(&walk);
}

static void paths_hold_names_of_any_length(void **state)
{
    static const struct resource deployments = {"apps", "v1", "deployments", "Deployment", true};
    static const struct resource nodes = {"", "v1", "nodes", "Node", false};
    AUTO(buf) struct buf path = BUF_INIT;
    char name[254];

    (void)state;
    llmd__resource_path(&path, &deployments, "llm", "qwen", "status", "x=y");
    assert_string_equal(llmd__buf_text(&path),
                        "/apis/apps/v1/namespaces/llm/deployments/qwen/status?x=y");
    llmd__buf_reset(&path);
    llmd__resource_path(&path, &deployments, "*", NULL, NULL, NULL);
    assert_string_equal(llmd__buf_text(&path), "/apis/apps/v1/deployments");
    llmd__buf_reset(&path);
    llmd__resource_path(&path, &nodes, "llm", "n", NULL, NULL);
    assert_string_equal(llmd__buf_text(&path), "/api/v1/nodes/n");
    llmd__buf_reset(&path);
    llmd__resource_path(&path, &nodes, NULL, "../pods?x#y", NULL, NULL);
    assert_string_equal(llmd__buf_text(&path), "/api/v1/nodes/..%2Fpods%3Fx%23y");
    memset(name, 'n', 253);
    name[253] = '\0';
    llmd__buf_reset(&path);
    llmd__resource_path(&path, &deployments, "llm", name, NULL, NULL);
    assert_int_equal(path.len, strlen("/apis/apps/v1/namespaces/llm/deployments/") + 253);
    llmd__buf_reset(&path);
    llmd__resource_selectors(&path, "a=b,c!=d", "metadata.name=x");
    assert_string_equal(llmd__buf_text(&path),
                        "&labelSelector=a%3Db%2Cc%21%3Dd&fieldSelector=metadata.name%3Dx");
}

static void objects_tell_their_names(void **state)
{
    static const char text[] = "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\","
                               "\"ownerReferences\":[{\"uid\":\"u1\"}]}}";
    AUTO(json) struct json *object = NULL;

    (void)state;
    assert_null(llmd__json_parse(text, strlen(text), "object", &object));
    AUTO(str) char *subject = llmd__object_subject(object);
    assert_string_equal(subject, "Pod/n/p");
    assert_true(llmd__object_owned_by(object, "u1"));
    assert_false(llmd__object_owned_by(object, "u2"));
    assert_false(llmd__object_owned_by(object, ""));
    assert_string_equal(llmd__object_name(NULL), "");
}

static llmd_error *discover(void *data)
{
    LLMD_AUTO(llmd_kube) kube = NULL;

    (void)data;
    TRY(fixture_kube(&kube));
    AUTO(error) llmd_error *missing = llmd__discovery_missing(kube, "deploymnts.apps");
    return llmd_error_code(missing) == LLMD_E_NO_MEMORY ? TAKE(missing) : NULL;
}

static void memory_may_end(void **state)
{
    (void)state;
    torture(discover, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resources_are_found_by_every_name),
        cmocka_unit_test(the_nearest_name_is_offered),
        cmocka_unit_test(the_old_form_is_read_too),
        cmocka_unit_test(another_server_is_not_believed),
        cmocka_unit_test(paths_hold_names_of_any_length),
        cmocka_unit_test(objects_tell_their_names),
        cmocka_unit_test(memory_may_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
