/* SPDX-License-Identifier: Apache-2.0 */
/* Making a service: discover, look, write, wait. */
#include "service/policies.h"
#include "service/secrets.h"
#include "service/service_manifest.h"
#include "service/wait.h"

#include "kube/apply.h"

#include <string.h>

/* ---- writing, once we know what stands in the cluster ---- */

/* Secrets carry the service's label, by which its delete finds them. */
static llmd_error *companions(struct wait *wait, struct json *list)
{
    struct json *shadow = NULL;

    TRY(llmd__scene_wait_namespace(&wait->base, list));
    TRY(llmd__secrets_manifests(wait->spec, wait->base.ns, false, list));
    TRY(llmd__route_shadow(wait->spec, wait->base.ns, &wait->kserve, &shadow));
    if (shadow)
        llmd__json_add(list, shadow);
    return llmd__json_check(list);
}

/* Namespace, Secrets and the shadowed preset first: a service that starts without them
 * starts wrong. */
static llmd_error *write_companions(struct graph *graph, struct wait *wait, step_id *done)
{
    AUTO(secret_json) struct json *list = llmd__json_array();
    struct apply_options options = {.ns = wait->base.ns};
    step_id first = -1;

    CHECK_MEMORY(list);
    TRY(companions(wait, list));
    *done = -1;
    if (!llmd__json_count(list))
        return NULL;
    return llmd__apply_steps(graph, wait->base.kube, list, &options, &first, done);
}

/* Only now is it known which KServe reads the object, so it cannot be made earlier. */
static llmd_error *write_all(struct graph *graph, struct wait *wait)
{
    AUTO(json) struct json *service = NULL;
    struct apply_options options = {.ns = wait->base.ns};
    step_id companion = -1, applied = -1;

    TRY(llmd__server_new(wait->spec, &wait->kserve, &wait->server));
    TRY(llmd__service_manifest(wait->spec, wait->base.ns, &wait->kserve, &wait->server, &service));
    TRY(write_companions(graph, wait, &companion));
    TRY(llmd__apply_step(graph, wait->base.kube, service, &options, llmd__scene_wait_applied,
                         &wait->base, &applied));
    if (companion >= 0)
        TRY(llmd__graph_need(graph, applied, companion));
    return llmd__graph_need(graph, wait->base.judge, applied);
}

static llmd_error *plan_advance(void *state, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    (void)state;
    (void)input;
    TRY(write_all(graph, llmd__graph_data(graph)));
    action->kind = ACTION_DONE;
    return NULL;
}

static const struct step_class plan_class = {.name = "plan", .advance = plan_advance};

/* ---- GKE's policies, after the pool ---- */

/* The pool's name is KServe's to choose; it cuts long ones. */
static const char *name_of(const struct scene *scene, enum scene_kind kind)
{
    return scene->sets[kind].count ? llmd__scene_name(scene->sets[kind].items[0]) : NULL;
}

/* A step of no work: it is done when those before it are, and says so. */
static llmd_error *policies_advance(void *state, struct graph *graph,
                                    const struct step_input *input, struct step_action *action)
{
    struct wait *wait = llmd__graph_data(graph);

    (void)state;
    (void)input;
    wait->policies_done = true;
    llmd__graph_poke(graph, wait->base.judge);
    action->kind = ACTION_DONE;
    return NULL;
}

static const struct step_class policies_class = {.name = "policies", .advance = policies_advance};

/* GKE checks a backend by what a HealthCheckPolicy says of it, and without one asks "/" on the
   first port, which vLLM answers with 404: no healthy upstream, for ever. */
static llmd_error *apply_policies(struct graph *graph, struct wait *wait, const char *pool)
{
    AUTO(json) struct json *list = llmd__json_array();
    AUTO(str)
    char *child = llmd__service_child(wait->base.name, LLMD__WORKLOAD_SUFFIX);
    const char *workload =
        llmd__json_str(llmd__scene_service(&wait->base.scene), "status.workloads.service.name");
    struct apply_options options = {.ns = wait->base.ns};
    step_id first = -1, done = -1, mark = -1;

    if (!list || !child)
        return NO_MEMORY;
    TRY(llmd__policies_manifests(wait->spec, &wait->server, wait->base.ns, pool,
                                 workload[0] ? workload : child, list));
    TRY(llmd__json_check(list));
    TRY(llmd__apply_steps(graph, wait->base.kube, list, &options, &first, &done));
    TRY(llmd__graph_add(graph, &policies_class, NULL, &mark));
    return llmd__graph_need(graph, mark, done);
}

/* The service may be told as ready before the pool is told at all. Only one that is ready without a
   word of a pool has none, such as one whose picker an overlay took away. */
static bool awaits_pool(const struct wait *wait)
{
    const struct json *status = llmd__json_member(llmd__scene_service(&wait->base.scene), "status");

    return wait->spec->scheduler.enabled &&
           (!wait->progress.ready || llmd__scene_condition(status, "InferencePoolReady"));
}

/* Pool before policy: GKE's controller drops a policy whose target does not exist and does not come
   back to it. Without a picker there is no pool, and the Service's policy is all. */
llmd_error *llmd__wait_policies(struct graph *graph, struct wait *wait)
{
    const char *pool = name_of(&wait->base.scene, SCENE_POOL);

    if (!wait->spec || !wait->kserve.gke || wait->policies_begun)
        return NULL;
    if (!pool && awaits_pool(wait))
        return NULL;
    wait->policies_begun = true;
    return apply_policies(graph, wait, pool);
}

/* ---- the tasks ---- */

/* A wait alone looks too: whether this is GKE decides what some findings mean. */
static llmd_error *add_steps(struct graph *graph, struct wait *wait)
{
    step_id discovery = -1, look = -1, plan = -1;

    TRY(llmd__discovery_step(graph, wait->base.kube, true, &discovery));
    TRY(llmd__service_look_step(graph, wait, &look));
    TRY(llmd__graph_need(graph, look, discovery));
    if (!wait->spec)
        return llmd__wait_steps(graph, wait, discovery, look);
    TRY(llmd__graph_add(graph, &plan_class, NULL, &plan));
    TRY(llmd__graph_need(graph, plan, look));
    return llmd__wait_steps(graph, wait, discovery, plan);
}

/* Takes the wait. */
static llmd_error *make_task(struct wait *wait, llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;

    TRY(llmd__graph_new(wait, llmd__wait_free, &graph));
    TRY(add_steps(graph, wait));
    return llmd__task_new(TAKE(graph), out);
}

llmd_error *llmd_service_apply(const llmd_kube *kube, const llmd_service_spec *spec,
                               llmd_task **out)
{
    AUTO(wait) struct wait *wait = NULL;
    void *copy = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(spec);
    TRY(llmd__spec_check(spec));
    TRY(llmd__wait_new(kube, spec->ns, spec->name, &wait));
    TRY(llmd__spec_copy(spec, &copy));
    wait->spec = copy;
    return make_task(TAKE(wait), out);
}

llmd_error *llmd_service_wait(const llmd_kube *kube, const char *ns, const char *name,
                              llmd_task **out)
{
    struct wait *wait = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kube);
    REQUIRE(name);
    TRY(llmd__wait_new(kube, ns, name, &wait));
    return make_task(wait, out);
}
