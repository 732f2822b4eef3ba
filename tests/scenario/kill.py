#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A deployment killed at random points and run again converges, with nothing doubled.

    kill.py DEPLOY SANDBOX [KILLS [SEED]]               on a sandbox of its own
    kill.py DEPLOY --on KUBECONFIG SPEC [KILLS [SEED]]  on a stack that is up; kubectl on the PATH

DEPLOY is the built program tests/scenario/deploy.c, SPEC a service spec. Each deployment has a fresh
namespace. An undisturbed one says how long it lasts and what must stand. Then each is killed (SIGKILL)
at a random moment of that time and run again to its end: the same objects must stand, and the second
run may not have changed what the first one made. A program that ended before its kill does not count.
"""
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

from killing import Sandbox

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "examples/manifests"
# What the library itself writes: a generation above an undisturbed one's is a second change.
OURS = {"LLMInferenceService", "LLMInferenceServiceConfig", "Gateway"}
DRAWS = 5  # for each kill wanted


class Deployment:
    """A service and its Gateway, in a namespace of their own."""
    number = 0

    def __init__(self, stack):
        Deployment.number += 1
        self.stack, self.namespace = stack, f"kill-{Deployment.number}"
        self.service, self.gateway = (self.moved(path) for path in (stack.spec, MANIFESTS / "gateway.yaml"))
        stack.drop_namespace(self.namespace, wait=True)  # of an earlier run

    def moved(self, path):
        text = re.sub(r"(?m)^namespace: .*$", f"namespace: {self.namespace}", path.read_text())
        copy = self.stack.folder / f"{self.namespace}-{path.name}"
        copy.write_text(text)
        return str(copy)

    def start(self):
        return subprocess.Popen(
            [self.stack.deploy, "apply", self.stack.kubeconfig, self.service, self.gateway],
            stdout=subprocess.PIPE, text=True)

    def finish(self):
        program = self.start()
        out, _ = program.communicate(timeout=300)
        if program.returncode:
            raise SystemExit(f"not ok kill: the deployment failed:\n{out[-2000:]}")

    def killed(self, after):
        """Starts it and kills it: did it still run?"""
        program = self.start()
        time.sleep(after)
        ran = program.poll() is None
        program.kill()
        program.communicate()
        return ran

    def standing(self):
        out = subprocess.run([self.stack.deploy, "list", self.stack.kubeconfig, self.namespace, "-"],
                             check=True, capture_output=True, text=True).stdout
        return sorted(map(self.name_of, map(json.loads, out.splitlines())))

    def name_of(self, obj):
        meta = obj["metadata"]
        generation = f" {meta.get('generation')}" if obj["kind"] in OURS else ""
        return f"{obj['kind']} {meta['name'].replace(self.namespace, 'NS')}{generation}"

    def remove(self):
        name = re.search(r"(?m)^name: (\S+)", pathlib.Path(self.service).read_text())[1]
        subprocess.run([self.stack.deploy, "delete", self.stack.kubeconfig, self.namespace, name],
                       check=True, stdout=subprocess.DEVNULL)
        self.stack.drop_namespace(self.namespace, wait=False)


class Stack:
    """Where deployments go. The namespaces of a sandbox go with it."""

    def __init__(self, deploy, kubeconfig, spec, folder):
        self.deploy, self.kubeconfig = os.path.abspath(deploy), str(kubeconfig)
        self.spec, self.folder = pathlib.Path(spec), pathlib.Path(folder)

    def drop_namespace(self, name, wait):
        pass


class Cluster(Stack):
    def drop_namespace(self, name, wait):
        subprocess.run(["kubectl", "--kubeconfig", self.kubeconfig, "delete", "namespace", name,
                        "--ignore-not-found", f"--wait={str(wait).lower()}"],
                       check=True, stdout=subprocess.DEVNULL)


def undisturbed(stack):
    deployment = Deployment(stack)
    began = time.monotonic()
    deployment.finish()
    lasted, found = time.monotonic() - began, deployment.standing()
    deployment.remove()
    return lasted, found


def one_kill(stack, after, wanted):
    """Whether the kill met a running program; ends the test where something else stands."""
    deployment = Deployment(stack)
    met = deployment.killed(after)
    deployment.finish()
    found = deployment.standing()
    if found != wanted:
        raise SystemExit(f"not ok kill: killed after {after:.2f} s and run again, there stands\n{found}\n"
                         f"but undisturbed\n{wanted}")
    deployment.remove()
    return met


def run(stack, kills=20, seed=20):
    chance, met, draws = random.Random(seed), 0, 0
    lasted, wanted = undisturbed(stack)
    while met < kills and draws < DRAWS * kills:
        draws += 1
        # Nearly all is written in the first moments, the rest is waiting: two thirds of the draws
        # are in the first third.
        met += one_kill(stack, lasted * chance.random() ** 3, wanted)
    if met < kills:
        raise SystemExit(f"not ok kill: only {met} of {draws} kills met a running program")
    print(f"ok kill: {kills} kills within {lasted:.1f} s, each then {len(wanted)} objects as undisturbed, "
          "none twice, none changed again")


def on_a_sandbox(folder, deploy, program, *numbers):
    with Sandbox(program, folder, "--profile", "ready") as sandbox:
        run(Stack(deploy, sandbox.kubeconfig, MANIFESTS / "tpu.yaml", folder), *numbers)


def on_a_cluster(folder, deploy, _, kubeconfig, spec, *numbers):
    run(Cluster(deploy, kubeconfig, spec, folder), *numbers)


def main():
    words = sys.argv[1:]
    place, expected = (on_a_cluster, 4) if words[1:2] == ["--on"] else (on_a_sandbox, 2)
    if len(words) < expected:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        place(folder, *words[:expected], *map(int, words[expected:]))


if __name__ == "__main__":
    main()
