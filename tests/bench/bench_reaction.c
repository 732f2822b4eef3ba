/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long after the API server has a change do we tell it? One thread applies a ConfigMap again
 * and again; the other waits in llmd_kube_watch_next(). Measured from the moment the PATCH was
 * sent, so the server's own work counts too: an upper bound.
 *
 *   bench_reaction KUBECONFIG [ROUNDS]
 */
#include <llmd/llmd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 10000
#define PAUSE_US 20000 /* between changes, so that each is told alone */

static double sent_ms[ROUNDS_MAX], answered_ms[ROUNDS_MAX], told_ms[ROUNDS_MAX];
static atomic_int synced;

static double now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void check(llmd_error *error)
{
    if (!error)
        return;
    fprintf(stderr, "%s\n", llmd_error_message(error));
    exit(1);
}

struct job {
    const llmd_kube *kube;
    int rounds;
};

static void *change(void *data)
{
    const struct job *job = data;
    char text[256];

    while (!atomic_load(&synced))
        usleep(1000);
    for (int i = 0; i < job->rounds; i++) {
        LLMD_AUTO(llmd_task) task = NULL;
        snprintf(
            text, sizeof(text),
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"reaction\","
            "\"namespace\":\"default\"},\"data\":{\"round\":\"%d\"}}",
            i);
        check(llmd_kube_apply(job->kube, text, NULL, &task));
        sent_ms[i] = now_ms();
        check(llmd_task_run(NULL, task, NULL, NULL));
        answered_ms[i] = now_ms();
        usleep(PAUSE_US);
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int round_of(const char *json)
{
    const char *at = strstr(json, "\"round\":\"");
    return at ? (int)strtol(at + strlen("\"round\":\""), NULL, 10) : -1;
}

static void collect(const llmd_kube *kube, int rounds)
{
    LLMD_AUTO(llmd_kube_watch) watch = NULL;
    int last = -1;

    check(llmd_kube_watch_open(kube, "configmaps", "default", NULL, "metadata.name=reaction",
                               &watch));
    while (last < rounds - 1) {
        LLMD_AUTO(llmd_kube_change) event = NULL;
        check(llmd_kube_watch_next(NULL, watch, &event));
        bool was_synced = atomic_load(&synced);
        if (llmd_kube_change_type(event) == LLMD_CHANGE_SYNCED)
            atomic_store(&synced, 1);
        else if (was_synced && (last = round_of(llmd_kube_change_json(event))) >= 0)
            told_ms[last] = now_ms();
    }
}

static void report(const char *from, const double *since, int rounds)
{
    static double took[ROUNDS_MAX];

    for (int i = 0; i < rounds; i++)
        took[i] = told_ms[i] - since[i];
    qsort(took, (size_t)rounds, sizeof(*took), by_value);
    printf("told after %s: p50 %.1f ms, p90 %.1f ms, max %.1f ms (%d changes)\n", from,
           took[rounds / 2], took[rounds * 9 / 10], took[rounds - 1], rounds);
}

int main(int argc, char **argv)
{
    LLMD_AUTO(llmd_kube) kube = NULL;
    pthread_t thread;

    if (argc < 2)
        return fprintf(stderr, "usage: bench_reaction KUBECONFIG [ROUNDS]\n"), 2;
    struct job job = {.rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 200};
    if (job.rounds < 1 || job.rounds > ROUNDS_MAX)
        return 2;
    check(llmd_kube_open(argv[1], NULL, &kube));
    job.kube = kube;
    pthread_create(&thread, NULL, change, &job);
    collect(kube, job.rounds);
    pthread_join(thread, NULL);
    report("the apply began", sent_ms, job.rounds);
    report("the server had answered", answered_ms, job.rounds);
    return 0;
}
