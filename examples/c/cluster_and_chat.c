/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From nothing to tokens and back to nothing: asks whether a GKE cluster with TPUs can be had and
 * what it costs, makes it, installs what serves models, deploys a service, looks at its health,
 * chats, and deletes all of it again:
 *
 *     cluster_and_chat ZONE CLUSTER.yaml PLATFORM.yaml GATEWAY.yaml SERVICE.yaml [PROMPT]
 *     cluster_and_chat delete ZONE CLUSTER.yaml
 *
 * Application Default Credentials say who asks Google, $GOOGLE_CLOUD_PROJECT where, if not they;
 * $LLMD_GOOGLE_URL names a sandbox instead. What fails on the way is told at once, and the cluster
 * is deleted, also after Ctrl-C; after a crash run it again, it goes on, or only delete.
 */
#define _POSIX_C_SOURCE 200809L
#include <llmd/llmd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CRDS "customresourcedefinitions"
#define ESTABLISHED "condition=Established"
#define GATEWAYS "gateways.gateway.networking.k8s.io"

struct chain {
    const char *program, *zone, *file; /* of the cluster */
    llmd_context *ctx;
    int interrupts; /* so many were there before ctx */
    llmd_gke *gke;
    llmd_kube *kube;
    llmd_cluster_spec *cluster;
    llmd_network_spec *network;
    llmd_platform_spec *platform;
    llmd_gateway_spec *gateway;
    llmd_service_spec *service;
    const char *prompt;
};

static volatile sig_atomic_t interrupts;

static void count_interrupt(int number)
{
    (void)number;
    ++interrupts;
}

static bool is_interrupted(void *chain)
{
    return interrupts > ((struct chain *)chain)->interrupts;
}

/* A context that Ctrl-C cancels. */
static void renew_context(struct chain *c, int hours)
{
    llmd_context_free(c->ctx);
    c->ctx = llmd_context_new();
    c->interrupts = interrupts;
    llmd_context_set_poll(c->ctx, is_interrupted, c);
    llmd_context_set_timeout_ms(c->ctx, hours * 60 * 60 * 1000);
}

static void show(void *unused, const llmd_event *event)
{
    const char *phase = llmd_event_phase(event), *advice = llmd_event_advice(event);
    (void)unused;
    fprintf(stderr, "%-10s %s: %s%s%s\n", *phase ? phase : llmd_event_step(event),
            llmd_event_subject(event), llmd_event_message(event), *advice ? "\n           " : "",
            advice);
}

/* Tells and frees an error, if there is one. What was cancelled has its reason elsewhere. */
static bool good(llmd_error *error)
{
    bool is_good = !error;
    if (error && llmd_error_code(error) != LLMD_E_CANCELED)
        fprintf(stderr, "%s\n%s\n", llmd_error_message(error), llmd_error_advice(error));
    llmd_error_free(error);
    return is_good;
}

/* Runs a task that was made with this error. A failure stops what runs beside it, too. */
static bool run(const struct chain *c, llmd_error *error, llmd_task **task)
{
    bool done = good(error) && good(llmd_task_run(c->ctx, *task, show, NULL)) &&
                llmd_task_worst(*task) < LLMD_LEVEL_ERROR;
    llmd_task_free(*task);
    *task = NULL;
    if (!done)
        llmd_context_cancel(c->ctx);
    return done;
}

/* What stands behind a key of compact JSON; a program of its own would have a JSON library. */
static const char *text_at(const char *json, const char *key)
{
    const char *at = json ? strstr(json, key) : NULL;
    return at ? at + strlen(key) : "?";
}

static double number_at(const char *json, const char *key)
{
    return strtod(text_at(json, key), NULL);
}

/* Before a cent is spent. */
static bool look(const struct chain *c)
{
    llmd_task *checks = NULL;
    char *cost = NULL;
    if (!run(c, llmd_cluster_preflight(c->gke, c->cluster, &checks), &checks))
        return fprintf(stderr, "Nothing was made; the checks say why.\n"), false;
    if (!good(llmd_cluster_cost(c->ctx, c->gke, c->cluster, NULL, &cost)))
        return false;
    const char *hourly = strstr(cost, "\"hourly\":{");
    const char *source = text_at(cost, "\"source\":\"");
    fprintf(stderr, "cost       %.2f to %.2f %.3s per hour (%.*s, %.10s)\n",
            number_at(hourly, "\"as_wanted\":"), number_at(hourly, "\"as_wanted_at_most\":"),
            text_at(cost, "\"currency\":\""), (int)strcspn(source, "\""), source,
            text_at(cost, "\"date\":\""));
    llmd_free(cost);
    return true;
}

/* ---- side by side what does not need each other; each thread returns NULL if it failed ---- */

/* A GKE Gateway needs a proxy-only subnet, which costs nothing, and a cluster that knows such. */
static void *make_gateway(void *chain)
{
    struct chain *c = chain;
    llmd_task *task = NULL;
    bool done = run(c, llmd_network_apply(c->gke, c->network, &task), &task) &&
                run(c, llmd_kube_wait(c->kube, CRDS, NULL, GATEWAYS, ESTABLISHED, &task), &task) &&
                run(c, llmd_gateway_apply(c->kube, c->gateway, &task), &task);
    return done ? c : NULL;
}

/* KServe, and on it the service. */
static void *make_service(void *chain)
{
    struct chain *c = chain;
    llmd_task *task = NULL;
    bool done = run(c, llmd_platform_apply(c->kube, c->platform, &task), &task) &&
                run(c, llmd_service_apply(c->kube, c->service, &task), &task);
    return done ? c : NULL;
}

