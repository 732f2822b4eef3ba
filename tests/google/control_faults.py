#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Google's two Python clients in trouble: do they see in the sandbox's refusals what they expect of
Google's? The generated client (google-cloud-container by REST) has Google's own error classes and
retries; the discovery client (googleapiclient) has others. Usage: control_faults.py URL CREDENTIALS"""

import json
import sys
import time
import urllib.request

from google.api_core import exceptions
from google.cloud import container_v1
from google.cloud.container_v1.services.cluster_manager.transports import ClusterManagerRestTransport
from google.oauth2 import service_account
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

PARENT = "projects/my-project/locations/europe-west4-a"
CLUSTER = f"{PARENT}/clusters/trouble"
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
CLUSTERS = "/clusters"
failed = 0


def check(name, good, seen=""):
    global failed
    failed += not good
    print(f"{'ok' if good else 'not ok'} google python {name}{'' if good else f': {seen!r}'}", flush=True)


class Faults:
    """The sandbox's side: what goes wrong next."""

    def __init__(self, url):
        self.url = f"{url}/sandbox/faults"

    def _post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), method="POST")
        urllib.request.urlopen(request).close()

    def add(self, fault, match="", **more):
        self._post("", {"fault": fault, "match": match, **more})

    def clear(self):
        self._post("/clear", {})


def caught(call):
    """The exception of a call, None when it went well."""
    try:
        call()
    except Exception as error:  # whatever the client makes of it is what is looked at
        return error
    return None


def refused(name, call, kind, reason=None, words=""):
    error = caught(call)
    good = type(error) is kind and words in str(error) and (reason is None or error.reason == reason)
    check(name, good, (type(error).__name__, getattr(error, "reason", None), str(error)))
    return error


def settled(client, operation):
    """The operation at its end."""
    for _ in range(3000):
        operation = client.get_operation(name=f"{PARENT}/operations/{operation.name}")
        if operation.status == container_v1.Operation.Status.DONE:
            break
        time.sleep(0.02)
    return operation


def calm(client):
    """All operations, when they have ended: the way to those of which only others know."""
    return [settled(client, one) for one in client.list_operations(parent=PARENT).operations]


def make_cluster(client):
    pool = container_v1.NodePool(name="system", initial_node_count=1)
    cluster = container_v1.Cluster(name="trouble", node_pools=[pool])
    return client.create_cluster(parent=PARENT, cluster=cluster)


def make_pool(client, machine="e2-standard-4", name="more"):
    config = container_v1.NodeConfig(machine_type=machine)
    pool = container_v1.NodePool(name=name, initial_node_count=1, config=config)
    return client.create_node_pool(parent=CLUSTER, node_pool=pool)


def retries(client, faults):
    """Reads are tried again by the client, mutations and other errors are not."""
    faults.add("503-burst", CLUSTERS, count=2)
    error = caught(lambda: client.list_clusters(parent=PARENT))
    check("a read outlives a burst of 503", error is None, error)
    faults.add("503-burst", CLUSTERS, count=1)
    refused("a create does not: ServiceUnavailable", lambda: make_cluster(client),
            exceptions.ServiceUnavailable)
    faults.add("rate-limit", CLUSTERS, count=1)
    error = refused("429 is TooManyRequests with RATE_LIMIT_EXCEEDED",
                    lambda: client.list_clusters(parent=PARENT), exceptions.TooManyRequests,
                    "RATE_LIMIT_EXCEEDED")
    check("and says which limit", error.metadata.get("quota_limit") == "defaultPerMinutePerProject",
          error.metadata)
    faults.add("html-502", CLUSTERS, count=1)
    refused("a page instead of JSON is BadGateway", lambda: client.list_clusters(parent=PARENT),
            exceptions.BadGateway)
    faults.add("bad-token-once", CLUSTERS, count=1)
    error = caught(lambda: client.list_clusters(parent=PARENT))
    check("a refused token is renewed", error is None, error)


def states(client, faults, services):
    name = "projects/my-project/services/container.googleapis.com"
    faults.add("api-disabled", "container.googleapis.com")
    error = refused("a disabled API is Forbidden with SERVICE_DISABLED",
                    lambda: client.list_clusters(parent=PARENT), exceptions.Forbidden, "SERVICE_DISABLED")
    check("and names the service and its domain", error.domain == "googleapis.com" and
          error.metadata.get("service") == "container.googleapis.com", (error.domain, error.metadata))
    operation = services.services().enable(name=name, body={}).execute()
    for _ in range(500):
        if operation.get("done"):
            break
        time.sleep(0.02)
        operation = services.operations().get(name=operation["name"]).execute()
    for _ in range(500):  # Google asks for a few minutes' patience
        error = caught(lambda: client.list_clusters(parent=PARENT))
        if error is None:
            break
        time.sleep(0.02)
    check("enabling ends it", error is None, error)


