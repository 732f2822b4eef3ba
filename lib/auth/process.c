/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posix_spawn is safe in a process with threads and does not copy its memory. The child gets its
 * own process group, so that what it starts is killed with it at a timeout or a cancel (what
 * outlives a child that ended by itself is left alone), and no descriptor but the three standard
 * ones.
 */
#include "auth/process.h"

#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define MAX_OUTPUT_DEFAULT ((size_t)1 << 20)
#define MAX_COMPLAINT ((size_t)64 << 10)
/* How often to look for the end where the kernel has no pidfd (before 5.3). */
#define REAP_INTERVAL_MS 20
/* After its end a grandchild may hold the pipe open: what it says does not matter any more. */
#define DRAIN_MS 200

struct child {
    const char *name;
    pid_t pid;              /* 0: none, or reaped */
    int output, complaints; /* our ends; -1: closed */
    int wake;               /* eventfd for the context */
    int ending;             /* pidfd, readable at its end; -1: unknown here */
    int status;
    int64_t timeout_ms;  /* 0: none */
    int64_t deadline_ms; /* monotonic */
    struct buf *out;
    struct buf complaint;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool reap(struct child *child, int flags)
{
    pid_t pid;

    do
        pid = waitpid(child->pid, &child->status, flags);
    while (pid < 0 && errno == EINTR);
    if (pid == 0)
        return false;
    /* ECHILD: the host ignores SIGCHLD or reaped it for us; then nothing is known but its output.
     */
    if (pid < 0)
        child->status = 0;
    child->pid = 0;
    return true;
}

static void child_free(struct child *child)
{
    if (child->pid) {
        kill(-child->pid, SIGKILL);
        reap(child, 0);
    }
    close_fd(&child->output);
    close_fd(&child->complaints);
    close_fd(&child->wake);
    close_fd(&child->ending);
    llmd__buf_free(&child->complaint);
}

static llmd_error *merged_environment(const char *const *added, char ***out)
{
    size_t count = 0;
    size_t more = 0;

    while (environ && environ[count])
        count++;
    while (added && added[more])
        more++;
    char **merged = llmd__calloc(count + more + 1, sizeof *merged);
    CHECK_MEMORY(merged);
    size_t kept = 0;
    for (size_t i = 0; i < more; i++)
        merged[kept++] = (char *)(uintptr_t)added[i];
    for (size_t i = 0; i < count; i++) {
        size_t name = strcspn(environ[i], "=") + 1;
        bool replaced = false;
        for (size_t k = 0; k < more && !replaced; k++)
            replaced = strncmp(added[k], environ[i], name) == 0;
        if (!replaced)
            merged[kept++] = environ[i];
    }
    *out = merged;
    return NULL;
}

struct spawn {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
};

static void spawn_free(struct spawn *spawn)
{
    posix_spawn_file_actions_destroy(&spawn->actions);
    posix_spawnattr_destroy(&spawn->attributes);
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, defaults;

    /* The host may block or ignore signals (Python ignores SIGPIPE, Go masks); the program should
       not inherit that. */
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    sigaddset(&defaults, SIGCHLD);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &defaults);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF);
}

static int set_actions(posix_spawn_file_actions_t *actions, const struct process *process, int out,
                       int err)
{
    int fault = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (!fault)
        fault = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
    if (!fault)
        fault = posix_spawn_file_actions_adddup2(actions, err, STDERR_FILENO);
    if (!fault)
        fault = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    if (!fault && process->dir)
        fault = posix_spawn_file_actions_addchdir_np(actions, process->dir);
    return fault;
}

static int spawn_now(const struct process *process, char **environment, int out, int err,
                     pid_t *pid)
{
    __attribute__((cleanup(spawn_free))) struct spawn spawn;

    posix_spawn_file_actions_init(&spawn.actions);
    posix_spawnattr_init(&spawn.attributes);
    int fault = set_attributes(&spawn.attributes);
    if (!fault)
        fault = set_actions(&spawn.actions, process, out, err);
    if (!fault)
        fault = posix_spawnp(pid, process->argv[0], &spawn.actions, &spawn.attributes,
                             (char *const *)(uintptr_t)process->argv, environment);
    return fault;
}

