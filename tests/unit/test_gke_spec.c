/* SPDX-License-Identifier: Apache-2.0 */
/* Cluster specs: what is refused before anything is sent, and the spec as an object. */
#include "gke/cluster_manifest.h"
#include "support/errors.h"
#include "support/torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define POOL(more) "name: llm\nnodePools: [{" more "}]\n"
#define RANGE(range) "name: llm\nauthorizedNetworks: [" range "]\n"
#define TPU "preset: tpu-v6e-4t"

static llmd_cluster_spec *parse(const char *text)
{
    llmd_cluster_spec *spec = NULL;

    none(llmd_cluster_spec_parse(text, &spec));
    return spec;
}

/* ---- refusals ---- */

struct refusal {
    const char *text;
    const char *says[4]; /* all in message or advice */
};

static void check_refusal(const struct refusal *refusal, llmd_error *error)
{
    const char *message = llmd_error_message(error), *advice = llmd_error_advice(error);

    if (llmd_error_code(error) != LLMD_E_INVALID)
        fail_msg("not refused: %s", refusal->text);
    if (!*advice && !strstr(message, " is NULL"))
        fail_msg("no next step: %s", message);
    for (size_t i = 0; i < 4 && refusal->says[i]; i++) {
        if (!strstr(message, refusal->says[i]) && !strstr(advice, refusal->says[i]))
            fail_msg("%s\n\"%s\" is neither in \"%s\" nor in \"%s\"", refusal->text,
                     refusal->says[i], message, advice);
    }
    llmd_error_free(error);
}

static void check_refusals(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        llmd_cluster_spec *spec = NULL;

        check_refusal(&refusals[i], llmd_cluster_spec_parse(refusals[i].text, &spec));
        assert_null(spec);
    }
}
#define CHECK(refusals) check_refusals(refusals, sizeof(refusals) / sizeof((refusals)[0]))

static void test_names(void **state)
{
    static const struct refusal refusals[] = {
        {"zones: [europe-west4-a]\n", {"cluster spec", "name is missing"}},
        {"name: Llm\n", {"cluster spec:1: name", "lower case"}},
        {"name: 1llm\n", {"a letter first"}},
        {"name: llm-\n", {"no '-' last"}},
        {"name: l1234567890123456789012345678901234567890\n", {"at most 40"}},
        {POOL(TPU ", name: a_b"), {"nodePools[0].name", "lower case"}},
        {"name: llm\nnodePools: [{" TPU "}, {" TPU "}]\n",
         {"nodePools[1]: name", "another pool tpu-v6e-4t", "give each pool a name"}},
        {"name: llm\nnode_pols: []\n", {"cluster spec:2: node_pols", "nodePools"}},
        {POOL("preset: tpu-v6e-4"), {"cluster spec:2: nodePools[0].preset", "tpu-v6e-4t"}},
        {POOL(TPU ", spot: 1"), {"nodePools[0].spot", "true or false"}},
        {POOL(TPU ", nodes: -2"), {"nodePools[0].nodes", "0 to 1000"}},
        {"name: llm\nreleaseChannel: fast\n", {"releaseChannel", "rapid, regular"}},
        {"name: llm\nversion: 1.34\n", {"version", "quotes"}},
        {"name: llm\nversion: v1.34\n", {"version", "1.34.1-gke"}},
        {"name: llm\nlabels: {Team: ml}\n", {"labels", "lower case"}},
        {"name: llm\nlabels: {managed-by: me}\n", {"labels", "managed-by", "itself"}},
        {"name: llm\nauthorizedNetworks: [everywhere]\n", {"authorizedNetworks", "/24"}},
        {RANGE("10.0.0.0/33"), {"10.0.0.0/33", "bits from 0 to 32", "/24"}},
        {RANGE("10.0.0.300/24"), {"10.0.0.300/24", "each from 0 to 255"}},
        {RANGE("10.0.0/24"), {"four numbers"}},
        {RANGE("10.0.0.0/"), {"bits from 0 to 32"}},
        {RANGE("10.0.0.0/24/7"), {"bits from 0 to 32"}},
        {RANGE("'2001:db8::/129'"), {"bits from 0 to 128"}},
        {RANGE("'2001:db8::x/64'"), {"no IPv6 address"}},
        {"apiVersion: v1\nkind: Pod\n", {"manifest", "kube apply"}},
    };

    (void)state;
    CHECK(refusals);
    llmd_cluster_spec_free(parse(RANGE("10.0.0.0/8, 203.0.113.7/32, 0.0.0.0/0, '2001:db8::/64'")));
}

