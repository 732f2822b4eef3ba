/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which node takes a pod: selectors, taints and resources, in the scheduler's words when none does.
 * Affinity, priorities and preemption are left out: nothing here decides by them.
 */
#include "sandbox/scheduler.h"

#include <stdlib.h>
#include <string.h>

#define MAX_REASONS 16

struct reasons {
    char *words[MAX_REASONS];
    int nodes[MAX_REASONS];
    int count;
    int all_nodes;
    int hopeless; /* nodes that could not take it even when empty */
};

int64_t quantity_milli(const char *text)
{
    static const struct {
        const char *suffix;
        double factor;
    } units[] = {{"", 1},
                 {"m", 1e-3},
                 {"k", 1e3},
                 {"M", 1e6},
                 {"G", 1e9},
                 {"T", 1e12},
                 {"Ki", 1024.0},
                 {"Mi", 1048576.0},
                 {"Gi", 1073741824.0},
                 {"Ti", 1099511627776.0}};
    char *end;
    double value = strtod(text, &end);
    if (end == text)
        return -1;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(units[i].suffix, end) == 0)
            return (int64_t)(value * units[i].factor * 1000);
    return -1;
}

/* What a pod asks of a resource: requests, or limits where only those are given. */
static int64_t asked(const struct json *pod, const char *resource)
{
    int64_t sum = 0;
    JSON_EACH(container, llmd__json_get(pod, "spec.containers")) {
        const struct json *resources = llmd__json_member(container, "resources");
        const struct json *value =
            llmd__json_member(llmd__json_member(resources, "requests"), resource);
        if (!value)
            value = llmd__json_member(llmd__json_member(resources, "limits"), resource);
        int64_t milli = value ? quantity_milli(llmd__json_text(value)) : 0;
        sum += milli > 0 ? milli : 0;
    }
    return sum;
}

static int64_t used(struct sandbox *sandbox, const struct object *node, const char *resource)
{
    int64_t sum = 0;
    struct kind *pods = kinds_find(sandbox->store.kinds, "", "pods");
    for (struct object *pod = pods->objects; pod; pod = pod->next)
        if (strcmp(object_str(pod, "spec.nodeName"), node->name) == 0)
            sum += asked(object_json(pod), resource);
    return sum;
}

static void add_reason(struct reasons *reasons, const char *words)
{
    for (int i = 0; i < reasons->count; i++)
        if (strcmp(reasons->words[i], words) == 0) {
            reasons->nodes[i]++;
            return;
        }
    if (reasons->count == MAX_REASONS)
        return;
    reasons->words[reasons->count] = llmd__format("%s", words);
    reasons->nodes[reasons->count++] = 1;
}

static bool selector_fits(const struct json *pod, const struct json *node)
{
    JSON_EACH(label, llmd__json_get(pod, "spec.nodeSelector")) {
        const struct json *own =
            llmd__json_member(llmd__json_get(node, "metadata.labels"), llmd__json_key(label));
        if (!own || strcmp(llmd__json_text(own), llmd__json_text(label)) != 0)
            return false;
    }
    return true;
}

static bool tolerates(const struct json *pod, const struct json *taint)
{
    const char *key = llmd__json_str(taint, "key");
    JSON_EACH(toleration, llmd__json_get(pod, "spec.tolerations")) {
        const char *own = llmd__json_str(toleration, "key");
        if (!*own || strcmp(own, key) == 0)
            return true;
    }
    /* ExtendedResourceToleration: who asks for the resource tolerates its taint. */
    return asked(pod, key) > 0;
}

static const struct json *untolerated(const struct json *pod, const struct json *node)
{
    JSON_EACH(taint, llmd__json_get(node, "spec.taints"))
        if (strcmp(llmd__json_str(taint, "effect"), "PreferNoSchedule") != 0 &&
            !tolerates(pod, taint))
            return taint;
    return NULL;
}

static const char *resource_at(const struct json *list, size_t index)
{
    JSON_EACH(item, list)
        if (index-- == 0)
            return llmd__json_key(item);
    return NULL;
}

/* All resources that any container names. */
static bool resources_fit(struct sandbox *sandbox, const struct object *pod,
                          const struct object *node, struct reasons *reasons)
{
    bool fits = true;
    bool hopeless = false;
    AUTO(json) struct json *names = llmd__json_object();
    JSON_EACH(container, llmd__json_get(object_json(pod), "spec.containers"))
        for (int i = 0; i < 2; i++)
            JSON_EACH(item,
                      llmd__json_get(container, i ? "resources.limits" : "resources.requests"))
                llmd__json_set_int(names, llmd__json_key(item), 1);
    for (size_t i = 0; i < llmd__json_count(names); i++) {
        const char *name = resource_at(names, i);
        const struct json *have =
            llmd__json_member(llmd__json_get(object_json(node), "status.allocatable"), name);
        int64_t total = have ? quantity_milli(llmd__json_text(have)) : 0;
        int64_t need = asked(object_json(pod), name);
        if (need <= total - used(sandbox, node, name))
            continue;
        AUTO(str) char *words = llmd__format("Insufficient %s", name);
        add_reason(reasons, words);
        fits = false;
        hopeless = hopeless || need > total;
    }
    reasons->hopeless += hopeless;
    return fits;
}

