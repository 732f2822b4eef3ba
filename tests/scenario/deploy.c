/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scenarios run: deploys from spec files or waits for what is there, and prints each event
 * as one JSON line on standard output, so that scripts can compare runs.
 *
 *   deploy apply KUBECONFIG SERVICE.yaml [GATEWAY.yaml]   gateway first, then the service
 *   deploy wait KUBECONFIG NS NAME                        for a service made by others
 *   deploy delete KUBECONFIG NS NAME
 *   deploy list KUBECONFIG NS -                           what stands in a namespace, a JSON line
 *   deploy manifest SERVICE.yaml - -                      what would be applied
 *
 * LLMD_DEPLOY_TIMEOUT_S bounds it (default 600). Exit: 0 done, 3 the task failed (its error as a
 * last line {"error": ...}), 2 wrong use.
 */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static llmd_error *apply_gateway(llmd_context *ctx, const llmd_kube *kube, const char *path)
{
    LLMD_AUTO(llmd_gateway_spec) spec = NULL;
    llmd_task *task = NULL;
    llmd_error *error = llmd_gateway_spec_parse_file(path, &spec);

    if (error)
        return error;
    error = llmd_gateway_apply(kube, spec, &task);
    return report_run(ctx, error, task);
}

static llmd_error *apply_service(llmd_context *ctx, const llmd_kube *kube, const char *path)
{
    LLMD_AUTO(llmd_service_spec) spec = NULL;
    llmd_task *task = NULL;
    llmd_error *error = llmd_service_spec_parse_file(path, &spec);

    if (error)
        return error;
    error = llmd_service_apply(kube, spec, &task);
    return report_run(ctx, error, task);
}

/* What a deployment makes, by the library or by KServe. */
static const char *const MADE[] = {"llminferenceservices.serving.kserve.io",
                                   "llminferenceserviceconfigs.serving.kserve.io",
                                   "gateways.gateway.networking.k8s.io",
                                   "httproutes.gateway.networking.k8s.io",
                                   "inferencepools.inference.networking.k8s.io",
                                   "deployments.apps",
                                   "services",
                                   "secrets",
                                   NULL};

static llmd_error *list(llmd_context *ctx, const llmd_kube *kube, const char *ns)
{
    for (int i = 0; MADE[i]; i++) {
        LLMD_AUTO(llmd_kube_list) objects = NULL;
        llmd_error *error = llmd_kube_list_open(kube, MADE[i], ns, NULL, NULL, &objects);
        char *json = NULL;
        while (!error && !(error = llmd_kube_list_next(ctx, objects, &json)) && json) {
            puts(json);
            llmd_free(json);
        }
        if (error)
            return error;
    }
    return NULL;
}

static llmd_error *print_manifest(const char *path)
{
    LLMD_AUTO(llmd_service_spec) spec = NULL;
    char *text = NULL;
    llmd_error *error = llmd_service_spec_parse_file(path, &spec);

    if (!error)
        error = llmd_service_spec_manifest(spec, &text);
    if (text)
        puts(text);
    llmd_free(text);
    return error;
}

static llmd_error *act(llmd_context *ctx, const llmd_kube *kube, int argc, char **argv)
{
    llmd_task *task = NULL;
    llmd_error *error = NULL;

    if (!strcmp(argv[1], "apply")) {
        error = argc > 4 ? apply_gateway(ctx, kube, argv[4]) : NULL;
        return error ? error : apply_service(ctx, kube, argv[3]);
    }
    if (!strcmp(argv[1], "list"))
        return list(ctx, kube, argv[3]);
    if (!strcmp(argv[1], "wait"))
        error = llmd_service_wait(kube, argv[3], argv[4], &task);
    else
        error = llmd_service_delete(kube, argv[3], argv[4], &task);
    return report_run(ctx, error, task);
}

int main(int argc, char **argv)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    const char *seconds = getenv("LLMD_DEPLOY_TIMEOUT_S");

    if (argc < 4 || (strcmp(argv[1], "apply") && argc != 5)) {
        fprintf(stderr, "usage: deploy apply|wait|delete|list|manifest ... ...\n");
        return 2;
    }
    if (!strcmp(argv[1], "manifest")) {
        llmd_error *bad = print_manifest(argv[2]);
        return bad ? report_failure(bad) : 0;
    }
    llmd_context_set_timeout_ms(ctx, (seconds ? strtol(seconds, NULL, 10) : 600) * 1000LL);
    llmd_error *error = llmd_kube_open(argv[2], NULL, &kube);
    if (!error)
        error = act(ctx, kube, argc, argv);
    return error ? report_failure(error) : 0;
}
