/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays what the real stack said, watch event by watch event, and keeps what is told, when, and
 * what ends a wait. The recordings are those of the rig: everything in one namespace while a
 * service was applied at about one second.
 */
#ifndef TESTS_UNIT_REPLAY_H
#define TESTS_UNIT_REPLAY_H

#include "findings/findings.h"
#include "findings/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_TOLD 64

struct told {
    double t;
    char code[64], subject[160], message[640], advice[256];
    bool progress;
};

struct replay {
    struct scene scene;
    struct findings findings;
    struct progress progress;
    struct told told[MAX_TOLD];
    size_t count;
    double ended; /* 0: not */
    char end_code[64];
    double ready;
    char phases[256];      /* of model pods, in order */
    const char *from, *to; /* replaced in every line */
};

static inline void none(llmd_error *error)
{
    if (error)
        fail_msg("%s", llmd_error_message(error));
}

/* ---- judging ---- */

static inline void note_findings(struct replay *replay, double t)
{
    for (size_t i = 0; i < replay->findings.count; i++) {
        const struct finding *finding = &replay->findings.items[i];

        if (finding->ends && !replay->ended) {
            replay->ended = t;
            snprintf(replay->end_code, sizeof(replay->end_code), "%s", finding->rule->code);
        }
        if (!finding->is_new || replay->count == MAX_TOLD)
            continue;
        struct told *told = &replay->told[replay->count++];
        told->t = t;
        told->progress = finding->rule->progress;
        snprintf(told->code, sizeof(told->code), "%s", finding->rule->code);
        snprintf(told->subject, sizeof(told->subject), "%s", finding->subject);
        snprintf(told->message, sizeof(told->message), "%s", finding->message);
        snprintf(told->advice, sizeof(told->advice), "%s", finding->rule->advice);
        assert_true(finding->rule->progress || strlen(finding->rule->advice) > 0);
    }
}

static inline void note_progress(struct replay *replay, double t)
{
    none(llmd__progress_look(&replay->progress, &replay->scene));
    for (size_t i = 0; i < replay->progress.count; i++) {
        const struct news *news = &replay->progress.items[i];

        if (strncmp(news->subject, "Pod/", 4) || !news->phase[0])
            continue;
        strncat(replay->phases, news->phase, sizeof(replay->phases) - strlen(replay->phases) - 1);
        strncat(replay->phases, " ", sizeof(replay->phases) - strlen(replay->phases) - 1);
    }
    if (replay->progress.ready && !replay->ready)
        replay->ready = t;
}

/* The clock of the findings begins at one, because 0 means no wake-up. */
static inline void judge_ms(struct replay *replay, int64_t now_ms)
{
    double t = (double)(now_ms - 1) / 1000;

    note_progress(replay, t);
    none(llmd__findings_judge(&replay->findings, &replay->scene, now_ms, true));
    assert_true(replay->findings.wake_ms == 0 || replay->findings.wake_ms > now_ms);
    note_findings(replay, t);
}

static inline void judge(struct replay *replay, double t)
{
    judge_ms(replay, (int64_t)(t * 1000 + 0.5) + 1);
}

/* What the step does while nothing happens: it wakes when it asked to. */
static inline void idle_until(struct replay *replay, double t)
{
    int64_t until_ms = (int64_t)(t * 1000 + 0.5) + 1;

    while (replay->findings.wake_ms && replay->findings.wake_ms < until_ms)
        judge_ms(replay, replay->findings.wake_ms);
}

/* ---- recordings ---- */

static inline int kind_of(const char *name)
{
    static const char *const kinds[SCENE_KINDS] = {
        "LLMInferenceService", "Pod",           "Deployment", "ReplicaSet",   "Event",
        "HTTPRoute",           "InferencePool", "Gateway",    "GatewayClass", "Node"};

    for (int i = 0; i < SCENE_KINDS; i++)
        if (!strcmp(kinds[i], name))
            return i;
    return -1;
}

static inline char *replaced(const char *line, const char *from, const char *to)
{
    size_t cap = strlen(line) * 2 + 1;
    char *out = calloc(1, cap);
    char *at = out;
    const char *hit;

    while (from && (hit = strstr(line, from))) {
        memcpy(at, line, (size_t)(hit - line));
        at += hit - line;
        at += snprintf(at, cap - (size_t)(at - out), "%s", to);
        line = hit + strlen(from);
    }
    snprintf(at, cap - (size_t)(at - out), "%s", line);
    return out;
}

static inline void play_line(struct replay *replay, const char *line)
{
    struct json *event = NULL;
    const struct json *object;
    double t;
    int kind;

    none(llmd__json_parse(line, strlen(line), "recording", &event));
    object = llmd__json_member(event, "object");
    t = llmd__json_double(event, "t", 0);
    kind = kind_of(llmd__json_str(object, "kind"));
    idle_until(replay, t);
    if (kind >= 0) {
        if (!strcmp(llmd__json_str(event, "type"), "DELETED"))
            llmd__scene_remove(&replay->scene, (enum scene_kind)kind, object);
        else
            none(llmd__scene_put(&replay->scene, (enum scene_kind)kind, object));
        judge(replay, t);
    }
    llmd__json_free(event);
}

static inline void play(struct replay *replay, const char *name, double until)
{
    char command[512];
    char *line = NULL;
    size_t cap = 0;
    FILE *pipe;

    snprintf(command, sizeof(command), "gzip -dc %s/tests/unit/recordings/%s.jsonl.gz", SOURCE_DIR,
             name);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    while (getline(&line, &cap, pipe) > 0) {
        char *changed = replaced(line, replay->from, replay->to);

        play_line(replay, changed);
        free(changed);
    }
    free(line);
    assert_int_equal(pclose(pipe), 0);
    idle_until(replay, until);
}

static inline void begin(struct replay *replay, const char *name)
{
    memset(replay, 0, sizeof(*replay));
    none(llmd__scene_init(&replay->scene, "llm", name));
    none(llmd__progress_init(&replay->progress));
    for (int i = 0; i < SCENE_KINDS; i++)
        replay->scene.sets[i].synced = true;
    replay->scene.sets[SCENE_CLASS].denied = true; /* the recordings have no cluster objects */
}

static inline void end(struct replay *replay)
{
    llmd__scene_free(&replay->scene);
    llmd__findings_free(&replay->findings);
    llmd__progress_free(&replay->progress);
}

static inline const struct told *find(const struct replay *replay, const char *code)
{
    for (size_t i = 0; i < replay->count; i++)
        if (!strcmp(replay->told[i].code, code))
            return &replay->told[i];
    return NULL;
}

static inline void print_told(const struct replay *replay)
{
    for (size_t i = 0; i < replay->count; i++)
        print_message("  %6.2f %s%s %s: %.200s\n", replay->told[i].t, replay->told[i].code,
                      replay->told[i].progress ? " (progress)" : "", replay->told[i].subject,
                      replay->told[i].message);
}

#endif