static void test_places(void **state)
{
    static const struct refusal refusals[] = {
        {"name: llm\nzones: [europe-west4]\n", {"zones", "is no zone", "europe-west4-a"}},
        {"name: llm\nzones: [global]\n", {"zones", "is no zone"}},
        {"name: llm\nzones: []\n", {"zones", "one zone at least"}},
        {"name: llm\nzones: [europe-west4-a, us-east1-b]\n", {"zones", "two regions"}},
        {"name: llm\nzones: [europe-west4-a]\nnodePools: [{" TPU ", zones: [us-east1-d]}]\n",
         {"nodePools[0]", "us-east1-d is not in the region of europe-west4-a"}},
    };
    static const struct {
        const char *yaml, *location, *says;
    } places[] = {
        {"", "global", "no zone and no region"},
        {"", "-", "no zone and no region"},
        {"zones: [us-east1-d]", "europe-west4", "us-east1-d is not in the region europe-west4"},
        {"zones: [europe-west4-b]", "europe-west4-a", "own, europe-west4-a, must be among them"},
        {"nodePools: [{" TPU ", zones: [us-east1-d]}]", "europe-west4-a", "node pool tpu-v6e-4t"},
        {"nodePools: [{preset: tpu-v6e-4x4}]", "europe-west4", "zones is missing"},
    };

    (void)state;
    CHECK(refusals);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char text[300], *json = NULL;
        struct refusal refusal = {text, {places[i].says}};
        llmd_cluster_spec *spec;

        snprintf(text, sizeof(text), "name: llm\n%s\n", places[i].yaml);
        spec = parse(text);
        check_refusal(&refusal, llmd_cluster_spec_manifest(spec, "p", places[i].location, &json));
        assert_null(json);
        llmd_cluster_spec_free(spec);
    }
}

static void test_p104_topology_on_a_single_host(void **state)
{
    static const struct refusal refusals[] = {
        {POOL("preset: tpu-v6e-4t, topology: 2x2"), {"nodePools[0]", "leave topology out"}},
        {POOL("machine: ct6e-standard-1t, topology: 1x1"), {"leave topology out"}},
        {POOL("machine: ct6e-standard-8t, topology: 2x4"), {"leave topology out"}},
        {POOL("machine: ct5p-hightpu-4t, topology: 2x2x1"), {"leave topology out"}},
    };
    static const struct refusal sizes[] = {
        {POOL("preset: tpu-v6e-4x4, nodes: 2"), {"nodes", "has 4 nodes or none"}},
        {POOL("preset: tpu-v6e-4x4, minNodes: 1"), {"minNodes", "minNodes is 0"}},
        {POOL("preset: tpu-v6e-4x4, maxNodes: 8"), {"maxNodes", "maxNodes 4"}},
        {POOL("preset: tpu-v6e-4x4, zones: [europe-west4-a, europe-west4-b]"),
         {"zones", "in one zone"}},
    };

    (void)state;
    CHECK(refusals);
    CHECK(sizes);
    llmd_cluster_spec_free(parse(POOL("preset: tpu-v6e-4x4, nodes: 0")));
    llmd_cluster_spec_free(parse(POOL("preset: tpu-v6e-4x4, nodes: 4, minNodes: 0")));
}

