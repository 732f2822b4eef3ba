/* SPDX-License-Identifier: Apache-2.0 */
/* Rounds of llmd_network_health() against scripts: from the tick that begins one. */
#include "gke_play.h"
#include "kube_fixture.h"

#include "gke/verification.h"

#define BACKEND "gkegw1-ab12-llm-qwen-pool-54321-0a1b"
#define RULES "GET /compute/v1/projects/p/aggregated/forwardingRules*"
#define SERVICES "GET /compute/v1/projects/p/aggregated/backendServices*"
#define HEALTH "POST /compute/v1/projects/p/regions/europe-west4/backendServices/" BACKEND "*"
#define RULE "{'forwardingRules':[{'name':'gkegw1-ab12-llm-edge-0a1b','IPAddress':'10.0.0.9'}]}"
#define SERVICE "{'backendServices':[{'name':'" BACKEND "','backends':[{'group':'neg'}]}]}"
#define HOLE "{'warning':{'code':'UNREACHABLE'}}"
#define NOTHING "{'warning':{'code':'NO_RESULTS_ON_PAGE'}}"
#define WELL "200 {'healthStatus':[{'healthState':'HEALTHY','ipAddress':'10.4.0.5','port':8000}]}"
#define SICK "200 {'healthStatus':[{'healthState':'UNHEALTHY','ipAddress':'10.4.0.5','port':8000}]}"
#define ITEMS(here, global)                                                                        \
    "200 {'items':{'regions/us-east1':" HOLE ",'regions/europe-west4':" here ",'global':" global   \
    "}}"
#define ENOUGH 1000 /* rounds: more than it has */

static llmd_error *advance(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    return llmd__verification_class.advance(state, graph, input, action);
}

static void play_rounds(int rounds, const struct json *policy, const struct line *lines)
{
    struct play play = {.advance = advance};
    struct verification check = {
        .ns = "llm", .service = "qwen", .subject = "qwen", .pool = "qwen-pool"};

    play_start(&play);
    play.wake_ms = play.now_ms;
    play.state = &check;
    check.gke = play.gke;
    check.rounds = rounds;
    check.told_healthy = check.told_total = -1;
    assert_null(llmd__json_make(&check.addresses, "{'10.0.0.9': true}"));
    if (policy)
        assert_null(llmd__json_copy(policy, &check.policy));
    play_lines(&play, lines);
    assert_false(check.again);
    llmd__json_free(check.addresses);
    llmd__json_free(check.policy);
    llmd__json_free(check.services);
    llmd__json_free(check.groups);
    llmd__free(check.asked_path);
    llmd__buf_free(&check.path);
    llmd__buf_free(&check.body);
    llmd__buf_free(&check.holes);
    play_stop(&play);
}

/* What a place that does not answer has is in no list, and may be there (P114). */
static void P114_no_verdict_while_a_place_of_the_pool_does_not_answer(void **state)
{
    static const struct line waits[] = {
        {"tick", RULES},
        {ITEMS(HOLE, NOTHING), "sleep 5000"},
        {"tick", RULES},
        {ITEMS(RULE, NOTHING), SERVICES},
        {ITEMS(NOTHING, HOLE), "sleep 5000"},
        {"tick", SERVICES},
        {ITEMS(HOLE, NOTHING), "sleep 5000"},
        {"tick", SERVICES},
        {ITEMS(SERVICE, NOTHING), HEALTH},
        {WELL, "finish Healthy(1/1)"},
        {NULL, NULL},
    };
    static const struct line ends[] = {
        {"tick", RULES},
        {ITEMS(HOLE, NOTHING), "error health of backends: no answer from regions/europe-west4"},
        {NULL, NULL},
    };

    (void)state;
    play_rounds(0, NULL, waits);
    play_rounds(ENOUGH, NULL, ends);
}

/* A backend service that names no health check says nothing of a policy, which may be needed. */
static void P103_a_policy_stays_where_the_path_is_not_known(void **state)
{
    static const struct line lines[] = {
        {"tick", RULES},
        {ITEMS(RULE, NOTHING), SERVICES},
        {ITEMS(SERVICE, NOTHING), HEALTH},
        {SICK, "finish Backends(0/1) !Unhealthy(0/1)"},
        {NULL, NULL},
    };
    AUTO(json) struct json *policy = NULL;

    (void)state;
    assert_null(llmd__json_make(
        &policy, "{'metadata': {'name': 'mine', 'labels': {'app.kubernetes.io/managed-by': "
                 "'libllmd'}}, 'spec': {'default': {'config': {'httpHealthCheck': {'requestPath': "
                 "'/health'}}}}}"));
    play_rounds(ENOUGH, policy, lines);
}

