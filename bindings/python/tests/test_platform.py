# SPDX-License-Identifier: Apache-2.0
"""Platform specs and bundles; bindings/go/platform_test.go walks the same."""
import hashlib
import json
import pathlib

import pytest

import llmd

RELEASES = pathlib.Path(__file__).resolve().parents[3] / "tests" / "scenario" / "platform"
SPEC = llmd.PlatformSpec(
    gateway_api={"bundle": f"{RELEASES}/gateway-api.yaml"},
    cert_manager={"bundle": f"{RELEASES}/cert-manager.yaml"},
    kserve={"bundle": f"{RELEASES}/kserve.yaml"},
    leader_worker_set={"install": "never"},
    gateway_controller={"install": "never"},
)

TEXT = """
kserve: {version: 0.20.0, namespace: serving}
certManager: {install: never}
imageMirror: mirror.example.com/cache
pullSecret: {registry: quay.io, user: me, password: hush}
routeTimeouts: false
"""


def test_spec_from_yaml_is_the_same_as_in_python(tmp_path):
    made = llmd.PlatformSpec(
        kserve={"version": "0.20.0", "namespace": "serving"}, cert_manager={"install": "never"},
        image_mirror="mirror.example.com/cache", route_timeouts=False,
        pull_secret={"registry": "quay.io", "user": "me", "password": "***"})
    read = llmd.PlatformSpec.from_yaml(TEXT)
    assert read == made and "hush" not in repr(read)
    path = tmp_path / "platform.yaml"
    path.write_text(TEXT)
    assert llmd.PlatformSpec.from_file(path) == made


@pytest.mark.parametrize("text, said", [
    ("kserv: {}", "kserve"),
    ("kserve: {bundle: 'https://example.com/a.yaml'}", "sha256"),
    ("pullSecret: {user: me}", "pullSecret"),
])
def test_bad_specs_are_refused(text, said):
    with pytest.raises(llmd.InvalidError, match=said):
        llmd.PlatformSpec.from_yaml(text)


def test_known_bundles():
    known = {(one["component"], one["version"]) for one in llmd.platform.bundles()}
    assert ("kserve", "0.20.0") in known
    assert {"gatewayApi", "certManager", "leaderWorkerSet"} <= {one[0] for one in known}


def test_fetch_into_a_folder(tmp_path, monkeypatch):
    release, folder = tmp_path / "release.yaml", tmp_path / "bundles"
    release.write_text("kind: Namespace\n")
    digest = hashlib.sha256(release.read_bytes()).hexdigest()
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps([{
        "component": "kserve", "version": "9.9.9", "proven": "rig",
        "files": [{"path": "release.yaml", "sha256": digest}],
    }]))
    monkeypatch.setenv("LLMD_BUNDLES", str(listed))
    never = {"install": "never"}
    spec = llmd.PlatformSpec(cert_manager=never, gateway_api=never, leader_worker_set=never)
    task = llmd.platform.fetch(spec, folder, timeout=30)
    assert [event.reason for event in task] == ["Read", "Fetched"]
    assert (folder / "kserve-9.9.9" / "release.yaml").read_text() == "kind: Namespace\n"
    release.write_text("kind: Secret\n")
    with pytest.raises(llmd.FailedError, match="sha256") as caught:
        for _ in llmd.platform.fetch(spec, folder, timeout=30):
            pass
    assert caught.value.reason == "DigestMismatch"
    with pytest.raises(llmd.NotFoundError, match="0.0.1"):
        llmd.platform.fetch({"kserve": {"version": "0.0.1"}}, folder)


@pytest.fixture
def empty():
    with llmd.Sandbox(profile="empty") as sandbox:
        yield sandbox.kube


def test_a_platform_comes_and_goes(empty):
    before = empty.platform.status(SPEC, timeout=60)
    assert before.run()["ready"] is False and before.worst == llmd.Level.ERROR
    made = empty.platform.apply(SPEC, timeout=60).run()
    assert made["ready"] and made["components"]["kserve"]["version"] == "0.20.0"
    again = {event.reason for event in empty.platform.apply(SPEC, timeout=60)}
    assert "unchanged" in again and not again & {"created", "configured"}
    status = empty.platform.status(SPEC, timeout=60)
    assert status.run()["ready"] and status.worst == llmd.Level.INFO
    gone = empty.platform.delete(timeout=60).run()
    assert "Namespace/kserve" in gone["removed"] and gone["left"] == []


def test_the_stand_ins_are_what_their_list_says(empty, monkeypatch):
    monkeypatch.setenv("LLMD_BUNDLES", str(RELEASES / "bundles.json"))
    empty.platform.apply(timeout=60).run()
    status = empty.platform.status(timeout=60)
    assert not [event for event in status if event.level >= llmd.Level.WARNING]
    assert status.worst == llmd.Level.INFO
