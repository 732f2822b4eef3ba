/* SPDX-License-Identifier: Apache-2.0 */
/* Start, stop, and the thread that does what is due when nobody asks. */
#include "sandbox/google/google.h"

#include "sandbox/google/autoscaler.h"
#include "sandbox/google/clusters.h"
#include "sandbox/google/loadbalancer.h"
#include "sandbox/google/operations.h"
#include "sandbox/google/outside.h"
#include "sandbox/google/resources.h"
#include "sandbox/google/services.h"
#include "sandbox/google/tokens.h"
#include "sandbox/conn.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t google_now(const struct google *google)
{
    return clock_now(&google->clock);
}

uint64_t google_random(struct google *google)
{
    uint64_t z = (google->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void google_uuid(struct google *google, char out[37])
{
    uint64_t a = google_random(google);
    uint64_t b = google_random(google);
    snprintf(out, 37, "%08x-%04x-4%03x-a%03x-%012" PRIx64, (unsigned)(a >> 32),
             (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff, (unsigned)(b >> 52),
             b & 0xffffffffffffu);
}

const char *google_project(const struct google *google)
{
    return google->sandbox->options.project;
}

void google_advance(struct google *google)
{
    operations_advance(google);
    clusters_advance(google);
    autoscaler_run(google);
    loadbalancer_sync(google);
}

/* Often enough that a client of the Kubernetes side sees nodes and classes in time: a twentieth of
   a second, or five seconds of cluster time. */
static void wait_a_turn(struct google *google)
{
    struct timespec at;
    double ms = 5000 * google->clock.scale;
    int64_t wait_us = (int64_t)((ms < 5 ? 5 : ms > 50 ? 50 : ms) * 1000);
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += wait_us * 1000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&google->changed, &google->mutex, &at);
}

static void *run(void *data)
{
    struct google *google = data;
    pthread_mutex_lock(&google->mutex);
    while (!google->stopping) {
        google_advance(google);
        if (google->clusters || google->operations)
            wait_a_turn(google);
        else
            pthread_cond_wait(&google->changed, &google->mutex);
    }
    pthread_mutex_unlock(&google->mutex);
    return NULL;
}

static void add_faults(struct google *google)
{
    const struct options *options = &google->sandbox->options;
    for (int i = 0; i < options->google_fault_count; i++) {
        char *name = must_strndup(options->google_faults[i], strlen(options->google_faults[i]));
        char *match = strchr(name, '=');
        if (match)
            *match++ = '\0';
        AUTO(json)
        struct json *fault = MAKE("{'fault':%s,'match':%s}", name, match ? match : "");
        google_fault_add(google, fault); /* the options know its name */
        free(name);
    }
}

static void init(struct google *google, struct sandbox *sandbox)
{
    pthread_condattr_t attr;
    *google = (struct google){.sandbox = sandbox, .random = 0x6a09e667f3bcc908u};
    clock_start(&google->clock, sandbox->options.time_scale);
    pthread_mutex_init(&google->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&google->changed, &attr);
    pthread_condattr_destroy(&attr);
}

struct google *google_start(struct sandbox *sandbox)
{
    struct google *google = must_alloc(sizeof(*google));
    init(google, sandbox);
    google->outside = outside_read(sandbox->options.kubernetes);
    const char *token = llmd__json_str(google->outside, "token");
    google->tokens = tokens_new(*token ? token : NULL, sandbox->options.token_seconds);
    google->services = services_initial();
    resources_install(google);
    add_faults(google);
    google->runs = pthread_create(&google->thread, NULL, run, google) == 0;
    return google;
}

void google_stop(struct google *google)
{
    if (!google)
        return;
    pthread_mutex_lock(&google->mutex);
    google->stopping = true;
    pthread_cond_broadcast(&google->changed);
    pthread_mutex_unlock(&google->mutex);
    if (google->runs)
        pthread_join(google->thread, NULL);
    clusters_free(google);
    operations_free(google);
    resources_free(google);
    google_fault_clear(google);
    tokens_free(google->tokens);
    llmd__json_free(google->services);
    llmd__json_free(google->outside);
    llmd__json_free(google->preferences);
    pthread_cond_destroy(&google->changed);
    pthread_mutex_destroy(&google->mutex);
    free(google);
}

/* ---- credentials for clients ---- */

static bool write_private(const char *path, const struct json *json)
{
    AUTO(str) char *text = NULL;
    must(llmd__json_print_pretty(json, &text));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (!good)
        perror(path);
    if (fd >= 0)
        close(fd);
    return good;
}

static bool write_user(struct google *google, const char *path)
{
    AUTO(str) char *uri = llmd__format("%s/oauth2.googleapis.com/token", google->url);
    AUTO(json)
    struct json *json =
        MAKE("{'type':'authorized_user','client_id':'" SANDBOX_CLIENT_ID "','client_secret':"
             "'" SANDBOX_CLIENT_SECRET "','refresh_token':'" SANDBOX_REFRESH_TOKEN
             "','quota_project_id':%s,'token_uri':%s,'universe_domain':'googleapis.com'}",
             google_project(google), uri);
    return write_private(path, json);
}

static bool write_account(struct google *google, const char *path)
{
    char *key = tokens_private_key(google->tokens);
    AUTO(str) char *uri = llmd__format("%s/oauth2.googleapis.com/token", google->url);
    AUTO(json)
    struct json *json =
        MAKE("{'type':'service_account','project_id':%s,'private_key_id':'sandbox-key',"
             "'private_key':%s,'client_email':'" SANDBOX_SERVICE_ACCOUNT "','client_id':'1000',"
             "'token_uri':%s,'universe_domain':'googleapis.com'}",
             google_project(google), key, uri);
    free(key);
    return write_private(path, json);
}

bool google_write_credentials(struct google *google, const char *url)
{
    const struct options *options = &google->sandbox->options;
    pthread_mutex_lock(&google->mutex);
    snprintf(google->url, sizeof(google->url), "%s", url);
    pthread_mutex_unlock(&google->mutex);
    return (!options->google_credentials || write_user(google, options->google_credentials)) &&
           (!options->google_account || write_account(google, options->google_account));
}

char *google_state(struct google *google)
{
    int clusters = 0;
    int pools = 0;
    int nodes = 0;
    pthread_mutex_lock(&google->mutex);
    for (struct gke_cluster *cluster = google->clusters; cluster; cluster = cluster->next) {
        clusters++;
        for (struct gke_pool *pool = cluster->pools; pool; pool = pool->next) {
            pools++;
            for (struct gke_node *node = pool->nodes; node; node = node->next)
                nodes++;
        }
    }
    char *text =
        llmd__format("{\"clusters\":%d,\"pools\":%d,\"nodes\":%d,\"tokens\":%d,"
                     "\"cluster_ms\":%" PRId64 "}",
                     clusters, pools, nodes, tokens_issued(google->tokens), google_now(google));
    pthread_mutex_unlock(&google->mutex);
    return text;
}
