/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From two YAML files to streamed tokens, with live progress:
 *
 *     deploy_and_chat GATEWAY.yaml SERVICE.yaml [PROMPT]
 *
 * The cluster is the one that kubectl would use: $KUBECONFIG, or ~/.kube/config.
 */
#include <llmd/llmd.h>
#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    interrupted = number;
}

static bool is_interrupted(void *unused)
{
    (void)unused;
    return interrupted;
}

static void show(void *unused, const llmd_event *event)
{
    (void)unused;
    fprintf(stderr, "%-10s %s: %s\n", llmd_event_phase(event), llmd_event_subject(event),
            llmd_event_message(event));
    if (*llmd_event_advice(event))
        fprintf(stderr, "           %s\n", llmd_event_advice(event));
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
    return error;
}

static int fail(const llmd_error *error)
{
    if (interrupted) {
        fputs("interrupted: what was applied stays; run it again, and it goes on\n", stderr);
        return 128 + interrupted;
    }
    fprintf(stderr, "%s\n", llmd_error_message(error));
    if (*llmd_error_advice(error))
        fprintf(stderr, "%s\n", llmd_error_advice(error));
    return 1;
}

int main(int argc, char **argv)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    LLMD_AUTO(llmd_gateway_spec) gateway = NULL;
    LLMD_AUTO(llmd_service_spec) service = NULL;
    LLMD_AUTO(llmd_task) first = NULL;
    LLMD_AUTO(llmd_task) second = NULL;
    LLMD_AUTO(llmd_endpoint) endpoint = NULL;
    LLMD_AUTO(llmd_error) e = NULL;
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();

    if (argc < 3)
        return fprintf(stderr, "usage: %s GATEWAY.yaml SERVICE.yaml [PROMPT]\n", argv[0]), 2;
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    llmd_context_set_poll(ctx, is_interrupted, NULL);
    llmd_context_set_timeout_ms(ctx, 60 * 60 * 1000); /* a new TPU node may take its time */
    if ((e = llmd_kube_open(NULL, NULL, &kube)) ||
        (e = llmd_gateway_spec_parse_file(argv[1], &gateway)) ||
        (e = llmd_service_spec_parse_file(argv[2], &service)) ||
        (e = llmd_gateway_apply(kube, gateway, &first)) ||
        (e = llmd_task_run(ctx, first, show, NULL)) ||
        (e = llmd_service_apply(kube, service, &second)) ||
        (e = llmd_task_run(ctx, second, show, NULL)) ||
        (e = llmd_service_connect(ctx, kube, llmd_service_spec_ns(service),
                                  llmd_service_spec_name(service), NULL, &endpoint)) ||
        (e = chat(ctx, endpoint, argc > 3 ? argv[3] : "Hello!")))
        return fail(e);
    return 0;
}
