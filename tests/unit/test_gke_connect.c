/* SPDX-License-Identifier: Apache-2.0 */
/* Where a cluster's Kubernetes API is, by what GKE says of it: gcloud's rules. */
#include "gke_play.h"

#include "gke/connect.h"

#define CA "'masterAuth':{'clusterCaCertificate':'UEVN'}" /* "PEM" */
#define DNS(outside)                                                                               \
    "'dnsEndpointConfig':{'endpoint':'gke-1.europe-west4-a.gke.goog','allowExternalTraffic'"       \
    ":" outside "}"

static const struct {
    const char *cluster;
    const char *url, *ca; /* url NULL: the error below */
    llmd_code code;
    const char *words;
} places[] = {
    {"{'endpoint':'34.1.2.3'," CA "}", "https://34.1.2.3", "PEM", LLMD_OK, NULL},
    {"{'endpoint':'34.1.2.3'," CA ",'controlPlaneEndpointsConfig':{" DNS("false") "}}",
     "https://34.1.2.3", "PEM", LLMD_OK, NULL},
    /* its certificate is publicly trusted: no CA */
    {"{'endpoint':'34.1.2.3'," CA ",'controlPlaneEndpointsConfig':{" DNS("true") "}}",
     "https://gke-1.europe-west4-a.gke.goog", "", LLMD_OK, NULL},
    {"{'endpoint':'10.0.0.2'," CA ",'controlPlaneEndpointsConfig':{'ipEndpointsConfig':{"
     "'enabled':true,'enablePublicEndpoint':false,'privateEndpoint':'10.0.0.2',"
     "'publicEndpoint':'34.1.2.3'}}}",
     "https://10.0.0.2", "PEM", LLMD_OK, NULL},
    {"{'endpoint':'34.1.2.3'," CA ",'controlPlaneEndpointsConfig':{'ipEndpointsConfig':{"
     "'enabled':true,'enablePublicEndpoint':true,'privateEndpoint':'10.0.0.2',"
     "'publicEndpoint':'34.1.2.3'}}}",
     "https://34.1.2.3", "PEM", LLMD_OK, NULL},
    {"{" CA ",'privateClusterConfig':{'privateEndpoint':'10.0.0.2'}}", "https://10.0.0.2", "PEM",
     LLMD_OK, NULL},
    {"{'endpoint':'2600:1900::1'," CA "}", "https://[2600:1900::1]", "PEM", LLMD_OK, NULL},
    {"{'endpoint':'127.0.0.1:6443'," CA "}", "https://127.0.0.1:6443", "PEM", LLMD_OK, NULL},
    {"{'name':'llm','endpoint':'34.1.2.3','controlPlaneEndpointsConfig':{'ipEndpointsConfig':{"
     "'enabled':false}," DNS("false") "}}",
     NULL, NULL, LLMD_E_DENIED, "only a DNS endpoint"},
    {"{'name':'llm','status':'PROVISIONING'}", NULL, NULL, LLMD_E_BUSY, "in status PROVISIONING"},
    {"{'name':'llm','endpoint':'bad host/..?x'}", NULL, NULL, LLMD_E_PROTOCOL, "cluster llm"},
    {"{'name':'llm','endpoint':'34.1.2.3','masterAuth':{'clusterCaCertificate':'%%'}}", NULL, NULL,
     LLMD_E_INVALID, "clusterCaCertificate"},
};

static llmd_error *find(const char *cluster, struct buf *url, struct buf *ca)
{
    AUTO(json) struct json *json = NULL;
    AUTO(str) char *text = with_quotes(cluster);

    TRY(llmd__json_parse(text, strlen(text), "cluster", &json));
    return llmd__cluster_server(json, url, ca);
}

static void the_endpoint_is_gclouds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        AUTO(buf) struct buf url = BUF_INIT, ca = BUF_INIT;
        AUTO(error) llmd_error *error = find(places[i].cluster, &url, &ca);

        print_message("%s\n", places[i].cluster);
        assert_int_equal(llmd_error_code(error), places[i].code);
        if (error) {
            assert_non_null(strstr(llmd_error_message(error), places[i].words));
            continue;
        }
        assert_string_equal(llmd__buf_text(&url), places[i].url);
        assert_string_equal(llmd__buf_text(&ca), places[i].ca);
    }
}

static void P136_the_token_is_ours_and_the_name_is_gclouds(void **state)
{
    AUTO(gke) llmd_gke *gke = play_gke();
    AUTO(kube) llmd_kube *kube = NULL;
    AUTO(json) struct json *cluster = NULL;

    (void)state;
    assert_null(llmd__json_make(&cluster, "{'name': 'llm', 'endpoint': '127.0.0.1:1'}"));
    assert_null(llmd__cluster_kube(gke, cluster, &kube));
    assert_string_equal(llmd_kube_context(kube), "gke_p_europe-west4-a_llm");
    assert_string_equal(llmd_kube_namespace(kube), "default");
    assert_string_equal(llmd_kube_server(kube), "https://127.0.0.1:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_endpoint_is_gclouds),
        cmocka_unit_test(P136_the_token_is_ours_and_the_name_is_gclouds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
