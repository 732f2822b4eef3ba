/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operator before it is removed:
 *
 *     Removed ──> its finalizers are gone ──> Unmanaged
 *
 * Its resource is not deleted first, because it makes another one at once, and cert-manager of
 * that; and whatever else it made it writes again until it is Unmanaged. (Read in the source of Red
 * Hat's operator, branch cert-manager-1.15: the deployment controllers of library-go, its own
 * DefaultCertManagerController.)
 */
#include "platform/removal.h"

#include "kube/apply.h"
#include "kube/object.h"
#include "platform/redhat_manifest.h"

#include <string.h>

/* With the fields that an apply of the platform has, so that the next one takes them back. */
static llmd_error *resource_of(const char *state, struct json **out)
{
    AUTO(json) struct json *object = NULL;
    struct json *labels;

    TRY(llmd__redhat_resource(state, &object));
    labels = llmd__json_set_object(llmd__json_edit(object, "metadata"), "labels");
    llmd__json_set_str(labels, "app.kubernetes.io/managed-by", "libllmd");
    llmd__json_set_str(labels, LLMD__PLATFORM_COMPONENT_LABEL,
                       llmd__component(COMPONENT_CERT_MANAGER)->key);
    TRY(llmd__json_check(object));
    *out = TAKE(object);
    return NULL;
}

static llmd_error *set_state(struct graph *graph, struct removal *removal, const char *state,
                             step_id before, step_id *out)
{
    AUTO(json) struct json *object = NULL;

    TRY(resource_of(state, &object));
    TRY(llmd__apply_step(graph, removal->run->kube, object, &(struct apply_options){.force = true},
                         NULL, NULL, out));
    return llmd__graph_need(graph, *out, before);
}

/* What others hold they may hold for as long as they like: the operator does not wait for it. */
static bool is_let_go(const struct json *object, char **why)
{
    const char *own = llmd__component(COMPONENT_CERT_MANAGER)->profile->operands->finalizers;

    JSON_EACH(item, llmd__json_get(object, "metadata.finalizers")) {
        const char *finalizer = llmd__json_text(item);

        if (strncmp(finalizer, own, strlen(own)) != 0)
            continue;
        *why =
            llmd__format("held by the finalizer %s until what it was made into is gone", finalizer);
        return false;
    }
    return true;
}

static llmd_error *await_release(struct graph *graph, struct removal *removal, step_id before,
                                 step_id *out)
{
    AUTO(json) struct json *names = llmd__json_array();

    CHECK_MEMORY(names);
    llmd__json_add_str(names, removal->operands->object);
    TRY(llmd__json_check(names));
    TRY(llmd__await_step(graph, removal->run,
                         &(struct await_wish){.resource = removal->operands->resource,
                                              .what = "the operator to let go of CertManager",
                                              .names = names,
                                              .met = is_let_go},
                         out));
    return llmd__graph_need(graph, *out, before);
}

llmd_error *llmd__operands_retire(struct graph *graph, struct removal *removal, step_id before,
                                  step_id after)
{
    step_id removed = -1, released = -1, unmanaged = -1;

    if (!removal->operands || !llmd__json_count(removal->waves[REMOVE_OPERATED]) ||
        !(removal->controllers & COMPONENT_BIT(COMPONENT_CERT_MANAGER)))
        return NULL;
    TRY(set_state(graph, removal, "Removed", before, &removed));
    TRY(await_release(graph, removal, removed, &released));
    TRY(set_state(graph, removal, "Unmanaged", released, &unmanaged));
    return llmd__graph_need(graph, after, unmanaged);
}
