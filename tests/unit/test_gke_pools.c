/* SPDX-License-Identifier: Apache-2.0 */
/* Node pools: presets, numbers, and the fall-backs laid over them. */
#include "base/yaml.h"
#include "gke/apply.h"
#include "gke/cluster_spec.h"
#include "support/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define POOL(more) "name: llm\nnodePools: [{" more "}]\n"
#define TPU "preset: tpu-v6e-4t"

static llmd_cluster_spec *parse(const char *text)
{
    llmd_cluster_spec *spec = NULL;

    none(llmd_cluster_spec_parse(text, &spec));
    return spec;
}

/* ---- presets ---- */

struct hardware {
    const char *preset, *machine, *topology;
    int chips, hosts;
    const char *label_value, *guest;
};

static const struct hardware hardware[] = {
    {"tpu-v6e-1t", "ct6e-standard-1t", NULL, 1, 1, "tpu-v6e-slice", "ct6e"},
    {"tpu-v6e-4t", "ct6e-standard-4t", NULL, 4, 1, "tpu-v6e-slice", "ct6e"},
    {"tpu-v6e-8t", "ct6e-standard-8t", NULL, 8, 1, "tpu-v6e-slice", "ct6e"},
    {"tpu-v6e-2x4", "ct6e-standard-4t", "2x4", 4, 2, "tpu-v6e-slice", "ct6e"},
    {"tpu-v6e-4x4", "ct6e-standard-4t", "4x4", 4, 4, "tpu-v6e-slice", "ct6e"},
    {"tpu-v6e-4x8", "ct6e-standard-4t", "4x8", 4, 8, "tpu-v6e-slice", "ct6e"},
    {"tpu-v6e-8x8", "ct6e-standard-4t", "8x8", 4, 16, "tpu-v6e-slice", "ct6e"},
    {"tpu-v6e-8x16", "ct6e-standard-4t", "8x16", 4, 32, "tpu-v6e-slice", "ct6e"},
    {"tpu-v6e-16x16", "ct6e-standard-4t", "16x16", 4, 64, "tpu-v6e-slice", "ct6e"},
    {"tpu-v5e-8t", "ct5lp-hightpu-8t", NULL, 8, 1, "tpu-v5-lite-podslice", "ct5lp"},
    {"tpu-v5e-4x8", "ct5lp-hightpu-4t", "4x8", 4, 8, "tpu-v5-lite-podslice", "ct5lp"},
    {"nvidia-t4", "n1-standard-4", NULL, 1, 1, "nvidia-tesla-t4", "nvidia-tesla-t4"},
    {"nvidia-l4", "g2-standard-8", NULL, 1, 1, "nvidia-l4", "nvidia-l4"},
    {"nvidia-a100", "a2-highgpu-1g", NULL, 1, 1, "nvidia-tesla-a100", "nvidia-tesla-a100"},
    {"nvidia-a100-80gb", "a2-ultragpu-1g", NULL, 1, 1, "nvidia-a100-80gb", "nvidia-a100-80gb"},
    {"nvidia-h100", "a3-highgpu-8g", NULL, 8, 1, "nvidia-h100-80gb", "nvidia-h100-80gb"},
};

static void read_pool(const char *text, struct pool_spec *pool)
{
    struct json *json = NULL;

    none(llmd__yaml_parse(text, "pool", &json));
    none(llmd__pool_spec_read(json, "node pool", pool));
    llmd__json_free(json);
}

static void check_hardware(const struct hardware *row)
{
    struct pool_spec pool;
    char text[80];

    snprintf(text, sizeof(text), "preset: %s", row->preset);
    read_pool(text, &pool);
    assert_string_equal(pool.name, row->preset);
    assert_string_equal(pool.machine, row->machine);
    assert_int_equal(llmd__pool_chips_per_node(&pool), row->chips);
    assert_int_equal(llmd__pool_hosts(&pool), row->hosts);
    assert_int_equal(llmd__pool_multi_host(&pool), row->hosts > 1);
    assert_int_equal(llmd__pool_nodes_at_once(&pool), row->hosts);
    assert_string_equal(pool.topology ? pool.topology : "", row->topology ? row->topology : "");
    assert_string_equal(llmd__pool_chip(&pool)->label_value, row->label_value);
    assert_string_equal(llmd__pool_chip(&pool)->guest, row->guest);
    assert_ptr_equal(llmd__pool_preset(row->preset)->chip, llmd__pool_chip(&pool));
    llmd__pool_spec_free(&pool);
}

static void test_presets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(hardware) / sizeof(hardware[0]); i++)
        check_hardware(&hardware[i]);
}

