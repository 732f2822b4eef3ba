#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From nothing to tokens and back to nothing: asks whether a GKE cluster with TPUs can be had and
what it costs, makes it, installs what serves models, deploys a service, looks at its health, chats,
and deletes all of it again:

    cluster_and_chat.py ZONE CLUSTER.yaml PLATFORM.yaml GATEWAY.yaml SERVICE.yaml [PROMPT]
    cluster_and_chat.py delete ZONE CLUSTER.yaml

Application Default Credentials say who asks Google, $GOOGLE_CLOUD_PROJECT where, if not they;
$LLMD_GOOGLE_URL names a sandbox instead. What fails on the way is told at once, and the cluster is
deleted, also after Ctrl-C or SIGTERM; after a crash run it again, it goes on, or only delete.
"""
import asyncio
import shlex
import signal
import sys

import llmd

CRDS, GATEWAYS = "customresourcedefinitions", "gateways.gateway.networking.k8s.io"
NETWORK = llmd.NetworkSpec()  # a GKE Gateway needs a proxy-only subnet, which costs nothing
HOUR = 3600


async def follow(*tasks: llmd.Task) -> None:
    """One task after the other, with what they tell. A check that found faults is an error, too."""
    for task in tasks:
        async for event in task:
            print(event, file=sys.stderr, flush=True)
        if task.worst >= llmd.Level.ERROR:
            raise llmd.FailedError("it goes no further; the checks say why")


async def serving(cluster: llmd.Task) -> None:
    """Until its control plane serves; the task goes on where this stops."""
    async for event in cluster:
        print(event, file=sys.stderr, flush=True)
        if event.phase == "serving":
            break


async def look(gke: llmd.Gke, spec: llmd.ClusterSpec) -> None:
    """Before a cent is spent."""
    await follow(gke.cluster.preflight(spec, timeout=600))
    cost = gke.cluster.cost(spec, timeout=60)
    hourly, currency = cost["hourly"], cost["currency"]
    print(f"cost: {hourly['as_wanted']:.2f} to {hourly['as_wanted_at_most']:.2f} {currency} per hour "
          f"({cost['source']}, {cost['date']})", file=sys.stderr)


async def use(gke: llmd.Gke, cluster: llmd.ClusterSpec, platform: llmd.PlatformSpec,
              gateway: llmd.GatewaySpec, service: llmd.ServiceSpec, prompt: str) -> None:
    """Side by side what does not need each other: the cluster, and once it serves, its TPUs, which
    may be sold out; the Gateway, as soon as the cluster knows such; KServe, and on it the service."""
    making = gke.cluster.apply(cluster, timeout=2 * HOUR)
    await serving(making)
    kube = gke.cluster.connect(cluster.name, timeout=60)
    print("connected:", kube, file=sys.stderr)
    await asyncio.gather(  # the first error ends it, and asyncio.run() stops the others
        follow(making),
        follow(gke.network.apply(NETWORK, timeout=HOUR),
               kube.wait(CRDS, GATEWAYS, "condition=Established", timeout=HOUR),
               kube.gateway.apply(gateway, timeout=HOUR)),
        follow(kube.platform.apply(platform, timeout=HOUR),
               kube.service.apply(service, timeout=2 * HOUR)))  # TPU nodes may take their time
    await follow(kube.health(service.name, namespace=service.namespace, timeout=600))
    endpoint = kube.service.connect(service.name, namespace=service.namespace)
    async for delta in endpoint.chat(prompt, stream=True):
        print(delta.text, end="", flush=True)
    print(flush=True)


def delete(zone: str, cluster: str) -> None:
    """Whatever became of it. It proves that nothing billable is left, or says what may be."""
    gke, name = llmd.Gke(zone), llmd.ClusterSpec.from_file(cluster).name
    try:
        asyncio.run(follow(gke.cluster.delete(name, drain=True, timeout=HOUR),
                           gke.network.delete(NETWORK, timeout=HOUR)))
    except BaseException:  # another Ctrl-C, too
        print(f"cluster {name} in {zone} may still exist and cost money; delete it with:",
              shlex.join([sys.executable, sys.argv[0], "delete", zone, cluster]), file=sys.stderr)
        raise


def main(zone: str, cluster: str, platform: str, gateway: str, service: str,
         prompt: str = "Hello!") -> None:
    gke, spec = llmd.Gke(zone), llmd.ClusterSpec.from_file(cluster)
    wanted = (llmd.PlatformSpec.from_file(platform), llmd.GatewaySpec.from_file(gateway),
              llmd.ServiceSpec.from_file(service))
    asyncio.run(look(gke, spec))
    try:
        asyncio.run(use(gke, spec, *wanted, prompt))
    except llmd.Error as error:
        print(error, file=sys.stderr)  # now: the delete takes minutes
        sys.exit(1)
    finally:
        delete(zone, cluster)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        if sys.argv[1:2] == ["delete"] and len(sys.argv) == 4:
            delete(*sys.argv[2:])
        elif len(sys.argv) in (6, 7):
            main(*sys.argv[1:])
        else:
            sys.exit(__doc__)
    except llmd.Error as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
