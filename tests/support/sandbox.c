/* SPDX-License-Identifier: Apache-2.0 */
#include "support/sandbox.h"
#include "sandbox/conn.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ARGUMENTS 32

struct sandbox_process {
    pid_t pid;
    int lifeline; /* closing it ends the sandbox */
    char kubeconfig[256];
    char url[128];
};

extern char **environ;

static bool spawn(struct sandbox_process *sandbox, char **arguments, int input, int output)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    int failed = posix_spawn(&sandbox->pid, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return !failed;
}

/* "PATH URL\n" */
static bool read_line(struct sandbox_process *sandbox, int fd)
{
    FILE *stream = fdopen(fd, "r");
    bool good = stream && fscanf(stream, "%255s %127s", sandbox->kubeconfig, sandbox->url) == 2;
    if (stream)
        fclose(stream);
    return good;
}

static bool start(struct sandbox_process *sandbox, char **arguments)
{
    int input[2];
    int output[2];
    if (pipe2(input, O_CLOEXEC) || pipe2(output, O_CLOEXEC))
        return false;
    bool spawned = spawn(sandbox, arguments, input[0], output[1]);
    close(input[0]);
    close(output[1]);
    sandbox->lifeline = input[1];
    return read_line(sandbox, output[0]) && spawned;
}

struct sandbox_process *sandbox_process_start(const char *const *arguments)
{
    char *all[MAX_ARGUMENTS + 3] = {getenv("LLMD_SANDBOX"), "--stdin-lifeline"};
    for (int i = 0; arguments && arguments[i] && i < MAX_ARGUMENTS; i++)
        all[i + 2] = (char *)arguments[i];
    if (!all[0] || !*all[0]) {
        fprintf(stderr, "LLMD_SANDBOX names no program\n");
        return NULL;
    }
    struct sandbox_process *sandbox = must_alloc(sizeof(*sandbox));
    *sandbox = (struct sandbox_process){.lifeline = -1};
    if (start(sandbox, all))
        return sandbox;
    fprintf(stderr, "%s did not start\n", all[0]);
    sandbox_process_stop(sandbox);
    return NULL;
}

void sandbox_process_stop(struct sandbox_process *sandbox)
{
    if (!sandbox)
        return;
    if (sandbox->lifeline >= 0)
        close(sandbox->lifeline);
    if (sandbox->pid > 0) {
        kill(sandbox->pid, SIGTERM);
        waitpid(sandbox->pid, NULL, 0);
    }
    free(sandbox);
}

const char *sandbox_process_kubeconfig(const struct sandbox_process *sandbox)
{
    return sandbox->kubeconfig;
}

const char *sandbox_process_url(const struct sandbox_process *sandbox)
{
    return sandbox->url;
}

/* ---- a client of a few lines: the tests must not share the library's mistakes ---- */

static int dial(const char *url, const char **path)
{
    char host[64];
    int port;
    int skipped = 0;
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (sscanf(url, "http://%63[^:]:%d%n", host, &port, &skipped) != 2)
        return -1;
    *path = url[skipped] ? url + skipped : "/";
    address.sin_port = htons((uint16_t)port);
    inet_pton(AF_INET, host, &address.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static char *read_all(int fd)
{
    size_t len = 0;
    size_t cap = 65536;
    char *text = must_alloc(cap);
    for (ssize_t n; (n = read(fd, text + len, cap - len - 1)) > 0;) {
        len += (size_t)n;
        if (cap - len < 4096)
            text = must_realloc(text, cap *= 2);
    }
    text[len] = '\0';
    return text;
}

/* In place: the body without the sizes of its chunks. */
static void unchunk(char *body)
{
    char *out = body;
    for (char *at = body; *at;) {
        char *data;
        size_t len = strtoul(at, &data, 16);
        if (len == 0 || strncmp(data, "\r\n", 2) != 0)
            break;
        data += 2;
        len = strnlen(data, len);
        memmove(out, data, len);
        out += len;
        at = data + len + (strncmp(data + len, "\r\n", 2) == 0 ? 2 : 0);
    }
    *out = '\0';
}

int sandbox_process_answer(char *received, char **out)
{
    int status = 0;
    char *end = strstr(received, "\r\n\r\n");
    if (end && sscanf(received, "HTTP/1.1 %d", &status) == 1 && out) {
        *end = '\0';
        bool chunked = strstr(received, "chunked") != NULL;
        *out = must_strndup(end + 4, strlen(end + 4));
        if (chunked)
            unchunk(*out);
    }
    free(received);
    return status;
}

int sandbox_process_http_as(const char *token, const char *method, const char *url,
                            const char *type, const char *body, char **out)
{
    const char *path;
    int fd = dial(url, &path);
    if (out)
        *out = NULL;
    if (fd < 0)
        return 0;
    dprintf(fd,
            "%s %s HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nUser-Agent: test/1\r\n"
            "%s%s%sContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
            method, path, token ? "Authorization: Bearer " : "", token ? token : "",
            token ? "\r\n" : "", type ? type : "application/json", body ? strlen(body) : 0,
            body ? body : "");
    char *received = read_all(fd);
    close(fd);
    return sandbox_process_answer(received, out);
}

int sandbox_process_http(const char *method, const char *url, const char *type, const char *body,
                         char **out)
{
    return sandbox_process_http_as(NULL, method, url, type, body, out);
}

bool sandbox_process_command(const struct sandbox_process *sandbox, const char *command,
                             const char *json)
{
    char url[256];
    snprintf(url, sizeof(url), "%s/sandbox/%s", sandbox->url, command);
    return sandbox_process_http("POST", url, NULL, json, NULL) == 200;
}
