/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies a file of manifests by the library: the rig installs its operators through it.
 *
 *   rig_apply KUBECONFIG FILE
 *
 * Prints one line per event. Exit: 0 done, 1 failed, 2 wrong use.
 */
#include <llmd/llmd.h>
#include <stdio.h>
#include <stdlib.h>

#define LIMIT_MS (120 * 1000)

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    long size;

    if (!file)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 &&
        fseek(file, 0, SEEK_SET) == 0 && (text = malloc((size_t)size + 1)) != NULL)
        text[fread(text, 1, (size_t)size, file)] = '\0';
    fclose(file);
    return text;
}

static void print_event(void *unused, const llmd_event *event)
{
    (void)unused;
    printf("%s %s %s\n", llmd_event_subject(event), llmd_event_reason(event),
           llmd_event_message(event));
    fflush(stdout);
}

/* Fields that an operator has taken over since (a caBundle) are none of ours to give: the
 * manifests do not name them, so force never takes them away. */
static llmd_error *apply(llmd_context *ctx, const char *kubeconfig, const char *manifests)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    LLMD_AUTO(llmd_apply_spec) spec = llmd_apply_spec_new();
    LLMD_AUTO(llmd_task) task = NULL;
    llmd_error *error = llmd_kube_open(kubeconfig, NULL, &kube);

    llmd_apply_spec_set(spec, "force", "true");
    if (!error)
        error = llmd_kube_apply(kube, manifests, spec, &task);
    if (!error)
        error = llmd_task_run(ctx, task, print_event, NULL);
    return error;
}

int main(int argc, char **argv)
{
    LLMD_AUTO(llmd_context) ctx = NULL;
    LLMD_AUTO(llmd_error) error = NULL;
    char *manifests;

    if (argc != 3) {
        fputs("usage: rig_apply KUBECONFIG FILE\n", stderr);
        return 2;
    }
    manifests = read_file(argv[2]);
    if (!manifests) {
        fprintf(stderr, "rig_apply: cannot read %s\n", argv[2]);
        return 1;
    }
    ctx = llmd_context_new();
    llmd_context_set_timeout_ms(ctx, LIMIT_MS);
    error = apply(ctx, argv[1], manifests);
    free(manifests);
    if (error)
        fprintf(stderr, "rig_apply: %s: %s\n%s\n", argv[2], llmd_error_message(error),
                llmd_error_advice(error));
    return error ? 1 : 0;
}