static llmd_error *spawn_error(const char *name, int fault)
{
    if (fault == ENOENT)
        return llmd__error(LLMD_E_NOT_FOUND, "%s: no such program%s", name,
                           strchr(name, '/') ? "" : " in PATH");
    if (fault == EACCES)
        return llmd__error(LLMD_E_DENIED, "%s: it may not be run", name);
    return llmd__error_errno(fault, "%s: starting it", name);
}

/* Pipe ends at or above 3: dup2 onto itself would leave close-on-exec set. */
static int open_pipe(int ends[2])
{
    int plain[2];
    int fault = 0;

    ends[0] = ends[1] = -1;
    if (pipe2(plain, O_CLOEXEC))
        return errno;
    for (int i = 0; i < 2; i++) {
        ends[i] = plain[i] > STDERR_FILENO ? plain[i] : fcntl(plain[i], F_DUPFD_CLOEXEC, 3);
        if (ends[i] < 0)
            fault = errno;
        if (ends[i] != plain[i])
            close(plain[i]);
    }
    return fault;
}

static int start_with(const struct process *process, char **environment, struct child *child)
{
    int out[2];
    int err[2] = {-1, -1};

    int fault = open_pipe(out);
    if (!fault)
        fault = open_pipe(err);
    child->output = out[0];
    child->complaints = err[0];
    if (!fault)
        fault = spawn_now(process, environment, out[1], err[1], &child->pid);
    close_fd(&out[1]);
    close_fd(&err[1]);
    if (fault)
        child->pid = 0;
    return fault;
}

static llmd_error *start(const struct process *process, struct child *child)
{
    char **environment = NULL;

    TRY(merged_environment(process->env, &environment));
    int fault = start_with(process, environment, child);
    llmd__free(environment);
    if (fault)
        return spawn_error(child->name, fault);
    child->ending = (int)syscall(SYS_pidfd_open, child->pid, 0);
    return NULL;
}

static void wake(void *data)
{
    const struct child *child = data;
    const uint64_t one = 1;

    if (write(child->wake, &one, sizeof one) < 0)
        return;
}

/* Complaints are kept by their end, which says what went wrong. */
static void keep(struct child *child, int *fd, const char *bytes, size_t len)
{
    if (fd == &child->output) {
        llmd__buf_add(child->out, bytes, len);
        return;
    }
    if (child->complaint.len > MAX_COMPLAINT)
        llmd__buf_consume(&child->complaint, child->complaint.len / 2);
    llmd__buf_add(&child->complaint, bytes, len);
}

static void receive(struct child *child, int *fd)
{
    char bytes[16384];
    ssize_t len;

    do
        len = read(*fd, bytes, sizeof bytes);
    while (len < 0 && errno == EINTR);
    if (len > 0)
        keep(child, fd, bytes, (size_t)len);
    else
        close_fd(fd);
    llmd__wipe(bytes, len > 0 ? (size_t)len : 0);
}

static void wait_and_receive(llmd_context *ctx, struct child *child)
{
    struct pollfd polled[] = {{.fd = child->output, .events = POLLIN},
                              {.fd = child->complaints, .events = POLLIN},
                              {.fd = child->wake, .events = POLLIN},
                              {.fd = child->pid ? child->ending : -1, .events = POLLIN}};
    int64_t want_ms = child->pid && child->ending >= 0 ? -1 : REAP_INTERVAL_MS;
    int64_t left_ms = child->deadline_ms - llmd__clock_mono_ms();

    if (child->timeout_ms && (want_ms < 0 || want_ms > left_ms))
        want_ms = left_ms > 0 ? left_ms : 0;
    if (poll(polled, 4, llmd__context_wait_ms(ctx, want_ms)) <= 0)
        return;
    if (polled[0].revents)
        receive(child, &child->output);
    if (polled[1].revents)
        receive(child, &child->complaints);
}