static bool fits(struct sandbox *sandbox, const struct object *pod, const struct object *node,
                 struct reasons *reasons)
{
    const struct json *taint = untolerated(object_json(pod), object_json(node));
    if (llmd__json_bool(object_json(node), "spec.unschedulable", false)) {
        add_reason(reasons, "node(s) were unschedulable");
    } else if (!selector_fits(object_json(pod), object_json(node))) {
        add_reason(reasons, "node(s) didn't match Pod's node affinity/selector");
    } else if (taint) {
        AUTO(str)
        char *words = llmd__format("node(s) had untolerated taint {%s: %s}",
                                   llmd__json_str(taint, "key"), llmd__json_str(taint, "value"));
        add_reason(reasons, words);
    } else {
        return resources_fit(sandbox, pod, node, reasons);
    }
    reasons->hopeless++;
    return false;
}

static int by_words(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_preemption(struct buf *buf, const struct reasons *reasons)
{
    int hopeful = reasons->all_nodes - reasons->hopeless;
    llmd__buf_format(buf, ". no new claims to deallocate, preemption: 0/%d nodes are available: ",
                     reasons->all_nodes);
    if (hopeful > 0)
        llmd__buf_format(buf, "%d No preemption victims found for incoming pod%s", hopeful,
                         reasons->hopeless ? ", " : ".");
    if (reasons->hopeless > 0)
        llmd__buf_format(buf, "%d Preemption is not helpful for scheduling.", reasons->hopeless);
}

static char *explain(struct reasons *reasons)
{
    AUTO(buf) struct buf buf = BUF_INIT;
    char *parts[MAX_REASONS];
    if (reasons->all_nodes == 0)
        return llmd__format("no nodes available to schedule pods");
    for (int i = 0; i < reasons->count; i++)
        parts[i] = llmd__format("%d %s", reasons->nodes[i], reasons->words[i]);
    qsort(parts, (size_t)reasons->count, sizeof(parts[0]), by_words);
    llmd__buf_format(&buf, "0/%d nodes are available: ", reasons->all_nodes);
    for (int i = 0; i < reasons->count; i++) {
        llmd__buf_format(&buf, "%s%s", i ? ", " : "", parts[i]);
        llmd__free(parts[i]);
        llmd__free(reasons->words[i]);
    }
    add_preemption(&buf, reasons);
    return llmd__format("%s", llmd__buf_text(&buf));
}

/* Pods that are already meant for the node take of its resources. */
static bool leaves_room(const struct json *pod, const struct json *node,
                        const struct json *const *others, int count, const char **why)
{
    static const struct {
        const char *name;
        const char *words;
    } resources[] = {{"cpu", "Insufficient cpu"},
                     {"memory", "Insufficient memory"},
                     {"google.com/tpu", "Insufficient google.com/tpu"},
                     {"nvidia.com/gpu", "Insufficient nvidia.com/gpu"}};
    for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
        const struct json *have =
            llmd__json_member(llmd__json_get(node, "status.allocatable"), resources[i].name);
        int64_t left = have ? quantity_milli(llmd__json_text(have)) : 0;
        for (int n = 0; n < count; n++)
            left -= asked(others[n], resources[i].name);
        if (asked(pod, resources[i].name) > left) {
            *why = resources[i].words;
            return false;
        }
    }
    return true;
}

bool scheduler_would_fit(const struct json *pod, const struct json *node,
                         const struct json *const *others, int count, const char **why)
{
    const char *ignored;
    why = why ? why : &ignored;
    *why = "node(s) didn't match Pod's node affinity/selector";
    if (!selector_fits(pod, node))
        return false;
    *why = "node(s) had untolerated taint(s)";
    return !untolerated(pod, node) && leaves_room(pod, node, others, count, why);
}

struct object *schedule(struct sandbox *sandbox, const struct object *pod, char **why)
{
    struct reasons reasons = {.count = 0};
    struct object *chosen = NULL;
    struct kind *nodes = kinds_find(sandbox->store.kinds, "", "nodes");
    for (struct object *node = nodes->objects; node && !chosen; node = node->next) {
        reasons.all_nodes++;
        if (fits(sandbox, pod, node, &reasons))
            chosen = node;
    }
    *why = NULL;
    if (!chosen)
        *why = explain(&reasons);
    for (int i = 0; chosen && i < reasons.count; i++)
        llmd__free(reasons.words[i]);
    return chosen;
}