/* ---- the policy anew ---- */

#define POLICY_PATH "/apis/networking.gke.io/v1/namespaces/llm/healthcheckpolicies/mine"
#define APPLY                                                                                      \
    "PATCH " POLICY_PATH "?fieldManager=libllmd {\"apiVersion\":\"networking.gke.io/v1\","         \
    "\"kind\":\"HealthCheckPolicy\",*"
#define GONE "error HealthCheckPolicy llm/mine was deleted to be made anew, and is gone: apply it: "
#define LEADER "500 {'kind':'Status','message':'etcdserver: leader changed','code':500}"

static void knows_policies(const llmd_kube *kube)
{
    static const char core[] = "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[]}";
    static const char groups[] =
        "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[{\"metadata\":{\"name\":"
        "\"networking.gke.io\"},\"versions\":[{\"version\":\"v1\",\"resources\":[{\"resource\":"
        "\"healthcheckpolicies\",\"responseKind\":{\"kind\":\"HealthCheckPolicy\"},\"scope\":"
        "\"Namespaced\",\"singularResource\":\"healthcheckpolicy\"}]}]}]}";
    const struct step_input replies[] = {fixture_reply(200, core, 0),
                                         fixture_reply(200, groups, 0)};
    struct discovery_walk walk = {0};
    struct step_action action = {0};
    bool done = false;

    assert_null(llmd__discovery_begin(&walk));
    for (int i = 0; i < 2; i++)
        assert_null(llmd__discovery_advance(&walk, kube, &replies[i], &action, &done));
    llmd__discovery_walk_free(&walk);
}

static struct step *anew; /* the step that applies */

static llmd_error *advance_anew(void *state, struct graph *graph, const struct step_input *input,
                                struct step_action *action)
{
    llmd_error *error = anew->class->advance(state, graph, input, action);

    assert_true(!error || strstr(llmd_error_advice(error), "apply the service again"));
    return error;
}

static void play_anew(const struct line *lines, bool waits)
{
    struct play play = {.advance = advance_anew};
    struct verification check = {.ns = "llm", .subject = "qwen", .step = -1, .waits = true};
    int count;

    play_start(&play);
    play.state = &check;
    assert_null(fixture_kube(&check.kube));
    knows_policies(check.kube);
    assert_null(llmd__json_make(&check.policy, "{'metadata': {'name': 'mine'}, 'spec': {}}"));
    assert_null(llmd__policy_anew_steps(play.graph, &check));
    for (count = 0; play.graph->steps[count]->state != &check; count++)
        ;
    anew = play.graph->steps[count];
    play_lines(&play, lines);
    assert_int_equal(check.waits, waits);
    llmd__json_free(check.policy);
    llmd__buf_free(&check.path);
    llmd__buf_free(&check.body);
    llmd_kube_free(check.kube);
    play_stop(&play);
}

/* Behind the delete nothing but this error tells that there is no policy any more. */
static void P103_a_policy_that_cannot_be_made_again_is_named(void **state)
{
    static const struct line good[] = {
        {"begin", APPLY},           {LEADER, "sleep 2000"}, {"tick", APPLY},
        {"201 {}", "done created"}, {NULL, NULL},
    };
    static const struct line denied[] = {
        {"begin", APPLY},
        {"403 {'kind':'Status','message':'no right','code':403}", GONE "403 Forbidden: no right"},
        {NULL, NULL},
    };
    static const struct line lost[] = {
        {"begin", APPLY},
        {"lost", GONE "connection reset"},
        {NULL, NULL},
    };

    (void)state;
    play_anew(good, false);
    play_anew(denied, true);
    play_anew(lost, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(P103_a_policy_that_cannot_be_made_again_is_named),
        cmocka_unit_test(P114_no_verdict_while_a_place_of_the_pool_does_not_answer),
        cmocka_unit_test(P103_a_policy_stays_where_the_path_is_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
