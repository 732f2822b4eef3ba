/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/pace.h"

#include "sandbox/conn.h"
#include "sandbox/google/state.h"

/* The realistic column of the deployment facts' table of steps. A model's pod takes 252 s there: 51
   for images, 35 for the download, the rest for loading, XLA's compiling and the probe. */
static const struct {
    const char *name;
    int64_t ms;
} steps[PACE_COUNT] = {
    [PACE_CERT_MANAGER] = {"cert-manager", 2 * MINUTES},
    [PACE_CERTIFICATE] = {"certificate", 30 * SECONDS},
    [PACE_LLMISVC] = {"kserve", 1 * MINUTES},
    [PACE_GATEWAY] = {"gateway", 3 * MINUTES},
    [PACE_CHILDREN] = {"children", 42 * SECONDS},
    [PACE_IMAGE] = {"image", 51 * SECONDS},
    [PACE_DOWNLOAD] = {"download", 35 * SECONDS},
    [PACE_MODEL] = {"model", 166 * SECONDS},
    [PACE_BACKENDS] = {"backends", 1 * MINUTES},
};

/* At Google's side there is one pace only. Chips are allocatable a while after their node is up. */
static const struct {
    const char *name;
    int64_t ms;
} google_steps[] = {
    {"services", ENABLE_TIME + PROPAGATION_TIME},
    {"subnet", SUBNET_TIME},
    {"cluster", CLUSTER_CREATE_TIME},
    {"node-pool", POOL_CREATE_TIME - NODE_LEAD_TIME + DEVICE_TIME},
    {"gateway-class", CLASSES_TIME},
};

int64_t pace_ms(const struct options *options, enum pace_step step, int64_t recorded)
{
    return options->gke_pace ? steps[step].ms : recorded;
}

struct json *pace_json(void)
{
    struct json *json = llmd__json_object();
    struct json *all = llmd__json_set_object(json, "steps");
    for (size_t i = 0; i < PACE_COUNT; i++)
        llmd__json_set_int(all, steps[i].name, steps[i].ms / SECONDS);
    for (size_t i = 0; i < sizeof(google_steps) / sizeof(google_steps[0]); i++)
        llmd__json_set_int(all, google_steps[i].name, google_steps[i].ms / SECONDS);
    return json;
}
