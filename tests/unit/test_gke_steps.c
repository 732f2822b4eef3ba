/* SPDX-License-Identifier: Apache-2.0 */
/* Enabling services, deleting, and waiting for forwarding rules, each step against scripts. */
#include "gke_play.h"

#include "gke/apply.h"
#include "gke/cluster.h"
#include "gke/drain.h"
#include "gke/removal.h"
#include "kube/apply.h"

struct scene {
    struct play play;
    struct apply apply;
    struct drain drain;
    struct step *step;
    bool looked, was_there;
};

static llmd_error *advance(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    struct scene *scene = state;

    return scene->step->class->advance(scene->step->state, graph, input, action);
}

static void start_scene(struct scene *scene)
{
    scene->play.advance = advance;
    scene->play.state = scene;
    play_start(&scene->play);
    scene->apply.gke = scene->play.gke;
}

static void play_step(struct scene *scene, step_id id, const struct line *lines)
{
    scene->step = scene->play.graph->steps[id];
    play_lines(&scene->play, lines);
    play_stop(&scene->play);
}

/* ---- services ---- */

#define BATCH_GET "GET /v1/projects/p/services:batchGet?names=projects/p/services/container*"
#define ALL_BUT(state)                                                                             \
    "200 {'services':[{'name':'projects/1/services/container.googleapis.com','state':'ENABLED'},"  \
    "{'name':'projects/1/services/compute.googleapis.com','state':'ENABLED'},"                     \
    "{'name':'projects/1/services/iam.googleapis.com','state':'ENABLED'},"                         \
    "{'name':'projects/1/services/logging.googleapis.com','state':'ENABLED'},"                     \
    "{'name':'projects/1/services/monitoring.googleapis.com','state':'ENABLED'},"                  \
    "{'name':'projects/1/services/artifactregistry.googleapis.com','state':'ENABLED'},"            \
    "{'name':'projects/1/services/networkservices.googleapis.com','state':'" state "'}]}"
#define BATCH_ENABLE                                                                               \
    "POST /v1/projects/p/services:batchEnable "                                                    \
    "{\"serviceIds\":[\"networkservices.googleapis.com\"]}"

static void play_services(const struct line *lines, bool patient)
{
    struct scene scene = {0};
    step_id id = -1;

    start_scene(&scene);
    assert_null(llmd__services_step(scene.play.graph, &scene.apply, &id));
    play_step(&scene, id, lines);
    assert_int_equal(scene.apply.patient, patient);
}

static void P10_what_is_missing_is_enabled_and_waited_for(void **state)
{
    static const struct line lines[] = {
        {"begin", BATCH_GET},
        {ALL_BUT("DISABLED"), BATCH_ENABLE " Enabling"},
        {"400 {'error':{'status':'FAILED_PRECONDITION','message':'Another activation or "
         "deactivation is in progress'}}",
         "sleep 5000"},
        {"tick", BATCH_ENABLE},
        {"200 {'name':'operations/acf.p2-1'}", "sleep 5000"},
        {"tick", "GET /v1/operations/acf.p2-1"},
        {"503 {}", "sleep 5000"},
        {"tick", "GET /v1/operations/acf.p2-1"},
        {"200 {'name':'operations/acf.p2-1','done':true,'response':{}}", "done Enabled"},
        {NULL, NULL},
    };
    static const struct line failing[] = {
        {"begin", BATCH_GET},
        {ALL_BUT("DISABLED"), BATCH_ENABLE " Enabling"},
        {"200 {'name':'operations/acf.p2-1','done':true,'error':{'message':'billing is off'}}",
         "error enabling services: billing is off"},
        {NULL, NULL},
    };

    (void)state;
    play_services(lines, true);
    play_services(failing, false);
}

static void what_is_enabled_is_left_alone(void **state)
{
    static const struct line lines[] = {
        {"begin", BATCH_GET}, {ALL_BUT("ENABLED"), "done"}, {NULL, NULL}};
    static const struct line forbidden[] = {
        {"begin", BATCH_GET},
        {"403 {'error':{'code':403,'message':'Required serviceusage.services.get'}}",
         "done !ServicesNotSeen"},
        {NULL, NULL}};
    static const struct line odd[] = {
        {"begin", BATCH_GET},
        {ALL_BUT("DISABLED"), BATCH_ENABLE " Enabling"},
        {"200 {'name':'../projects/x'}",
         "error enabling services: \"../projects/x\" is no operation"},
        {NULL, NULL}};

    (void)state;
    play_services(lines, false);
    play_services(forbidden, false);
    play_services(odd, false);
}

/* ---- deleting ---- */

#define LOOK "GET clusters/llm"
#define OURS "'resourceLabels':{'managed-by':'libllmd'}"
#define DEL(status)                                                                                \
    "200 {'name':'operation-2-b','operationType':'DELETE_CLUSTER','status':'" status "'}"

