/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for a model server that takes its time over an answer:
 *   stream [PORT]       40 server-sent events in 4 s to a POST, vLLM's gauges at /metrics, 200 to
 *                       everything else; on port 8000
 *   /bin/sleep SECONDS  the same program under this name: the preStop hook of KServe's presets
 * Told to end, it takes no further connection and finishes the answers that have begun, as vLLM
 * does within its --shutdown-timeout.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS 40
#define EVENT_US 100000

static volatile sig_atomic_t ending;

static void end(int number)
{
    (void)number;
    ending = 1;
}

static void say(int client, const char *text)
{
    size_t len = strlen(text);

    while (len) {
        ssize_t written = write(client, text, len);
        if (written < 0)
            _exit(1);
        text += written;
        len -= (size_t)written;
    }
}

static void say_chunk(int client, const char *text)
{
    char head[24];

    snprintf(head, sizeof head, "%zx\r\n", strlen(text));
    say(client, head);
    say(client, text);
    say(client, "\r\n");
}

/* Header and body; a gateway may pass the body on in chunks. */
static int is_whole(const char *request)
{
    const char *body = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "\r\ncontent-length:");

    if (!body)
        return 0;
    if (strcasestr(request, "\r\ntransfer-encoding: chunked"))
        return strstr(body, "\r\n0\r\n\r\n") != NULL;
    return !length || strlen(body + 4) >= strtoul(length + 17, NULL, 10);
}

static void read_request(int client, char *request, size_t size)
{
    size_t len = 0;

    while (len + 1 < size) {
        ssize_t got = read(client, request + len, size - 1 - len);
        if (got <= 0)
            _exit(1);
        len += (size_t)got;
        request[len] = '\0';
        if (is_whole(request))
            return;
    }
}

static void generate(int client)
{
    say(client, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    for (int i = 0; i < EVENTS; i++) {
        usleep(EVENT_US);
        say_chunk(client, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\","
                          "\"model\":\"stream\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
                          "\"word \"},\"finish_reason\":null}]}\n\n");
    }
    say_chunk(client, "data: [DONE]\n\n");
    say(client, "0\r\n\r\n");
}

static void answer(int client)
{
    static char request[1 << 16];

    read_request(client, request, sizeof request);
    if (!strncmp(request, "POST ", 5))
        generate(client);
    else if (!strncmp(request, "GET /metrics ", 13))
        say(client, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
                    "vllm:num_requests_waiting 0\nvllm:num_requests_running 0\n"
                    "vllm:kv_cache_usage_perc 0\n");
    else
        say(client, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n");
}

/* A process for each, which outlives what the server is told. */
static void take(int server)
{
    int client = accept(server, NULL, NULL);

    if (client < 0)
        return;
    if (fork() == 0) {
        close(server);
        answer(client);
        _exit(0);
    }
    close(client);
}

static void serve(int server)
{
    struct pollfd waiting = {.fd = server, .events = POLLIN};
    sigset_t none;

    sigemptyset(&none);
    while (!ending)
        if (ppoll(&waiting, 1, NULL, &none) > 0)
            take(server);
    /* Those that the kernel has accepted already count as begun. */
    while (poll(&waiting, 1, 0) > 0)
        take(server);
    close(server);
    while (wait(NULL) > 0 || errno == EINTR) {
    }
}

/* The signal comes only while ppoll waits. Ended children are no concern of anybody. */
static void set_signals(void)
{
    struct sigaction action = {.sa_handler = end};
    sigset_t term;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int on = 1, server;

    if (argc > 1 && strstr(argv[0], "sleep"))
        return (int)sleep((unsigned)strtoul(argv[1], NULL, 10));
    set_signals();
    address.sin_port = htons(argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 8000);
    server = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 64)) {
        perror("stream");
        return 1;
    }
    serve(server);
    return 0;
}