static void test_p7_topologies_have_two_dimensions(void **state)
{
    static const struct refusal refusals[] = {
        {POOL("preset: tpu-v6e-4t, topology: 2x2x1"), {"2x2x1", "two dimensions"}},
        {POOL("preset: tpu-v6e-4t, topology: 2x2x2"), {"2x2x2", "no such slice", "4x4"}},
        {POOL("preset: tpu-v6e-4t, topology: 3x4"), {"3x4", "no such slice"}},
        {POOL("preset: tpu-v6e-8t, topology: 4x4"), {"made of ct6e-standard-4t"}},
        {POOL("preset: tpu-v6e-4t, topology: four"), {"nodePools[0].topology", "4x4"}},
        {POOL("preset: nvidia-l4, topology: 4x4"), {"has no TPU"}},
        {POOL("machine: ct5p-hightpu-4t, topology: 3x3x3"), {"no multiple"}},
    };

    (void)state;
    CHECK(refusals);
}

static void test_p105_network_policy_with_dataplane_v2(void **state)
{
    static const struct refusal refusals[] = {
        {"name: llm\nnetworkPolicy: true\n",
         {"networkPolicy", "the default", "enforces network policies itself"}},
        {"name: llm\nnetworkPolicy: true\ndataplaneV2: true\n",
         {"networkPolicy", "which the spec says"}},
    };
    llmd_cluster_spec *spec = parse("name: llm\noverlay: {networkPolicy: {enabled: false}}\n");
    struct refusal overlay = {"overlay", {"ADVANCED_DATAPATH", "networkPolicy"}};
    char *json = NULL;

    (void)state;
    CHECK(refusals);
    check_refusal(&overlay, llmd_cluster_spec_manifest(spec, "p", "europe-west4-a", &json));
    llmd_cluster_spec_free(spec);
}

static void test_p115_reserved_labels(void **state)
{
    static const struct refusal refusals[] = {
        {POOL(TPU ", labels: {cloud.google.com/compute-class: x}"),
         {"nodePools[0].labels", "cloud.google.com/compute-class", "of your own"}},
        {POOL(TPU ", labels: {cloud.google.com/gke-tpu-topology: 2x2}"), {"GKE sets the labels"}},
        {POOL(TPU ", labels: {kubernetes.io/hostname: x}"), {"reserved"}},
        {POOL(TPU ", labels: {node-role.kubernetes.io/tpu: ''}"), {"reserved"}},
        {POOL(TPU ", labels: {x.k8s.io/a: b}"), {"reserved"}},
    };

    (void)state;
    CHECK(refusals);
    llmd_cluster_spec_free(parse(POOL(TPU ", labels: {pool: a, mykubernetes.io/a: b}")));
}

static void test_p137_spellings(void **state)
{
    static const struct refusal refusals[] = {
        {POOL(TPU ", taints: ['a=b:Never']"), {"nodePools[0].taints", "NoSchedule"}},
        {POOL(TPU ", taints: ['a=b']"), {"taints", "NoSchedule"}},
        {POOL(TPU ", maxRunDuration: 2"), {"maxRunDuration", "string"}},
        {POOL(TPU ", maxRunDuration: 2w"), {"maxRunDuration", "2h"}},
        {"name: llm\nreleaseChannel: REGULAR\n", {"releaseChannel", "\"regular\""}},
        {POOL("machine: ct6e-standard-4t-tpu"), {"TPU VMs", "use ct6e-standard-4t"}},
        {POOL(TPU ", serviceAccount: nodes"), {"serviceAccount", "email"}},
    };

    (void)state;
    CHECK(refusals);
    assert_int_equal(llmd__duration_seconds("2h"), 7200);
    assert_int_equal(llmd__duration_seconds("1h30m"), 5400);
    assert_int_equal(llmd__duration_seconds("7200s"), 7200);
    assert_int_equal(llmd__duration_seconds("1d"), 86400);
    assert_int_equal(llmd__duration_seconds(""), -1);
    assert_int_equal(llmd__duration_seconds("12345678901234567890s"), -1);
}

