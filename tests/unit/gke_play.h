/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of gke/ against scripts. A line is what comes in and what must go out. In:
 *
 *   begin, poke, tick (the time that was asked for has come), lost (no answer),
 *   "200 {...}", "404", "403 {...}"   an answer; ' stands for "; "+3 " before it: Retry-After
 *
 * Out: the request below the location ("GET clusters/llm", "POST clusters {...}"), "sleep 5000",
 * "done", "finish", "-" for none; then the reasons of the events, warnings with a '!'; then what
 * the test's own advance() adds. A line whose out ends with '*' is compared up to there.
 */
#ifndef LLMD_UNIT_GKE_PLAY_H
#define LLMD_UNIT_GKE_PLAY_H

#include "gke/calls.h"
#include "task/work.h"

#include "support/torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define PLACE "/v1/projects/p/locations/europe-west4-a/"
#define P107                                                                                       \
    "400 {'error':{'code':400,'status':'FAILED_PRECONDITION','message':'Cluster is running "       \
    "incompatible operation operation-9-x.','details':[{'reason':'CLUSTER_ALREADY_HAS_OPERATION'"  \
    "}]}}"
#define P108                                                                                       \
    "429 {'error':{'code':429,'status':'RESOURCE_EXHAUSTED','message':'Too many operations: "      \
    "cluster llm hits the concurrent operations quota 5'}}"
#define STOCKOUT                                                                                   \
    "Google Compute Engine: Not all instances running in IGM after 35m. Expected 1, running 0, "   \
    "transitioning 1. Current errors: [GCE_STOCKOUT]: the zone does not have enough resources "    \
    "available to fulfill the request"

struct line {
    const char *in, *out;
};

struct play {
    llmd_gke *gke;
    struct graph *graph;
    llmd_error *(*advance)(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action);
    void *state;
    int64_t now_ms, wake_ms;
    struct buf out; /* the test may add to it in advance() */
};

static inline llmd_gke *play_gke(void)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    llmd_gke *gke = NULL;

    assert_null(llmd_credentials_from_token("secret", &credentials));
    assert_null(llmd_gke_open(credentials, "p", "europe-west4-a", &gke));
    return gke;
}

static inline void play_start(struct play *play)
{
    play->now_ms = 1000;
    play->gke = play_gke();
    assert_null(llmd__graph_new(NULL, NULL, &play->graph));
}

static inline void play_stop(struct play *play)
{
    llmd__graph_free(play->graph);
    llmd_gke_free(play->gke);
    llmd__buf_free(&play->out);
}

static inline char *with_quotes(const char *text)
{
    char *copy = llmd__strdup(text);

    for (char *at = copy; *at; at++) {
        if (*at == '\'')
            *at = '"';
    }
    return copy;
}

static void read_input(struct play *play, const char *in, char **body, struct http_reply *reply,
                       llmd_error *lost, struct step_input *input)
{
    *input = (struct step_input){.kind = INPUT_REPLY, .text = "", .reply = reply};
    if (strcmp(in, "begin") == 0)
        input->kind = INPUT_BEGIN;
    else if (strcmp(in, "poke") == 0)
        input->kind = INPUT_POKE;
    else if (strcmp(in, "tick") == 0) {
        input->kind = INPUT_TICK;
        assert_true(play->wake_ms >= play->now_ms);
        play->now_ms = play->wake_ms;
    } else if (strcmp(in, "lost") == 0) {
        input->kind = INPUT_ERROR;
        input->error = lost;
    } else {
        char *rest;

        if (*in == '+')
            reply->retry_after_ms = 1000 * strtol(in + 1, (char **)&in, 10);
        input->status = reply->status = (int)strtol(in, &rest, 10);
        *body = with_quotes(*rest == ' ' ? rest + 1 : rest);
        input->text = *body;
        input->text_len = strlen(*body);
    }
    if (input->kind != INPUT_REPLY)
        input->reply = NULL;
    input->now_ms = play->now_ms;
}

static void add_request(struct buf *out, const struct http_request *request)
{
    const char *path = request->path;

    if (strncmp(path, PLACE, strlen(PLACE)) == 0)
        path += strlen(PLACE);
    llmd__buf_format(out, "%s %s", request->method, path);
    if (request->body)
        llmd__buf_format(out, " %s", request->body);
}

static void add_action(struct play *play, const struct step_action *action)
{
    struct buf *out = &play->out;

    play->wake_ms = action->wake_ms;
    switch (action->kind) {
    case ACTION_SEND:
        add_request(out, &action->request);
        break;
    case ACTION_SLEEP:
        llmd__buf_format(out, "sleep %d", (int)(action->wake_ms - play->now_ms));
        break;
    case ACTION_DONE:
        llmd__buf_str(out, "done");
        break;
    case ACTION_FINISH:
        llmd__buf_str(out, "finish");
        break;
    default:
        llmd__buf_str(out, "-");
    }
}

static void add_events(struct play *play)
{
    for (;;) {
        LLMD_AUTO(llmd_event) event = llmd__graph_pop(play->graph);

        if (!event)
            return;
        llmd__buf_format(&play->out, " %s%s",
                         llmd_event_level(event) >= LLMD_LEVEL_WARNING ? "!" : "",
                         llmd_event_reason(event));
        if (llmd_event_total(event))
            llmd__buf_format(&play->out, "(%d/%d)", (int)llmd_event_done(event),
                             (int)llmd_event_total(event));
    }
}

static bool is_as_wanted(const char *want, const char *got)
{
    size_t len = strlen(want);

    if (len && want[len - 1] == '*')
        return strncmp(want, got, len - 1) == 0;
    return strcmp(want, got) == 0;
}

static inline void play_line(struct play *play, const struct line *line)
{
    AUTO(error) llmd_error *lost = llmd__error(LLMD_E_UNREACHABLE, "connection reset");
    AUTO(error) llmd_error *error = NULL;
    AUTO(str) char *body = NULL;
    AUTO(buf) struct buf extra = BUF_INIT;
    struct http_reply reply = HTTP_REPLY_INIT;
    struct step_input input;
    struct step_action action = {0};

    read_input(play, line->in, &body, &reply, lost, &input);
    error = play->advance(play->state, play->graph, &input, &action);
    extra = play->out; /* what advance() added comes last */
    play->out = BUF_INIT;
    if (error)
        llmd__buf_format(&play->out, "error %s", llmd_error_message(error));
    else
        add_action(play, &action);
    add_events(play);
    llmd__buf_str(&play->out, llmd__buf_text(&extra));
    if (!is_as_wanted(line->out, llmd__buf_text(&play->out)))
        fail_msg("at \"%s\":\nwant \"%s\"\n got \"%s\"", line->in, line->out,
                 llmd__buf_text(&play->out));
    llmd__buf_reset(&play->out);
}

static inline void play_lines(struct play *play, const struct line *lines)
{
    for (; lines->in; lines++)
        play_line(play, lines);
}

#endif