static llmd_error *on_look(void *data, struct graph *graph, const struct json *there)
{
    struct scene *scene = data;

    (void)graph;
    scene->looked = true;
    scene->was_there = there != NULL;
    return NULL;
}

static struct scene play_removal(bool first, const struct line *lines)
{
    struct scene scene = {0};
    struct removal_wish wish = {.cluster = "llm", .on_look = on_look, .data = &scene};
    step_id look = -1, gone = -1;

    start_scene(&scene);
    wish.gke = scene.play.gke;
    assert_null(llmd__removal_steps(scene.play.graph, &wish, &look, &gone));
    play_step(&scene, first ? look : gone, lines);
    return scene;
}

static void the_first_look_tells_and_refuses(void **state)
{
    static const struct line ours[] = {
        {"begin", LOOK}, {"200 {'status':'RUNNING'," OURS "}", "done"}, {NULL, NULL}};
    static const struct line gone[] = {{"begin", LOOK}, {"404 {}", "done"}, {NULL, NULL}};
    static const struct line others[] = {
        {"begin", LOOK},
        {"200 {'status':'RUNNING'}", "error cluster llm: is not libllmd's*"},
        {NULL, NULL}};

    (void)state;
    assert_true(play_removal(true, ours).was_there);
    assert_false(play_removal(true, gone).was_there);
    assert_false(play_removal(true, others).looked);
}

static void it_is_deleted_until_it_is_not_found(void **state)
{
    static const struct line lines[] = {
        {"begin", LOOK},
        {"200 {'status':'RUNNING'," OURS "}", "DELETE clusters/llm Deleting"},
        {P107, "GET operations/operation-9-x CLUSTER_ALREADY_HAS_OPERATION"},
        {"200 {'operationType':'UPDATE_CLUSTER','status':'DONE'}",
         "DELETE clusters/llm UPDATE_CLUSTER"},
        {"lost", LOOK}, /* whether it was taken is seen */
        {"503 {}", "sleep 5000"},
        {"tick", LOOK},
        {"200 {'status':'STOPPING'," OURS "}", "GET operations"},
        {"lost", "sleep 5000"},
        {"tick", LOOK},
        {"200 {'status':'STOPPING'," OURS "}", "GET operations"},
        {"200 {}", "sleep 5000"},
        {"tick", LOOK},
        {"200 {'status':'STOPPING'," OURS "}", "GET operations"},
        {"200 {'operations':[{'name':'operation-2-b','status':'RUNNING','targetLink':"
         "'https://x/clusters/llm'}]}",
         "GET operations/operation-2-b Resuming"},
        {DEL("RUNNING"), "sleep 5000 DELETE_CLUSTER"},
        {"tick", "GET operations/operation-2-b"},
        {DEL("DONE"), LOOK " DELETE_CLUSTER"},
        {"404 {}", "done Deleted"},
        {NULL, NULL},
    };
    static const struct line already[] = {
        {"begin", LOOK}, {"404 {}", "done NotFound"}, {NULL, NULL}};

    (void)state;
    play_removal(false, lines);
    play_removal(false, already);
}

/* ---- what is in the cluster ---- */

#define KUBECONFIG                                                                                 \
    "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: "  \
    "k, user: u}}], clusters: [{name: k, cluster: {server: 'http://127.0.0.1:1'}}], users: "       \
    "[{name: u, user: {}}]}"
#define CORE_OF_PODS                                                                               \
    "200 {'kind':'APIGroupDiscoveryList','apiVersion':'apidiscovery.k8s.io/v2','items':[{"         \
    "'metadata':{'name':''},'versions':[{'version':'v1','resources':[{'resource':'pods',"          \
    "'responseKind':{'group':'','version':'v1','kind':'Pod'},'scope':'Namespaced',"                \
    "'singularResource':'pod','verbs':['list','delete','watch','get']}]}]}]}"
#define HELD                                                                                       \
    "200 {'kind':'PodList','metadata':{'resourceVersion':'5'},'items':[{'metadata':{'name':'q',"   \
    "'namespace':'default','uid':'u1','finalizers':['x/y']}}]}"

/* A controller that is not there any more must not keep a cluster from going. */
static void what_is_held_for_ever_is_left(void **state)
{
    static const struct line lines[] = {
        {"begin", "GET /api"},
        {CORE_OF_PODS, "GET /apis"},
        {"200 {'kind':'APIGroupDiscoveryList','items':[]}",
         "DELETE /api/v1/namespaces/default/pods/q*"},
        {"200 {'metadata':{'uid':'u1'}}", "GET /api/v1/namespaces/default/pods?*"},
        {HELD, "-"},
        {"tick", "- !Held"},
        {"tick", "done !Abandoned"},
        {NULL, NULL},
    };
    LLMD_AUTO(llmd_kube) connection = NULL;
    struct scene scene = {0};
    step_id id = -1;

    (void)state;
    start_scene(&scene);
    assert_null(llmd_kube_open_text(KUBECONFIG, NULL, &connection));
    assert_null(llmd__delete_patiently_step(scene.play.graph, connection, "pods", "default", "q",
                                            7000, &id));
    play_step(&scene, id, lines);
}

