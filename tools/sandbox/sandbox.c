/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start and stop. The data plane comes first, because Gateways show its address; the profile then
 * settles before the API opens, so that no client ever sees a half-made cluster.
 */
#include "sandbox/sandbox.h"

#include "sandbox/conn.h"
#include "sandbox/dataplane.h"
#include "sandbox/google/google.h"
#include "base/base64.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sandbox_lock(struct sandbox *sandbox)
{
    pthread_mutex_lock(&sandbox->lock);
}

void sandbox_unlock(struct sandbox *sandbox)
{
    pthread_cond_broadcast(&sandbox->changed);
    pthread_mutex_unlock(&sandbox->lock);
}

struct object *sandbox_create(struct sandbox *sandbox, const char *group, const char *plural,
                              struct json *json)
{
    struct kind *kind = kinds_find(sandbox->store.kinds, group, plural);
    char api_version[128];
    kind_api_version(kind, kind->storage_version, api_version, sizeof(api_version));
    llmd__json_set_str(json, "apiVersion", api_version);
    llmd__json_set_str(json, "kind", kind->name);
    return store_create(&sandbox->store, kind, json);
}

static int open_record(const char *path)
{
    return path && *path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}

static void init(struct sandbox *sandbox, const struct options *options)
{
    pthread_condattr_t attr;
    *sandbox = (struct sandbox){.options = *options};
    clock_start(&sandbox->clock, options->time_scale);
    store_init(&sandbox->store);
    faults_init(&sandbox->faults);
    pthread_mutex_init(&sandbox->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&sandbox->changed, &attr);
    pthread_condattr_destroy(&attr);
    sandbox->instances = instances_new(options);
    sandbox->record = open_record(options->record);
    sandbox->google_record = open_record(options->google_record);
}

static bool start_servers(struct sandbox *sandbox)
{
    const struct options *options = &sandbox->options;
    sandbox->data_plane = httpd_start(&(struct httpd_options){
        .handler = dataplane_handle, .data = sandbox, .port = options->model_port});
    if (!sandbox->data_plane)
        return false;
    profile_install(sandbox);
    controllers_start(sandbox);
    if (options->google)
        sandbox->google = google_start(sandbox);
    struct httpd *api =
        httpd_start(&(struct httpd_options){.handler = rest_handle,
                                            .data = sandbox,
                                            .port = options->port,
                                            .tls = options->tls ? TLS_GOOD : TLS_NONE,
                                            .ask_client_cert = options->tls});
    pthread_mutex_lock(&sandbox->lock); /* the first request may be served already */
    sandbox->api = api;
    pthread_mutex_unlock(&sandbox->lock);
    if (!api)
        return false;
    return !sandbox->google || google_write_credentials(sandbox->google, httpd_url(sandbox->api));
}

struct sandbox *sandbox_start(const struct options *options)
{
    struct sandbox *sandbox = must_alloc(sizeof(*sandbox));
    init(sandbox, options);
    if (start_servers(sandbox))
        return sandbox;
    sandbox_stop(sandbox);
    return NULL;
}

void sandbox_stop(struct sandbox *sandbox)
{
    pthread_mutex_lock(&sandbox->lock);
    sandbox->stopping = true;
    pthread_cond_broadcast(&sandbox->changed);
    pthread_mutex_unlock(&sandbox->lock);
    controllers_stop(sandbox);
    control_join_pause(sandbox);
    httpd_stop(sandbox->api);
    httpd_stop(sandbox->data_plane);
    google_stop(sandbox->google);
    if (sandbox->record >= 0)
        close(sandbox->record);
    if (sandbox->google_record >= 0)
        close(sandbox->google_record);
    instances_free(sandbox->instances);
    faults_free(&sandbox->faults);
    store_free(&sandbox->store);
    pthread_cond_destroy(&sandbox->changed);
    pthread_mutex_destroy(&sandbox->lock);
    free(sandbox);
}

char *sandbox_kubeconfig(const struct sandbox *sandbox)
{
    AUTO(buf) struct buf buf = BUF_INIT;
    const char *ca = httpd_ca(sandbox->api);
    llmd__buf_format(&buf,
                     "apiVersion: v1\n"
                     "kind: Config\n"
                     "current-context: llmd-sandbox\n"
                     "clusters:\n"
                     "- name: llmd-sandbox\n"
                     "  cluster:\n"
                     "    server: %s\n",
                     httpd_url(sandbox->api));
    if (*ca) {
        llmd__buf_str(&buf, "    certificate-authority-data: ");
        llmd__base64_encode(ca, strlen(ca), false, &buf);
        llmd__buf_char(&buf, '\n');
    }
    llmd__buf_format(&buf,
                     "contexts:\n"
                     "- name: llmd-sandbox\n"
                     "  context:\n"
                     "    cluster: llmd-sandbox\n"
                     "    user: sandbox\n"
                     "    namespace: default\n"
                     "users:\n"
                     "- name: sandbox\n"
                     "  user:\n"
                     "    token: %s\n",
                     sandbox->options.token ? sandbox->options.token : "sandbox");
    char *text;
    must(llmd__buf_take(&buf, &text));
    return text;
}
