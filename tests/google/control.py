#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Google's Python client drives the sandbox: the proof that the sandbox speaks Google's REST and not
only our idea of it. Usage: control.py URL CREDENTIALS"""

import sys
import time

from google.auth.transport.requests import Request
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

PARENT = "projects/my-project/locations/europe-west4-a"
CLUSTER = f"{PARENT}/clusters/python"
failed = 0


def check(name, good):
    global failed
    failed += not good
    print(f"{'ok' if good else 'not ok'} google python {name}", flush=True)


def token_from(url, path):
    """google-auth has no way to another token endpoint for a user: the service account has."""
    from google.oauth2 import service_account

    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
    credentials = service_account.Credentials.from_service_account_file(path, scopes=scopes)
    credentials.refresh(Request())
    return credentials


def refused(call, status):
    try:
        call.execute()
    except HttpError as error:
        return error.resp.status == status
    return False


def wait(locations, operation):
    name = f"{PARENT}/operations/{operation['name']}"
    for _ in range(600):
        operation = locations.operations().get(name=name).execute()
        if operation["status"] == "DONE":
            return "error" not in operation
        time.sleep(0.02)
    return False


def containers(locations):
    clusters = locations.clusters()
    pools = clusters.nodePools()
    body = {"cluster": {"name": "python", "nodePools": [{"name": "system", "initialNodeCount": 1}]}}
    check("create", wait(locations, clusters.create(parent=PARENT, body=body).execute()))
    check("exists", refused(clusters.create(parent=PARENT, body=body), 409))
    found = clusters.list(parent=PARENT).execute()["clusters"]
    check("list", [cluster["status"] for cluster in found] == ["RUNNING"])
    wrong = {"cluster": {"name": "x", "nodePool": {}}}
    check("unknown field", refused(clusters.create(parent=PARENT, body=wrong), 400))
    pool = {"nodePool": {"name": "tpu", "initialNodeCount": 1, "config": {"machineType": "ct6e-standard-4t"}}}
    check("pool", wait(locations, pools.create(parent=CLUSTER, body=pool).execute()))
    name = f"{CLUSTER}/nodePools/tpu"
    check("resize", wait(locations, pools.setSize(name=name, body={"nodeCount": 2}).execute()))
    update = {"update": {"desiredGatewayApiConfig": {"channel": "CHANNEL_STANDARD"}}}
    check("update", wait(locations, clusters.update(name=CLUSTER, body=update).execute()))
    check("delete pool", wait(locations, pools.delete(name=name).execute()))
    check("delete", wait(locations, clusters.delete(name=CLUSTER).execute()))
    check("gone", refused(clusters.get(name=CLUSTER), 404))


def others(url, credentials):
    def api(name, version):
        options = {"api_endpoint": url}
        return build(name, version, credentials=credentials, client_options=options, static_discovery=True)

    # This client puts the API's own path into the endpoint.
    compute = build("compute", "v1", credentials=credentials, static_discovery=True,
                    client_options={"api_endpoint": f"{url}/compute/v1/"})
    kind = compute.machineTypes().get(project="my-project", zone="europe-west4-a", machineType="ct6e-standard-4t")
    check("machine type", kind.execute()["accelerators"][0]["guestAcceleratorType"] == "ct6e")
    pages = compute.machineTypes().aggregatedList(project="my-project", filter="name=ct6e-standard-4t").execute()
    check("aggregated", "machineTypes" in pages["items"]["zones/europe-west4-a"])
    address = compute.addresses().insert(project="my-project", region="europe-west4", body={"name": "a"})
    check("address", address.execute()["kind"] == "compute#operation")
    services = api("serviceusage", "v1").services()
    check("service", services.get(name="projects/my-project/services/container.googleapis.com").execute()["state"] == "ENABLED")
    done = services.enable(name="projects/my-project/services/container.googleapis.com", body={}).execute()
    check("enable", done["name"] == "operations/noop.DONE_OPERATION")
    projects = api("cloudresourcemanager", "v1").projects()
    held = projects.testIamPermissions(resource="my-project", body={"permissions": ["container.clusters.create"]})
    check("permissions", held.execute()["permissions"] == ["container.clusters.create"])
    skus = api("cloudbilling", "v1").services().skus()
    request, count = skus.list(parent="services/6F81-5844-456A"), 0
    while request is not None:
        answer = request.execute()
        count += len(answer["skus"])
        request = skus.list_next(request, answer)
    check(f"prices: {count}", count > 100)
    series = api("monitoring", "v3").projects().timeSeries().list(
        name="projects/my-project",
        filter='metric.type="compute.googleapis.com/quota/tpus_per_tpu_family/usage"',
        interval_startTime="2026-11-25T00:00:00Z",
        interval_endTime="2026-11-25T01:00:00Z",
    )
    check("series", series.execute()["unit"] == "1")


def main():
    url, path = sys.argv[1:]
    credentials = token_from(url, path)
    options = {"api_endpoint": url}
    container = build("container", "v1", credentials=credentials, client_options=options, static_discovery=True)
    containers(container.projects().locations())
    others(url, credentials)
    return failed != 0


sys.exit(main())
