/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What really depends on what:
 *
 *   namespaces ──> config ───────────────────────────────────────┐
 *   CRDs (of it and of what it needs) ───────────────────────────┤
 *   cert-manager, all of it ──> Issuer, Certificate ──> Secret ──┼──> controllers ──┐
 *                                                                └──> webhooks ─────┴──> presets
 *
 * The Secret comes before the controllers: kubelet's wait for a volume that is not there doubles to
 * two minutes. The CRDs too: controllers look for their kinds when they start (P121). The webhook
 * configurations are written while the controllers start, because nothing that they judge is
 * written before both are there.
 */
#include "platform/phases.h"

#include "kube/object.h"

#include <string.h>

/* ---- what a phase needs ---- */

static const unsigned same_component[PHASE_COUNT] = {
    [PHASE_CONFIG] = 1u << PHASE_NAMESPACES,
    [PHASE_CERTIFICATES] = 1u << PHASE_NAMESPACES,
    [PHASE_CONTROLLERS] = 1u << PHASE_CRDS | 1u << PHASE_CONFIG | 1u << PHASE_CERTIFICATES,
    [PHASE_WEBHOOKS] = 1u << PHASE_CONFIG | 1u << PHASE_CERTIFICATES,
    [PHASE_PRESETS] = 1u << PHASE_WEBHOOKS | 1u << PHASE_CONTROLLERS,
};

/* Of other components: their CRDs before our controllers start, and cert-manager whole before our
   Certificates are written. */
static enum phase needed_phase(enum phase phase, enum component other)
{
    if (phase == PHASE_CONTROLLERS)
        return PHASE_CRDS;
    if (phase == PHASE_CERTIFICATES && other == COMPONENT_CERT_MANAGER)
        return PHASE_PRESETS; /* an operator's resource is among these */
    return PHASE_COUNT;
}

static llmd_error *need_gate(struct graph *graph, const struct platform_part *part,
                             enum phase phase, step_id step)
{
    if (phase == PHASE_COUNT || part->gates[phase] < 0)
        return NULL;
    return llmd__graph_need(graph, step, part->gates[phase]);
}

llmd_error *llmd__phase_needs(struct graph *graph, const struct platform_run *run,
                              enum component component, enum phase phase, step_id step)
{
    for (int other = 0; other < PHASE_COUNT; other++)
        if (same_component[phase] & 1u << other)
            TRY(need_gate(graph, &run->parts[component], (enum phase)other, step));
    for (int other = 0; other < COMPONENT_COUNT; other++)
        if (llmd__component(component)->needs & COMPONENT_BIT(other))
            TRY(need_gate(graph, &run->parts[other], needed_phase(phase, (enum component)other),
                          step));
    return NULL;
}

/* ---- waiting for what was applied ---- */

static llmd_error *put_between(const struct span *span, step_id step)
{
    step_id gate = span->run->parts[span->component].gates[span->phase];

    if (step < 0)
        return NULL;
    if (span->after >= 0)
        TRY(llmd__graph_need(span->graph, step, span->after));
    else
        TRY(llmd__phase_needs(span->graph, span->run, span->component, span->phase, step));
    return llmd__graph_need(span->graph, gate, step);
}

/* Names of the objects of one kind in one namespace ("" for cluster-scoped). */
static llmd_error *names_of(const struct json *objects, const char *kind, const char *ns,
                            struct json **out)
{
    AUTO(json) struct json *names = llmd__json_array();

    JSON_EACH(object, objects) {
        if (strcmp(llmd__json_str(object, "kind"), kind) == 0 &&
            strcmp(llmd__object_ns(object), ns) == 0)
            llmd__json_add_str(names, llmd__object_name(object));
    }
    TRY(llmd__json_check(names));
    *out = TAKE(names);
    return NULL;
}

static llmd_error *await(const struct span *span, const struct json *objects, const char *kind,
                         struct await_wish wish)
{
    AUTO(json) struct json *names = NULL;
    step_id step = -1;

    TRY(names_of(objects, kind, wish.ns ? wish.ns : "", &names));
    wish.names = names;
    TRY(llmd__await_step(span->graph, span->run, &wish, &step));
    return put_between(span, step);
}

/* Each namespace once: the first object that names it stands for all. */
static bool is_first_of_ns(const struct json *objects, const struct json *object)
{
    JSON_EACH(before, objects) {
        if (before == object)
            return true;
        if (strcmp(llmd__object_ns(before), llmd__object_ns(object)) == 0)
            return false;
    }
    return true;
}

static llmd_error *await_certificates(const struct span *span, const struct json *objects)
{
    JSON_EACH(object, objects) {
        if (!is_first_of_ns(objects, object))
            continue;
        TRY(await(span, objects, "Certificate",
                  (struct await_wish){.resource = "certificates.cert-manager.io",
                                      .ns = llmd__object_ns(object),
                                      .what = "the Secret of Certificate",
                                      .met = llmd__certificate_is_issued}));
    }
    return NULL;
}

/* CRDs by one watch each: together they are megabytes. */
static llmd_error *await_conversion(const struct span *span, const struct json *crds)
{
    JSON_EACH(crd, crds) {
        AUTO(json) struct json *one = llmd__json_array();
        step_id step = -1;

        CHECK_MEMORY(one);
        if (!llmd__json_get(crd, "spec.conversion.webhook"))
            continue;
        llmd__json_add_str(one, llmd__object_name(crd));
        TRY(llmd__json_check(one));
        TRY(llmd__await_step(
            span->graph, span->run,
            &(struct await_wish){.resource = "customresourcedefinitions.apiextensions.k8s.io",
                                 .what = "the caBundle of CustomResourceDefinition",
                                 .names = one,
                                 .met = llmd__ca_is_injected},
            &step));
        TRY(put_between(span, step));
    }
    return NULL;
}

