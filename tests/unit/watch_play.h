/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch step against scripts. A line of a script is what comes in and what must go out: the
 * changes told (+added ~modified -deleted S synced, S! with nothing to be read) and the request
 * that is made next.
 *
 * Objects are written name, version, then an optional uid: "a1", "a2!" (made again).
 */
#ifndef LLMD_UNIT_WATCH_PLAY_H
#define LLMD_UNIT_WATCH_PLAY_H

#include "kube/object.h"
#include "kube/watch.h"

#include "support/torture.h"

#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kube_fixture.h"

struct line {
    const char *in, *out;
};

struct play {
    llmd_kube *kube;
    struct watch *watch;
    struct buf told;
    struct http_reply busy; /* of "busy" */
    int64_t now_ms;
    bool stop_at_first;
    bool names_only;
};

static llmd_error *on_change(void *data, struct graph *graph, const struct watch_change *change,
                             struct step_action *action)
{
    struct play *play = data;
    char mark = change->type == LLMD_CHANGE_ADDED      ? '+'
                : change->type == LLMD_CHANGE_MODIFIED ? '~'
                                                       : '-';

    (void)graph;
    if (change->type == LLMD_CHANGE_SYNCED)
        llmd__buf_str(&play->told, change->denied ? "S! " : "S ");
    else
        llmd__buf_format(&play->told, "%c%s%s ", mark, llmd__object_name(change->object),
                         llmd__object_version(change->object));
    if (play->names_only != !*change->text && change->object)
        return llmd__error(LLMD_E_FAILED, "text kept or not: %s", change->text);
    if (change->object && *change->text && !strstr(change->text, "\"kind\":\"Pod\""))
        return llmd__error(LLMD_E_FAILED, "incomplete: %s", change->text);
    if (play->stop_at_first)
        action->kind = ACTION_FINISH;
    return llmd__buf_check(&play->told);
}

static void add_object(struct buf *text, const char *object, int len, bool complete)
{
    bool again = object[len - 1] == '!';

    llmd__buf_format(text,
                     "{%s\"metadata\":{\"name\":\"%c\",\"namespace\":\"llm\",\"uid\":\"u%c%s\","
                     "\"resourceVersion\":\"%.*s\"}}",
                     complete ? "\"kind\":\"Pod\",\"apiVersion\":\"v1\"," : "", object[0],
                     object[0], again ? "again" : "", len - 1 - again, object + 1);
}

/* "5 a1 b2": a list of version 5; "5/tok a1": a page of it */
static void add_list(struct buf *text, const char *words)
{
    int version = (int)strcspn(words, " /");
    const char *token = words[version] == '/' ? words + version + 1 : "";
    const char *item = words + strcspn(words, " ");

    llmd__buf_format(text,
                     "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{"
                     "\"resourceVersion\":\"%.*s\",\"continue\":\"%.*s\"},\"items\":[",
                     version, words, (int)strcspn(token, " "), token);
    for (const char *comma = ""; *item == ' '; comma = ",") {
        int len = (int)strcspn(item + 1, " ");
        llmd__buf_str(text, comma);
        add_object(text, item + 1, len, false);
        item += 1 + len;
    }
    llmd__buf_str(text, "]}");
}

static void add_event(struct buf *text, const char *type, const char *object)
{
    llmd__buf_format(text, "{\"type\":\"%s\",\"object\":", type);
    add_object(text, object, (int)strlen(object), true);
    llmd__buf_str(text, "}");
}

static void add_status(struct buf *text, int code)
{
    llmd__buf_format(text, "{\"kind\":\"Status\",\"code\":%d,\"message\":\"refused\"}", code);
}

static bool starts(const char *text, const char *word, const char **rest)
{
    size_t len = strlen(word);

    if (strncmp(text, word, len) != 0)
        return false;
    *rest = text + len;
    return true;
}

static bool line_input(const char *in, struct buf *text)
{
    const char *rest = NULL;

    if (starts(in, "ADDED ", &rest))
        add_event(text, "ADDED", rest);
    else if (starts(in, "MODIFIED ", &rest))
        add_event(text, "MODIFIED", rest);
    else if (starts(in, "DELETED ", &rest))
        add_event(text, "DELETED", rest);
    else if (starts(in, "BOOKMARK ", &rest))
        llmd__buf_format(text,
                         "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":"
                         "\"%s\"}}}",
                         rest);
    else if (starts(in, "ERROR ", &rest)) {
        llmd__buf_str(text, "{\"type\":\"ERROR\",\"object\":");
        add_status(text, (int)strtol(rest, NULL, 10));
        llmd__buf_str(text, "}");
    } else if (starts(in, "RAW ", &rest))
        llmd__buf_str(text, rest);
    return rest != NULL;
}

