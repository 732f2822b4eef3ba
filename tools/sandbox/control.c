/* SPDX-License-Identifier: Apache-2.0 */
/* /sandbox/...: what tests ask of the sandbox itself. */
#include "sandbox/verbs.h"

#include "sandbox/images.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct pause {
    struct sandbox *sandbox;
    int ms;
};

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

/* From a thread of its own: the request that asks must be answered first. */
static void *pause_server(void *data)
{
    struct pause *pause = data;
    struct timespec length = {pause->ms / 1000, (pause->ms % 1000) * 1000000L};
    struct timespec moment = {0, 20000000};
    nanosleep(&moment, NULL);
    httpd_refuse(pause->sandbox->api, true);
    nanosleep(&length, NULL);
    httpd_refuse(pause->sandbox->api, false);
    free(pause);
    return NULL;
}

static void start_pause(struct sandbox *sandbox, int ms)
{
    pthread_t thread;
    struct pause *pause = malloc(sizeof(*pause));
    if (!pause)
        return;
    *pause = (struct pause){sandbox, ms};
    if (pthread_create(&thread, NULL, pause_server, pause) == 0)
        pthread_detach(thread);
    else
        free(pause);
}

static bool obey(struct sandbox *sandbox, const char *command, const struct json *body)
{
    if (strcmp(command, "faults") == 0)
        return faults_add(&sandbox->faults, body);
    if (strcmp(command, "faults/clear") == 0)
        faults_clear(&sandbox->faults);
    else if (strcmp(command, "compact") == 0)
        compact(sandbox);
    else if (strcmp(command, "cut-watches") == 0)
        cut_watches(sandbox);
    else if (strcmp(command, "cut-connections") == 0)
        httpd_cut_all(sandbox->api);
    else if (strcmp(command, "pause") == 0)
        start_pause(sandbox, (int)llmd__json_int(body, "ms", 1000));
    else if (strcmp(command, "images") == 0)
        images_add(sandbox, llmd__json_str(body, "image"));
    else
        return false;
    return true;
}

static void show_state(struct conn *conn, struct sandbox *sandbox)
{
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
        show_state(conn, sandbox);
        return;
    }
    AUTO(error)
    llmd_error *bad = request->body_len
                          ? llmd__json_parse(request->body, request->body_len, "body", &body)
                          : NULL;
    if (bad || !obey(sandbox, command, body))
        answer_send(conn, answer_bad_request("sandbox: cannot do \"%s\" with this body", command));
    else
        reply_json(conn, 200, "{}");
}