static void test_exclusions(void **state)
{
    static const struct refusal refusals[] = {
        {POOL(TPU ", spot: true, flexStart: true, maxNodes: 1"), {"spot and flexStart"}},
        {POOL(TPU ", spot: true, reservation: r"), {"spot and reservation"}},
        {POOL(TPU ", flexStart: true, reservation: r, maxNodes: 1"), {"flexStart and reserv"}},
        {POOL(TPU ", flexStart: true"), {"need autoscaling", "set maxNodes"}},
        {POOL(TPU ", flexStart: true, nodes: 1, maxNodes: 1"), {"begin at 0 nodes"}},
        {POOL(TPU ", flexStart: true, minNodes: 1, maxNodes: 1"), {"begin at 0 nodes"}},
        {POOL(TPU ", flexStart: true, maxNodes: 1, maxRunDuration: 8d"), {"at most 7 days"}},
        {POOL(TPU ", minNodes: 1"), {"maxNodes is missing"}},
        {POOL(TPU ", minNodes: 3, maxNodes: 2"), {"minNodes: 3 is more"}},
        {POOL(TPU ", nodes: 4, maxNodes: 2"), {"nodes: 4 is not between"}},
        {POOL("name: a"), {"machine is missing", "preset"}},
        {POOL("preset: nvidia-l4, machine: n1-standard-4"), {"not of the preset nvidia-l4"}},
        {POOL("machine: g2-standard-8, accelerator: {type: nvidia-tesla-t4}"), {"has no nvidia-"}},
    };
    static const struct {
        const char *overlay, *says;
    } overlays[] = {
        {"spot: true, overlay: {config: {preemptible: true}}", "config.preemptible=true"},
        {"maxNodes: 1, overlay: {autoscaling: {totalMaxNodeCount: 3}}", "totalMaxNodeCount"},
    };

    (void)state;
    CHECK(refusals);
    for (size_t i = 0; i < 2; i++) {
        char text[200], *json = NULL;
        struct refusal refusal = {text, {overlays[i].says}};
        llmd_cluster_spec *spec;

        snprintf(text, sizeof(text), POOL(TPU ", %s"), overlays[i].overlay);
        spec = parse(text);
        check_refusal(&refusal, llmd_cluster_spec_manifest(spec, "p", "europe-west4-a", &json));
        llmd_cluster_spec_free(spec);
    }
}

/* What fits no type is refused with its line, and so is what fits nothing else. */
static void test_members_that_do_not_fit_have_a_line(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"name: llm\nnodePools:\n  - preset: cpu\n  - name: b\n    preset: cpu\n    minNodes: 4\n"
         "    maxNodes: 2\n",
         "cluster spec:6: nodePools[1].minNodes: 4 is more than maxNodes, 2"},
        {"name: llm\nnodePools:\n  - name: b\n    preset: cpu\n    minNodes: 4\n",
         "cluster spec:3: nodePools[0]: maxNodes is missing"},
        {"name: llm\nnodePools:\n  - preset: tpu-v6e-4t\n    fallbacks:\n      - {spot: true}\n"
         "      - zones: [europe-west4-b]\n        nodes: 3\n        maxNodes: 1\n",
         "cluster spec:7: nodePools[0].fallbacks[1].nodes: 3 is not between"},
        {"name: llm\nnetworkPolicy: true\n", "cluster spec:2: networkPolicy: GKE takes none"},
        {"\nname: Llm\n", "cluster spec:2: name: \"Llm\""},
        {"nodePools: []\n", "cluster spec: name is missing"},
        {"{\"name\": \"llm\",\n \"nodePools\": [{\"preset\": \"cpu\",\n\"minNodes\": 4, "
         "\"maxNodes\": 2}]}",
         "cluster spec:3: nodePools[0].minNodes: 4 is more"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        llmd_cluster_spec *spec = NULL;
        LLMD_AUTO(llmd_error) error = llmd_cluster_spec_parse(rows[i].text, &spec);

        assert_null(spec);
        assert_int_equal(llmd_error_code(error), LLMD_E_INVALID);
        assert_string_not_equal(llmd_error_advice(error), "");
        if (strncmp(llmd_error_message(error), rows[i].says, strlen(rows[i].says)) != 0)
            fail_msg("want \"%s\"\n got \"%s\"", rows[i].says, llmd_error_message(error));
    }
}

