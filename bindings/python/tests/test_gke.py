# SPDX-License-Identifier: Apache-2.0
"""Clusters on the sandbox's Google side; bindings/go/gke_test.go walks the same."""
import json
import os

import pytest

import llmd

SPEC = llmd.ClusterSpec(name="llm", node_pools=[
    llmd.NodePool(name="tpu", preset="tpu-v6e-4t", nodes=1, fallbacks=[llmd.NodePool(spot=True)]),
])


@pytest.fixture(scope="module")
def google():
    with llmd.Sandbox(profile="gke", time_scale=0.001, google=True) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def gke(google):
    return google.gke("europe-west4-a")


def test_the_handle_tells_where_it_is(google, gke):
    assert (gke.project, gke.location) == ("my-project", "europe-west4-a")
    assert "LLMD_GOOGLE_URL" not in os.environ
    with pytest.raises(llmd.InvalidError, match="location"):
        google.gke("somewhere")


def test_credentials_tell_no_secret(google):
    credentials = llmd.Credentials.google(google.credentials)
    with open(google.credentials) as file:
        secret = json.load(file)["refresh_token"]
    assert credentials.to_dict()["kind"] == "authorized_user"
    assert secret not in repr(credentials) + str(credentials.to_dict())
    with pytest.raises(llmd.InvalidError):
        llmd.Credentials.google_json("{}")
    with pytest.raises(llmd.NotFoundError, match="nothing.json"):
        llmd.Credentials.google("/nothing.json")


def test_specs_read_write_and_refuse():
    spec = llmd.ClusterSpec.from_yaml("name: a\nnodePools: [{preset: tpu-v6e-4t, maxNodes: 3}]\n")
    assert spec.node_pools[0]["maxNodes"] == 3
    body = spec.manifest("my-project", "europe-west4-a")
    assert body["nodePools"][0]["config"]["machineType"] == "ct6e-standard-4t"
    with pytest.raises(llmd.InvalidError, match="nodePols"):
        llmd.ClusterSpec.from_yaml("name: a\nnodePols: []\n")
    with pytest.raises(llmd.InvalidError, match="tpology|topology"):
        llmd.ClusterSpec(name="a", node_pools=[
            llmd.NodePool(preset="tpu-v6e-4t", topology="2x2")]).manifest("p", "europe-west4-a")


def test_from_preflight_to_delete(gke):
    checks = gke.cluster.preflight(SPEC, timeout=60)
    checks.run()
    assert checks.worst < llmd.Level.ERROR, [str(event) for event in checks]
    cost = gke.cluster.cost(SPEC, timeout=60)
    assert "USD" in json.dumps(cost)

    reasons = [event.reason for event in gke.cluster.apply(SPEC, timeout=120)]
    assert reasons
    cluster = gke.cluster.get("llm", timeout=60)
    assert cluster.status in ("RUNNING", "RECONCILING") and cluster.endpoint
    assert {pool["name"] for pool in cluster.to_dict()["nodePools"]} >= {"tpu"}
    assert [one.name for one in gke.cluster.list(timeout=60)] == ["llm"]

    kube = gke.cluster.connect("llm", timeout=60)
    nodes = list(kube.list("nodes", labels="cloud.google.com/gke-nodepool=tpu", timeout=60))
    assert nodes[0]["status"]["allocatable"]["google.com/tpu"] == "4"

    pool = llmd.NodePool(name="tpu", preset="tpu-v6e-4t", nodes=2)
    gke.node_pool.apply("llm", pool, timeout=120).run()
    gke.node_pool.wait("llm", "tpu", timeout=120).run()
    assert gke.node_pool.get("llm", "tpu", timeout=60)["initialNodeCount"] >= 1
    assert "tpu" in [one["name"] for one in gke.node_pool.list("llm", timeout=60)]
    with pytest.raises(llmd.NotFoundError, match="gpu") as failure:
        gke.node_pool.get("llm", "gpu", timeout=60)
    assert "tpu" in failure.value.advice
    gke.node_pool.delete("llm", "tpu", timeout=120).run()
    gke.cluster.delete("llm", drain=True, timeout=120).run()
    with pytest.raises(llmd.NotFoundError):
        gke.cluster.get("llm", timeout=60)


def test_network(gke):
    spec = llmd.NetworkSpec(address="edge")
    gke.network.apply(spec, timeout=60).run()
    gke.network.delete(spec, timeout=60).run()


def test_the_load_balancers_view(gke):
    spec = llmd.ClusterSpec(name="view", node_pools=[llmd.NodePool(preset="cpu", nodes=1)])
    gke.cluster.apply(spec, timeout=120).run()
    kube = gke.cluster.connect("view", timeout=60)
    with pytest.raises(llmd.NotFoundError, match="none: has no InferencePool"):
        gke.network.health(kube, "none", namespace="default", timeout=60).run()
    kube.gateway.apply(llmd.GatewaySpec(name="edge", namespace="default"), timeout=120).run()
    service = llmd.ServiceSpec(name="qwen", namespace="default", preset="simulator",
                               gateway={"name": "edge"}, model="hf://a/b")
    kube.service.apply(service, timeout=120).run()
    check = gke.network.health(kube, "qwen", namespace="default", timeout=60)
    assert [event.reason for event in check][-1] == "Healthy"
    assert check.worst == llmd.Level.INFO
    gke.cluster.delete("view", drain=True, timeout=120).run()


def test_models_that_are_known(gke):
    assert gke.cluster.recommend(timeout=60)
    with pytest.raises(llmd.NotFoundError, match="no profile of"):
        gke.cluster.recommend("nobody/knows", timeout=60)
