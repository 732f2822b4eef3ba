#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seven services that cannot work, on any stack: what the cluster says and what the library tells.

    broken.py run OUT KUBECONFIG DEPLOY MANIFESTS [CASE...]    records into OUT, judges each case
    broken.py agree OUT_A OUT_B [CASE...]                      do both stacks say the same?

DEPLOY is the built program tests/scenario/deploy.c, MANIFESTS the folder of broken-*.yaml. kubectl
does the applying and the recording, so that the library is not its own witness. Prints "ok" and
"not ok" lines, and how long after the cluster knew the library told (a measurement, not a test).
"""
import datetime
import json
import os
import subprocess
import sys
import threading
import time

import reasons

KINDS = ["llminferenceservices.serving.kserve.io", "deployments.apps", "pods",
         "httproutes.gateway.networking.k8s.io", "gateways.gateway.networking.k8s.io",
         "inferencepools.inference.networking.k8s.io"]
GIVE_UP_S = 150
SETTLE_S = float(os.environ.get("BROKEN_SETTLE_S", "30"))


def waiting(obj):
    for container in (obj.get("status") or {}).get("containerStatuses") or []:
        for state in (container.get("state") or {}), (container.get("lastState") or {}):
            for detail in state.values():
                yield detail.get("reason") or ""


def has(obj, kind, condition, status):
    return obj["kind"] == kind and any(
        (c[0], c[1]) == (condition, status) for c in reasons.conditions(obj))


# case: (code that must be told, what shows that the cluster knows)
CASES = {
    "image": ("ImageNotFound", lambda o: o["kind"] == "Pod" and any("Image" in r for r in waiting(o))),
    "pull": ("ImagePullDenied", lambda o: o["kind"] == "Pod" and any("Image" in r for r in waiting(o))),
    "unschedulable": ("Unschedulable", lambda o: has(o, "Pod", "PodScheduled", "False")),
    "crash": ("UnknownArgument", lambda o: o["kind"] == "Pod" and "Error" in waiting(o)),
    "preset": ("PresetMissing",
               lambda o: has(o, "LLMInferenceService", "PresetsCombined", "False")),
    "route": ("RouteNotAllowed", lambda o: has(o, "HTTPRoute", "Accepted", "False")),
    "class": ("GatewayClassMissing", lambda o: o["kind"] == "Gateway"),
}


class Recorder:
    """kubectl get --watch of every kind, stamped on arrival."""

    def __init__(self, path, namespace):
        self.file = open(path, "w", encoding="utf-8")
        self.lock = threading.Lock()
        self.children = []
        for kind in KINDS:
            child = subprocess.Popen(
                ["kubectl", "get", kind, "-n", namespace, "--watch", "--output-watch-events",
                 "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self.children.append(child)
            threading.Thread(target=self.read, args=(child,), daemon=True).start()

    def read(self, child):
        decoder, text = json.JSONDecoder(), ""
        while chunk := os.read(child.stdout.fileno(), 1 << 16).decode("utf-8", "replace"):
            text = (text + chunk).lstrip()
            while text:
                try:
                    event, end = decoder.raw_decode(text)
                except json.JSONDecodeError:
                    break
                text = text[end:].lstrip()
                line = json.dumps({"t": time.time(), **event})
                with self.lock:
                    self.file.write(line + "\n")

    def stop(self):
        for child in self.children:
            child.terminate()
            child.wait()
        with self.lock:
            self.file.close()


def run_case(out, kubeconfig, deploy, manifests, case):
    manifest, service = f"{manifests}/broken-{case}.yaml", f"broken-{case}"
    recorder = Recorder(f"{out}/{case}.recording", "llm")
    time.sleep(1)
    subprocess.run(["kubectl", "apply", "--server-side", "-f", manifest], check=True,
                   stdout=subprocess.DEVNULL)
    environment = dict(os.environ, LLMD_DEPLOY_TIMEOUT_S=str(GIVE_UP_S))
    with open(f"{out}/{case}.events", "w", encoding="utf-8") as events:
        waiter = subprocess.Popen([deploy, "wait", kubeconfig, "llm", service], stdout=events,
                                  env=environment)
        settle(waiter, f"{out}/{case}.events", CASES[case][0])
    time.sleep(3)
    recorder.stop()
    subprocess.run(["kubectl", "delete", "-f", manifest, "--wait=true", "--timeout=120s"],
                   check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def settle(waiter, path, code):
    """A wait that only warns goes on for ever: it is ended SETTLE_S after the cause was told, when the
    conditions have followed."""
    told_at, end = None, time.time() + GIVE_UP_S
    while waiter.poll() is None and time.time() < end:
        if told_at is None and any(e.get("reason") == code for e in events_of(path)):
            told_at = time.time()
        if told_at and time.time() > told_at + SETTLE_S:
            break
        time.sleep(0.2)
    waiter.terminate()
    waiter.wait()


def events_of(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                pass


def problems(path):
    return [e for e in events_of(path) if e.get("level") in ("warning", "error", "WARNING", "ERROR")]


def time_of(event):
    stamp = event["time"]
    if isinstance(stamp, (int, float)):
        return stamp / 1000
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def judge(out, case):
    code, knows = CASES[case]
    told = [e for e in problems(f"{out}/{case}.events") if e["reason"] == code]
    known = None
    with open(f"{out}/{case}.recording", encoding="utf-8") as file:
        for line in file:
            event = json.loads(line)
            if f"broken-{case}" in json.dumps(event["object"]["metadata"]) or case == "class":
                if knows(event["object"]):
                    known = event["t"]
                    break
    if not told:
        seen = sorted({e["reason"] for e in problems(f"{out}/{case}.events")})
        return f"not ok broken {case}: {code} was not told; told: {seen}"
    if not told[0].get("advice"):
        return f"not ok broken {case}: no advice with {code}"
    after = f"{time_of(told[0]) - known:+.2f} s after the cluster knew" if known else "cluster silent"
    return f"ok broken {case}: {code} told {after}: {told[0]['message'][:100]}"


def run(out, kubeconfig, deploy, manifests, *cases):
    os.makedirs(out, exist_ok=True)
    os.environ["KUBECONFIG"] = kubeconfig
    bad = 0
    for case in cases or CASES:
        run_case(out, kubeconfig, deploy, manifests, case)
        verdict = judge(out, case)
        bad += verdict.startswith("not")
        print(verdict, flush=True)
    return bad


def agree(first, second, *cases):
    bad = 0
    for case in cases or CASES:
        told = [next((e["reason"] for e in problems(f"{out}/{case}.events")
                      if e["reason"] == CASES[case][0]), None) for out in (first, second)]
        different = reasons.compare(f"broken-{case}", f"{first}/{case}.recording",
                                    f"{second}/{case}.recording")
        good = told[0] == told[1] and told[0] and not different
        bad += not good
        print(f"{'ok' if good else 'not ok'} agree {case}: {told}, {different} differences", flush=True)
    return bad


def main():
    verbs = {"run": run, "agree": agree}
    if len(sys.argv) < 4 or sys.argv[1] not in verbs:
        print(__doc__, file=sys.stderr)
        return 2
    return 1 if verbs[sys.argv[1]](*sys.argv[2:]) else 0


if __name__ == "__main__":
    sys.exit(main())
