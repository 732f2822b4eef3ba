/* SPDX-License-Identifier: Apache-2.0 */
/* docs/spec.md is written from the field tables; LLMD_UPDATE_GOLDEN=1 writes it. The example specs
   must parse. */
#include "base/file.h"
#include "gateway/spec.h"
#include "gke/cluster_spec.h"
#include "gke/network.h"
#include "kube/apply.h"
#include "openai/endpoint.h"
#include "platform/spec.h"
#include "service/presets.h"
#include "service/spec.h"
#include "support/errors.h"
#include "support/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE SOURCE_DIR "/docs/spec.md"
#define MANIFESTS SOURCE_DIR "/examples/manifests/"

#define NETWORK "range: /24\naddress: edge\naddressType: external\n"
#define ENDPOINT "url: http://10.0.0.5/llm/qwen\nidleTimeoutMs: 60000\n"
#define APPLY "namespace: llm\nforce: true\n"

static void add_file(struct buf *page, const char *name)
{
    struct buf text = BUF_INIT;
    char path[512];

    snprintf(path, sizeof(path), MANIFESTS "%s", name);
    none(llmd__file_read(path, 1 << 16, &text));
    llmd__buf_format(page, "```yaml\n%s```\n", llmd__buf_text(&text));
    llmd__buf_free(&text);
}

static void add_presets(struct buf *page)
{
    char names[] = LLMD__PRESET_NAMES;
    char *save = NULL;

    llmd__buf_str(page, "| preset | GKE machine | asks for | |\n|---|---|---|---|\n");
    for (char *name = strtok_r(names, "|", &save); name; name = strtok_r(NULL, "|", &save)) {
        const struct preset *preset = llmd__preset(name);

        assert_non_null(preset);
        llmd__buf_format(page, "| `%s` | %s | ", name, preset->machine ? preset->machine : "any");
        if (preset->resource)
            llmd__buf_format(page, "%s: %d", preset->resource, preset->chips);
        llmd__buf_format(page, " | %s |\n", preset->doc);
    }
}

static void add_pool_presets(struct buf *page)
{
    char names[] = LLMD__POOL_PRESET_NAMES;
    char *save = NULL;

    llmd__buf_str(page, "| preset | machine type | nodes of a slice | |\n|---|---|---|---|\n");
    for (char *name = strtok_r(names, "|", &save); name; name = strtok_r(NULL, "|", &save)) {
        const struct pool_preset *preset = llmd__pool_preset(name);

        assert_non_null(preset);
        llmd__buf_format(page, "| `%s` | %s | ", name, preset->machine);
        if (preset->topology)
            llmd__buf_format(page, "%d", preset->hosts);
        llmd__buf_format(page, " | %s |\n", preset->doc);
    }
}

static void add_cluster(struct buf *page)
{
    llmd__buf_str(page, "\n## Cluster\n\n");
    add_file(page, "cluster.yaml");
    llmd__buf_str(page, "\n");
    llmd__fields_doc(llmd__cluster_spec_type.fields, page);
    llmd__buf_str(page,
                  "\n### Node pools\n\nA pool is single-host or one slice of several hosts: the "
                  "latter has its whole number of nodes or none.\nA fall-back is a pool with only "
                  "what is different; one that names other hardware drops that of the pool.\n\n");
    add_pool_presets(page);
}

static void add_platform(struct buf *page)
{
    llmd__buf_str(page, "\n## Platform\n\nWhat a cluster needs before it serves.\n\n");
    add_file(page, "platform.yaml");
    llmd__buf_str(page, "\n");
    llmd__fields_doc(llmd__platform_spec_type.fields, page);
}