/* ---- waiting ---- */

static void a_wait_outlives_troubles(void **state)
{
    static const struct line lines[] = {
        {"begin", LOOK},
        {"200 {'status':'RECONCILING'}", "GET operations RECONCILING"},
        {"503 {}", "sleep 5000"},
        {"tick", LOOK},
        {"lost", "sleep 5000"},
        {"tick", LOOK},
        {"200 {'status':'RUNNING'}", "GET operations RUNNING"},
        {"200 {}", "finish Ready"},
        {NULL, NULL},
    };
    static const struct line first[] = {
        {"begin", LOOK}, {"lost", "error cluster llm: connection reset"}, {NULL, NULL}};
    static const struct line gone_wrong[] = {{"begin", LOOK},
                                             {"200 {'status':'ERROR','statusMessage':'no'}",
                                              "error cluster llm: is in status ERROR: no ERROR"},
                                             {NULL, NULL}};
    const struct line *const scripts[] = {lines, first, gone_wrong};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct scene scene = {0};
        step_id id = -1;

        start_scene(&scene);
        assert_null(llmd__wait_step(scene.play.graph, scene.play.gke, "llm", NULL, &id));
        play_step(&scene, id, scripts[i]);
    }
}

#define CLUSTER_OPERATION                                                                          \
    "200 {'operations':[{'name':'operation-1-a','operationType':'CREATE_CLUSTER','status':"        \
    "'RUNNING','targetLink':'https://x/v1/projects/12/zones/z/clusters/llm'}]}"
#define DEPLOYING                                                                                  \
    "200 {'operationType':'CREATE_CLUSTER','status':'RUNNING','detail':'almost','progress':{"      \
    "'metrics':[{'name':'CLUSTER_CONFIGURING','intValue':'8'},{'name':"                            \
    "'CLUSTER_CONFIGURING_TOTAL','intValue':'8'},{'name':'CLUSTER_DEPLOYING','intValue':'5'},{"    \
    "'name':'CLUSTER_DEPLOYING_TOTAL','intValue':'12'}]}}"

/* What a deadline says that comes after the first so many of these lines. */
static void a_wait_says_what_it_saw_last(void **state)
{
    static const struct line lines[] = {
        {"begin", LOOK},
        {"200 {'status':'PROVISIONING','statusMessage':'soon'}", "GET operations PROVISIONING"},
        {CLUSTER_OPERATION, "GET operations/operation-1-a"},
        {DEPLOYING, "sleep 5000 CREATE_CLUSTER(13/20)"},
        {NULL, NULL},
    };
    static const char *const said[] = {
        "", "cluster llm: PROVISIONING: soon", "cluster llm: PROVISIONING",
        "cluster llm: PROVISIONING: CREATE_CLUSTER operation-1-a: RUNNING for 0 s, "
        "CLUSTER_DEPLOYING 5 of 12: almost"};
    struct scene scene = {0};
    step_id id = -1;

    (void)state;
    start_scene(&scene);
    assert_null(llmd__wait_step(scene.play.graph, scene.play.gke, "llm", NULL, &id));
    scene.step = scene.play.graph->steps[id];
    for (size_t i = 0; lines[i].in; i++) {
        AUTO(buf) struct buf text = BUF_INIT;

        play_line(&scene.play, &lines[i]);
        scene.step->class->describe(scene.step->state, scene.play.graph, &text);
        assert_string_equal(llmd__buf_text(&text), said[i]);
    }
    assert_non_null(strstr(scene.step->class->advise(NULL, NULL), "wait again"));
    play_stop(&scene.play);
}

#define POOL_LOOK "GET clusters/llm/nodePools/tpu"
#define POOL_OPERATION                                                                             \
    "200 {'operations':[{'name':'operation-7-o','status':'RUNNING','targetLink':'https://x/v1/"    \
    "projects/12/zones/z/clusters/llm/nodePools/tpu2'},{'name':'operation-1-a','operationType':"   \
    "'CREATE_NODE_POOL','status':'RUNNING','targetLink':'https://x/v1/projects/12/zones/z/"        \
    "clusters/llm/nodePools/tpu'}]}"