/* Each name of the list is a preset whose numbers agree, and whose machine names it again. */
static void test_preset_names(void **state)
{
    char names[] = LLMD__POOL_PRESET_NAMES, *save = NULL;
    int count = 0;

    (void)state;
    for (char *name = strtok_r(names, "|", &save); name; name = strtok_r(NULL, "|", &save)) {
        const struct pool_preset *preset = llmd__pool_preset(name);
        const char *topology = preset ? preset->topology : NULL;

        if (!preset)
            fail_msg("%s is no preset", name);
        if (topology)
            assert_int_equal(llmd__topology_chips(topology, NULL), preset->chips * preset->hosts);
        if (preset->chip && preset->chip->machines)
            assert_int_equal(llmd__machine_chips(preset->machine), preset->chips);
        assert_ptr_equal(llmd__pool_preset_of(preset->machine, preset->hosts > 1 ? topology : NULL),
                         preset);
        count++;
    }
    assert_int_equal(count, 24);
    assert_null(llmd__pool_preset("tpu-v6e"));
    assert_null(llmd__pool_preset(NULL));
    assert_null(llmd__pool_preset_of("ct6e-standard-4t", "32x32"));
}

/* P6: one chip, four names, and the TPU VM twin is none of them. */
static void test_p6_names_of_one_chip(void **state)
{
    const struct chip *chip = llmd__chip_of_machine("ct6e-standard-4t");

    (void)state;
    assert_string_equal(chip->name, "tpu-v6e");
    assert_string_equal(chip->label_value, "tpu-v6e-slice");
    assert_string_equal(chip->guest, "ct6e");
    assert_string_equal(chip->on_demand.id, "TPUS-PER-TPU-FAMILY-per-project-region");
    assert_string_equal(chip->on_demand.metric, "compute.googleapis.com/tpus_per_tpu_family");
    assert_string_equal(chip->on_demand.dimension, "tpu_family");
    assert_string_equal(chip->on_demand.family, "CT6E");
    assert_null(chip->on_demand.region);
    assert_string_equal(chip->spot.id, "PREEMPTIBLE-TPU-V6E-per-project-region");
    assert_null(llmd__chip_of_machine("ct6e-standard-4t-tpu"));
    assert_null(llmd__chip_of_machine("e2-standard-4"));
    assert_null(llmd__chip_of_machine(NULL));
    assert_string_equal(llmd__chip_of_accelerator("nvidia-l4")->on_demand.region, "NVIDIA_L4_GPUS");
    assert_null(llmd__chip_of_accelerator("tpu-v6e-slice"));
}

static void test_chips_by_machine_type(void **state)
{
    (void)state;
    assert_int_equal(llmd__machine_chips("ct6e-standard-8t"), 8);
    assert_int_equal(llmd__machine_chips("a2-megagpu-16g"), 16);
    assert_int_equal(llmd__machine_chips("g2-standard-48"), 4);
    assert_int_equal(llmd__machine_chips("g2-standard-4"), 1);
    assert_int_equal(llmd__machine_chips("n1-standard-4"), 0);
    assert_int_equal(llmd__machine_chips("e2-standard-4"), 0);
    assert_int_equal(llmd__machine_chips("nonsense"), 0);
    assert_int_equal(llmd__machine_chips(NULL), 0);
    assert_true(llmd__machine_is_tpu("ct5p-hightpu-4t"));
    assert_true(llmd__machine_is_tpu("tpu7x-standard-4t"));
    assert_false(llmd__machine_is_tpu("c3-standard-4"));
    assert_false(llmd__machine_is_tpu(NULL));
    assert_string_equal(llmd__machine_disk("ct6e-standard-4t"), "hyperdisk-balanced");
    assert_string_equal(llmd__machine_disk("ct5lp-hightpu-4t"), "pd-balanced");
    assert_int_equal(llmd__topology_chips("2x2x1", NULL), 4);
    assert_int_equal(llmd__topology_chips("4", NULL), 0);
    assert_int_equal(llmd__topology_chips("4x", NULL), 0);
    assert_int_equal(llmd__topology_chips("0x4", NULL), 0);
    assert_int_equal(llmd__topology_chips("2x2x2x2", NULL), 0);
    assert_int_equal(llmd__topology_chips(NULL, NULL), 0);
}

/* ---- pools ---- */