static void test_refused_sizes_say_which(void **state)
{
    static const struct refusal refusals[] = {
        {POOL("preset: v6e-4"), {"nodePools[0].preset", "did you mean \"tpu-v6e-4t\"?"}},
        {POOL("preset: cpu, minNodes: 4, maxNodes: 2"), {"raise maxNodes to 4"}},
        {POOL("preset: cpu, minNodes: 4"), {"set maxNodes"}},
        {POOL("preset: cpu, nodes: 9, minNodes: 1, maxNodes: 2"), {"give 1 to 2"}},
    };

    (void)state;
    CHECK(refusals);
}

static void test_refused_fallbacks(void **state)
{
    static const struct refusal refusals[] = {
        {POOL(TPU ", fallbacks: [{spot: true, reservation: r}]"),
         {"nodePools[0].fallbacks[0]", "exclude"}},
        {POOL(TPU ", fallbacks: [{}, {zone: europe-west4-b}]"), {"fallbacks[1]", "zones"}},
        {POOL(TPU ", fallbacks: [{name: b}]"), {"fallbacks[0]", "no name"}},
        {POOL(TPU ", fallbacks: [europe-west4-b]"), {"fallbacks[0]", "want an object"}},
        {POOL(TPU ", fallbacks: {spot: false}"), {"nodePools[0].fallbacks", "array"}},
    };

    (void)state;
    CHECK(refusals);
}

/* ---- the spec as an object ---- */

static void test_json_reads_back(void **state)
{
    llmd_cluster_spec *spec = parse("name: llm\nzones: [europe-west4-a]\ndataplaneV2: false\n"
                                    "networkPolicy: true\nnodePools: [{" TPU ", spot: false, "
                                    "fallbacks: [{spot: true}]}]\n");
    llmd_cluster_spec *again = NULL, *copy = NULL;
    char *first = NULL, *second = NULL, *third = NULL;

    (void)state;
    none(llmd_cluster_spec_json(spec, &first));
    none(llmd_cluster_spec_parse(first, &again));
    none(llmd_cluster_spec_json(again, &second));
    none(llmd__cluster_spec_copy(spec, &copy));
    none(llmd_cluster_spec_json(copy, &third));
    assert_string_equal(first, second);
    assert_string_equal(first, third);
    assert_non_null(strstr(first, "\"spot\":false"));
    assert_null(strstr(first, "machine")); /* what the preset says was not said */
    llmd_free(first);
    llmd_free(second);
    llmd_free(third);
    llmd_cluster_spec_free(spec);
    llmd_cluster_spec_free(again);
    llmd_cluster_spec_free(copy);
}

static void test_set(void **state)
{
    llmd_cluster_spec *spec = llmd_cluster_spec_new("llm");
    llmd_error *error = NULL;
    char *json = NULL;

    (void)state;
    assert_string_equal(llmd_cluster_spec_name(spec), "llm");
    llmd_cluster_spec_set(spec, "version", "1.34");
    llmd_cluster_spec_set(spec, "zones", "[europe-west4-a]");
    llmd_cluster_spec_set(spec, "nodePools", "[{preset: tpu-v6e-4t, maxNodes: 3}]");
    none(llmd_cluster_spec_manifest(spec, "my-project", "europe-west4-a", &json));
    assert_non_null(strstr(json, "\"initialClusterVersion\":\"1.34\""));
    assert_non_null(strstr(json, "ct6e-standard-4t"));
    llmd_free(json);
    llmd_cluster_spec_set(spec, "nodePools", "[{preset: tpu}]");
    llmd_cluster_spec_set(spec, "version", "1.35");
    error = llmd_cluster_spec_manifest(spec, "my-project", "europe-west4-a", &json);
    assert_non_null(strstr(llmd_error_message(error), "nodePools[0].preset"));
    llmd_error_free(error);
    llmd_cluster_spec_free(spec);
    llmd_cluster_spec_free(NULL);
    assert_string_equal(llmd_cluster_spec_name(NULL), "");
}

