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
import urllib.request

from killing import Program, Sandbox

LOCATION, NAME = "europe-west4-a", "llm"
SPEC = """name: llm
nodePools:
  - {preset: tpu-v6e-4t, name: tpu, nodes: 1}
  - {preset: cpu, name: work, nodes: 1}
"""
POOLS = ["tpu", "work"]


class Google(Sandbox):
    def __init__(self, program, folder):
        key = str(pathlib.Path(folder) / "adc.json")
        super().__init__(program, folder, "--google", "--google-credentials", key,
                         "--profile", "empty", "--time-scale", "0.002")
        self.environment = dict(os.environ, LLMD_GOOGLE_URL=self.url, GOOGLE_CLOUD_PROJECT="my-project",
                                GOOGLE_APPLICATION_CREDENTIALS=key, LLMD_DEPLOY_TIMEOUT_S="120")

    def count(self):
        with urllib.request.urlopen(self.url + "/sandbox/google", timeout=10) as answer:
            state = json.load(answer)
        return {what: state[what] for what in ("clusters", "pools", "nodes")}


class Clusters(Program):
    def __init__(self, program, folder):
        super().__init__("kill_cluster", program, SPEC, folder)

    def start(self, sandbox, verb):
        words = {"apply": [str(self.spec)], "delete": [NAME, "drain"], "list": ["-"]}[verb]
        return subprocess.Popen([self.program, verb, LOCATION, *words], env=sandbox.environment,
                                stdout=subprocess.PIPE, text=True)

    def list(self, sandbox):
        return objects(self.finish(sandbox, "list"))


def objects(lines):
    return [json.loads(line) for line in lines.splitlines()]


def main():
    cluster, sandbox_program = sys.argv[1:3]
    kills = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    chance = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 20)
    with tempfile.TemporaryDirectory() as folder, Google(sandbox_program, folder) as sandbox:
        program = Clusters(cluster, folder)
        making = program.lasts(sandbox, "apply")
        wanted = sandbox.count()
        program.check("undisturbed", wanted, {"clusters": 1, "pools": 2, "nodes": wanted["nodes"]})
        deleting = program.lasts(sandbox, "delete")
    with tempfile.TemporaryDirectory() as folder, Google(sandbox_program, folder) as sandbox:
        program = Clusters(cluster, folder)
        program.disturb(sandbox, "apply", making, kills, chance)
        program.check("made", sandbox.count(), wanted)
        listed = program.list(sandbox)
        program.check("listed", [item["name"] for item in listed], [NAME])
        program.check("pools", sorted(pool["name"] for pool in listed[0]["nodePools"]), POOLS)
        end = objects(program.disturb(sandbox, "delete", deleting, kills, chance))
        program.check("deleted", sandbox.count(), {"clusters": 0, "pools": 0, "nodes": 0})
        program.check("proof", end[-1]["result"]["leak"]["clean"], True)
        program.check("listed", program.list(sandbox), [])
    print(f"ok kill_cluster: {kills} kills while it was made ({making:.1f} s), {kills} while it "
          f"was deleted ({deleting:.1f} s): one cluster, two pools, then nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