/* What comes in, in the script's words. */
static struct step_input read_input(struct play *play, const char *in, struct buf *text,
                                    llmd_error *lost)
{
    const char *rest = NULL;
    struct step_input input = fixture_reply(200, "", play->now_ms);

    if (starts(in, "list ", &rest))
        add_list(text, rest);
    else if (starts(in, "status ", &rest)) {
        input.status = (int)strtol(rest, NULL, 10);
        add_status(text, input.status);
    } else if (starts(in, "busy ", &rest)) {
        play->busy = (struct http_reply){.retry_after_ms = strtoll(rest, NULL, 10)};
        input.status = 429;
        input.reply = &play->busy;
        add_status(text, 429);
    } else if (starts(in, "tick ", &rest)) {
        play->now_ms += (int)strtol(rest, NULL, 10);
        input.kind = INPUT_TICK;
    } else if (line_input(in, text))
        input.kind = INPUT_LINE;
    else if (strcmp(in, "begin") == 0)
        input.kind = INPUT_BEGIN;
    else if (strcmp(in, "open") == 0)
        input.kind = INPUT_OPEN;
    else if (strcmp(in, "poke") == 0)
        input.kind = INPUT_POKE;
    else if (strcmp(in, "end") == 0 || strcmp(in, "cut") == 0)
        input.kind = INPUT_END;
    else if (strcmp(in, "lost") == 0)
        input.kind = INPUT_ERROR;
    else if (strcmp(in, "core") == 0)
        llmd__buf_str(text, FIXTURE_CORE);
    else if (strcmp(in, "groups") == 0)
        llmd__buf_str(text, FIXTURE_GROUPS);
    if (strcmp(in, "cut") == 0 || input.kind == INPUT_ERROR)
        input.error = lost;
    input.now_ms = play->now_ms;
    input.text = llmd__buf_text(text);
    input.text_len = text->len;
    return input;
}

static void add_action(struct buf *out, const struct step_action *action)
{
    const char *path = action->request.path;
    const char *version = path ? strstr(path, "resourceVersion=") : NULL;
    const char *page = path ? strstr(path, "continue=") : NULL;

    if (action->kind == ACTION_SLEEP)
        llmd__buf_str(out, "sleep");
    if (action->kind == ACTION_FINISH)
        llmd__buf_str(out, "finish");
    if (action->kind == ACTION_STREAM)
        llmd__buf_format(out, "watch %.*s", (int)strcspn(version + 16, "&"), version + 16);
    if (action->kind == ACTION_SEND && strstr(path, "limit="))
        llmd__buf_format(out, "list%s%.*s", page ? " " : "", page ? (int)strcspn(page + 9, "&") : 0,
                         page ? page + 9 : "");
    else if (action->kind == ACTION_SEND)
        llmd__buf_format(out, "GET %s", path);
}

static llmd_error *play_line(struct play *play, const struct line *line)
{
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(error) llmd_error *lost = llmd__error(LLMD_E_UNREACHABLE, "connection refused");
    struct step_input input = read_input(play, line->in, &text, lost);
    struct step_action action = {0};

    TRY(llmd__buf_check(&text));
    TRY(llmd__watch_advance(play->watch, NULL, &input, &action));
    add_action(&play->told, &action);
    TRY(llmd__buf_check(&play->told));
    if (strcmp(llmd__buf_text(&play->told), line->out) != 0)
        return llmd__error(LLMD_E_FAILED, "at \"%s\": want \"%s\", got \"%s\"", line->in, line->out,
                           llmd__buf_text(&play->told));
    llmd__buf_reset(&play->told);
    return NULL;
}

static llmd_error *play_lines(struct play *play, const struct watch_wish *wish,
                              const struct line *lines)
{
    struct watch_wish mine = *wish;

    mine.on_change = on_change;
    mine.data = play;
    play->names_only = wish->names_only;
    play->now_ms = 1000;
    if (!mine.resource)
        mine.resource = "pods";
    TRY(llmd__watch_new(play->kube, &mine, &play->watch));
    for (; lines->in; lines++)
        TRY(play_line(play, lines));
    return NULL;
}

static llmd_error *play_script(const struct watch_wish *wish, const struct line *lines,
                               bool stop_at_first)
{
    struct play play = {.stop_at_first = stop_at_first};
    llmd_error *error = fixture_kube(&play.kube);

    if (!error)
        error = play_lines(&play, wish, lines);
    llmd__watch_free(play.watch);
    llmd__buf_free(&play.told);
    llmd_kube_free(play.kube);
    return error;
}

static void expect_play(const struct watch_wish *wish, const struct line *lines)
{
    AUTO(error) llmd_error *error = play_script(wish, lines, false);

    if (error)
        fail_msg("%s", llmd_error_message(error));
}

#endif
