/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The platform by the library's one call:
 *
 *   rig_platform apply|status|delete KUBECONFIG SPEC
 *
 * Prints one line per event with the seconds since the start, and the result. Exit: 0 done,
 * 1 failed, 2 wrong use.
 */
#include <llmd/llmd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LIMIT_MS (600 * 1000)

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Objects one by one are many; what changed nothing is told by the end. */
static void print_event(void *data, const llmd_event *event)
{
    const double *start = data;
    const char *result = strstr(llmd_event_json(event), "\"result\":");

    if (strcmp(llmd_event_reason(event), "unchanged") != 0)
        printf("%7.2f %d %s %s: %s\n", seconds() - *start, llmd_event_level(event),
               llmd_event_subject(event), llmd_event_reason(event), llmd_event_message(event));
    if (result)
        printf("%s\n", llmd_event_json(event));
    fflush(stdout);
}

static llmd_error *make(const char *verb, const llmd_kube *kube, const llmd_platform_spec *spec,
                        llmd_task **task)
{
    if (strcmp(verb, "apply") == 0)
        return llmd_platform_apply(kube, spec, task);
    if (strcmp(verb, "status") == 0)
        return llmd_platform_status(kube, spec, task);
    return llmd_platform_delete(kube, spec, task);
}

static llmd_error *act(llmd_context *ctx, char **argv, double *start)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    LLMD_AUTO(llmd_platform_spec) spec = NULL;
    LLMD_AUTO(llmd_task) task = NULL;
    llmd_error *error = llmd_kube_open(argv[2], NULL, &kube);

    if (!error)
        error = llmd_platform_spec_parse_file(argv[3], &spec);
    if (!error)
        error = make(argv[1], kube, spec, &task);
    if (!error)
        error = llmd_task_run(ctx, task, print_event, start);
    return error;
}

int main(int argc, char **argv)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    LLMD_AUTO(llmd_error) error = NULL;
    double start = seconds();

    if (argc != 4)
        return 2;
    llmd_context_set_timeout_ms(ctx, LIMIT_MS);
    error = act(ctx, argv, &start);
    if (error)
        fprintf(stderr, "%7.2f %s (%s): %s\n", seconds() - start, llmd_error_message(error),
                llmd_error_reason(error), llmd_error_advice(error));
    else
        printf("%7.2f done\n", seconds() - start);
    return error ? 1 : 0;
}
