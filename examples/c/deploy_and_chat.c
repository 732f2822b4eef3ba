/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a YAML file to streamed tokens, with live progress:
 *
 *     deploy_and_chat SERVICE.yaml [PROMPT [KUBECONFIG]]
 */
#include <llmd/llmd.h>
#include <stdio.h>

static void show(void *unused, const llmd_event *event)
{
    (void)unused;
    fprintf(stderr, "%-10s %s: %s\n", llmd_event_phase(event), llmd_event_subject(event),
            llmd_event_message(event));
    if (*llmd_event_advice(event))
        fprintf(stderr, "           %s\n", llmd_event_advice(event));
}

static llmd_error *chat(const llmd_endpoint *endpoint, const char *prompt)
{
    LLMD_AUTO(llmd_request) request = llmd_request_new(LLMD_REQUEST_CHAT);
    LLMD_AUTO(llmd_stream) stream = NULL;
    llmd_delta *delta = NULL;
    llmd_request_add_message(request, "user", prompt);
    llmd_error *error = llmd_endpoint_stream(NULL, endpoint, request, &stream);
    while (!error && !(error = llmd_stream_next(NULL, stream, &delta)) && delta) {
        fputs(llmd_delta_text(delta), stdout);
        fflush(stdout);
        llmd_delta_free(delta);
    }
    puts("");
    return error;
}

int main(int argc, char **argv)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    LLMD_AUTO(llmd_service_spec) spec = NULL;
    LLMD_AUTO(llmd_task) task = NULL;
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    LLMD_AUTO(llmd_error) e = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();

    if (argc < 2)
        return fprintf(stderr, "usage: %s SERVICE.yaml [PROMPT [KUBECONFIG]]\n", argv[0]), 2;
    llmd_context_set_timeout_ms(ctx, 60 * 60 * 1000); /* a new TPU node may take its time */
    if ((e = llmd_kube_open(argc > 3 ? argv[3] : NULL, NULL, &kube)) ||
        (e = llmd_service_spec_parse_file(argv[1], &spec)) ||
        (e = llmd_service_apply(kube, spec, &task)) || (e = llmd_task_run(ctx, task, show, NULL)) ||
        (e = llmd_service_connect(ctx, kube, llmd_service_spec_ns(spec),
                                  llmd_service_spec_name(spec), NULL, &endpoint)) ||
        (e = chat(endpoint, argc > 2 ? argv[2] : "Hello!")))
        return fprintf(stderr, "%s\n%s\n", llmd_error_message(e), llmd_error_advice(e)), 1;
    return 0;
}