static const char *const webhook_kinds[][2] = {
    {"MutatingWebhookConfiguration", "mutatingwebhookconfigurations.admissionregistration.k8s.io"},
    {"ValidatingWebhookConfiguration",
     "validatingwebhookconfigurations.admissionregistration.k8s.io"}};

static struct await_wish webhook_wish(size_t kind)
{
    return (struct await_wish){.resource = webhook_kinds[kind][1],
                               .what = "the caBundle of webhook configuration",
                               .met = llmd__ca_is_injected};
}

static llmd_error *await_webhooks(const struct span *span, const struct json *objects)
{
    for (size_t i = 0; i < 2; i++)
        TRY(await(span, objects, webhook_kinds[i][0], webhook_wish(i)));
    return await_conversion(span, span->run->parts[span->component].release.phases[PHASE_CRDS]);
}

/* ---- controllers ---- */

static llmd_error *add_names(const struct json *objects, struct json *names)
{
    JSON_EACH(object, objects)
        llmd__json_add_str(names, llmd__object_name(object));
    return llmd__json_check(names);
}

/* Those that its controller looks for when it starts: its own and those of what it needs. */
static llmd_error *watched_crds(const struct platform_run *run, enum component component,
                                struct json **out)
{
    AUTO(json) struct json *names = llmd__json_array();

    for (int i = 0; i < COMPONENT_COUNT; i++) {
        bool counts = i == (int)component || llmd__component(component)->needs & COMPONENT_BIT(i);
        const struct platform_part *part = &run->parts[i];

        if (!counts || i == COMPONENT_CERT_MANAGER)
            continue;
        if (part->released)
            TRY(add_names(part->release.phases[PHASE_CRDS], names));
        else if (llmd__component((enum component)i)->crd)
            llmd__json_add_str(names, llmd__component((enum component)i)->crd);
    }
    TRY(llmd__json_check(names));
    *out = TAKE(names);
    return NULL;
}

static llmd_error *await_deployments(const struct span *span, const char *ns, struct json *names)
{
    AUTO(json) struct json *crds = NULL;
    step_id step = -1;

    TRY(watched_crds(span->run, span->component, &crds));
    TRY(llmd__controllers_step(
        span->graph, span->run,
        &(struct controllers_wish){
            .component = span->component, .ns = ns, .names = names, .crds = crds},
        &step));
    return put_between(span, step);
}

static llmd_error *await_controllers(const struct span *span, const struct json *objects)
{
    JSON_EACH(object, objects) {
        AUTO(json) struct json *names = NULL;

        if (!is_first_of_ns(objects, object))
            continue;
        TRY(names_of(objects, "Deployment", llmd__object_ns(object), &names));
        if (llmd__json_count(names))
            TRY(await_deployments(span, llmd__object_ns(object), names));
    }
    return NULL;
}

/* ---- what an operator makes ---- */

/* Its webhook configurations have the name of the Deployment that answers them. */
static llmd_error *await_made_webhooks(const struct span *span, const char *webhook)
{
    AUTO(json) struct json *names = llmd__json_array();

    CHECK_MEMORY(names);
    llmd__json_add_str(names, webhook);
    TRY(llmd__json_check(names));
    for (size_t i = 0; i < 2; i++) {
        struct await_wish wish = webhook_wish(i);
        step_id step = -1;

        wish.names = names;
        TRY(llmd__await_step(span->graph, span->run, &wish, &step));
        TRY(put_between(span, step));
    }
    return NULL;
}

static llmd_error *await_operands(const struct span *span)
{
    const struct profile *profile = span->run->parts[span->component].release.profile;
    AUTO(json) struct json *names = llmd__json_array();

    CHECK_MEMORY(names);
    if (!profile || !profile->operands)
        return NULL;
    for (const char *const *name = profile->operands->deployments; *name; name++)
        llmd__json_add_str(names, *name);
    TRY(llmd__json_check(names));
    TRY(await_deployments(span, profile->operands->ns, names));
    return await_made_webhooks(span, llmd__component(span->component)->webhook);
}

/* Another's installation is used: it must serve before we build on it. */
llmd_error *llmd__used_waits(const struct span *span)
{
    const struct component_info *info = llmd__component(span->component);
    const struct found_component *found = &span->run->found.components[span->component];
    const char *ns = found->ns, *controller = found->controller, *webhook = info->webhook;
    AUTO(json) struct json *names = llmd__json_array();

    CHECK_MEMORY(names);
    if (!info->controller || (!ns && span->component == COMPONENT_LWS))
        return NULL;
    if (!ns)
        return llmd__half_installed(&span->run->found, span->component, info->controller);
    llmd__json_add_str(names, controller);
    if (webhook && !strcmp(controller, info->controller) && strcmp(webhook, controller) != 0)
        llmd__json_add_str(names, webhook);
    TRY(llmd__json_check(names));
    return await_deployments(span, ns, names);
}

llmd_error *llmd__phase_waits(const struct span *span, const struct json *objects)
{
    switch (span->phase) {
    case PHASE_CERTIFICATES:
        return await_certificates(span, objects);
    case PHASE_CONTROLLERS:
        return await_controllers(span, objects);
    case PHASE_WEBHOOKS:
        return await_webhooks(span, objects);
    case PHASE_PRESETS:
        return await_operands(span);
    default:
        return NULL;
    }
}
