#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A cluster that is made and deleted by a program killed at random points and run again: one
cluster, each pool once, and nothing left over in the end.

    kill_cluster.py CLUSTER SANDBOX [KILLS] [SEED]

CLUSTER is the built program tests/scenario/cluster.c. One undisturbed run says how long making and
deleting take. Then, on another sandbox, the program is killed (SIGKILL) KILLS times while it makes
the cluster, each time after a random part of that time, and run to its end; and so once more while
it deletes it. What stands is asked of the API itself and of the sandbox's own count.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

LOCATION, NAME = "europe-west4-a", "llm"
SPEC = """name: llm
nodePools:
  - {preset: tpu-v6e-4t, name: tpu, nodes: 1}
  - {preset: cpu, name: work, nodes: 1}
"""
POOLS = ["tpu", "work"]


class Sandbox:
    def __init__(self, program, folder):
        self.kubeconfig = pathlib.Path(folder) / "kubeconfig"
        key = str(pathlib.Path(folder) / "adc.json")
        self.process = subprocess.Popen(
            [program, "--google", "--google-credentials", key, "--profile", "empty",
             "--time-scale", "0.002", "--kubeconfig", str(self.kubeconfig)],
            stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        self.environment = dict(os.environ, LLMD_GOOGLE_URL=self.url, GOOGLE_CLOUD_PROJECT="my-project",
                                GOOGLE_APPLICATION_CREDENTIALS=key, LLMD_DEPLOY_TIMEOUT_S="120")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def count(self):
        with urllib.request.urlopen(self.url + "/sandbox/google", timeout=10) as answer:
            state = json.load(answer)
        return {what: state[what] for what in ("clusters", "pools", "nodes")}


class Program:
    def __init__(self, program, folder):
        self.program = program
        self.spec = pathlib.Path(folder) / "spec.yaml"
        self.spec.write_text(SPEC)

    def start(self, sandbox, verb):
        words = {"apply": [str(self.spec)], "delete": [NAME, "drain"], "list": ["-"]}[verb]
        return subprocess.Popen([self.program, verb, LOCATION, *words], env=sandbox.environment,
                                stdout=subprocess.PIPE, text=True)

    def finish(self, sandbox, verb):
        program = self.start(sandbox, verb)
        out, _ = program.communicate(timeout=180)
        if program.returncode:
            raise SystemExit(f"not ok kill_cluster: {verb} failed:\n{out[-3000:]}")
        return [json.loads(line) for line in out.splitlines()]

    def lasts(self, sandbox, verb):
        began = time.monotonic()
        self.finish(sandbox, verb)
        return time.monotonic() - began

    def disturb(self, sandbox, verb, lasts, kills, chance):
        for _ in range(kills):
            program = self.start(sandbox, verb)
            time.sleep(chance.uniform(0, lasts))
            program.kill()
            program.communicate()
        return self.finish(sandbox, verb)


def check(what, found, wanted):
    if found != wanted:
        raise SystemExit(f"not ok kill_cluster: {what}: {found}, wanted {wanted}")


def main():
    cluster, sandbox_program = sys.argv[1:3]
    kills = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    chance = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 20)
    with tempfile.TemporaryDirectory() as folder, Sandbox(sandbox_program, folder) as sandbox:
        program = Program(cluster, folder)
        making = program.lasts(sandbox, "apply")
        wanted = sandbox.count()
        check("undisturbed", wanted, {"clusters": 1, "pools": 2, "nodes": wanted["nodes"]})
        deleting = program.lasts(sandbox, "delete")
    with tempfile.TemporaryDirectory() as folder, Sandbox(sandbox_program, folder) as sandbox:
        program = Program(cluster, folder)
        program.disturb(sandbox, "apply", making, kills, chance)
        check("made", sandbox.count(), wanted)
        listed = program.finish(sandbox, "list")
        check("listed", [item["name"] for item in listed], [NAME])
        check("pools", sorted(pool["name"] for pool in listed[0]["nodePools"]), POOLS)
        end = program.disturb(sandbox, "delete", deleting, kills, chance)
        check("deleted", sandbox.count(), {"clusters": 0, "pools": 0, "nodes": 0})
        check("proof", end[-1]["result"]["leak"]["clean"], True)
        check("listed", program.finish(sandbox, "list"), [])
    print(f"ok kill_cluster: {kills} kills while it was made ({making:.1f} s), {kills} while it "
          f"was deleted ({deleting:.1f} s): one cluster, two pools, then nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
