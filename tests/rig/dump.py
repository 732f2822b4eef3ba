#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an API server holds, and whether two hold the same.

    dump.py save OUT             every object that kubectl can list, by the current KUBECONFIG
    dump.py versions [LABEL=V]   "KIND NAMESPACE NAME resourceVersion" of every object, or of those
    dump.py names                "KIND NAMESPACE NAME" of every object but events and the nodes' heartbeats
    dump.py compare A B          field by field; exit 1 and the differences

Left aside, but for names: uid, resourceVersion, times, managedFields and what the server makes by
itself (OF_THE_SERVER), also in the name of what was applied: it writes those when it likes.
"""
import json
import subprocess
import sys
import time

# Made by the control plane, at moments of its own.
OF_THE_SERVER = {"Event", "Lease", "Endpoints", "EndpointSlice", "ReplicaSet", "Pod", "Node",
                 "APIService", "FlowSchema", "PriorityLevelConfiguration", "ComponentStatus",
                 "IPAddress", "ServiceCIDR"}
NOISE = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "selfLink")


def kubectl(*words):
    """An API server that has just got 28 CRDs may drop a request: asked three times."""
    for left in (2, 1, 0):
        run = subprocess.run(["kubectl", *words], check=False, capture_output=True, text=True)
        if run.returncode == 0:
            return run.stdout
        print(run.stderr, file=sys.stderr)
        time.sleep(2 * left)
    raise SystemExit(f"kubectl {' '.join(words)} failed")


def objects(*selection, without=OF_THE_SERVER):
    for resource in kubectl("api-resources", "--verbs=list", "-o", "name").split():
        for obj in json.loads(kubectl("get", resource, "-A", "-o", "json", *selection))["items"]:
            if obj["kind"] not in without:
                yield obj


def key(obj):
    meta = obj["metadata"]
    return f"{obj['apiVersion']} {obj['kind']} {meta.get('namespace', '')} {meta['name']}"


def is_heartbeat(obj):
    """A kubelet writes its first when it likes, also after its node is ready."""
    return obj["metadata"].get("namespace") == "kube-node-lease"


def clean(value):
    """Without times and identities; what a controller counts is not what was applied."""
    if isinstance(value, dict):
        return {k: clean(v) for k, v in value.items()
                if k not in NOISE and not k.endswith(("Time", "Timestamp"))}
    return [clean(v) for v in value] if isinstance(value, list) else value


def settled(obj):
    """CRDs keep their status (Established, accepted names); addresses are handed out at random."""
    obj = clean(obj)
    if obj["kind"] not in ("CustomResourceDefinition", "Namespace"):
        obj.pop("status", None)
    if obj["kind"] == "Service":
        for field in ("clusterIP", "clusterIPs"):
            obj["spec"].pop(field, None)
    if obj["kind"] == "CustomResourceDefinition":
        obj["status"]["conditions"].sort(key=lambda c: c["type"])
    return obj


def save(out):
    with open(out, "w", encoding="utf-8") as file:
        json.dump({key(o): settled(o) for o in objects()}, file, indent=1, sort_keys=True)


def differences(a, b, path=""):
    if isinstance(a, dict) and isinstance(b, dict):
        for name in sorted(set(a) | set(b)):
            yield from differences(a.get(name), b.get(name), f"{path}.{name}")
    elif a != b:
        yield f"{path}: {json.dumps(a)[:120]} against {json.dumps(b)[:120]}"


# The cluster's own identity, made anew for every instance.
IDENTITY = ("ConfigMap kube-system extension-apiserver-authentication", "kube-root-ca.crt", "Secret ")


def compare(first, second):
    with open(first, encoding="utf-8") as a, open(second, encoding="utf-8") as b:
        left, right = json.load(a), json.load(b)
    bad = 0
    for name in sorted(set(left) | set(right)):
        if any(word in name for word in IDENTITY):
            continue
        for line in differences(left.get(name), right.get(name)):
            print(f"{name}{line}")
            bad += 1
    print(f"compared {len(set(left) | set(right))} objects, {bad} differences")
    return bad


def main():
    if sys.argv[1:2] == ["save"]:
        return save(sys.argv[2])
    if sys.argv[1:2] == ["versions"]:
        for obj in objects(*(f"--selector={label}" for label in sys.argv[2:])):
            if not any(word in key(obj) for word in IDENTITY):
                print(key(obj), obj["metadata"]["resourceVersion"])
        return 0
    if sys.argv[1:2] == ["names"]:
        print(*sorted({key(obj) for obj in objects(without={"Event"}) if not is_heartbeat(obj)}), sep="\n")
        return 0
    if sys.argv[1:2] == ["compare"]:
        return 1 if compare(sys.argv[2], sys.argv[3]) else 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
