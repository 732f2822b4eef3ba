/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Writes the kubeconfig, readable by its owner only; the path, or NULL. */
static const char *write_kubeconfig(const struct sandbox *sandbox, char *temporary)
{
    const char *path = sandbox->options.kubeconfig;
    AUTO(str) char *text = sandbox_kubeconfig(sandbox);
    int fd =
        path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : mkstemps(temporary, 5);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        perror(path ? path : temporary);
        return NULL;
    }
    close(fd);
    return path ? path : temporary;
}

static bool lifeline_is_cut(short events, int fd)
{
    char bytes[256];
    if (!events)
        return false;
    return (events & POLLIN) == 0 || read(fd, bytes, sizeof(bytes)) <= 0;
}

/* Until a signal comes or standard input closes. */
static void wait_for_end(bool lifeline, int signals)
{
    struct pollfd fds[2] = {{.fd = signals, .events = POLLIN},
                            {.fd = lifeline ? STDIN_FILENO : -1, .events = POLLIN}};
    while (poll(fds, 2, -1) >= 0 || true) {
        if (fds[0].revents || lifeline_is_cut(fds[1].revents, STDIN_FILENO))
            return;
        fds[0].revents = fds[1].revents = 0;
    }
}

static int block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int serve(struct sandbox *sandbox, int signals, pid_t parent)
{
    char temporary[] = "/tmp/llmd-sandbox-XXXXXX.yaml";
    const char *path = write_kubeconfig(sandbox, temporary);
    if (!path)
        return 1;
    if (sandbox->options.print_kubeconfig) {
        AUTO(str) char *text = sandbox_kubeconfig(sandbox);
        fputs(text, stdout);
    } else {
        printf("%s %s\n", path, httpd_url(sandbox->api));
    }
    fflush(stdout);
    /* The parent may have ended before prctl could tell us. */
    if (!sandbox->options.exit_with_parent || getppid() == parent)
        wait_for_end(sandbox->options.stdin_lifeline, signals);
    if (!sandbox->options.kubeconfig)
        unlink(path);
    return 0;
}

/* Ten thousand streams are ten thousand descriptors. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    struct options options;
    pid_t parent = getppid();
    int stop = options_parse(&options, argc, argv);
    if (stop)
        return stop - 1;
    if (options.exit_with_parent)
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    raise_descriptor_limit();
    int signals = block_signals();
    struct sandbox *sandbox = sandbox_start(&options);
    if (!sandbox)
        return 1;
    int status = serve(sandbox, signals, parent);
    sandbox_stop(sandbox);
    close(signals);
    return status;
}
