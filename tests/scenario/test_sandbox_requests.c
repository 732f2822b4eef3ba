/* SPDX-License-Identifier: Apache-2.0 */
/* Requests at the edge of what is allowed: long lists in pages, and what vLLM refuses to generate.
 */
#include "support/api.h"
#include "sandbox/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_MAPS "/api/v1/namespaces/llm/configmaps"
#define OBJECTS 620

static int start(void **state)
{
    const char *const arguments[] = {"--profile", "ready", "--time-scale", "0.005", NULL};

    (void)state;
    if (api_start(arguments) != 0)
        return -1;
    api_apply_namespace();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    api_stop();
    return 0;
}

/* ---- pages ---- */

/* Names of four lengths in turn: the token that names the last of a page is base64 of each. */
static void make_objects(void)
{
    for (int i = 0; i < OBJECTS; i++) {
        char path[200];
        char body[300];
        char name[16];

        snprintf(name, sizeof(name), "c%03d%.*s", i, i % 4, "xxx");
        snprintf(path, sizeof(path), CONFIG_MAPS "/%s", name);
        snprintf(body, sizeof(body),
                 "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\","
                 "\"labels\":{\"paged\":\"yes\"}}}",
                 name);
        api_apply(path, body);
    }
}

static int count_in_pages(int limit)
{
    char token[512] = "";
    int seen = 0;

    do {
        char path[900];
        int status;

        snprintf(path, sizeof(path), CONFIG_MAPS "?labelSelector=paged%%3Dyes&limit=%d%s%s", limit,
                 *token ? "&continue=" : "", token);
        AUTO(json) struct json *page = api_ask("GET", path, NULL, NULL, &status);
        if (status != 200)
            fail_msg("limit %d: %d %s", limit, status, llmd__json_str(page, "message"));
        seen += (int)llmd__json_count(llmd__json_get(page, "items"));
        snprintf(token, sizeof(token), "%s", llmd__json_str(page, "metadata.continue"));
    } while (*token);
    return seen;
}

static void lists_more_than_one_page_of_the_library(void **state)
{
    (void)state;
    make_objects();
    for (int limit = 497; limit <= 500; limit++)
        assert_int_equal(count_in_pages(limit), OBJECTS);
    assert_int_equal(count_in_pages(7), OBJECTS);
}

static void a_token_that_it_did_not_make_is_refused(void **state)
{
    static const char *const tokens[] = {"%21", "a", "YWJj", "MTIzL2xsbQ=="};

    (void)state;
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        char path[200];
        int status;

        snprintf(path, sizeof(path), CONFIG_MAPS "?limit=5&continue=%s", tokens[i]);
        AUTO(json) struct json *refused = api_ask("GET", path, NULL, NULL, &status);
        if (status != 400)
            fail_msg("continue=%s: %d", tokens[i], status);
        assert_non_null(strstr(llmd__json_str(refused, "message"), "continue key is not valid"));
    }
}

/* ---- parameters of a generation ---- */

/* The words of vLLM 0.32 to the same body; "": it answers. Numbers may stand in strings. */
static void refuses_parameters_as_vllm_does(void **state)
{
    static const struct {
        const char *member;
        const char *words;
    } rows[] = {
        {"\"max_tokens\":-1", "max_tokens must be at least 1, got -1."},
        {"\"max_tokens\":0", "max_tokens must be at least 1, got 0."},
        {"\"max_completion_tokens\":-1", "max_tokens must be at least 1, got -1."},
        {"\"max_tokens\":1.5", "Input should be a valid integer, got a number with a fractional"},
        {"\"max_tokens\":\"four\"", "Input should be a valid integer, unable to parse string"},
        {"\"max_tokens\":[4]", "Input should be a valid integer"},
        {"\"temperature\":-0.5", "temperature must be non-negative, got -0.5."},
        {"\"temperature\":9", "temperature must be in [0, 2], got 9.0."},
        {"\"temperature\":\"hot\"", "Input should be a valid number, unable to parse string"},
        {"\"temperature\":{}", "Input should be a valid number"},
        {"\"max_tokens\":\"4\"", ""},
        {"\"max_tokens\":4.0", ""},
        {"\"max_tokens\":4,\"max_completion_tokens\":null", ""},
        {"\"max_tokens\":4,\"temperature\":2", ""},
        {"\"max_tokens\":4,\"temperature\":\"0.5\"", ""},
        {"\"max_tokens\":4,\"temperature\":null", ""},
    };
    char url[300];

    (void)state;
    api_apply_gateway("gke-l7-rilb");
    api_apply_service("good",
                      "\"router\":{\"gateway\":{\"refs\":[{\"name\":\"edge\"}]},\"route\":{}},",
                      "\"image\":\"vllm/vllm-tpu:v1\",");
    AUTO(json) struct json *service = api_await(SERVICES "/good", "Ready", "True", NULL);
    snprintf(url, sizeof(url), "%s/v1/chat/completions", llmd__json_str(service, "status.url"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char body[300];
        int status;

        snprintf(body, sizeof(body), "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],%s}",
                 rows[i].member);
        AUTO(json) struct json *reply = api_ask("POST", url, NULL, body, &status);
        if (status != (*rows[i].words ? 400 : 200) ||
            !strstr(llmd__json_str(reply, "error.message"), rows[i].words))
            fail_msg("%s: %d %s", rows[i].member, status, llmd__json_str(reply, "error.message"));
        if (status == 200)
            assert_int_equal(llmd__json_int(reply, "usage.completion_tokens", 0), 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_more_than_one_page_of_the_library),
        cmocka_unit_test(a_token_that_it_did_not_make_is_refused),
        cmocka_unit_test(refuses_parameters_as_vllm_does),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