static void render(struct buf *page)
{
    llmd__buf_str(
        page,
        "# Specs\n\n"
        "<!-- written by tests/unit/test_spec_doc.c from the field tables; "
        "LLMD_UPDATE_GOLDEN=1 writes it -->\n\n"
        "YAML or JSON, read by `llmd_service_spec_parse()` and its relatives, by "
        "`llmd.ServiceSpec` in Python and\nby `llmd.ServiceSpec` in Go. An unknown key is "
        "refused with the nearest known one, a wrong type with its\nline. What is not "
        "said is not in the manifest; `overlay` has the last word.\n\n"
        "In C, `llmd_service_spec_set(spec, \"gateway.name\", \"edge\")` and its relatives set "
        "one key from a text: a string\nas it is, numbers and booleans strictly, lists, maps "
        "and objects as JSON or YAML, replacing what was there.\nBelow a map stands the "
        "entry's own key: `env.HF_HOME`.\n\n## Service\n\n");
    add_file(page, "tpu.yaml");
    llmd__buf_str(page, "\n");
    llmd__fields_doc(llmd__service_spec_type.fields, page);
    llmd__buf_str(page, "\n### Presets\n\n");
    add_presets(page);
    llmd__buf_str(page, "\n## Gateway\n\n");
    add_file(page, "gateway.yaml");
    llmd__buf_str(page, "\n");
    llmd__fields_doc(llmd__gateway_spec_type.fields, page);
    add_cluster(page);
    llmd__buf_str(page, "\n## Network\n\nWhat a regional Gateway needs, for "
                        "`llmd_network_apply()`.\n\n```yaml\n" NETWORK "```\n\n");
    llmd__fields_doc(llmd__network_spec_type.fields, page);
    add_platform(page);
    llmd__buf_str(page, "\n## Endpoint\n\n```yaml\n" ENDPOINT "```\n\n");
    llmd__fields_doc(llmd__endpoint_spec_type.fields, page);
    llmd__buf_str(page,
                  "\n## Apply\n\nHow `llmd_kube_apply()` behaves.\n\n```yaml\n" APPLY "```\n\n");
    llmd__fields_doc(llmd__apply_spec_type.fields, page);
    none(llmd__buf_check(page));
}

static void test_page(void **state)
{
    struct buf page = BUF_INIT;

    (void)state;
    render(&page);
    golden_compare(PAGE, llmd__buf_text(&page));
    llmd__buf_free(&page);
}

/* Every field has a line on the page. */
static void check_docs(const struct field *fields)
{
    for (; fields->name; fields++) {
        if (!fields->doc || !fields->doc[0])
            fail_msg("%s has no doc", fields->name);
        if (fields->fields)
            check_docs(fields->fields);
    }
}

static void test_every_field_is_explained(void **state)
{
    (void)state;
    check_docs(llmd__service_spec_type.fields);
    check_docs(llmd__gateway_spec_type.fields);
    check_docs(llmd__cluster_spec_type.fields);
    check_docs(llmd__network_spec_type.fields);
    check_docs(llmd__platform_spec_type.fields);
    check_docs(llmd__endpoint_spec_type.fields);
    check_docs(llmd__apply_spec_type.fields);
}

static void test_examples_parse(void **state)
{
    static const char *const services[] = {"tpu.yaml", "gpu.yaml"};
    llmd_gateway_spec *gateway = NULL;
    llmd_cluster_spec *cluster = NULL;
    llmd_platform_spec *platform = NULL;
    llmd_endpoint_spec *endpoint = NULL;
    llmd_apply_spec *apply = NULL;
    char *text = NULL;

    (void)state;
    none(llmd_endpoint_spec_parse(ENDPOINT, &endpoint));
    llmd_endpoint_spec_free(endpoint);
    none(llmd_apply_spec_parse(APPLY, &apply));
    llmd_apply_spec_free(apply);
    for (size_t i = 0; i < 2; i++) {
        llmd_service_spec *spec = NULL;
        char path[512];

        snprintf(path, sizeof(path), MANIFESTS "%s", services[i]);
        none(llmd_service_spec_parse_file(path, &spec));
        none(llmd_service_spec_manifest(spec, &text));
        llmd_free(text);
        llmd_service_spec_free(spec);
    }
    none(llmd_gateway_spec_parse_file(MANIFESTS "gateway.yaml", &gateway));
    none(llmd_platform_spec_parse_file(MANIFESTS "platform.yaml", &platform));
    llmd_platform_spec_free(platform);
    none(llmd_cluster_spec_parse_file(MANIFESTS "cluster.yaml", &cluster));
    none(llmd_cluster_spec_manifest(cluster, "my-project", "europe-west4-a", &text));
    llmd_free(text);
    llmd_cluster_spec_free(cluster);
    llmd_gateway_spec_free(gateway);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_every_field_is_explained),
        cmocka_unit_test(test_examples_parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
