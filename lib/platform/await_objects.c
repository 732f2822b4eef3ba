/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for objects of one kind: a watch that ends when each of them is as wished. */
#include "platform/platform_run.h"

#include "kube/object.h"
#include "kube/watch.h"

#include <string.h>

struct await {
    struct await *next;
    const char *what;
    struct json *waiting; /* name -> why it is not as wished, "" */
    bool (*met)(const struct json *object, char **why);
};

static void await_free(struct await *await)
{
    llmd__json_free(await->waiting);
    llmd__free(await);
}

void llmd__awaits_free(struct await *awaits)
{
    while (awaits) {
        struct await *next = awaits->next;
        await_free(awaits);
        awaits = next;
    }
}

/* ---- what is waited for ---- */

/* cert-manager writes the Secret first and Ready after it. */
bool llmd__certificate_is_issued(const struct json *object, char **why)
{
    const struct json *ready = llmd__object_condition(object, "Ready");

    if (llmd__object_condition_is(object, "Ready", "True"))
        return true;
    *why = llmd__strdup(llmd__json_str(ready, "message"));
    return false;
}

static bool has_ca(const struct json *client)
{
    return !llmd__json_member(client, "service") || *llmd__json_str(client, "caBundle");
}

/* Of a webhook configuration, or of a CRD with a conversion webhook. */
bool llmd__ca_is_injected(const struct json *object, char **why)
{
    bool all = has_ca(llmd__json_get(object, "spec.conversion.webhook.clientConfig"));

    JSON_EACH(webhook, llmd__json_member(object, "webhooks"))
        all = all && has_ca(llmd__json_member(webhook, "clientConfig"));
    if (!all)
        *why = llmd__strdup("cert-manager's cainjector has not set it yet");
    return all;
}

/* ---- the watch ---- */

static llmd_error *look_at(struct await *await, const struct json *object)
{
    const char *name = llmd__object_name(object);
    AUTO(str) char *why = NULL;

    if (!llmd__json_member(await->waiting, name))
        return NULL;
    if (await->met(object, &why))
        llmd__json_remove(await->waiting, name);
    else
        llmd__json_set_str(await->waiting, name, why ? why : "");
    return llmd__json_check(await->waiting);
}

static llmd_error *on_change(void *data, struct graph *graph, const struct watch_change *change,
                             struct step_action *action)
{
    struct await *await = data;

    (void)graph;
    if (change->type != LLMD_CHANGE_SYNCED && change->type != LLMD_CHANGE_DELETED)
        TRY(look_at(await, change->object));
    if (!llmd__json_count(await->waiting))
        action->kind = ACTION_DONE;
    return NULL;
}

static void describe(const void *data, struct buf *text)
{
    const struct await *await = data;
    const struct json *first = llmd__json_first(await->waiting);

    if (!first)
        return;
    llmd__buf_format(text, "%s %s", await->what, llmd__json_key(first));
    if (*llmd__json_text(first))
        llmd__buf_format(text, " (%s)", llmd__json_text(first));
}

static llmd_error *await_new(const struct await_wish *wish, struct await **out)
{
    struct await *await = llmd__calloc(1, sizeof(*await));

    CHECK_MEMORY(await);
    *out = await;
    await->what = wish->what;
    await->met = wish->met;
    await->waiting = llmd__json_object();
    JSON_EACH(name, wish->names)
        llmd__json_set_str(await->waiting, llmd__json_text(name), "");
    return llmd__json_check(await->waiting);
}

/* One name is asked for alone: a CRD of KServe has 700 kB. */
llmd_error *llmd__await_step(struct graph *graph, struct platform_run *run,
                             const struct await_wish *wish, step_id *out)
{
    bool one = llmd__json_count(wish->names) == 1;
    AUTO(str) char *fields = NULL;
    struct await *await = NULL;
    llmd_error *error;

    *out = -1;
    if (!llmd__json_count(wish->names))
        return NULL;
    if (one) {
        fields = llmd__format("metadata.name=%s", llmd__json_text(llmd__json_first(wish->names)));
        CHECK_MEMORY(fields);
    }
    error = await_new(wish, &await);
    if (await) {
        await->next = run->awaits;
        run->awaits = await;
    }
    TRY(error);
    return llmd__watch_step(graph, run->kube,
                            &(struct watch_wish){.resource = wish->resource,
                                                 .ns = wish->ns ? wish->ns : "*",
                                                 .fields = fields,
                                                 .names_only = true,
                                                 .on_change = on_change,
                                                 .describe = describe,
                                                 .data = await},
                            out);
}
