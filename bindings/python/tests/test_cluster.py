# SPDX-License-Identifier: Apache-2.0
"""The whole way on the sandbox; bindings/go/cluster_test.go walks the same."""
import asyncio
import gc
import io
import os
import subprocess
import sys
import threading
import time

import pytest

import llmd
from conftest import SERVICE

MAPS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: one, labels: {set: py}}
data: {a: "1"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two, labels: {set: py}}
---
apiVersion: v1
kind: Namespace
metadata: {name: py}
"""


@pytest.fixture
def maps(kube):
    kube.apply(MAPS, namespace="py", timeout=60).run()
    yield
    for name in ("one", "two"):
        kube.delete("configmaps", name, namespace="py", timeout=60).run()


def test_the_handle_tells_where_it_is(sandbox, kube):
    assert kube.server == sandbox.url and kube.server.startswith("http")
    assert kube.namespace and kube.context
    assert kube.version(timeout=10)["gitVersion"].startswith("v1.")
    with open(sandbox.kubeconfig) as file:
        assert llmd.Kube.from_text(file.read()).server == kube.server


def test_apply_is_ordered_and_repeats_nothing(kube):
    first = [event for event in kube.apply(MAPS, namespace="py", timeout=60)]
    assert "Namespace" in first[0].subject
    again = kube.apply(MAPS, namespace="py", timeout=60)
    result = again.run()
    assert again.done and again.worst == llmd.Level.INFO
    reasons = {event.reason for event in kube.apply(MAPS, namespace="py") if event.reason}
    assert "created" not in reasons and "configured" not in reasons, (reasons, result)


def test_apply_takes_objects_and_paths(kube, maps, tmp_path):
    one = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "2"}}
    kube.apply(one, namespace="py", timeout=60).run()
    assert kube.get("cm", "one", namespace="py")["data"]["a"] == "2"
    path = tmp_path / "maps.yaml"
    path.write_text(MAPS)
    kube.apply(path, namespace="py", timeout=60).run()
    kube.apply([one], namespace="py", timeout=60, dry_run=True).run()
    assert kube.get("configmap", "one", namespace="py")["data"]["a"] == "1"


@pytest.mark.parametrize("use", ["apply", "service", "kube"])
def test_a_file_that_is_not_there_is_told_with_advice(kube, use):
    with pytest.raises(llmd.NotFoundError, match="no-such.yaml") as told:
        if use == "apply":
            kube.apply("no-such.yaml")
        elif use == "service":
            kube.service.apply("no-such.yaml")
        else:
            llmd.Kube("no-such.yaml")
    assert told.value.advice.startswith("check the path")


def test_bad_manifests_are_told_before_any_request(kube):
    with pytest.raises(llmd.InvalidError):
        kube.apply("a: [")
    with pytest.raises(llmd.InvalidError, match="kind"):
        kube.apply("apiVersion: v1\nmetadata: {name: x}\n")


def test_get_of_nothing(kube):
    with pytest.raises(llmd.NotFoundError) as caught:
        kube.get("configmaps", "nothing", namespace="py", timeout=10)
    assert caught.value.http_status == 404 and "nothing" in caught.value.message
    with pytest.raises(LookupError):
        kube.get("unheard", "of", timeout=10)


def test_list(kube, maps):
    names = [o["metadata"]["name"] for o in kube.list("cm", namespace="py", labels="set=py")]
    assert sorted(names) == ["one", "two"]
    assert len(list(kube.list("cm", namespace="*", fields="metadata.name=one"))) >= 1


def test_watch_tells_each_change_once(kube, maps):
    seen = []
    with kube.watch("configmaps", namespace="py", labels="set=py", timeout=30) as watch:
        for change in watch:
            seen.append((change.type, change.name))
            if change.type == "SYNCED":
                assert change.object is None
                kube.delete("configmaps", "two", namespace="py", timeout=10).run()
            if change.type == "DELETED":
                assert change.object["kind"] == "ConfigMap"
                break
    assert sorted(seen[:2]) == [("ADDED", "one"), ("ADDED", "two")]
    assert seen[2] == ("SYNCED", "") and seen[-1] == ("DELETED", "two")


def test_wait_ends_when_it_comes_true(kube, maps):
    waiting = kube.wait("configmaps", "late", "create", namespace="py", timeout=30)
    late = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}}
    threading.Timer(0.2, lambda: kube.apply(late, namespace="py").run()).start()
    waiting.run()
    assert waiting.done
    kube.delete("configmaps", "late", namespace="py", timeout=10).run()
    with pytest.raises(llmd.InvalidError):
        kube.wait("configmaps", "one", "sunshine", namespace="py")
    with pytest.raises(llmd.TimeoutError):
        kube.wait("configmaps", "never", "create", namespace="py", timeout=0.1).run()


def test_delete_of_nothing_is_no_error(kube):
    assert kube.delete("configmaps", "nothing", namespace="py", timeout=10).run() == {
        "existed": False}


def test_deploy_and_chat(kube, deployed):
    gateway = kube.gateway.get("edge", namespace="llm")
    assert gateway.programmed and gateway.address and gateway.to_dict()["kind"] == "Gateway"
    assert "edge" in [g.name for g in kube.gateway.list(namespace="llm")]

    task = kube.service.apply(SERVICE.format(name="walk"), timeout=120)
    events = list(task)
    assert task.done and {event.phase for event in events} & {"image", "download", "compile", "serving"}
    assert task.result["kind"] == "LLMInferenceService"

    service = kube.service.get("walk", namespace="llm")
    assert service.ready and service.url and service.replicas == 1
    assert {"walk", deployed} <= {s.name for s in kube.service.list(namespace="llm")}

    endpoint = kube.service.connect("walk", namespace="llm", timeout=30)
    assert endpoint.models(timeout=10)
    reply = endpoint.chat("Say hello.", max_tokens=8, timeout=30)
    assert reply.text and reply.completion_tokens > 0
    stream = endpoint.chat("Say hello.", max_tokens=8, stream=True, timeout=30)
    assert "".join(delta.text for delta in stream) == stream.reply.text != ""

    for check in (kube.health("walk", namespace="llm", timeout=60), endpoint.health(timeout=60)):
        check.run()
        assert check.worst < llmd.Level.ERROR

    kube.service.delete("walk", namespace="llm", timeout=60).run()
    with pytest.raises(llmd.NotFoundError):
        kube.service.get("walk", namespace="llm", timeout=10)


def test_a_service_that_cannot_run_is_told_with_cause_and_advice(kube, deployed):
    spec = llmd.ServiceSpec.from_yaml(SERVICE.format(name="broken"))
    spec.image = "registry.example/no/such:image"
    task = kube.service.apply(spec, timeout=120)
    with pytest.raises(llmd.FailedError) as caught:
        task.run()
    assert caught.value.reason and caught.value.advice
    kube.service.delete("broken", namespace="llm", timeout=60).run()


def test_async_tasks_and_cancel(kube, deployed):
    async def main():
        assert (await kube.service.apply(SERVICE.format(name=deployed), timeout=60))
        phases = [event async for event in kube.service.wait(deployed, namespace="llm")]
        assert phases is not None
        waiting = asyncio.ensure_future(never())
        await asyncio.sleep(0.2)
        waiting.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert time.monotonic() - began < 1

    async def never():
        async for _ in kube.wait("configmaps", "never", "create", namespace="llm"):
            pass

    asyncio.run(main())


def test_async_chats_at_once(kube, deployed):
    endpoint = kube.service.connect(deployed, namespace="llm", timeout=30)

    async def main():
        streams = [endpoint.chat(f"Number {i}", stream=True, max_tokens=6) for i in range(40)]
        replies = await asyncio.gather(*(collect(stream) for stream in streams))
        assert all(reply.text for reply in replies)

    async def collect(stream):
        return await stream

    asyncio.run(main())


def test_progress_prints_lines_where_there_is_no_terminal(kube, maps):
    out = io.StringIO()
    llmd.progress(kube.apply(MAPS, namespace="py", timeout=30), file=out)
    assert len(out.getvalue().splitlines()) >= 3


def test_html_of_a_task(kube, maps):
    task = kube.apply(MAPS, namespace="py", timeout=30)
    task.run()
    html = task._repr_html_()
    assert "<table" in html and "done" in html and "<script" not in html


def test_tasks_outlive_the_handle(sandbox):
    kube = llmd.Kube(sandbox.kubeconfig)
    task = kube.apply(MAPS, namespace="py", timeout=30)
    kube.close()
    task.run()
    for call in (kube.version, lambda: kube.apply(MAPS), lambda: kube.service.wait("qwen")):
        with pytest.raises(llmd.InvalidError, match="this cluster is closed"):
            call()


def test_a_timeout_that_is_no_number(kube):
    with pytest.raises(ValueError, match="number of seconds"):
        kube.apply(MAPS, namespace="py", timeout="5").run()


def test_a_closed_task_says_so(kube):
    task = kube.apply(MAPS, namespace="py")
    task.close()
    task.close()
    with pytest.raises(llmd.InvalidError, match="closed"):
        task.run()


def test_a_sandbox_ends_with_its_block():
    with llmd.Sandbox(profile="empty", time_scale=0.01) as own:
        kube = own.kube
        assert kube.version()
    with pytest.raises(llmd.UnreachableError):
        kube.version(timeout=5)


FORGOTTEN = """
import gc, os, sys, llmd
names = [one["metadata"]["name"] for one in llmd.Sandbox().kube.list("namespaces", timeout=20)]
assert "default" in names, names
task = llmd.Sandbox().kube.wait("namespaces", "default", "create", timeout=20)
gc.collect()
task.run()
own = llmd.Sandbox()
if os.fork() == 0:
    sys.exit()
