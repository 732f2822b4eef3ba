#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A platform that is installed and removed by a program killed at random points and run again: the
same objects as undisturbed, each once, and in the end nothing.

    kill_platform.py RIG_PLATFORM SANDBOX [KILLS] [SEED]

RIG_PLATFORM is the built program tests/rig/platform.c. One undisturbed run says how long installing
and removing take, and what stands then. On another sandbox the program is killed (SIGKILL) KILLS
times, each time after a random part of that time, and then run to its end.
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from killing import Program, Sandbox

RELEASES = pathlib.Path(__file__).resolve().parent / "platform"
SPEC = f"""gatewayApi: {{bundle: {RELEASES}/gateway-api.yaml}}
certManager: {{bundle: {RELEASES}/cert-manager.yaml}}
kserve: {{bundle: {RELEASES}/kserve.yaml}}
leaderWorkerSet: {{install: never}}
gatewayController: {{install: never}}
"""
LISTS = ["/api/v1/namespaces", "/api/v1/services", "/api/v1/secrets", "/api/v1/configmaps",
         "/api/v1/serviceaccounts", "/apis/apps/v1/deployments",
         "/apis/rbac.authorization.k8s.io/v1/clusterroles",
         "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
         "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
         "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
         "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
         "/apis/cert-manager.io/v1/certificates", "/apis/cert-manager.io/v1/issuers",
         "/apis/serving.kserve.io/v1alpha2/llminferenceserviceconfigs"]


class Platforms(Sandbox):
    def __init__(self, program, folder):
        super().__init__(program, folder, "--profile", "empty", "--time-scale", "0.02")

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 404:  # the kind is not there
                raise
            return {"items": []}

    def objects(self):
        return [f"{path} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}"
                for path in LISTS for item in self.get(path)["items"]]

    def pods(self):
        return sorted(pod["metadata"]["name"].rsplit("-", 2)[0]
                      for pod in self.get("/api/v1/pods")["items"])


class Installer(Program):
    def __init__(self, program, folder):
        super().__init__("kill_platform", program, SPEC, folder)

    def start(self, sandbox, verb):
        return subprocess.Popen([self.program, verb, str(sandbox.kubeconfig), str(self.spec)],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main():
    rig_platform, sandbox_program = sys.argv[1:3]
    kills = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    chance = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 10)
    with tempfile.TemporaryDirectory() as folder, Platforms(sandbox_program, folder) as sandbox:
        program = Installer(rig_platform, folder)
        before = sandbox.objects()
        installing = program.lasts(sandbox, "apply")
        wanted, pods = sandbox.objects(), sandbox.pods()
        removing = program.lasts(sandbox, "delete")
        program.check("removed", sandbox.objects(), before)
    with tempfile.TemporaryDirectory() as folder, Platforms(sandbox_program, folder) as sandbox:
        program = Installer(rig_platform, folder)
        program.disturb(sandbox, "apply", installing, kills, chance)
        program.check("installed", sandbox.objects(), wanted)
        program.check("pods", sandbox.pods(), pods)
        program.disturb(sandbox, "delete", removing, kills, chance)
        program.check("removed after kills", sandbox.objects(), before)
    print(f"ok kill_platform: {kills} kills while it was installed ({installing:.1f} s), {kills} "
          f"while it was removed ({removing:.1f} s): {len(wanted)} objects, then {len(before)} as "
          "before")
    return 0


if __name__ == "__main__":
    sys.exit(main())
