/* SPDX-License-Identifier: Apache-2.0 */
/* Monitors that the library adds to KServe's release on request. Pure. */
#ifndef LLMD_PLATFORM_MONITOR_MANIFEST_H
#define LLMD_PLATFORM_MONITOR_MANIFEST_H

#include "platform/spec.h"

/* The metrics of model servers in all namespaces: ClusterPodMonitoring or PodMonitor, in an array;
   empty without spec->monitors. */
llmd_error *llmd__monitor_manifests(const llmd_platform_spec *spec, const char *ns,
                                    struct json *list);

#endif
