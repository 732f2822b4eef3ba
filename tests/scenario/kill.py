#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A deployment killed at random points and run again converges, with nothing doubled.

    kill.py DEPLOY SANDBOX [KILLS] [SEED]

DEPLOY is the built program tests/scenario/deploy.c. One undisturbed run on a fresh sandbox says what
must stand; then the program is killed (SIGKILL) KILLS times on another sandbox, each time after a
random part of the undisturbed run's duration, and run again to its end.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICE, GATEWAY = (str(ROOT / "examples/manifests" / name) for name in ("tpu.yaml", "gateway.yaml"))


class Sandbox:
    def __init__(self, program, folder):
        self.kubeconfig = pathlib.Path(folder) / "kubeconfig"
        self.process = subprocess.Popen(
            [program, "--profile", "ready", "--kubeconfig", str(self.kubeconfig)],
            stdout=subprocess.DEVNULL)
        while not (self.kubeconfig.exists() and self.kubeconfig.stat().st_size):
            if self.process.poll() is not None:
                raise SystemExit("the sandbox did not start")
            time.sleep(0.02)

    def __enter__(self):
        return str(self.kubeconfig)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def start(deploy, kubeconfig):
    return subprocess.Popen([deploy, "apply", kubeconfig, SERVICE, GATEWAY],
                            stdout=subprocess.PIPE, text=True)


def finish(deploy, kubeconfig):
    program = start(deploy, kubeconfig)
    out, _ = program.communicate(timeout=120)
    if program.returncode:
        raise SystemExit(f"not ok kill: the deployment failed:\n{out[-2000:]}")


def standing(deploy, kubeconfig):
    out = subprocess.run([deploy, "list", kubeconfig, "llm", "-"], check=True,
                         capture_output=True, text=True).stdout
    objects = (json.loads(line) for line in out.splitlines())
    return sorted(f"{o['kind']} {o['metadata']['name']}" for o in objects)


def main():
    deploy, sandbox = sys.argv[1:3]
    kills = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    chance = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 20)
    with tempfile.TemporaryDirectory() as folder, Sandbox(sandbox, folder) as kubeconfig:
        began = time.monotonic()
        finish(deploy, kubeconfig)
        lasted = time.monotonic() - began
        wanted = standing(deploy, kubeconfig)
    with tempfile.TemporaryDirectory() as folder, Sandbox(sandbox, folder) as kubeconfig:
        for _ in range(kills):
            program = start(deploy, kubeconfig)
            time.sleep(chance.uniform(0, lasted))
            program.kill()
            program.communicate()
        finish(deploy, kubeconfig)
        found = standing(deploy, kubeconfig)
    if found != wanted or len(set(found)) != len(found):
        print(f"not ok kill: after {kills} kills there stands\n{found}\nbut undisturbed\n{wanted}")
        return 1
    print(f"ok kill: {kills} kills, then {len(found)} objects as undisturbed, none twice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
