/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/network_work.h"

#include <string.h>

void llmd__network_work_free(void *data)
{
    struct network_work *work = data;

    llmd_network_spec_free(work->spec);
    llmd_gke_free(work->gke);
    llmd__json_free(work->used);
    llmd__json_free(work->subnets);
    llmd__json_free(work->address);
    llmd__json_free(work->result);
    llmd__free(work);
}

llmd_error *llmd__network_work_new(const llmd_gke *gke, const llmd_network_spec *spec,
                                   struct network_work **out)
{
    AUTO(network_work) struct network_work *work = llmd__calloc(1, sizeof(*work));
    void *copy = NULL;

    CHECK_MEMORY(work);
    work->gke = llmd__gke_ref(gke);
    work->used = llmd__json_array();
    work->subnets = llmd__json_array();
    work->result = llmd__json_object();
    if (!work->used || !work->subnets || !work->result)
        return NO_MEMORY;
    TRY(llmd__spec_check(spec));
    TRY(llmd__spec_copy(spec, &copy));
    work->spec = copy;
    *out = TAKE(work);
    return NULL;
}

llmd_error *llmd__network_task(const llmd_gke *gke, const llmd_network_spec *spec,
                               const struct network_task *task, llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    struct network_work *work = NULL;
    step_id decision = -1;

    TRY(llmd__network_work_new(gke, spec, &work));
    TRY(llmd__graph_new(work, llmd__network_work_free, &graph));
    TRY(llmd__graph_add(graph, task->end, work, &work->end));
    TRY(llmd__graph_add(graph, task->decide, work, &decision));
    TRY(llmd__graph_need(graph, work->end, decision));
    TRY(task->add_looks(work, graph, decision));
    return llmd__task_new(TAKE(graph), out);
}

const char *llmd__network_name(const struct network_work *work)
{
    return work->spec->network && *work->spec->network ? work->spec->network : "default";
}

const char *llmd__network_subnet(const struct network_work *work)
{
    return work->spec->subnet && *work->spec->subnet ? work->spec->subnet : LLMD__PROXY_SUBNET;
}

llmd_error *llmd__network_look(struct network_work *work, struct graph *graph, const char *what,
                               look_fn on_answer, step_id *out, const char *path_format, ...)
{
    AUTO(buf) struct buf path = BUF_INIT;
    struct look look = {
        .api = GOOGLE_COMPUTE, .what = what, .patient = true, .on_answer = on_answer, .data = work};
    step_id id = -1;
    va_list args;

    llmd__buf_format(&path, "/compute/v1/projects/%s", llmd_gke_project(work->gke));
    va_start(args, path_format);
    llmd__buf_vformat(&path, path_format, args);
    va_end(args);
    TRY(llmd__buf_check(&path));
    look.path = path.data;
    TRY(llmd__look_step(graph, work->gke, &look, &id));
    if (out)
        *out = id;
    return llmd__graph_need(graph, work->end, id);
}

llmd_error *llmd__network_change(struct network_work *work, struct graph *graph,
                                 const struct mutation *mutation)
{
    AUTO(str) char *scope = llmd__format("regions/%s", llmd__gke_region(work->gke));
    struct mutation whole = *mutation;
    step_id id = -1;

    CHECK_MEMORY(scope);
    whole.scope = scope;
    whole.data = work;
    TRY(llmd__mutation_step(graph, work->gke, &whole, &id));
    return llmd__graph_need(graph, work->end, id);
}

llmd_error *llmd__network_tell(struct graph *graph, llmd_level level, const char *subject,
                               const char *reason, const char *advice, const char *format, ...)
{
    AUTO(buf) struct buf message = BUF_INIT;
    va_list args;

    va_start(args, format);
    llmd__buf_vformat(&message, format, args);
    va_end(args);
    TRY(llmd__buf_check(&message));
    return llmd__graph_event(graph, &(struct event_text){.level = level,
                                                         .step = "network",
                                                         .subject = subject,
                                                         .reason = reason,
                                                         .message = message.data,
                                                         .advice = advice});
}
