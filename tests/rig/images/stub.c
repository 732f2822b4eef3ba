/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for a model server, for cases where no model is needed:
 *   stub serve    answers every request on port 8000 with 200, so probes pass
 *   stub refuse   ends at once as vLLM does on a flag that it does not know
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                             "Content-Length: 3\r\nConnection: close\r\n\r\nok\n";

static void answer_one(int client)
{
    char request[4096];

    if (read(client, request, sizeof request) > 0) {
        ssize_t written = write(client, answer, sizeof answer - 1);
        (void)written;
    }
    close(client);
}

static int serve(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8000)};
    int on = 1, server = socket(AF_INET, SOCK_STREAM, 0);

    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 16)) {
        perror("stub");
        return 1;
    }
    for (;;) {
        int client = accept(server, NULL, NULL);
        if (client >= 0) {
            answer_one(client);
        }
    }
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, _exit);
    if (argc > 1 && strcmp(argv[1], "refuse") == 0) {
        fputs("usage: vllm serve [model_tag] [options]\n"
              "vllm serve: error: unrecognized arguments: --no-such-flag\n",
              stderr);
        return 2;
    }
    return serve();
}