/* Its own operations only; one that runs with an error is told. */
static void a_pool_is_waited_for(void **state)
{
    static const struct line lines[] = {
        {"begin", POOL_LOOK},
        {"200 {'status':'PROVISIONING'}", "GET operations PROVISIONING"},
        {POOL_OPERATION, "GET operations/operation-1-a"},
        {"200 {'operationType':'CREATE_NODE_POOL','status':'DONE'}", POOL_LOOK " CREATE_NODE_POOL"},
        {"200 {'status':'RUNNING_WITH_ERROR','statusMessage':'1 of 2'}",
         "GET operations !RUNNING_WITH_ERROR"},
        {"200 {}", "finish Ready"},
        {NULL, NULL},
    };
    static const struct line none[] = {
        {"begin", POOL_LOOK},
        {"404 {'error':{'code':404,'message':'Not found'}}", "error node pool llm/tpu: 404: *"},
        {NULL, NULL},
    };
    const struct line *const scripts[] = {lines, none};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene scene = {0};
        step_id id = -1;

        start_scene(&scene);
        assert_null(llmd__wait_step(scene.play.graph, scene.play.gke, "llm", "tpu", &id));
        play_step(&scene, id, scripts[i]);
    }
}

/* ---- forwarding rules ---- */

#define RULES                                                                                      \
    "GET /compute/v1/projects/p/aggregated/forwardingRules?returnPartialSuccess=true&maxResults="  \
    "500"
#define PAGE_OF(name, address, more)                                                               \
    "200 {'items':{'regions/europe-west4':{'forwardingRules':[{'name':'" name                      \
    "','IPAddress':'" address "'}]}}" more "}"

static void play_rules(const char *address, const struct line *lines)
{
    struct scene scene = {.drain = {.name = "llm"}};
    step_id id = -1;

    start_scene(&scene);
    scene.drain.gke = scene.play.gke;
    scene.drain.addresses = llmd__json_object();
    if (address)
        llmd__json_set_bool(scene.drain.addresses, address, true);
    assert_null(llmd__rules_step(scene.play.graph, &scene.drain, &id));
    play_step(&scene, id, lines);
    llmd__json_free(scene.drain.addresses);
}

static void the_rules_of_our_gateways_are_waited_for(void **state)
{
    static const struct line lines[] = {
        {"begin", RULES},
        {PAGE_OF("gkegw1-abcd-llm-edge-80-x", "34.1.2.3", ",'nextPageToken':'2'"),
         RULES "&pageToken=2"},
        {"200 {}", "sleep 5000 Draining"},
        {"tick", RULES},
        {PAGE_OF("gkegw1-abcd-llm-edge-80-x", "34.1.2.3", ""), "sleep 5000"},
        {"tick", RULES},
        {"503 {}", "sleep 5000"}, /* the cluster must not go before them */
        {"tick", RULES},
        {"lost", "sleep 5000"},
        {"tick", RULES},
        {PAGE_OF("gkegw1-abcd-llm-edge-80-x", "34.9.9.9", ""), "done Drained"},
        {NULL, NULL},
    };
    static const struct line holes[] = {
        {"begin", RULES},
        {"200 {'unreachables':['regions/europe-west4']}", "sleep 5000"}, /* P114 */
        {"tick", RULES},
        {"200 {'unreachables':['regions/us-east1']}", "done Drained"},
        {NULL, NULL},
    };
    static const struct line of_service[] = {
        {"begin", RULES},
        {PAGE_OF("a0123456789abcdef0123456789abcde", "34.1.2.3", ""), "sleep 5000 Draining"},
        {NULL, NULL},
    };
    static const struct line another[] = {
        {"begin", RULES}, {PAGE_OF("by-hand", "34.1.2.3", ""), "done Drained"}, {NULL, NULL}};
    static const struct line none[] = {{"begin", "done"}, {NULL, NULL}};
    static const struct line forbidden[] = {
        {"begin", RULES},
        {"403 {'error':{'code':403,'message':'Required compute.forwardingRules.list'}}",
         "done !RulesNotSeen"},
        {NULL, NULL}};

    (void)state;
    play_rules("34.1.2.3", lines);
    play_rules("34.1.2.3", holes);
    play_rules("34.1.2.3", of_service);
    play_rules("34.1.2.3", another);
    play_rules(NULL, none);
    play_rules("34.1.2.3", forbidden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(P10_what_is_missing_is_enabled_and_waited_for),
        cmocka_unit_test(what_is_enabled_is_left_alone),
        cmocka_unit_test(the_first_look_tells_and_refuses),
        cmocka_unit_test(it_is_deleted_until_it_is_not_found),
        cmocka_unit_test(what_is_held_for_ever_is_left),
        cmocka_unit_test(a_wait_outlives_troubles),
        cmocka_unit_test(a_wait_says_what_it_saw_last),
        cmocka_unit_test(a_pool_is_waited_for),
        cmocka_unit_test(the_rules_of_our_gateways_are_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
