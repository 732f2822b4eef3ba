#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The validator on requests with one known fault each."""

import json
import sys

from validate import judge

CLUSTERS = "/container.googleapis.com/v1/projects/p/locations/europe-west4-a/clusters"
POOLS = f"{CLUSTERS}/c/nodePools"
COMPUTE = "/compute.googleapis.com/compute/v1/projects/p"
CONTAINER = "container.googleapis.com"

# (what must be found, "" nothing; method, path, body)
CASES = [
    ("", "POST", CLUSTERS, {"cluster": {"name": "c", "nodePools": [{"name": "p", "initialNodeCount": 1}]}}),
    ("unknown field", "POST", CLUSTERS, {"cluster": {"name": "c", "nodePool": {}}}),
    ("unknown field", "POST", CLUSTERS, {"cluster": {"addonsConfig": {"gatewayApiConfig": {}}}}),
    ("snake_case", "POST", CLUSTERS, {"cluster": {"node_pools": []}}),
    ("not of the enum", "POST", CLUSTERS, {"cluster": {"releaseChannel": {"channel": "regular"}}}),
    ("want a string, not 2", "POST", CLUSTERS, {"cluster": {"releaseChannel": {"channel": 2}}}),
    ("output only", "POST", CLUSTERS, {"cluster": {"status": "RUNNING"}}),
    ("deprecated", "POST", CLUSTERS, {"cluster": {"initialNodeCount": 1}}),
    ("deprecated", "POST", CLUSTERS, {"cluster": {"masterAuthorizedNetworksConfig": {"enabled": True}}}),
    ("required", "POST", CLUSTERS, {}),
    ("want true or false", "POST", CLUSTERS, {"cluster": {"shieldedNodes": {"enabled": "true"}}}),
    ("want an integer", "POST", POOLS, {"nodePool": {"name": "p", "initialNodeCount": 2.5}}),
    ("no duration", "POST", POOLS, {"nodePool": {"config": {"maxRunDuration": "2h"}}}),
    ("not of the enum", "POST", POOLS, {"nodePool": {"config": {"taints": [{"effect": "NoSchedule"}]}}}),
    ("null", "POST", POOLS, {"nodePool": {"config": None}}),
    ("no method", "PATCH", CLUSTERS, {}),
    ("no method", "GET", "/container.googleapis.com/v1/projects/p/location/x/clusters", None),
    ("query parameter zone is not", "GET", f"{COMPUTE}/zones/z/machineTypes?zone=z", None),
    ("query parameter filtre is not", "GET", f"{COMPUTE}/zones/z/machineTypes?filtre=z", None),
    ("", "GET", f"{COMPUTE}/aggregated/machineTypes?filter=name%3Dx&returnPartialSuccess=true&maxResults=9", None),
    ("Dataplane V2", "POST", CLUSTERS,
     {"cluster": {"networkPolicy": {"enabled": False},
                  "networkConfig": {"datapathProvider": "ADVANCED_DATAPATH"}}}),
    ("without HttpLoadBalancing", "POST", CLUSTERS,
     {"cluster": {"addonsConfig": {"httpLoadBalancing": {"disabled": True}},
                  "networkConfig": {"gatewayApiConfig": {"channel": "CHANNEL_STANDARD"}}}}),
    ("autopilot with nodePools", "POST", CLUSTERS, {"cluster": {"autopilot": {"enabled": True}, "nodePools": []}}),
    ("single host", "POST", POOLS,
     {"nodePool": {"config": {"machineType": "ct6e-standard-4t"}, "placementPolicy": {"tpuTopology": "2x2"}}}),
    ("that of the slice", "POST", POOLS,
     {"nodePool": {"initialNodeCount": 3, "config": {"machineType": "ct6e-standard-4t"},
                   "placementPolicy": {"tpuTopology": "4x4", "type": "COMPACT"}}}),
    ("", "POST", POOLS,
     {"nodePool": {"initialNodeCount": 4, "config": {"machineType": "ct6e-standard-4t"},
                   "placementPolicy": {"tpuTopology": "4x4", "type": "COMPACT"}}}),
    ("per zone and in total", "POST", POOLS,
     {"nodePool": {"autoscaling": {"enabled": True, "maxNodeCount": 2, "totalMaxNodeCount": 2}}}),
    ("spot with", "POST", POOLS, {"nodePool": {"config": {"spot": True, "preemptible": True}}}),
    ("without autoscaling", "POST", POOLS,
     {"nodePool": {"config": {"flexStart": True,
                              "reservationAffinity": {"consumeReservationType": "NO_RESERVATION"}}}}),
    ("managed by GKE", "POST", POOLS, {"nodePool": {"config": {"labels": {"cloud.google.com/compute-class": "x"}}}}),
    ("of a TPU VM", "POST", POOLS, {"nodePool": {"config": {"machineType": "ct6e-standard-4t-tpu"}}}),
    ("enforced while its add-on is off", "POST", CLUSTERS,
     {"cluster": {"networkPolicy": {"enabled": True},
                  "addonsConfig": {"networkPolicyConfig": {"disabled": True}}}}),
    ("useIpAliases with useRoutes", "POST", CLUSTERS,
     {"cluster": {"ipAllocationPolicy": {"useIpAliases": True, "useRoutes": True}}}),
    ("experimental channel", "POST", CLUSTERS,
     {"cluster": {"networkConfig": {"gatewayApiConfig": {"channel": "CHANNEL_EXPERIMENTAL"}}}}),
    ("more than 40", "POST", CLUSTERS, {"cluster": {"name": "c" * 41}}),
    ("", "POST", CLUSTERS, {"cluster": {"name": "c" * 40}}),
    ("UNSPECIFIED is deprecated", "POST", CLUSTERS, {"cluster": {"releaseChannel": {"channel": "UNSPECIFIED"}}}),
    ("as gcloud does", "POST", CLUSTERS,
     {"cluster": {"addonsConfig": {"horizontalPodAutoscaling": {"disabled": True}}}}),
    ("several zones", "POST", POOLS,
     {"nodePool": {"locations": ["a", "b"], "placementPolicy": {"type": "COMPACT"}}}),
    ("blue-green", "POST", POOLS,
     {"nodePool": {"placementPolicy": {"type": "COMPACT"}, "upgradeSettings": {"strategy": "BLUE_GREEN"}}}),
    ("autoUpgrade off", "POST", POOLS, {"nodePool": {"management": {"autoUpgrade": False}}}),
    ("spot with a reservation", "POST", POOLS,
     {"nodePool": {"config": {"spot": True,
                              "reservationAffinity": {"consumeReservationType": "ANY_RESERVATION"}}}}),
    ("without NO_RESERVATION", "POST", POOLS,
     {"nodePool": {"autoscaling": {"enabled": True}, "config": {"flexStart": True}}}),
    ("flexStart with initialNodeCount", "POST", POOLS,
     {"nodePool": {"initialNodeCount": 1, "autoscaling": {"enabled": True},
                   "config": {"flexStart": True,
                              "reservationAffinity": {"consumeReservationType": "NO_RESERVATION"}}}}),
    ("without COMPACT", "POST", POOLS,
     {"nodePool": {"config": {"machineType": "ct6e-standard-4t"}, "placementPolicy": {"tpuTopology": "4x4"}}}),
    ("from 0 to its size", "POST", POOLS,
     {"nodePool": {"config": {"machineType": "ct6e-standard-4t"}, "autoscaling": {"enabled": True, "maxNodeCount": 8},
                   "placementPolicy": {"tpuTopology": "4x4", "type": "COMPACT"}}}),
    ("one change, not 2", "PUT", f"{CLUSTERS}/c",
     {"update": {"desiredGatewayApiConfig": {"channel": "CHANNEL_STANDARD"}, "desiredLocations": ["x"]}}),
    ("a body, where", "GET", CLUSTERS, {"x": 1}),
    ("given twice", "POST", CLUSTERS, '{"cluster":{"name":"a","name":"b"}}'),
    ("", "GET", "/cloudquotas.googleapis.com/v1/projects/p/locations/global/services/compute.googleapis.com/"
     "quotaInfos/TPUS-PER-TPU-FAMILY-per-project-region", None),
    ("no method", "GET", "/cloudquotas.googleapis.com/v1/projects/p/quotaInfos", None),
    ("", "POST", "/gkerecommender.googleapis.com/v1/profiles:fetch", {"model": "a/b", "modelServer": "vllm"}),
    ("no field named", "POST", "/gkerecommender.googleapis.com/v1/profiles:fetch", {"modell": "a/b"}),
]


def main():
    failed = 0
    for wanted, http, target, body in CASES:
        text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        host = target.split("/")[1]
        _, faults = judge({"google": host, "method": http, "target": target, "body": text, "headers": {}})
        good = any(wanted in fault for fault in faults) if wanted else not faults
        failed += not good
        if not good:
            print(f"not ok validator: {http} {target} {text}: want \"{wanted}\", found {faults}")
    if not failed:
        print(f"ok validator finds what is wrong in {len(CASES)} requests")
    return failed != 0


sys.exit(main())
