#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the examples on a sandbox: examples.py c|python|go|notebook ROOT [BUILD_DIR or GO]

Needs a Python that has llmd installed, which starts the sandbox.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
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

    def __init__(self, kind, root, extra):
        self.kind, self.root, self.extra = kind, root, extra

    def command(self, name):
        if self.kind == "python":
            return [sys.executable, str(self.root / f"examples/python/{name}.py")]
        if self.kind == "c":
            return [str(self.root / self.extra / "examples" / name)]
        return [self.extra, "run", "./" + name.replace("_", "-")]

    def run(self, name, words, **env):
        """Its exit status, what it said, and what it told on the way."""
        folder = self.root / "examples/go" if self.kind == "go" else self.root
        with tempfile.TemporaryFile("w+") as progress:
            done = subprocess.run([*self.command(name), *words], cwd=folder,
                                  env={**os.environ, **env}, stdout=subprocess.PIPE,
                                  stderr=progress, text=True, timeout=300)
            progress.seek(0)
            lines = progress.read()
        print(lines, done.stdout, sep="")
        return done.returncode, done.stdout, lines

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


class Cloud:
    """The sandbox as Google, and what stands there by its own count."""

    def __init__(self, sandbox):
        self.url = sandbox.url
        self.env = {"LLMD_GOOGLE_URL": sandbox.url, "GOOGLE_CLOUD_PROJECT": "my-project",
                    "GOOGLE_APPLICATION_CREDENTIALS": sandbox.credentials,
                    "KUBECONFIG": "/nonexistent"}

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.url}/sandbox/{path}", data, timeout=10) as answer:
            return answer.read()

    def clusters(self):
        return json.loads(self.ask("google"))["clusters"]


def in_order(lines, *words):
    places = [lines.find(word) for word in words]
    assert -1 not in places and places == sorted(places), f"not in this order: {words}, {places}"


def check_cluster(examples):
    """From nothing to tokens and back; the cluster alone; and a refusal, which makes nothing."""
    with llmd.Sandbox(profile="empty", google=True, time_scale=0.005) as sandbox:
        cloud = Cloud(sandbox)
        status, said, lines = examples.run(
            "cluster_and_chat", [ZONE, *examples.manifests("cluster", "platform", "gateway", "tpu"), PROMPT],
            **cloud.env)
        assert status == 0
        assert said.strip(), "nothing was said"
        in_order(lines, "TPU-V6E", "Cloud Billing", "the control plane serves", "connected", "KServe",
                 "replicas answer", "no forwarding rule is left", "nothing of it is left")
        assert cloud.clusters() == 0
        status, said, lines = examples.run(
            "cluster_and_chat", [ZONE, *examples.manifests("cluster")], **cloud.env)
        assert (status, said) == (0, "") and "connected" in lines and cloud.clusters() == 0
        cloud.ask("faults", {"fault": "billing-disabled", "count": -1})
        status, said, lines = examples.run(
            "cluster_and_chat", [ZONE, *examples.manifests("cluster")], **cloud.env)
        assert status == 1 and "othing was made" in lines and "is made" not in lines


def main():
    kind, root = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    if kind == "notebook":
        run_notebook(root)
        return
    examples = Examples(kind, root, sys.argv[3] if len(sys.argv) > 3 else "")
    check_deploy(examples)
    check_cluster(examples)


if __name__ == "__main__":
    main()
