/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/platform_run.h"

#include "platform/needed_objects.h"
#include "platform/quantity.h"

static void part_free(struct platform_part *part)
{
    llmd__bundle_free(&part->bundle);
    if (part->released)
        llmd__release_free(&part->release);
}

void llmd__platform_run_free(void *data)
{
    struct platform_run *run = data;

    if (!run)
        return;
    for (int i = 0; i < COMPONENT_COUNT; i++) {
        part_free(&run->parts[i]);
        llmd__free(run->looked[i].why);
        llmd__json_free(run->differs[i]);
        llmd__json_free(run->documents[i]);
    }
    llmd__plan_free(&run->plan);
    llmd__found_free(&run->found);
    llmd__awaits_free(run->awaits);
    llmd__json_free(run->left);
    llmd__json_free(run->leftovers);
    llmd_platform_spec_free(run->spec);
    llmd_kube_free(run->kube);
    llmd__free(run);
}

static llmd_error *take_spec(struct platform_run *run, const llmd_platform_spec *spec)
{
    void *copy = NULL;

    if (!spec) {
        run->spec = llmd_platform_spec_new();
        return llmd__spec_check(run->spec);
    }
    TRY(llmd__spec_check(spec));
    TRY(llmd__spec_copy(spec, &copy));
    run->spec = copy;
    return NULL;
}

llmd_error *llmd__platform_run_new(const llmd_kube *kube, const llmd_platform_spec *spec,
                                   struct platform_run **out)
{
    AUTO(platform_run) struct platform_run *run = llmd__calloc(1, sizeof(*run));

    *out = NULL;
    CHECK_MEMORY(run);
    for (int i = 0; i < COMPONENT_COUNT; i++)
        for (int phase = 0; phase < PHASE_COUNT; phase++)
            run->parts[i].gates[phase] = -1;
    run->kept = -1;
    run->kube = llmd__kube_ref(kube);
    run->left = llmd__json_array();
    run->leftovers = llmd__json_array();
    if (!run->left || !run->leftovers)
        return NO_MEMORY;
    TRY(take_spec(run, spec));
    *out = TAKE(run);
    return NULL;
}

llmd_error *llmd__platform_release(struct platform_run *run, enum component component,
                                   struct json *documents)
{
    struct platform_part *part = &run->parts[component];
    AUTO(json) struct json *taken = documents;
    AUTO(str) char *place = llmd__bundle_place(&part->bundle);

    CHECK_MEMORY(place);
    TRY(llmd__needed_check(component, llmd__platform_crds_only(run->spec, component), taken,
                           &(struct origin){.place = place}));
    TRY(llmd__served_look(run, taken));
    TRY(llmd__release_make(run->spec, component, &run->found, TAKE(taken), &part->release));
    part->released = true;
    return llmd__quantities_settle(part->release.phases[PHASE_PRESETS]);
}