static void test_pool_numbers(void **state)
{
    static const struct {
        const char *text;
        int once, least, most;
        bool autoscaled;
    } rows[] = {
        {TPU, 1, 1, 1, false},
        {TPU ", nodes: 3", 3, 3, 3, false},
        {TPU ", nodes: 0", 0, 0, 0, false},
        {TPU ", maxNodes: 3", 0, 0, 3, true},
        {TPU ", nodes: 1, minNodes: 0, maxNodes: 3", 1, 0, 3, true},
        {TPU ", minNodes: 2, maxNodes: 3", 2, 2, 3, true},
        {"preset: tpu-v6e-4x4", 4, 4, 4, false},
        {"preset: tpu-v6e-4x4, minNodes: 0", 0, 0, 4, true},
        {"preset: tpu-v6e-4x4, nodes: 4, maxNodes: 4", 4, 0, 4, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pool_spec pool;
        char text[100];

        snprintf(text, sizeof(text), "{%s}", rows[i].text);
        read_pool(text, &pool);
        assert_int_equal(llmd__pool_nodes_at_once(&pool), rows[i].once);
        assert_int_equal(llmd__pool_nodes_at_least(&pool), rows[i].least);
        assert_int_equal(llmd__pool_nodes_at_most(&pool), rows[i].most);
        assert_int_equal(llmd__pool_autoscaled(&pool), rows[i].autoscaled);
        llmd__pool_spec_free(&pool);
    }
}

/* Counts of a spec are per zone, those of nodes are of the whole pool. */
static void test_nodes_that_are_waited_for(void **state)
{
    static const struct {
        const char *text;
        bool made;
        int zones;
        int count, least, per_node;
        const char *resource;
    } rows[] = {
        {TPU ", nodes: 2", true, 0, 2, -1, 4, "google.com/tpu"},
        {TPU ", nodes: 2", false, 3, 6, -1, 4, "google.com/tpu"},
        {TPU ", nodes: 2, minNodes: 1, maxNodes: 4", true, 3, 6, 3, 4, "google.com/tpu"},
        {TPU ", nodes: 2, minNodes: 1, maxNodes: 4", false, 3, 3, 3, 4, "google.com/tpu"},
        {"preset: nvidia-t4, maxNodes: 4", false, 2, 0, 0, 1, "nvidia.com/gpu"},
        {"preset: cpu", true, 1, 1, -1, 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct apply apply = {.name = "llm"};
        struct apply_pool pool = {.apply = &apply, .making = {.made = rows[i].made}};
        struct json *there = llmd__json_object();
        struct json *zones = rows[i].zones ? llmd__json_set_array(there, "locations") : NULL;
        struct nodes_wish wish;
        char text[100];

        for (int zone = 0; zone < rows[i].zones; zone++)
            llmd__json_add_str(zones, "europe-west4-a");
        snprintf(text, sizeof(text), "{%s}", rows[i].text);
        read_pool(text, &pool.tried);
        wish = llmd__nodes_wish(&pool, there);
        assert_int_equal(wish.count, rows[i].count);
        assert_int_equal(wish.least, rows[i].least);
        assert_int_equal(wish.per_node, rows[i].per_node);
        assert_string_equal(wish.resource ? wish.resource : "", rows[i].resource);
        llmd__pool_spec_free(&pool.tried);
        llmd__json_free(there);
    }
}

static void test_kinds(void **state)
{
    static const struct {
        const char *text;
        enum accelerator_kind kind;
        int chips;
    } rows[] = {
        {"machine: e2-standard-4", ACCELERATOR_NONE, 0},
        {"machine: ct5p-hightpu-4t", ACCELERATOR_TPU, 4},
        {"machine: tpu7x-standard-4t", ACCELERATOR_TPU, 4},
        {"machine: a2-highgpu-2g", ACCELERATOR_GPU, 2},
        {"{machine: n1-standard-8, accelerator: {type: nvidia-tesla-t4, count: 2}}",
         ACCELERATOR_GPU, 2},
        {"{machine: n1-standard-8, accelerator: {type: nvidia-tesla-v100}}", ACCELERATOR_GPU, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pool_spec pool;

        read_pool(rows[i].text, &pool);
        assert_int_equal(llmd__pool_accelerator(&pool), rows[i].kind);
        assert_int_equal(llmd__pool_chips_per_node(&pool), rows[i].chips);
        llmd__pool_spec_free(&pool);
    }
}

static void test_system_pool(void **state)
{
    static const struct {
        const char *text;
        size_t count, system;
        const char *name;
    } rows[] = {
        {"name: llm\n", 1, 0, "system"},
        {"name: llm\nnodePools: []\n", 1, 0, "system"},
        {POOL(TPU), 2, 0, "system"},
        {"name: llm\nnodePools: [{" TPU "}, {name: plain, preset: cpu}]\n", 2, 1, "plain"},
        {"name: llm\nnodePools: [{name: plain, machine: n2-standard-4}]\n", 1, 0, "plain"},
        {"name: llm\nnodePools: [{preset: nvidia-t4}]\n", 2, 0, "system"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        llmd_cluster_spec *spec = parse(rows[i].text);
        struct pool_spec pool;
        llmd_error *error;

        assert_int_equal(llmd__cluster_spec_pools(spec), rows[i].count);
        assert_int_equal(llmd__cluster_spec_system_pool(spec), rows[i].system);
        none(llmd__cluster_spec_pool(spec, rows[i].system, &pool));
        assert_string_equal(pool.name, rows[i].name);
        llmd__pool_spec_free(&pool);
        error = llmd__cluster_spec_pool(spec, rows[i].count, &pool);
        assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
        llmd_error_free(error);
        llmd_cluster_spec_free(spec);
    }
}

/* ---- fall-backs ---- */

struct fallback {
    const char *pool;
    const char *machine, *topology, *accelerator, *zone;
    bool spot;
};

static const struct fallback fallbacks[] = {
    {TPU ", spot: true, zones: [europe-west4-a], fallbacks: [{zones: [europe-west4-b]}]",
     "ct6e-standard-4t", "", "", "europe-west4-b", true},
    {TPU ", spot: true, zones: [europe-west4-a], fallbacks: [{spot: false}]", "ct6e-standard-4t",
     "", "", "europe-west4-a", false},
    {TPU ", fallbacks: [{preset: tpu-v6e-2x4}]", "ct6e-standard-4t", "2x4", "", "", false},
    {"preset: tpu-v6e-4x4, fallbacks: [{preset: tpu-v6e-8t}]", "ct6e-standard-8t", "", "", "",
     false},
    {TPU ", fallbacks: [{machine: ct6e-standard-8t}]", "ct6e-standard-8t", "", "", "", false},
    {TPU ", fallbacks: [{machine: ct5lp-hightpu-4t}]", "ct5lp-hightpu-4t", "", "", "", false},
    {"preset: nvidia-l4, fallbacks: [{preset: nvidia-t4}]", "n1-standard-4", "", "nvidia-tesla-t4",
     "", false},
    {"preset: nvidia-t4, fallbacks: [{machine: n1-standard-8}]", "n1-standard-8", "",
     "nvidia-tesla-t4", "", false},
    {"preset: nvidia-t4, fallbacks: [{machine: g2-standard-24}]", "g2-standard-24", "", "nvidia-l4",
     "", false},
    {"preset: cpu, fallbacks: [{machine: n2-standard-4}]", "n2-standard-4", "", "", "", false},
};

static void check_fallback(const struct fallback *row)
{
    struct pool_spec pool, other, none_left;
    llmd_error *error = NULL;
    char text[200];

    snprintf(text, sizeof(text), "{%s}", row->pool);
    read_pool(text, &pool);
    none(llmd__pool_spec_fallback(&pool, 1, &other));
    assert_string_equal(other.name, pool.name); /* though it comes from the hardware */
    assert_string_equal(other.machine, row->machine);
    assert_string_equal(other.topology ? other.topology : "", row->topology);
    assert_string_equal(other.accelerator.type ? other.accelerator.type : "", row->accelerator);
    assert_string_equal(llmd__json_text(llmd__json_first(other.zones)), row->zone);
    assert_int_equal(llmd__pool_spot(&other), row->spot);
    assert_null(other.fallbacks);
    llmd__pool_spec_free(&other);
    none(llmd__pool_spec_fallback(&pool, 0, &other));
    assert_string_equal(other.machine, pool.machine);
    llmd__pool_spec_free(&other);
    error = llmd__pool_spec_fallback(&pool, 2, &none_left);
    assert_int_equal(llmd_error_code(error), LLMD_E_NOT_FOUND);
    llmd_error_free(error);
    llmd__pool_spec_free(&pool);
}

static void test_fallbacks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fallbacks) / sizeof(fallbacks[0]); i++)
        check_fallback(&fallbacks[i]);
}

/* What is reserved is used up, what is queued takes too long: then without. */
static void test_a_fallback_may_take_back(void **state)
{
    struct pool_spec pool, other;

    (void)state;
    read_pool("{" TPU ", reservation: kept, fallbacks: [{reservation: ''}, {reservation: null}]}",
              &pool);
    for (size_t nth = 1; nth <= 2; nth++) {
        none(llmd__pool_spec_fallback(&pool, nth, &other));
        assert_string_equal(other.reservation ? other.reservation : "", "");
        llmd__pool_spec_free(&other);
    }
    llmd__pool_spec_free(&pool);
    read_pool("{" TPU ", flexStart: true, maxNodes: 3, fallbacks: [{flexStart: false}]}", &pool);
    none(llmd__pool_spec_fallback(&pool, 1, &other));
    assert_true(pool.flex_start && !other.flex_start);
    llmd__pool_spec_free(&other);
    llmd__pool_spec_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_preset_names),
        cmocka_unit_test(test_p6_names_of_one_chip),
        cmocka_unit_test(test_chips_by_machine_type),
        cmocka_unit_test(test_pool_numbers),
        cmocka_unit_test(test_nodes_that_are_waited_for),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_system_pool),
        cmocka_unit_test(test_fallbacks),
        cmocka_unit_test(test_a_fallback_may_take_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