/* The threads begin once the cluster serves. */
static bool begin_sides(struct chain *c, pthread_t sides[2], int *begun)
{
    void *(*const makers[])(void *) = {make_gateway, make_service};
    if (!good(llmd_cluster_connect(c->ctx, c->gke, llmd_cluster_spec_name(c->cluster), &c->kube)))
        return false;
    fprintf(stderr, "connected  %s\n", llmd_kube_context(c->kube));
    while (*begun < 2 && !pthread_create(&sides[*begun], NULL, makers[*begun], c))
        ++*begun;
    return *begun == 2;
}

/* The cluster, and beside them its TPUs, which may be sold out. */
static bool make_cluster(struct chain *c, pthread_t sides[2], int *begun)
{
    LLMD_AUTO(llmd_task) task = NULL;
    if (!good(llmd_cluster_apply(c->gke, c->cluster, &task)))
        return false;
    for (;;) {
        LLMD_AUTO(llmd_event) event = NULL;
        if (!good(llmd_task_next(c->ctx, task, &event)))
            return false;
        if (!event)
            return *begun == 2;
        show(NULL, event);
        if (!*begun && !strcmp(llmd_event_phase(event), "serving") && !begin_sides(c, sides, begun))
            return false;
    }
}

static bool make_all(struct chain *c)
{
    pthread_t sides[2];
    int begun = 0;
    bool made = make_cluster(c, sides, &begun);
    if (!made)
        llmd_context_cancel(c->ctx);
    while (begun > 0) {
        void *done = NULL;
        pthread_join(sides[--begun], &done);
        made = made && done;
    }
    return made;
}

/* ---- from ready to gone ---- */

static bool chat(const struct chain *c)
{
    const char *ns = llmd_service_spec_ns(c->service), *name = llmd_service_spec_name(c->service);
    LLMD_AUTO(llmd_request) request = llmd_request_new(LLMD_REQUEST_CHAT);
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    LLMD_AUTO(llmd_stream) stream = NULL;
    llmd_delta *delta = NULL;
    llmd_task *task = NULL;
    llmd_error *error = NULL;
    llmd_request_add_message(request, "user", c->prompt);
    if (!run(c, llmd_health_service(c->kube, ns, name, &task), &task) ||
        !good(llmd_service_connect(c->ctx, c->kube, ns, name, NULL, &endpoint)) ||
        !good(llmd_endpoint_stream(c->ctx, endpoint, request, &stream)))
        return false;
    while (!(error = llmd_stream_next(c->ctx, stream, &delta)) && delta) {
        fputs(llmd_delta_text(delta), stdout);
        fflush(stdout);
        llmd_delta_free(delta);
    }
    puts("");
    fflush(stdout);
    return good(error);
}

/* Whatever became of it. It proves that nothing billable is left, or says what may be. */
static bool delete_all(struct chain *c)
{
    const char *name = llmd_cluster_spec_name(c->cluster);
    llmd_task *task = NULL;
    renew_context(c, 1); /* the old one may be cancelled */
    bool gone = run(c, llmd_cluster_delete(c->gke, name, true, &task), &task) &&
                run(c, llmd_network_delete(c->gke, c->network, &task), &task);
    if (!gone)
        fprintf(stderr,
                "cluster %s in %s may still exist and cost money; delete it with: "
                "%s delete %s %s\n",
                name, c->zone, c->program, c->zone, c->file);
    return gone;
}

static bool make_use_and_delete(struct chain *c)
{
    bool used = make_all(c) && chat(c);
    return delete_all(c) && used;
}

static llmd_error *open_google(struct chain *c)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    llmd_error *e = NULL;
    renew_context(c, 3); /* TPU nodes may take their time */
    c->network = llmd_network_spec_new();
    if ((e = llmd_credentials_google(c->ctx, NULL, &credentials)) ||
        (e = llmd_gke_open(credentials, NULL, c->zone, &c->gke)))
        return e;
    return llmd_cluster_spec_parse_file(c->file, &c->cluster);
}

static llmd_error *read_specs(struct chain *c, char **files)
{
    llmd_error *e = NULL;
    if ((e = llmd_platform_spec_parse_file(files[0], &c->platform)) ||
        (e = llmd_gateway_spec_parse_file(files[1], &c->gateway)))
        return e;
    return llmd_service_spec_parse_file(files[2], &c->service);
}

static void free_chain(struct chain *c)
{
    llmd_service_spec_free(c->service);
    llmd_gateway_spec_free(c->gateway);
    llmd_platform_spec_free(c->platform);
    llmd_network_spec_free(c->network);
    llmd_cluster_spec_free(c->cluster);
    llmd_kube_free(c->kube);
    llmd_gke_free(c->gke);
    llmd_context_free(c->ctx);
}

int main(int argc, char **argv)
{
    bool only_delete = argc == 4 && !strcmp(argv[1], "delete");
    if (!only_delete && argc != 6 && argc != 7)
        return fprintf(stderr,
                       "usage: %s ZONE CLUSTER.yaml PLATFORM.yaml GATEWAY.yaml SERVICE.yaml "
                       "[PROMPT]\n       %s delete ZONE CLUSTER.yaml\n",
                       *argv, *argv),
               2;
    char **words = argv + 1 + only_delete;
    struct chain chain = {.program = *argv, .zone = words[0], .file = words[1]};
    chain.prompt = argc > 6 ? argv[6] : "Hello!";
    sigaction(SIGINT, &(struct sigaction){.sa_handler = count_interrupt}, NULL);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = count_interrupt}, NULL);
    bool done = good(open_google(&chain));
    if (done && only_delete)
        done = delete_all(&chain);
    else if (done)
        done = good(read_specs(&chain, words + 2)) && look(&chain) && make_use_and_delete(&chain);
    free_chain(&chain);
    return !done;
}