def clusters(client, faults):
    faults.add("ambiguous-create", CLUSTERS)
    error = caught(lambda: make_cluster(client))
    check("a cut create is no answer", error is not None and getattr(error, "code", None) is None, error)
    found = client.get_cluster(name=CLUSTER)
    check("yet the cluster is being made", found.status == container_v1.Cluster.Status.PROVISIONING,
          found.status)
    refused("again it is a Conflict", lambda: make_cluster(client), exceptions.Conflict, None,
            "Already exists")
    running = calm(client)
    check("its operation is in the list", running[0].target_link.endswith("/clusters/trouble"), running)
    faults.add("operation-conflict", CLUSTERS)
    refused("another operation is BadRequest with CLUSTER_ALREADY_HAS_OPERATION",
            lambda: make_pool(client), exceptions.BadRequest, "CLUSTER_ALREADY_HAS_OPERATION",
            "incompatible operation")
    calm(client)
    faults.add("too-many-operations", CLUSTERS)
    refused("too many operations are TooManyRequests", lambda: make_pool(client),
            exceptions.TooManyRequests, None, "concurrent operations quota 5")


def capacity(client, faults, compute):
    faults.clear()
    faults.add("tpu-quota")
    refused("no TPU quota is Forbidden", lambda: make_pool(client, "ct6e-standard-1t", "tpu"),
            exceptions.Forbidden, None, "TPUS_PER_TPU_FAMILY")
    faults.clear()
    faults.add("cpu-quota", number=1)
    refused("no CPU quota is Forbidden", lambda: make_pool(client, "e2-standard-4"),
            exceptions.Forbidden, None, "Insufficient regional quota")
    faults.clear()
    faults.add("stockout")
    operation = make_pool(client, "ct6e-standard-1t", "tpu")
    group = client.get_node_pool(name=f"{CLUSTER}/nodePools/tpu").instance_group_urls[0].rsplit("/", 1)[-1]
    check("a stock-out shows at the instance group while the operation runs",
          "ZONE_RESOURCE_POOL_EXHAUSTED" in group_errors(compute, group), group)
    operation = settled(client, operation)
    check("and ends the operation with RESOURCE_EXHAUSTED",
          operation.error.code == 8 and "GCE_STOCKOUT" in operation.error.message, operation)
    pool = client.get_node_pool(name=f"{CLUSTER}/nodePools/tpu")
    check("the pool stays behind in ERROR", pool.status == container_v1.NodePool.Status.ERROR, pool.status)
    faults.clear()
    operation = settled(client, client.delete_node_pool(name=f"{CLUSTER}/nodePools/tpu"))
    check("and can be deleted", not operation.error.code, operation)


def group_errors(compute, group):
    """Codes that the group's manager tells of, waited for."""
    where = {"project": "my-project", "zone": "europe-west4-a", "instanceGroupManager": group}
    for _ in range(500):
        items = compute.instanceGroupManagers().listErrors(**where).execute().get("items", [])
        if items:
            return [item["error"]["code"] for item in items]
        time.sleep(0.02)
    return []


def discovery(url, credentials, faults):
    """The older client tries again when asked to, on 429 and 5xx alike, and tells what it was told."""
    service = build("container", "v1", credentials=credentials, client_options={"api_endpoint": url},
                    static_discovery=True)

    def listing():
        request = service.projects().locations().clusters().list(parent=PARENT)
        request._sleep = lambda seconds: None  # its own waits are seconds
        return request

    for fault in ("503-burst", "rate-limit", "html-502"):
        faults.add(fault, CLUSTERS, count=2)
        error = caught(lambda: listing().execute(num_retries=3))
        check(f"discovery client outlives {fault}", error is None, error)
    faults.add("rate-limit", CLUSTERS, count=1)
    error = caught(lambda: listing().execute())
    good = isinstance(error, HttpError) and error.status_code == 429 and "RATE_LIMIT" in str(error.error_details)
    check("discovery client tells the reason", good, error)
    faults.add("html-502", CLUSTERS, count=1)
    error = caught(lambda: listing().execute())
    check("discovery client keeps the page", isinstance(error, HttpError) and b"<h1>" in error.content, error)


def main():
    url, path = sys.argv[1:]
    faults = Faults(url)
    credentials = service_account.Credentials.from_service_account_file(path, scopes=SCOPES)
    transport = ClusterManagerRestTransport(host=url.removeprefix("http://"), url_scheme="http",
                                            credentials=credentials)
    client = container_v1.ClusterManagerClient(transport=transport)
    services = build("serviceusage", "v1", credentials=credentials, client_options={"api_endpoint": url},
                     static_discovery=True)
    compute = build("compute", "v1", credentials=credentials, static_discovery=True,
                    client_options={"api_endpoint": f"{url}/compute/v1/"})
    retries(client, faults)
    states(client, faults, services)
    clusters(client, faults)
    capacity(client, faults, compute)
    discovery(url, credentials, faults)
    operation = settled(client, client.delete_cluster(name=CLUSTER))
    check("the cluster goes", not operation.error.code, operation)
    return failed != 0


sys.exit(main())