static llmd_error *check_deadline(const struct child *child)
{
    if (!child->timeout_ms || llmd__clock_mono_ms() < child->deadline_ms)
        return NULL;
    return llmd__error(LLMD_E_FAILED, "not done after %.0f s, ended",
                       (double)child->timeout_ms / 1000);
}

static llmd_error *wait_for_end(llmd_context *ctx, struct child *child)
{
    int64_t ended_ms = 0;

    for (;;) {
        bool open = child->output >= 0 || child->complaints >= 0;
        if (child->pid && reap(child, WNOHANG))
            ended_ms = llmd__clock_mono_ms();
        if (!child->pid && (!open || llmd__clock_mono_ms() - ended_ms > DRAIN_MS))
            return NULL;
        TRY(llmd__context_check(ctx));
        TRY(check_deadline(child));
        TRY(llmd__buf_check(child->out));
        wait_and_receive(ctx, child);
    }
}

static bool has_letter(const char *line)
{
    for (; *line; line++)
        if (isalpha((unsigned char)*line))
            return true;
    return false;
}

/* The line that says why, which is mostly the last one. Gcloud's plugin names the error first and
   then tells at length how to log in, down to a lone parenthesis. */
static const char *reason_line(struct buf *text)
{
    const char *last = "";
    const char *error = NULL;
    char *line = text->len ? text->data : NULL;

    while (line && *line) {
        size_t len = strcspn(line, "\r\n");
        char *next = line[len] ? line + len + 1 : NULL;
        line[len] = '\0';
        if (has_letter(line))
            last = line;
        if (strcasestr(line, "error"))
            error = line;
        line = next ? next + strspn(next, "\r\n") : NULL;
    }
    return error ? error : last;
}

static llmd_error *judge(struct child *child)
{
    const char *line = reason_line(&child->complaint);
    const char *colon = line[0] ? ": " : "";

    if (WIFSIGNALED(child->status))
        return llmd__error(LLMD_E_FAILED, "%s: ended by signal %d%s%.500s", child->name,
                           WTERMSIG(child->status), colon, line);
    /* Where posix_spawn cannot report a failing exec (POSIX allows that), the child says 127. */
    if (WEXITSTATUS(child->status) == 127 && !line[0])
        return spawn_error(child->name, ENOENT);
    if (WEXITSTATUS(child->status))
        return llmd__error(LLMD_E_FAILED, "%s: exit status %d%s%.500s", child->name,
                           WEXITSTATUS(child->status), colon, line);
    return llmd__buf_check(child->out);
}

static llmd_error *run(llmd_context *ctx, const struct process *process, struct child *child)
{
    struct context_waker waker = {.wake = wake, .data = child};

    child->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (child->wake < 0)
        return llmd__error_errno(errno, "%s: eventfd", child->name);
    TRY(start(process, child));
    child->deadline_ms = llmd__clock_mono_ms() + child->timeout_ms;
    llmd__context_add_waker(ctx, &waker);
    llmd_error *error = wait_for_end(ctx, child);
    llmd__context_remove_waker(ctx, &waker);
    return error ? llmd__error_wrap(error, "%s", child->name) : judge(child);
}

llmd_error *llmd__process_run(llmd_context *ctx, const struct process *process, struct buf *out)
{
    __attribute__((cleanup(child_free))) struct child child = {.name = process->argv[0],
                                                               .output = -1,
                                                               .complaints = -1,
                                                               .wake = -1,
                                                               .ending = -1,
                                                               .timeout_ms = process->timeout_ms,
                                                               .out = out};

    if (!out->max)
        out->max = process->max_output ? process->max_output : MAX_OUTPUT_DEFAULT;
    TRY(llmd__context_check(ctx));
    return run(ctx, process, &child);
}
