#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From nothing to tokens and back to nothing: asks whether a GKE cluster with a TPU pool can be had
and what it costs, makes it, installs what serves models, deploys a service, chats, and deletes all of
it again:

    cluster_and_chat.py ZONE CLUSTER.yaml [PLATFORM.yaml GATEWAY.yaml SERVICE.yaml [PROMPT]]

Application Default Credentials say who asks Google, $GOOGLE_CLOUD_PROJECT where, if not they;
$LLMD_GOOGLE_URL names a sandbox instead. What fails on the way is told at once, and the cluster is
deleted; after a crash run it again, it goes on.
"""
import sys

import llmd


def look(gke: llmd.Gke, spec: llmd.ClusterSpec) -> None:
    """Before a cent is spent."""
    checks = gke.cluster.preflight(spec, timeout=600)
    llmd.progress(checks)
    cost = gke.cluster.cost(spec, timeout=60)
    hourly, currency = cost["hourly"], cost["currency"]
    print(f"cost: {hourly['as_wanted']:.2f} to {hourly['as_wanted_at_most']:.2f} {currency} per hour "
          f"({cost['source']}, {cost['date']})", file=sys.stderr)
    if checks.worst >= llmd.Level.ERROR:
        sys.exit("Nothing was made; the checks say why.")


def serve(gke: llmd.Gke, kube: llmd.Kube, platform: llmd.PlatformSpec, gateway: llmd.GatewaySpec,
          service: llmd.ServiceSpec, prompt: str) -> None:
    # A GKE Gateway needs a proxy-only subnet, which costs nothing.
    llmd.progress(gke.network.apply(llmd.NetworkSpec(), timeout=600))
    llmd.progress(kube.platform.apply(platform, timeout=3600))
    llmd.progress(kube.gateway.apply(gateway, timeout=3600))
    llmd.progress(kube.service.apply(service, timeout=3600))  # a new TPU node may take its time
    endpoint = kube.service.connect(service.name, namespace=service.namespace)
    for delta in endpoint.chat(prompt, stream=True):
        print(delta.text, end="", flush=True)
    print()


def main(zone: str, cluster: str, platform: str = "", gateway: str = "", service: str = "",
         prompt: str = "Hello!") -> None:
    gke, spec = llmd.Gke(zone), llmd.ClusterSpec.from_file(cluster)
    wanted = platform and (llmd.PlatformSpec.from_file(platform), llmd.GatewaySpec.from_file(gateway),
                           llmd.ServiceSpec.from_file(service))
    look(gke, spec)
    try:
        llmd.progress(gke.cluster.apply(spec, timeout=7200))
        kube = gke.cluster.connect(spec.name, timeout=60)
        print("connected:", kube, file=sys.stderr)
        if wanted:
            serve(gke, kube, *wanted, prompt)
    except llmd.Error as error:
        print(error, file=sys.stderr)  # now: the delete takes minutes
        sys.exit(1)
    finally:
        # It proves that nothing billable is left.
        llmd.progress(gke.cluster.delete(spec.name, drain=True, timeout=3600))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 6, 7):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except llmd.Error as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