static void test_null_arguments(void **state)
{
    llmd_cluster_spec *spec = llmd_cluster_spec_new(NULL);
    struct refusal missing = {"new(NULL)", {"name is missing"}};
    char *out = NULL;

    (void)state;
    check_refusal(&missing, llmd_cluster_spec_manifest(spec, "p", "europe-west4-a", &out));
    check_refusal(&(struct refusal){"", {"spec is NULL"}},
                  llmd_cluster_spec_manifest(NULL, "p", "europe-west4-a", &out));
    check_refusal(&(struct refusal){"", {"project is NULL"}},
                  llmd_cluster_spec_manifest(spec, NULL, "europe-west4-a", &out));
    check_refusal(&(struct refusal){"", {"location is NULL"}},
                  llmd_cluster_spec_manifest(spec, "p", NULL, &out));
    check_refusal(&(struct refusal){"", {"out is NULL"}},
                  llmd_cluster_spec_manifest(spec, "p", "europe-west4-a", NULL));
    llmd_cluster_spec_free(spec);
}

/* ---- without memory ---- */

#define EVERYTHING                                                                                 \
    "name: llm\nversion: '1.34'\nlabels: {team: ml}\nzones: [europe-west4-a]\nmonitoring: full\n"  \
    "authorizedNetworks: [10.0.0.0/8]\ndnsEndpoint: true\noverlay: {description: x}\n"             \
    "nodePools:\n"                                                                                 \
    "- {preset: nvidia-t4, name: gpu, taints: ['a=b:NoSchedule'], labels: {a: b}, spot: true,\n"   \
    "   overlay: {config: {tags: [x]}}, fallbacks: [{preset: nvidia-l4}]}\n"                       \
    "- {preset: tpu-v6e-4x4, maxRunDuration: 2h, zones: [europe-west4-a], reservation: r}\n"

static llmd_error *make_manifest(void *text)
{
    AUTO(cluster_spec) llmd_cluster_spec *spec = NULL;
    AUTO(cluster_spec) llmd_cluster_spec *copy = NULL;
    AUTO(str) char *json = NULL;
    struct pool_spec pool;

    TRY(llmd_cluster_spec_parse(text, &spec));
    TRY(llmd__cluster_spec_copy(spec, &copy));
    TRY(llmd__cluster_spec_pool(copy, 1, &pool));
    llmd__pool_spec_free(&pool);
    return llmd_cluster_spec_manifest(copy, "p", "europe-west4-a", &json);
}

static llmd_error *set_all(void *data)
{
    llmd_cluster_spec *spec = llmd_cluster_spec_new("llm");
    AUTO(str) char *json = NULL;
    llmd_error *error;

    (void)data;
    llmd_cluster_spec_set(spec, "nodePools", "[{preset: tpu-v6e-4t}]");
    llmd_cluster_spec_set(spec, "labels.team", "ml");
    error = llmd_cluster_spec_manifest(spec, "p", "europe-west4-a", &json);
    llmd_cluster_spec_free(spec);
    return error;
}

static void test_without_memory(void **state)
{
    (void)state;
    torture(make_manifest, (void *)(EVERYTHING));
    torture(make_manifest, (void *)POOL(TPU ", fallbacks: [{spot: true, reservation: r}]"));
    torture(set_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_p104_topology_on_a_single_host),
        cmocka_unit_test(test_p7_topologies_have_two_dimensions),
        cmocka_unit_test(test_p105_network_policy_with_dataplane_v2),
        cmocka_unit_test(test_p115_reserved_labels),
        cmocka_unit_test(test_p137_spellings),
        cmocka_unit_test(test_exclusions),
        cmocka_unit_test(test_members_that_do_not_fit_have_a_line),
        cmocka_unit_test(test_refused_sizes_say_which),
        cmocka_unit_test(test_refused_fallbacks),
        cmocka_unit_test(test_json_reads_back),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_null_arguments),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
