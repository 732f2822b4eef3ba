/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GKE refuses pods that ask for TPU chips without saying which. The shape of the refusal is that of
 * Warden's for GPUs as people have reported it; its words for TPUs are not on record.
 */
#include "sandbox/warden.h"

#include <string.h>

static bool asks_for_chips(const struct json *pod)
{
    JSON_EACH(container, llmd__json_get(pod, "spec.containers")) {
        const struct json *resources = llmd__json_member(container, "resources");
        if (llmd__json_member(llmd__json_member(resources, "limits"), "google.com/tpu") ||
            llmd__json_member(llmd__json_member(resources, "requests"), "google.com/tpu"))
            return true;
    }
    return false;
}

static bool selects(const struct json *pod, const char *label)
{
    return llmd__json_member(llmd__json_get(pod, "spec.nodeSelector"), label) != NULL;
}

char *warden_refusal(const struct sandbox *sandbox, const struct json *pod)
{
    if (!sandbox->options.managed || !asks_for_chips(pod) ||
        (selects(pod, "cloud.google.com/gke-tpu-accelerator") &&
         selects(pod, "cloud.google.com/gke-tpu-topology")))
        return NULL;
    return llmd__format(
        "admission webhook \"warden-validating.common-webhooks.networking.gke.io\" denied the "
        "request: GKE Warden rejected the request because it violates one or more constraints.\n"
        "Violations details: {\"[denied by autogke-tpu-limitation]\":[\"When requesting "
        "'google.com/tpu' resources, you must specify node selectors "
        "'cloud.google.com/gke-tpu-accelerator' and 'cloud.google.com/gke-tpu-topology'.\"]}");
}