os.wait()
assert own.kube.version(timeout=5)
print(own._folder, own._process.pid)
"""


def test_a_sandbox_that_nobody_holds_lives_until_the_program_ends():
    done = subprocess.run([sys.executable, "-c", FORGOTTEN], text=True, capture_output=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    folder, pid = done.stdout.split()
    assert not os.path.exists(folder)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_what_was_made_outlives_what_made_it(sandbox, deployed):
    def fresh():
        return llmd.Kube(sandbox.kubeconfig)

    assert list(fresh().list("namespaces", timeout=20))
    assert next(iter(fresh().watch("namespaces", timeout=20))).type == "ADDED"
    assert fresh().apply(MAPS, namespace="py", timeout=20).run() is not None
    assert fresh().service.connect(deployed, namespace="llm").chat("hi", timeout=20).text
    stream = fresh().service.connect(deployed, namespace="llm").stream_chat("hi", timeout=20)
    gc.collect()
    assert "".join(delta.text for delta in stream)


def test_a_sandbox_that_cannot_start_says_why():
    with pytest.raises(llmd.FailedError, match="profile"):
        llmd.Sandbox(profile="nonsense")


CTRL_C = """
import os, signal, sys, threading, time, llmd
kube = llmd.Kube(sys.argv[1])
def interrupt():
    global sent
    sent = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.3, interrupt).start()
try:
    kube.wait("configmaps", "never", "create", namespace="default").run()
except KeyboardInterrupt:
    print(time.monotonic() - sent)
"""


def test_ctrl_c_ends_a_task(sandbox):
    done = subprocess.run([sys.executable, "-c", CTRL_C, sandbox.kubeconfig], text=True,
                          capture_output=True, timeout=60)
    assert float(done.stdout) < 0.1, done.stderr
