/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cluster scenarios run: one call of cluster.h, each event as one JSON line on standard
 * output, so that scripts can kill it anywhere and compare runs. Credentials and place are the
 * environment's (LLMD_GOOGLE_URL, GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_CLOUD_PROJECT).
 *
 *   cluster apply LOCATION SPEC.yaml
 *   cluster wait LOCATION NAME
 *   cluster delete LOCATION NAME [drain]
 *   cluster pool LOCATION NAME POOL.yaml
 *   cluster pool-delete LOCATION NAME POOL
 *   cluster list LOCATION -                what exists, a JSON line each
 *   cluster kube LOCATION NAME             makes a connection and lists its nodes
 *
 * LLMD_DEPLOY_TIMEOUT_S bounds it (default 600). Exit: 0 done, 3 the call failed (its error as a
 * last line {"error": ...}), 2 wrong use.
 */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static llmd_error *apply(llmd_context *ctx, const llmd_gke *gke, const char *path)
{
    LLMD_AUTO(llmd_cluster_spec) spec = NULL;
    llmd_task *task = NULL;
    llmd_error *error = llmd_cluster_spec_parse_file(path, &spec);

    if (error)
        return error;
    error = llmd_cluster_apply(gke, spec, &task);
    return report_run(ctx, error, task);
}

static llmd_error *list(llmd_context *ctx, const llmd_gke *gke)
{
    LLMD_AUTO(llmd_cluster_list) clusters = NULL;
    llmd_error *error = llmd_cluster_list_open(gke, &clusters);

    while (!error) {
        LLMD_AUTO(llmd_cluster) cluster = NULL;
        error = llmd_cluster_list_next(ctx, clusters, &cluster);
        if (error || !cluster)
            break;
        puts(llmd_cluster_json(cluster));
    }
    return error;
}

static llmd_error *kube(llmd_context *ctx, const llmd_gke *gke, const char *name)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    LLMD_AUTO(llmd_kube_list) nodes = NULL;
    llmd_error *error = llmd_cluster_connect(ctx, gke, name, &kube);
    char *json = NULL;

    if (!error)
        error = llmd_kube_list_open(kube, "nodes", NULL, NULL, NULL, &nodes);
    while (!error && !(error = llmd_kube_list_next(ctx, nodes, &json)) && json) {
        puts(json);
        llmd_free(json);
    }
    return error;
}

static char *read_text(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

    text[len] = '\0';
    if (file)
        fclose(file);
    return text;
}

static llmd_error *act(llmd_context *ctx, const llmd_gke *gke, int argc, char **argv)
{
    const char *verb = argv[1], *name = argv[3];
    llmd_task *task = NULL;
    llmd_error *error = NULL;

    if (!strcmp(verb, "apply"))
        return apply(ctx, gke, name);
    if (!strcmp(verb, "list"))
        return list(ctx, gke);
    if (!strcmp(verb, "kube"))
        return kube(ctx, gke, name);
    if (!strcmp(verb, "wait"))
        error = llmd_cluster_wait(gke, name, &task);
    else if (!strcmp(verb, "pool"))
        error = llmd_node_pool_apply(gke, name, read_text(argv[4]), &task);
    else if (!strcmp(verb, "pool-delete"))
        error = llmd_node_pool_delete(gke, name, argv[4], &task);
    else
        error = llmd_cluster_delete(gke, name, argc > 4, &task);
    return report_run(ctx, error, task);
}

int main(int argc, char **argv)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    LLMD_AUTO(llmd_gke) gke = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    const char *seconds = getenv("LLMD_DEPLOY_TIMEOUT_S");
    llmd_error *error;

    if (argc < 4 || (!strncmp(argv[1], "pool", 4) && argc != 5)) {
        fprintf(stderr, "usage: cluster VERB LOCATION NAME|SPEC ...\n");
        return 2;
    }
    llmd_context_set_timeout_ms(ctx, (seconds ? strtol(seconds, NULL, 10) : 600) * 1000LL);
    error = llmd_credentials_google(ctx, NULL, &credentials);
    if (!error)
        error = llmd_gke_open(credentials, NULL, argv[2], &gke);
    if (!error)
        error = act(ctx, gke, argc, argv);
    return error ? report_failure(error) : 0;
}
