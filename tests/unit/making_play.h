/* SPDX-License-Identifier: Apache-2.0 */
/* The owner of a struct making that does as a test tells it, and what Google says to it. */
#ifndef LLMD_UNIT_MAKING_PLAY_H
#define LLMD_UNIT_MAKING_PLAY_H

#include "gke_play.h"

#include "gke/making.h"

#define OURS "'resourceLabels':{'managed-by':'libllmd'}"
#define RUNNING "200 {'name':'llm','status':'RUNNING','endpoint':'10.0.0.1'," OURS "}"
#define AS_PROVISIONING "200 {'name':'llm','status':'PROVISIONING'," OURS "}"
#define AS_ERROR "200 {'name':'llm','status':'ERROR','statusMessage':'no quota'," OURS "}"
#define OP_RUNS "200 {'name':'operation-1-a','operationType':'CREATE_CLUSTER','status':'RUNNING'}"
#define OP_DONE "200 {'name':'operation-1-a','operationType':'CREATE_CLUSTER','status':'DONE'}"
#define OP_FAILED(text)                                                                            \
    "200 {'name':'operation-1-a','operationType':'CREATE_CLUSTER','status':'DONE','error':{"       \
    "'code':8,'message':'" text "'}}"
#define DEL_DONE "200 {'name':'operation-2-b','operationType':'DELETE_CLUSTER','status':'DONE'}"
#define UP_DONE "200 {'name':'operation-3-c','operationType':'UPDATE_CLUSTER','status':'DONE'}"
#define NOT_FOUND                                                                                  \
    "404 {'error':{'code':404,'status':'NOT_FOUND','message':'Not found: "                         \
    "projects/p/locations/europe-west4-a/clusters/llm.'}}"
#define EXISTS                                                                                     \
    "409 {'error':{'code':409,'status':'ALREADY_EXISTS','message':'Already exists: "               \
    "projects/p/zones/europe-west4-a/clusters/llm.'}}"
#define OPERATIONS(type, status, rest)                                                             \
    "200 {'operations':[{'name':'operation-8-q','operationType':'UPDATE_CLUSTER','status':"        \
    "'RUNNING','targetLink':'https://x/v1/projects/12/zones/z/clusters/other-llm'},"               \
    "{'name':'operation-1-a','operationType':'" type "','status':'" status                         \
    "','startTime':'2026-11-25T04:00:00Z','targetLink':'https://x/v1/projects/12/zones/z/"         \
    "clusters/llm'" rest "}]}"
#define NO_OPERATIONS "200 {}"
#define LOOK "GET clusters/llm"
#define CREATE "POST clusters {\"cluster\":1}"

/* ---- an owner that does as it is told ---- */

struct owner {
    struct play play;
    struct making making;
    struct making_class class;
    const char *refusal; /* of accept() */
    int fallbacks;       /* how often failed() says again */
    int alterations;     /* how many changes are left */
    bool stubborn;       /* a change that was made is asked for again */
    bool unseen;         /* behind the change comes one that cannot be seen */
    bool unready;        /* settled() waits once */
    int unsaid;          /* how often body() says: not yet */
    bool patient;
    bool hopeless; /* gives_up() says so once */
    int polled;
    int leftovers; /* how often it heard of one */
    enum trouble left_by;
};

static llmd_error *accept(void *data, struct graph *graph, const struct json *there)
{
    const struct owner *owner = data;

    (void)graph;
    (void)there;
    return owner->refusal ? llmd__error(LLMD_E_EXISTS, "%s", owner->refusal) : NULL;
}

static llmd_error *body(void *data, struct graph *graph, struct json **out)
{
    struct owner *owner = data;

    (void)graph;
    if (owner->unsaid-- > 0)
        return NULL;
    return llmd__json_make(out, "{'cluster': 1}");
}

static llmd_error *changes(void *data, const struct json *there, struct json **out)
{
    struct owner *owner = data;

    (void)there;
    *out = llmd__json_array();
    if (!owner->alterations)
        return NULL;
    struct json *change = NULL;
    assert_null(llmd__json_make(&change,
                                "{'method': 'PUT', 'path': '', 'what': 'Gateway API on', 'body': "
                                "{'n': %d}, 'warning': %s}",
                                owner->alterations,
                                owner->stubborn ? "nodes are recreated" : NULL));
    llmd__json_add(*out, change);
    if (!owner->stubborn)
        owner->alterations--;
    if (!owner->unseen)
        return NULL;
    assert_null(llmd__json_make(&change, "{'method': 'POST', 'path': ':setSize', 'what': 'size', "
                                         "'body': {'nodeCount': 3}, 'unseen': true}"));
    llmd__json_add(*out, change);
    return NULL;
}

static llmd_error *settled(void *data, struct graph *graph, const struct json *there, bool *ready)
{
    struct owner *owner = data;

    (void)graph;
    (void)there;
    *ready = !owner->unready;
    owner->unready = false;
    return NULL;
}

static llmd_error *failed(void *data, struct graph *graph, const llmd_error *error,
                          enum trouble class, bool *again)
{
    struct owner *owner = data;

    (void)graph;
    assert_non_null(error);
    *again = class == TROUBLE_STOCKOUT && owner->fallbacks-- > 0;
    return NULL;
}

static llmd_error *leftover(void *data, struct graph *graph, const struct json *there,
                            enum trouble class)
{
    struct owner *owner = data;

    (void)graph;
    assert_non_null(there);
    owner->leftovers++;
    owner->left_by = class;
    return NULL;
}

static void polled(void *data, struct graph *graph, int polls)
{
    struct owner *owner = data;

    (void)graph;
    owner->polled = polls;
}

static bool gives_up(void *data)
{
    struct owner *owner = data;
    bool hopeless = owner->hopeless;

    owner->hopeless = false;
    return hopeless;
}

static const char *const serve[] = {"RUNNING", "RECONCILING", "DEGRADED", NULL};

static llmd_error *advance(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    struct owner *owner = state;

    TRY(llmd__making_advance(&owner->making, graph, input, action));
    if (owner->making.over)
        llmd__buf_str(&owner->play.out, " OVER");
    return NULL;
}

/* Before the second half it becomes hopeless; NULL: there is none. */
static void play_owner_on(struct owner *owner, const struct line *lines, const struct line *second)
{
    struct making_wish wish = {
        .class = &owner->class, .data = owner, .cluster = "llm", .patient = &owner->patient};

    owner->class.create_type = "CREATE_CLUSTER";
    owner->class.serve = serve;
    owner->class.accept = accept;
    owner->class.changes = changes;
    owner->class.settled = settled;
    owner->class.failed = failed;
    owner->class.leftover = leftover;
    owner->class.polled = polled;
    owner->class.gives_up = gives_up;
    owner->play.advance = advance;
    owner->play.state = owner;
    play_start(&owner->play);
    wish.gke = owner->play.gke;
    assert_null(llmd__making_init(&owner->making, &wish));
    play_lines(&owner->play, lines);
    if (second) {
        owner->hopeless = true;
        play_lines(&owner->play, second);
    }
    llmd__making_free(&owner->making);
    play_stop(&owner->play);
}

static void play_owner(struct owner *owner, const struct line *lines)
{
    play_owner_on(owner, lines, NULL);
}

static void play_plain(const struct line *lines)
{
    struct owner owner = {.class = {.body = body}};

    play_owner(&owner, lines);
}

#endif
