# SPDX-License-Identifier: Apache-2.0
import copy
import dataclasses
import pickle

import pytest

import llmd

TEXT = """
name: qwen
namespace: llm
model: hf://Qwen/Qwen2.5-3B-Instruct
preset: tpu-v6e-4t
replicas: 2
args: [--max-num-seqs=64]
env: {A: b}
"""


def test_service_spec_from_yaml_is_the_same_as_in_python():
    made = llmd.ServiceSpec(
        name="qwen", namespace="llm", model="hf://Qwen/Qwen2.5-3B-Instruct", preset="tpu-v6e-4t",
        replicas=2, args=["--max-num-seqs=64"], env={"A": "b"})
    read = llmd.ServiceSpec.from_yaml(TEXT)
    assert read == made and read.to_dict() == made.to_dict()
    assert read.manifest() == made.manifest()
    kinds = {item["kind"] for item in made.manifest()["items"]}
    assert "LLMInferenceService" in kinds


def test_from_file(tmp_path):
    path = tmp_path / "service.yaml"
    path.write_text(TEXT)
    assert llmd.ServiceSpec.from_file(path).replicas == 2
    with pytest.raises(llmd.NotFoundError, match="nothing.yaml"):
        llmd.ServiceSpec.from_file(tmp_path / "nothing.yaml")


def test_gateway_spec():
    spec = llmd.GatewaySpec.from_yaml("name: edge\nnamespace: llm\nclass: my-class\n")
    assert spec == llmd.GatewaySpec(name="edge", namespace="llm", gateway_class="my-class")
    gateway = next(i for i in spec.manifest()["items"] if i["kind"] == "Gateway")
    assert gateway["spec"]["gatewayClassName"] == "my-class"


@pytest.mark.parametrize("text, said", [
    ("name: q\nmodel: hf://a/b\nreplica: 2\n", "replicas"),
    ("name: q\nmodel: hf://a/b\nmaxModelLen: many\n", "maxModelLen"),
    ("name: Q_\nmodel: hf://a/b\n", "name"),
    ("name: q\nmodel: gs://a/b\n", "gs://"),
    ("apiVersion: serving.kserve.io/v1alpha1\nkind: LLMInferenceService\n", "apply"),
])
def test_bad_specs_are_refused_before_any_request(text, said):
    with pytest.raises(llmd.InvalidError) as caught:
        llmd.ServiceSpec.from_yaml(text)
    assert said in str(caught.value)


def test_secrets_stay_out_of_sight_and_are_not_lost(tmp_path):
    spec = llmd.ServiceSpec.from_yaml(TEXT + "hfToken: hf_secret\n")
    assert "hf_secret" not in repr(spec) and spec.hf_token == "***"
    spec.manifest()  # by the spec that still has it
    spec.replicas = 3
    with pytest.raises(llmd.InvalidError, match="secret"):
        spec.manifest()
    spec.hf_token = "hf_other"
    assert "hf_other" not in str(spec.manifest()) and "hf_other" not in repr(spec)


def test_not_a_number_is_refused():
    with pytest.raises(ValueError):
        llmd.ServiceSpec(name="q", model="hf://a/b", overlay={"x": float("nan")}).manifest()


@pytest.mark.parametrize("kind, needed, wrong, right", [
    (llmd.ClusterSpec, {"name": "x"}, "enableMissing", "enable_missing"),
    (llmd.NodePool, {}, "max_node", "max_nodes"),
    (llmd.NetworkSpec, {}, "addres", "address"),
    (llmd.PlatformSpec, {}, "bundels", "bundles"),
    (llmd.GatewaySpec, {"name": "x"}, "gatewayClass", "gateway_class"),
    (llmd.ServiceSpec, {"name": "x", "model": "hf://a/b"}, "replica", "replicas"),
])
def test_a_wrong_name_is_refused_with_the_right_one(kind, needed, wrong, right):
    spec = kind(**needed)
    with pytest.raises(llmd.InvalidError, match=f'"{wrong}"\ndid you mean "{right}"'):
        setattr(spec, wrong, "x")
    with pytest.raises(llmd.InvalidError, match=f'"{wrong}"\ndid you mean "{right}"'):
        kind(**needed, **{wrong: "x"})
    setattr(spec, right, "x")
    assert getattr(spec, right) == "x"


def test_a_name_like_no_other_is_refused_with_all():
    with pytest.raises(llmd.InvalidError, match="its fields are network, subnet, range"):
        llmd.NetworkSpec(zzz=1)


def test_specs_are_copied_as_ever():
    spec = llmd.ClusterSpec(name="x", node_pools=[llmd.NodePool(preset="tpu-v6e-1t")])
    assert spec == copy.deepcopy(spec) == pickle.loads(pickle.dumps(spec))
    assert dataclasses.replace(spec, name="y").name == "y"
