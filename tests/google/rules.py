# SPDX-License-Identifier: Apache-2.0
"""What no schema says about container v1: fields that exclude one another or must fit together.
Written apart from the sandbox's own rules, so that one can catch the other."""

CHIPS = {"1t": 1, "4t": 4, "8t": 8}


def get(value, path, default=None):
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            return default
        value = value[key]
    return value


def cluster_rules(cluster):
    advanced = get(cluster, "networkConfig.datapathProvider") == "ADVANCED_DATAPATH"
    addon = get(cluster, "addonsConfig.networkPolicyConfig.disabled")
    if advanced and ("networkPolicy" in cluster or addon is False):
        yield "networkPolicy with Dataplane V2"
    if get(cluster, "networkPolicy.enabled") and addon is True:
        yield "networkPolicy enforced while its add-on is off"
    if get(cluster, "ipAllocationPolicy.useIpAliases") and get(cluster, "ipAllocationPolicy.useRoutes"):
        yield "useIpAliases with useRoutes"
    channel = get(cluster, "networkConfig.gatewayApiConfig.channel")
    if channel == "CHANNEL_EXPERIMENTAL":
        yield "gatewayApiConfig: the experimental channel is deprecated"
    if channel and channel != "CHANNEL_DISABLED" and get(cluster, "addonsConfig.httpLoadBalancing.disabled"):
        yield "Gateway API without HttpLoadBalancing"
    if get(cluster, "autopilot.enabled") and "nodePools" in cluster:
        yield "autopilot with nodePools"
    if len(cluster.get("name", "")) > 40:
        yield "name of more than 40 characters"
    if get(cluster, "releaseChannel.channel") == "UNSPECIFIED":
        yield "releaseChannel UNSPECIFIED is deprecated"
    if get(cluster, "addonsConfig.horizontalPodAutoscaling.disabled") is True:
        yield "addonsConfig.horizontalPodAutoscaling switched off as gcloud does"
    for pool in cluster.get("nodePools", []):
        yield from pool_rules(pool)


def topology_chips(topology):
    product = 1
    for part in topology.split("x"):
        product *= int(part) if part.isdigit() else 0
    return product


def tpu_rules(pool):
    machine = get(pool, "config.machineType", "")
    topology = get(pool, "placementPolicy.tpuTopology")
    if machine.endswith("-tpu"):
        yield f"{machine} is the type of a TPU VM, not of a GKE node"
    if not machine.startswith("ct") or topology is None:
        return
    chips = CHIPS.get(machine.rsplit("-", 1)[-1])
    if chips is None or topology_chips(topology) <= chips:
        yield "tpuTopology with a single host"
        return
    slice_nodes = topology_chips(topology) // chips
    if pool.get("initialNodeCount", 0) not in (0, slice_nodes):
        yield "initialNodeCount is not that of the slice"
    if get(pool, "placementPolicy.type") != "COMPACT":
        yield "tpuTopology without COMPACT"
    if get(pool, "autoscaling.enabled") and (
        get(pool, "autoscaling.maxNodeCount") != slice_nodes or get(pool, "autoscaling.minNodeCount", 0) != 0
    ):
        yield "autoscaling of a slice must be from 0 to its size"


def purchase_rules(pool):
    config = pool.get("config", {})
    reservation = get(config, "reservationAffinity.consumeReservationType")
    flex, spot = config.get("flexStart"), config.get("spot")
    queued = get(pool, "queuedProvisioning.enabled")
    if spot and (config.get("preemptible") or flex):
        yield "spot with preemptible or flexStart"
    if spot and reservation not in (None, "NO_RESERVATION"):
        yield "spot with a reservation"
    if (flex or queued) and reservation != "NO_RESERVATION":
        yield "flexStart or queuedProvisioning without NO_RESERVATION"
    if flex and not get(pool, "autoscaling.enabled"):
        yield "flexStart without autoscaling"
    if flex and pool.get("initialNodeCount", 0) > 0:
        yield "flexStart with initialNodeCount"


def pool_rules(pool):
    scaling = pool.get("autoscaling", {})
    per_zone = {"minNodeCount", "maxNodeCount"} & scaling.keys()
    if per_zone and {"totalMinNodeCount", "totalMaxNodeCount"} & scaling.keys():
        yield "autoscaling per zone and in total"
    if get(pool, "placementPolicy.type") == "COMPACT" and (
        len(pool.get("locations", [])) > 1 or get(pool, "upgradeSettings.strategy") == "BLUE_GREEN"
    ):
        yield "COMPACT with several zones or blue-green"
    if get(pool, "management.autoUpgrade") is False:
        yield "autoUpgrade off in a release channel"
    for key in get(pool, "config.labels", {}):
        if key in ("cloud.google.com/compute-class", "cloud.google.com/gke-nodepool") or "kubernetes.io/" in key:
            yield f"label {key} is managed by GKE"
    yield from purchase_rules(pool)
    yield from tpu_rules(pool)


def update_rules(update):
    wishes = [k for k in update if k.startswith("desired") and k != "desiredNodePoolId"]
    if len(wishes) != 1:
        yield f"an update carries one change, not {len(wishes)}"


def check(method, body):
    """method: the id of the discovery document."""
    if method.endswith("clusters.create"):
        yield from cluster_rules(body.get("cluster", {}))
    elif method.endswith("nodePools.create"):
        yield from pool_rules(body.get("nodePool", {}))
    elif method.endswith("clusters.update"):
        yield from update_rules(body.get("update", {}))
