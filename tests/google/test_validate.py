#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The validator on requests with one known fault each."""

import json
import sys

import protos
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
]

QUOTAS = "/cloudquotas.googleapis.com/v1/projects/p/locations/global"
RECOMMENDER = "/gkerecommender.googleapis.com/v1"
SERIES = "/monitoring.googleapis.com/v3/projects/p/timeSeries"
INTERVAL = "interval.startTime=2026-11-25T00:00:00Z&interval.endTime=2026-11-25T01:00:00Z"
SERVICES = "/serviceusage.googleapis.com/v1/projects/p/services"
ACCOUNT = "/iam.googleapis.com/v1/projects/p/serviceAccounts"
ADDRESSES = f"{COMPUTE}/regions/r/addresses"

# What the protos find, each rule of protos.py at least once.
PROTO_CASES = [
    # The strict parser.
    ("repeated field locations must be in", "POST", CLUSTERS, {"cluster": {"locations": {"a": "b"}}}),
    ("Invalid enum value", "POST", CLUSTERS, {"cluster": {"releaseChannel": {"channel": "regular"}}}),
    ("Failed to parse enabled field", "POST", CLUSTERS, {"cluster": {"shieldedNodes": {"enabled": "true"}}}),
    ("Couldn't parse integer", "POST", POOLS, {"nodePool": {"name": "p", "initialNodeCount": 2.5}}),
    ("Duration must end with letter", "POST", POOLS, {"nodePool": {"config": {"maxRunDuration": "2h"}}}),
    ("should not have multiple", "POST", CLUSTERS,
     {"cluster": {"maintenancePolicy": {"window": {
         "dailyMaintenanceWindow": {"startTime": "03:00"},
         "recurringWindow": {"recurrence": "FREQ=DAILY"}}}}}),
    ("Failed to parse", "POST", POOLS, {"nodePool": {"config": "n1"}}),
    ("Failed to parse", "POST", POOLS, {"nodePool": {"locations": "europe-west4-a"}}),
    # What the parser lets pass.
    ("unknown field", "POST", CLUSTERS, {"cluster": {"addonsConfig": {"gatewayApiConfig": {}}}}),
    ("unknown field", "POST", f"{RECOMMENDER}/profiles:fetch", {"modell": "a/b"}),
    ("snake_case", "POST", CLUSTERS, {"cluster": {"node_pools": []}}),
    ("an enum by its number", "POST", CLUSTERS, {"cluster": {"releaseChannel": {"channel": 2}}}),
    ("a 32-bit integer in quotes", "POST", POOLS, {"nodePool": {"initialNodeCount": "1"}}),
    ("null", "POST", POOLS, {"nodePool": {"config": None}}),
    ("in the path already", "POST", CLUSTERS, {"parent": "projects/p/locations/l", "cluster": {}}),
    ("taints[1].effect: an enum by its number", "POST", POOLS,
     {"nodePool": {"config": {"taints": [{"effect": "NO_SCHEDULE"}, {"effect": 1}]}}}),
    ("resourceLabels[b]: null", "POST", CLUSTERS, {"cluster": {"resourceLabels": {"a": "x", "b": None}}}),
    # Elements of lists: of the wrong type, empty ones too, over which the parser would run.
    ('cluster.locations[1]: want a string, not 1', "POST", CLUSTERS, {"cluster": {"locations": ["a", 1]}}),
    ('cluster.locations[1]: want a string, not ["b"]', "POST", CLUSTERS, {"cluster": {"locations": ["a", ["b"]]}}),
    ("cluster.locations[1]: null", "POST", CLUSTERS, {"cluster": {"locations": ["a", None]}}),
    ('cluster.locations: want a list, not "a"', "POST", CLUSTERS, {"cluster": {"locations": "a"}}),
    ("nodePools[0]: want an object", "POST", CLUSTERS, {"cluster": {"nodePools": [""]}}),
    ("nodePools[1]: want an object, not []", "POST", CLUSTERS, {"cluster": {"nodePools": [{"name": "p"}, []]}}),
    ("nodePools: want a list", "POST", CLUSTERS, {"cluster": {"nodePools": {}}}),
    ("nodePools[1].name: want a string, not 1", "POST", CLUSTERS,
     {"cluster": {"nodePools": [{"name": "p"}, {"name": 1}]}}),
    ("taints[0]: want an object, not [{", "POST", POOLS, {"nodePool": {"config": {"taints": [[{"key": "a"}]]}}}),
    ("taints[1].key: want a string, not true", "POST", POOLS,
     {"nodePool": {"config": {"taints": [{"key": "a"}, {"key": True}]}}}),
    ("taints[0].effect: want a value's name, not [", "POST", POOLS,
     {"nodePool": {"config": {"taints": [{"effect": ["NO_SCHEDULE"]}]}}}),
    ("tags[0]: want a string, not true", "POST", POOLS, {"nodePool": {"config": {"tags": [True]}}}),
    ("acceleratorCount: want a number, not true", "POST", POOLS,
     {"nodePool": {"config": {"accelerators": [{"acceleratorCount": True}]}}}),
    ("Couldn't parse integer", "POST", POOLS,
     {"nodePool": {"config": {"accelerators": [{"acceleratorCount": 1.5}]}}}),
    ("enableComponents[1]: an enum by its number", "POST", CLUSTERS,
     {"cluster": {"monitoringConfig": {"componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS", 1]}}}}),
    ("Invalid enum value NOPE", "POST", CLUSTERS,
     {"cluster": {"monitoringConfig": {"componentConfig": {"enableComponents": ["NOPE"]}}}}),
    ("serviceIds[1]: want a string, not 2", "POST", f"{SERVICES}:batchEnable", {"serviceIds": ["a", 2]}),
    # Values of maps, and what is no map.
    ("resourceLabels[b]: want a string, not 1", "POST", CLUSTERS,
     {"cluster": {"resourceLabels": {"a": "x", "b": 1}}}),
    ("resourceLabels[a]: want a string, not true", "POST", CLUSTERS, {"cluster": {"resourceLabels": {"a": True}}}),
    ("resourceLabels[a]: want a string, not {", "POST", CLUSTERS,
     {"cluster": {"resourceLabels": {"a": {"b": "c"}}}}),
    ("resourceLabels: want a map, not [", "POST", CLUSTERS, {"cluster": {"resourceLabels": ["a"]}}),
    ("resourceLabels: want a map, not []", "POST", CLUSTERS, {"cluster": {"resourceLabels": []}}),
    ("labels[a]: want a string, not 2", "POST", POOLS, {"nodePool": {"config": {"labels": {"a": 2}}}}),
    ("tags[a]: want a string, not 1", "POST", POOLS,
     {"nodePool": {"config": {"resourceManagerTags": {"tags": {"a": 1}}}}}),
    ("maintenanceExclusions[a]: want an object, not []", "POST", CLUSTERS,
     {"cluster": {"maintenancePolicy": {"window": {"maintenanceExclusions": {"a": []}}}}}),
    ("maintenanceExclusions[a].start: unknown field", "POST", CLUSTERS,
     {"cluster": {"maintenancePolicy": {"window": {"maintenanceExclusions": {"a": {"start": "x"}}}}}}),
    ("dimensions[region]: want a string, not 1", "POST", f"{QUOTAS}/quotaPreferences",
     {"service": "compute.googleapis.com", "quotaId": "x", "quotaConfig": {}, "dimensions": {"region": 1}}),
    # One value where there is one.
    ("cluster: want an object, not []", "POST", CLUSTERS, {"cluster": []}),
    ('cluster: want an object, not ""', "POST", CLUSTERS, {"cluster": ""}),
    ("releaseChannel: want an object, not [", "POST", CLUSTERS, {"cluster": {"releaseChannel": ["RAPID"]}}),
    ("enabled: want true or false, not 1", "POST", CLUSTERS, {"cluster": {"shieldedNodes": {"enabled": 1}}}),
    ("body: want an object, not [", "POST", CLUSTERS, [{"cluster": {}}]),
    ("", "POST", CLUSTERS,
     {"cluster": {"name": "c", "locations": ["a", "b"], "resourceLabels": {"a": "x", "b": ""},
                  "nodePools": [{"name": "p", "config": {"taints": [{"key": "k", "effect": "NO_SCHEDULE"}],
                                                         "accelerators": [{"acceleratorCount": "4"}]}}],
                  "maintenancePolicy": {"window": {"maintenanceExclusions": {
                      "a": {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-02T00:00:00Z"}}}}}}),
    # Field behaviours.
    ("currentMasterVersion: output only", "POST", CLUSTERS, {"cluster": {"currentMasterVersion": "1.33"}}),
    ("effectiveCgroupMode: output only", "POST", POOLS,
     {"nodePool": {"config": {"effectiveCgroupMode": "EFFECTIVE_CGROUP_MODE_V2"}}}),
    ("email: output only", "POST", ACCOUNT, {"accountId": "nodes", "serviceAccount": {"email": "a@b"}}),
    ("cluster: required", "POST", CLUSTERS, {}),
    ("windowDuration: required", "POST", CLUSTERS,
     {"cluster": {"maintenancePolicy": {"window": {"recurringMaintenanceWindow": {"recurrence": "FREQ=DAILY"}}}}}),
    ("accountId: required", "POST", ACCOUNT, {"serviceAccount": {"displayName": "nodes"}}),
    ("quotaConfig: required", "POST", f"{QUOTAS}/quotaPreferences", {"service": "compute.googleapis.com",
                                                                      "quotaId": "x"}),
    ("modelServerInfo", "POST", f"{RECOMMENDER}/optimizedManifest:generate", {"acceleratorType": "ct6e"}),
    # Deprecations: of a field, an enum's value, a way to say where, a method.
    ("nodeConfig: deprecated", "POST", CLUSTERS, {"cluster": {"nodeConfig": {"machineType": "e2-medium"}}}),
    ("CHANNEL_EXPERIMENTAL is deprecated", "POST", CLUSTERS,
     {"cluster": {"networkConfig": {"gatewayApiConfig": {"channel": "CHANNEL_EXPERIMENTAL"}}}}),
    ("path with zone: deprecated", "GET", f"/{CONTAINER}/v1/projects/p/zones/europe-west4-a/clusters", None),
    ("SetLocations is deprecated", "POST", f"{CLUSTERS}/c:setLocations", {"locations": ["europe-west4-a"]}),
    # Queries.
    ("query parameter filtre is not", "GET", f"{COMPUTE}/zones/z/machineTypes?filtre=z", None),
    ("query parameter parent is not", "GET", f"{CLUSTERS}?parent=projects%2Fp", None),
    ("query parameter zone: deprecated", "GET", f"{CLUSTERS}?zone=europe-west4-a", None),
    ("query parameter page_size is not", "GET", f"{QUOTAS}/quotaPreferences?page_size=2", None),
    ("invalid literal for int", "GET", f"{COMPUTE}/zones/z/machineTypes?maxResults=all", None),
    ("query parameter filter is required", "GET", f"{SERIES}?{INTERVAL}", None),
    ("query parameter interval is required", "GET", f"{SERIES}?filter=x", None),
    ("interval.begin is not", "GET", f"{SERIES}?filter=x&{INTERVAL}&interval.begin=1", None),
    # And what is right.
    ("", "GET", f"{SERIES}?filter=x&{INTERVAL}&view=HEADERS&pageSize=3", None),
    ("", "GET", f"{SERVICES}:batchGet?names=a&names=b", None),
    ("", "POST", f"{ADDRESSES}?requestId=1", {"name": "a", "addressType": "EXTERNAL"}),
    ("", "POST", f"{CLUSTERS}/c/nodePools/p:setSize", {"nodeCount": 0}),
    ("", "POST", POOLS, {"nodePool": {"name": "p", "config": {"labels": {"a": "b"}, "maxRunDuration": "3600s"}}}),
    ("", "GET", f"{QUOTAS}/services/compute.googleapis.com/quotaInfos/TPUS-PER-TPU-FAMILY-per-project-region", None),
    ("no method", "GET", "/cloudquotas.googleapis.com/v1/projects/p/quotaInfos", None),
    ("", "POST", f"{RECOMMENDER}/profiles:fetch", {"model": "a/b", "modelServer": "vllm"}),
]


def run(cases, side):
    """side: only what this side found counts, "" is both."""
    failed = 0
    for wanted, http, target, body in cases:
        text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        host = target.split("/")[1]
        _, faults = judge({"google": host, "method": http, "target": target, "body": text, "headers": {}})
        found = [fault for fault in faults if wanted in fault and fault.startswith(side)]
        if not (found if wanted and wanted != "no method" else bool(faults) == bool(wanted)):
            failed += 1
            print(f"not ok validator: {http} {target} {text}: want \"{wanted}\", found {faults}")
    return failed


def main():
    failed = run(CASES, "")
    if protos.available():
        failed += run(PROTO_CASES, "proto: ")
    if not failed:
        count = len(CASES) + protos.available() * len(PROTO_CASES)
        print(f"ok validator finds what is wrong in {count} requests")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
