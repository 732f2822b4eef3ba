#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the examples on a sandbox: examples.py c|python|go|notebook ROOT [BUILD_DIR or GO]

Needs a Python that has llmd installed, which starts the sandbox.
"""
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import llmd

PROMPT = "Say hello in five words."
ZONE = "europe-west4-a"


def run_notebook(root):
    """Runs the code cells in order, as a kernel would, without needing one."""
    book = json.loads((root / "examples/notebooks/deploy_and_chat.ipynb").read_text())
    scope = {"__name__": "__main__"}
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "deploy_and_chat.ipynb", "exec"), scope)


class Examples:
    """The programs of one language."""

    def __init__(self, kind, root, extra, folder):
        self.kind, self.root, self.extra, self.folder = kind, root, extra, folder
        #: Of the last run: seconds from the first thing told to the end of what was said.
        self.seconds = 0.0
        if kind == "go":
            subprocess.run([extra, "build", "-o", f"{folder}/", "./..."], cwd=root / "examples/go",
                           check=True, timeout=900)

    def command(self, name):
        if self.kind == "python":
            return [sys.executable, str(self.root / f"examples/python/{name}.py")]
        if self.kind == "c":
            return [str(self.root / self.extra / "examples" / name)]
        return [f"{self.folder}/{name.replace('_', '-')}"]

    def start(self, name, words, **env):
        return subprocess.Popen([*self.command(name), *words], cwd=self.root, text=True,
                                env={**os.environ, **env}, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def run(self, name, words, **env):
        """Its exit status, what it said, and what it told on the way."""
        done = self.start(name, words, **env)
        limit = threading.Timer(300, done.kill)
        limit.start()
        told, begun = [], []

        def listen():
            for line in done.stderr:
                begun or begun.append(time.monotonic())
                told.append(line)

        listener = threading.Thread(target=listen)
        listener.start()
        said = done.stdout.readline()
        self.seconds = time.monotonic() - begun[0] if begun else 0.0
        said += done.stdout.read()
        listener.join()
        status = done.wait()
        limit.cancel()
        print(*told, said, sep="")
        return status, said, "".join(told)

    def manifests(self, *names):
        return [str(self.root / "examples/manifests" / f"{name}.yaml") for name in names]


def check_deploy(examples):
    with llmd.Sandbox() as sandbox:
        status, said, lines = examples.run(
            "deploy_and_chat", [*examples.manifests("gateway", "tpu"), PROMPT],
            KUBECONFIG=sandbox.kubeconfig)
    assert status == 0
    assert said.strip(), "nothing was said"
    assert "Pod/" in lines and len(lines.splitlines()) > 3, "no live progress was seen"


def check_deploy_interrupted(examples):
    """Ctrl-C while it waits for a node: it says what stands and how to go on."""
    with llmd.Sandbox(time_scale=1) as sandbox:
        words = [*examples.manifests("gateway", "tpu"), PROMPT]
        with examples.start("deploy_and_chat", words, KUBECONFIG=sandbox.kubeconfig) as program:
            told = interrupt_at(program, signal.SIGINT, "Pod/")
        assert program.returncode == 130, program.returncode
        assert "interrupted: what was applied stays; run it again, and it goes on" in told


class Cloud:
    """The sandbox as Google, and what stands there by its own count."""

    def __init__(self, sandbox, root):
        self.url = sandbox.url
        self.env = {"LLMD_GOOGLE_URL": sandbox.url, "GOOGLE_CLOUD_PROJECT": "my-project",
                    "GOOGLE_APPLICATION_CREDENTIALS": sandbox.credentials,
                    "KUBECONFIG": "/nonexistent",
                    "LLMD_BUNDLES": str(root / "tests/scenario/platform/bundles.json")}

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.url}/sandbox/{path}", data, timeout=10) as answer:
            return json.loads(answer.read())

    def left(self):
        """Clusters, node pools and machines."""
        state = self.ask("google")
        return state["clusters"], state["pools"], state["nodes"]


def in_order(lines, *words):
    places = [lines.find(word) for word in words]
    assert -1 not in places and places == sorted(places), f"not in this order: {words}, {places}"


# What really needs what on the way to the first token; how long each takes is the sandbox's word.
NEEDS = {
    "services": [],
    "cluster": ["services"],
    "subnet": ["services"],
    "node-pool": ["cluster"],
    "cert-manager": ["cluster"],
    "certificate": ["cert-manager"],
    "kserve": ["certificate"],
    "gateway-class": ["cluster"],
    "gateway": ["subnet", "gateway-class"],
    "children": ["kserve"],
    "download": ["children", "node-pool"],
    "image": ["download"],
    "model": ["image"],
    "backends": ["model", "gateway"],
}


def critical_path(steps):
    """The longest way through NEEDS, in seconds."""
    assert set(steps) == set(NEEDS), set(steps) ^ set(NEEDS)

    def end(step):
        return steps[step] + max(map(end, NEEDS[step]), default=0)

    return max(map(end, NEEDS))


NEW_PROJECT = ["--google-fault", "api-disabled=container.googleapis.com",
               "--google-fault", "no-proxy-subnet"]


def chain_words(examples):
    return [ZONE, *examples.manifests("cluster", "platform", "gateway", "tpu"), PROMPT]


def chain(examples, cloud):
    return examples.run("cluster_and_chat", chain_words(examples), **cloud.env)


def timed_chain(examples, scale):
    """How many times the critical path one run takes."""
    with llmd.Sandbox(profile="empty", google=True, time_scale=scale,
                      args=["--bare", "--pace", "gke", *NEW_PROJECT]) as sandbox:
        cloud = Cloud(sandbox, examples.root)
        status, said, lines = chain(examples, cloud)
        assert status == 0
        assert said.strip(), "nothing was said"
        in_order(lines, "TPU-V6E", "Cloud Billing", "the control plane serves", "connected",
                 "certificates are issued", "LLMInferenceServices can be served", "replicas answer",
                 "answers a one-token call", "no forwarding rule is left", "nothing of it is left")
        assert cloud.left() == (0, 0, 0)
        least = critical_path(cloud.ask("pace")["steps"])
        ratio = examples.seconds / scale / least
        print(f"{examples.kind}: {examples.seconds / scale / 60:.2f} minutes from the first check to the "
              f"last token, critical path {least / 60:.2f}, ratio {ratio:.3f}")
        return ratio


def check_chain(examples):
    """From a project with nothing in it to tokens, and back to nothing: hardly slower than what
    must wait for each other. A busy machine only ever adds, and the less the slower time goes."""
    for scale in (0.02, 0.04, 0.08):
        ratio = timed_chain(examples, scale)
        if ratio <= 1.1:
            break
    assert 1.0 <= ratio <= 1.1, ratio


def check_refusals(examples):
    """A stock-out stops what runs beside it, and all is deleted; a bad check makes nothing."""
    with llmd.Sandbox(profile="empty", google=True, time_scale=0.002,
                      args=["--bare", "--pace", "gke"]) as sandbox:
        cloud = Cloud(sandbox, examples.root)
        cloud.ask("faults", {"fault": "stockout"})
        status, said, lines = chain(examples, cloud)
        assert (status, said.strip()) == (1, "") and cloud.left() == (0, 0, 0)
        in_order(lines, "connected", "STOCKOUT", "nothing of it is left")
        assert "waits for a node" in lines and "replicas answer" not in lines
        cloud.ask("faults/clear", {})
        cloud.ask("faults", {"fault": "billing-disabled", "count": -1})
        status, said, lines = chain(examples, cloud)
        assert (status, said.strip()) == (1, "") and "the checks say why" in lines
        assert "is being made" not in lines and cloud.left() == (0, 0, 0)


def interrupt_at(program, how, *words):
    """A signal at the first line with the first word, Ctrl-C with each later one; all that it told."""
    told = []
    for line in program.stderr:
        told.append(line)
        if words and words[0] in line:
            program.send_signal(how)
            how, words = signal.SIGINT, words[1:]
    print(*told, sep="")
    assert not words, f"it never came to {words[0]}"
    return "".join(told)


def check_interrupts(examples):
    """SIGTERM deletes, as Ctrl-C does; another one ends that, but not without a word on how to go on."""
    with llmd.Sandbox(profile="empty", google=True, time_scale=0.01,
                      args=["--bare", "--pace", "gke"]) as sandbox:
        cloud = Cloud(sandbox, examples.root)
        with examples.start("cluster_and_chat", chain_words(examples), **cloud.env) as program:
            told = interrupt_at(program, signal.SIGTERM, "the control plane serves", "is being deleted")
        assert program.returncode not in (0, -signal.SIGINT, -signal.SIGTERM), program.returncode
        left = "cluster llm in europe-west4-a may still exist and cost money; delete it with: "
        assert left in told, "it left without a word"
        words = shlex.split(told.partition(left)[2].splitlines()[0])
        done = subprocess.run(words, cwd=examples.root, env={**os.environ, **cloud.env}, text=True,
                              stderr=subprocess.PIPE, timeout=300)
        print(done.stderr)
        assert done.returncode == 0 and cloud.left() == (0, 0, 0)


def main():
    # Who starts this in the background has SIGINT ignored, and so would the programs that get it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kind, root = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    if kind == "notebook":
        run_notebook(root)
        return
    with tempfile.TemporaryDirectory() as folder:
        examples = Examples(kind, root, sys.argv[3] if len(sys.argv) > 3 else "", folder)
        check_deploy(examples)
        check_deploy_interrupted(examples)
        check_chain(examples)
        check_refusals(examples)
        check_interrupts(examples)


if __name__ == "__main__":
    main()
