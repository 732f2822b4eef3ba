/* SPDX-License-Identifier: Apache-2.0 */
/* Where a service answers, from what its status, its addresses or its Gateway say. */
#include "service/connect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct address_case {
    const char *status;  /* of the service */
    const char *gateway; /* NULL: none */
    const char *url;     /* NULL: no address */
};

#define GATEWAY(listener, address)                                                                 \
    "{'spec': {'listeners': [" listener "]}, 'status': {'addresses': [{'value': '" address "'}]}}"
#define HTTP "{'protocol': 'HTTP', 'port': 80}"
#define HTTPS "{'protocol': 'HTTPS', 'port': 443, 'hostname': 'llm.example.com'}"

static const struct address_case cases[] = {
    {"{'url': 'http://203.0.113.10/llm/qwen'}", NULL, "http://203.0.113.10/llm/qwen"},
    /* The bare gateway comes first, paths by model come too. */
    {"{'addresses': [{'url': 'http://10.0.0.1/'}, {'url': 'http://10.0.0.1/llm/qwen'},"
     " {'url': 'http://10.0.0.1/publishers/llm/models/q'}]}",
     NULL, "http://10.0.0.1/llm/qwen"},
    {"{'addresses': [{'url': 'http://qwen-kserve-workload-svc.llm.svc.cluster.local'}]}", NULL,
     "http://qwen-kserve-workload-svc.llm.svc.cluster.local"},
    /* KServe before 0.18 leaves both empty for an internal gateway. */
    {"{}", GATEWAY(HTTP, "10.0.0.1"), "http://10.0.0.1/llm/qwen"},
    {"{}", GATEWAY(HTTP "," HTTPS, "10.0.0.1"), "https://llm.example.com/llm/qwen"},
    {"{}", GATEWAY("{'protocol': 'HTTP', 'port': 8080}", "10.0.0.1"),
     "http://10.0.0.1:8080/llm/qwen"},
    {"{}", GATEWAY("{'protocol': 'HTTPS', 'port': 443, 'hostname': '*.example.com'}", "10.0.0.1"),
     "https://10.0.0.1/llm/qwen"},
    {"{}", GATEWAY(HTTP, "2001:db8::1"), "http://[2001:db8::1]/llm/qwen"},
    {"{}", "{'spec': {'listeners': [" HTTP "]}}", NULL},
    {"{}", NULL, NULL},
};

static struct json *parse(const char *before, const char *text, const char *after)
{
    struct json *json = NULL;
    char whole[2048];

    snprintf(whole, sizeof(whole), "%s%s%s", before, text, after);
    for (char *at = whole; *at; at++)
        if (*at == '\'')
            *at = '"';
    assert_null(llmd__json_parse(whole, strlen(whole), "test", &json));
    return json;
}

static void test_address(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json *service = parse(
            "{'metadata': {'name': 'qwen', 'namespace': 'llm'}, 'status': ", cases[i].status, "}");
        struct json *gateway = cases[i].gateway ? parse("", cases[i].gateway, "") : NULL;
        char *url = NULL;

        assert_null(llmd__service_address(service, gateway, &url));
        print_message("row %zu: %s\n", i, url ? url : "(none)");
        if (cases[i].url)
            assert_string_equal(url, cases[i].url);
        else
            assert_null(url);
        llmd__free(url);
        llmd__json_free(service);
        llmd__json_free(gateway);
    }
}

static void test_model(void **state)
{
    struct json *named =
        parse("{'metadata': {'name': 'a'}, 'spec': ", "{'model': {'name': 'm'}}", "}");
    struct json *unnamed = parse("{'metadata': ", "{'name': 'a'}", "}");

    (void)state;
    assert_string_equal(llmd__service_model(named), "m");
    assert_string_equal(llmd__service_model(unnamed), "a");
    llmd__json_free(named);
    llmd__json_free(unnamed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
