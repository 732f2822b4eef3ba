/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From nothing to tokens and back to nothing: asks whether a GKE cluster with a TPU pool can be had
 * and what it costs, makes it, installs what serves models, deploys a service, chats, and deletes
 * all of it again:
 *
 *     cluster_and_chat ZONE CLUSTER.yaml [PLATFORM.yaml GATEWAY.yaml SERVICE.yaml [PROMPT]]
 *
 * Application Default Credentials say who asks Google, $GOOGLE_CLOUD_PROJECT where, if not they;
 * $LLMD_GOOGLE_URL names a sandbox instead. What fails on the way is told at once, and the cluster
 * is deleted; after a crash run it again, it goes on.
 */
#include <llmd/llmd.h>
#include <stdio.h>
#include <string.h>

struct wanted {
    llmd_cluster_spec *cluster;
    llmd_platform_spec *platform;
    llmd_gateway_spec *gateway;
    llmd_service_spec *service; /* or NULL: the cluster alone */
    const char *prompt;
};

static void show(void *unused, const llmd_event *event)
{
    const char *phase = llmd_event_phase(event);
    (void)unused;
    fprintf(stderr, "%-10s %s: %s", *phase ? phase : llmd_event_step(event),
            llmd_event_subject(event), llmd_event_message(event));
    if (llmd_event_total(event))
        fprintf(stderr, " (%lld of %lld)", (long long)llmd_event_done(event),
                (long long)llmd_event_total(event));
    fprintf(stderr, "\n");
    if (*llmd_event_advice(event))
        fprintf(stderr, "           %s\n", llmd_event_advice(event));
}

static llmd_error *run(llmd_context *ctx, llmd_error *error, llmd_task **task)
{
    if (!error)
        error = llmd_task_run(ctx, *task, show, NULL);
    llmd_task_free(*task);
    *task = NULL;
    return error;
}

/* What costs how much stands between them. */
static void show_sums(const char *cost)
{
    const char *items = strstr(cost, ",\"items\""), *sums = strstr(cost, ",\"hourly\":{");
    fprintf(stderr, "cost       %.*s%s\n", items && sums ? (int)(items - cost) : 0, cost,
            items && sums ? sums : cost);
}

/* Before a cent is spent. */
static llmd_error *look(llmd_context *ctx, const llmd_gke *gke, const llmd_cluster_spec *spec,
                        bool *refused)
{
    LLMD_AUTO(llmd_task) checks = NULL;
    char *cost = NULL;
    llmd_error *e = NULL;
    if ((e = llmd_cluster_preflight(gke, spec, &checks)) ||
        (e = llmd_task_run(ctx, checks, show, NULL)) ||
        (e = llmd_cluster_cost(ctx, gke, spec, NULL, &cost)))
        return e;
    show_sums(cost);
    llmd_free(cost);
    *refused = llmd_task_worst(checks) >= LLMD_LEVEL_ERROR;
    return NULL;
}

static llmd_error *chat(llmd_context *ctx, const llmd_endpoint *endpoint, const char *prompt)
{
    LLMD_AUTO(llmd_request) request = llmd_request_new(LLMD_REQUEST_CHAT);
    LLMD_AUTO(llmd_stream) stream = NULL;
    llmd_delta *delta = NULL;
    llmd_request_add_message(request, "user", prompt);
    llmd_error *error = llmd_endpoint_stream(ctx, endpoint, request, &stream);
    while (!error && !(error = llmd_stream_next(ctx, stream, &delta)) && delta) {
        fputs(llmd_delta_text(delta), stdout);
        fflush(stdout);
        llmd_delta_free(delta);
    }
    puts("");
    fflush(stdout);
    return error;
}

