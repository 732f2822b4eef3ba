/* SPDX-License-Identifier: Apache-2.0 */
#include "health/check.h"

#include <llmd/health.h>

llmd_error *llmd_health_endpoint(const llmd_endpoint *endpoint, llmd_task **out)
{
    AUTO(graph) struct graph *graph = NULL;
    step_id calls = -1;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(endpoint);
    TRY(llmd__graph_new(NULL, NULL, &graph));
    TRY(llmd__check_calls(graph, llmd__endpoint_get(endpoint), true, &calls));
    return llmd__task_new(TAKE(graph), out);
}
