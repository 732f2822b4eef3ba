/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *kubeconfig(void)
{
    return getenv("LLMD_TEST_KUBECONFIG");
}

llmd_kube *open_kube_with(const char *needed)
{
    llmd_kube *kube = NULL;
    llmd_error *error;

    if (!kubeconfig() || (needed && !getenv(needed)))
        skip();
    error = llmd_kube_open(kubeconfig(), NULL, &kube);
    if (error)
        fail_msg("%s", llmd_error_message(error));
    return kube;
}

llmd_kube *open_kube(void)
{
    return open_kube_with(NULL);
}

llmd_context *limit(int64_t ms)
{
    llmd_context *ctx = llmd_context_new();

    llmd_context_set_timeout_ms(ctx, ms);
    return ctx;
}

void count(void *data, const llmd_event *event)
{
    struct tally *tally = data;
    const char *reason = llmd_event_reason(event);

    /* Who prints an event puts its subject before the message. Only a refusal is a whole sentence,
       the one that an error would be. */
    if (llmd_event_level(event) == LLMD_LEVEL_INFO && *llmd_event_subject(event) &&
        strstr(llmd_event_message(event), llmd_event_subject(event)))
        fail_msg("%s", llmd_event_json(event));
    tally->created += strcmp(reason, "created") == 0;
    tally->configured += strcmp(reason, "configured") == 0;
    tally->unchanged += strcmp(reason, "unchanged") == 0;
    if (llmd_event_level(event) >= LLMD_LEVEL_WARNING) {
        tally->warnings++;
        snprintf(tally->warning, sizeof(tally->warning), "%s", llmd_event_message(event));
    }
    snprintf(tally->last, sizeof(tally->last), "%s", llmd_event_json(event));
}

llmd_error *run(llmd_task *task, struct tally *tally, int64_t ms)
{
    LLMD_AUTO(llmd_context) ctx = limit(ms);
    llmd_error *error = llmd_task_run(ctx, task, count, tally);

    llmd_task_free(task);
    return error;
}

void succeed(llmd_error *error)
{
    if (error)
        fail_msg("%s (%s)", llmd_error_message(error), llmd_error_advice(error));
}

llmd_error *apply_with(const llmd_kube *kube, const char *text, const llmd_apply_spec *spec,
                       struct tally *tally)
{
    llmd_task *task = NULL;

    *tally = (struct tally){0};
    succeed(llmd_kube_apply(kube, text, spec, &task));
    return run(task, tally, LIMIT_MS);
}

struct tally apply(const llmd_kube *kube, const char *text)
{
    struct tally tally;

    succeed(apply_with(kube, text, NULL, &tally));
    return tally;
}

struct tally delete (const llmd_kube *kube, const char *resource, const char *name)
{
    struct tally tally = {0};
    llmd_task *task = NULL;

    succeed(llmd_kube_delete(kube, resource, NS, name, &task));
    succeed(run(task, &tally, LIMIT_MS));
    return tally;
}

void apiserver(const char *verb)
{
    char command[512];

    snprintf(command, sizeof(command), "%s %s >&2", getenv("LLMD_TEST_APISERVER"), verb);
    assert_int_equal(system(command), 0);
}