/* A GKE Gateway needs a proxy-only subnet, which costs nothing. */
static llmd_error *serve(llmd_context *ctx, const llmd_gke *gke, const llmd_kube *kube,
                         const struct wanted *wanted)
{
    LLMD_AUTO(llmd_network_spec) network = llmd_network_spec_new();
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    llmd_task *task = NULL;
    llmd_error *e = NULL;
    if ((e = run(ctx, llmd_network_apply(gke, network, &task), &task)) ||
        (e = run(ctx, llmd_platform_apply(kube, wanted->platform, &task), &task)) ||
        (e = run(ctx, llmd_gateway_apply(kube, wanted->gateway, &task), &task)) ||
        (e = run(ctx, llmd_service_apply(kube, wanted->service, &task), &task)) ||
        (e = llmd_service_connect(ctx, kube, llmd_service_spec_ns(wanted->service),
                                  llmd_service_spec_name(wanted->service), NULL, &endpoint)))
        return e;
    return chat(ctx, endpoint, wanted->prompt);
}

static llmd_error *make_and_use(llmd_context *ctx, const llmd_gke *gke, const struct wanted *wanted)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    llmd_task *task = NULL;
    llmd_error *e = NULL;
    if ((e = run(ctx, llmd_cluster_apply(gke, wanted->cluster, &task), &task)) ||
        (e = llmd_cluster_connect(ctx, gke, llmd_cluster_spec_name(wanted->cluster), &kube)))
        return e;
    fprintf(stderr, "connected  %s\n", llmd_kube_context(kube));
    return wanted->service ? serve(ctx, gke, kube, wanted) : NULL;
}

/* Tells an error, if there is one, and frees it. */
static int tell(llmd_error *error)
{
    if (!error)
        return 0;
    fprintf(stderr, "%s\n%s\n", llmd_error_message(error), llmd_error_advice(error));
    llmd_error_free(error);
    return 1;
}

/* The cluster goes whatever became of it, and the delete proves that nothing billable is left. */
static int make_use_and_delete(llmd_context *ctx, const llmd_gke *gke, const struct wanted *wanted)
{
    const char *name = llmd_cluster_spec_name(wanted->cluster);
    llmd_task *task = NULL;
    int failed = tell(make_and_use(ctx, gke, wanted));
    llmd_context_set_timeout_ms(ctx, 60 * 60 * 1000);
    return tell(run(ctx, llmd_cluster_delete(gke, name, true, &task), &task)) || failed;
}

int main(int argc, char **argv)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_cluster_spec) cluster = NULL;
    LLMD_AUTO(llmd_platform_spec) platform = NULL;
    LLMD_AUTO(llmd_gateway_spec) gateway = NULL;
    LLMD_AUTO(llmd_service_spec) service = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    llmd_error *e = NULL;
    bool refused = false;

    if (argc < 3 || argc == 4 || argc == 5) {
        fprintf(stderr,
                "usage: %s ZONE CLUSTER.yaml [PLATFORM.yaml GATEWAY.yaml SERVICE.yaml [PROMPT]]\n",
                *argv);
        return 2;
    }
    llmd_context_set_timeout_ms(ctx, 3 * 60 * 60 * 1000); /* TPU nodes may take their time */
    if ((e = llmd_credentials_google(ctx, NULL, &credentials)) ||
        (e = llmd_gke_open(credentials, NULL, argv[1], &gke)) ||
        (e = llmd_cluster_spec_parse_file(argv[2], &cluster)) ||
        (argc > 5 && (e = llmd_platform_spec_parse_file(argv[3], &platform))) ||
        (argc > 5 && (e = llmd_gateway_spec_parse_file(argv[4], &gateway))) ||
        (argc > 5 && (e = llmd_service_spec_parse_file(argv[5], &service))) ||
        (e = look(ctx, gke, cluster, &refused)))
        return tell(e);
    if (refused)
        return fprintf(stderr, "Nothing was made; the checks say why.\n"), 1;
    struct wanted wanted = {cluster, platform, gateway, service, argc > 6 ? argv[6] : "Hello!"};
    return make_use_and_delete(ctx, gke, &wanted);
}
