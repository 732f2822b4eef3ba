/* SPDX-License-Identifier: Apache-2.0 */
/* /sandbox/...: what tests ask of the sandbox itself. */
#include "sandbox/verbs.h"

#include "sandbox/google/google.h"
#include "sandbox/images.h"
#include "sandbox/pace.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

static void compact(struct sandbox *sandbox)
{
    sandbox_lock(sandbox);
    /* One version on, so that even a watch at the newest version is too old. */
    sandbox->store.version++;
    store_compact(&sandbox->store, sandbox->store.version);
    sandbox->watch_epoch++;
    sandbox_unlock(sandbox);
}

static void cut_watches(struct sandbox *sandbox)
{
    sandbox_lock(sandbox);
    sandbox->watch_epoch++;
    sandbox_unlock(sandbox);
}

static void sleep_unless_stopping(struct sandbox *sandbox, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&sandbox->lock);
    while (!sandbox->stopping &&
           pthread_cond_timedwait(&sandbox->changed, &sandbox->lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&sandbox->lock);
}

/* On a thread of its own: the request that asks must be answered first. */
static void *pause_server(void *data)
{
    struct sandbox *sandbox = data;
    sleep_unless_stopping(sandbox, 20);
    httpd_refuse(sandbox->api, true);
    sleep_unless_stopping(sandbox, sandbox->pause_ms);
    httpd_refuse(sandbox->api, false);
    atomic_store(&sandbox->pausing, false);
    return NULL;
}

static bool start_pause(struct sandbox *sandbox, int ms)
{
    if (ms <= 0 || atomic_exchange(&sandbox->pausing, true))
        return false;
    control_join_pause(sandbox);
    sandbox->pause_ms = ms;
    sandbox->pauser_runs = pthread_create(&sandbox->pauser, NULL, pause_server, sandbox) == 0;
    return sandbox->pauser_runs;
}

void control_join_pause(struct sandbox *sandbox)
{
    if (sandbox->pauser_runs)
        pthread_join(sandbox->pauser, NULL);
    sandbox->pauser_runs = false;
}

static bool obey(struct sandbox *sandbox, const char *command, const struct json *body)
{
    if (strcmp(command, "faults") == 0)
        return google_fault_add(sandbox->google, body) || troubles_add(sandbox, body) ||
               faults_add(&sandbox->faults, body);
    if (strcmp(command, "faults/clear") == 0) {
        faults_clear(&sandbox->faults);
        troubles_clear(sandbox);
        google_fault_clear(sandbox->google);
    } else if (strcmp(command, "compact") == 0)
        compact(sandbox);
    else if (strcmp(command, "cut-watches") == 0)
        cut_watches(sandbox);
    else if (strcmp(command, "cut-connections") == 0)
        httpd_cut_all(sandbox->api);
    else if (strcmp(command, "pause") == 0)
        return start_pause(sandbox, (int)llmd__json_int(body, "ms", 1000));
    else if (strcmp(command, "images") == 0)
        images_add(sandbox, llmd__json_str(body, "image"));
    else
        return false;
    return true;
}

/* What a body, or else a command, should have looked like. */
static const char *wanted(const char *command)
{
    if (strcmp(command, "faults") == 0)
        return "{\"match\": \"GET /api\", \"fault\": \"503\", \"count\": 1}; the faults stand in "
               "llmd-sandbox --help, and Google's, which need --google, in docs/sandbox.md";
    if (strcmp(command, "pause") == 0)
        return "{\"ms\": 300} with more than 0 ms, and one pause at a time";
    return "a JSON body or none, and one of the commands faults, faults/clear, compact, "
           "cut-watches, cut-connections, pause, images";
}

static void show_state(struct conn *conn, struct sandbox *sandbox, const char *what)
{
    if (sandbox->google && strcmp(what, "google") == 0) {
        AUTO(str) char *state = google_state(sandbox->google);
        reply_json(conn, 200, state);
        return;
    }
    if (strcmp(what, "pace") == 0) {
        AUTO(json) struct json *pace = pace_json();
        AUTO(str) char *text = NULL;
        must(llmd__json_print(pace, &text));
        reply_json(conn, 200, text);
        return;
    }
    AUTO(str)
    char *text = llmd__format(
        "{\"api\":\"%s\",\"models\":\"%s\",\"cluster_ms\":%lld,\"resourceVersion\":\"%lld\","
        "\"connections\":%u,\"open_connections\":%u}",
        httpd_url(sandbox->api), httpd_url(sandbox->data_plane),
        (long long)clock_now(&sandbox->clock), (long long)sandbox->store.version,
        httpd_connections(sandbox->api), httpd_open_connections(sandbox->api));
    reply_json(conn, 200, text);
}

void control_serve(struct conn *conn, struct sandbox *sandbox, const struct request *request)
{
    AUTO(json) struct json *body = NULL;
    const char *command = request->path + strlen("/sandbox/");
    if (strcmp(request->method, "GET") == 0) {
        show_state(conn, sandbox, command);
        return;
    }
    AUTO(error)
    llmd_error *bad = request->body_len
                          ? llmd__json_parse(request->body, request->body_len, "body", &body)
                          : NULL;
    if (bad || !obey(sandbox, command, body))
        answer_send(conn, answer_bad_request("sandbox: cannot do \"%s\" with this body: want %s",
                                             command, wanted(command)));
    else
        reply_json(conn, 200, "{}");
}
