#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What each object said, in order: reads recordings of watch events and compares two of them.

    reasons.py show RECORDING           the order of reasons per object
    reasons.py compare NAME A B         the same for both, transients aside, as far as both go; exit 1
                                        on a difference

A recording is a file of lines {"t": seconds, "type": ..., "object": ...}, plain or gzipped. Objects
are named by what they are for (Pod/workload, Pod/scheduler), since their own names are random.
"""
import gzip
import json
import sys

# Watches coalesce: states that last less than a moment on the real stack may or may not be seen.
TRANSIENT = {
    ("Deployment", "Progressing", "NewReplicaSetCreated"),
    ("Deployment", "Progressing", "ReplicaSetUpdated"),
    ("Pod", "PodReadyToStartContainers", ""),
    ("Pod", "PodReadyToStartContainers", "ContainersNotReady"),
    ("Pod", "Initialized", ""),
    ("Pod", "container", "ContainerCreating"),
    ("Pod", "container", "PodInitializing"),
    ("HTTPRoute", "BackendsAvailable", "EndpointsNotFound"),
    ("HTTPRoute", "ResolvedRefs", "BackendNotFound"),
    ("LLMInferenceService", "Ready", "WaitingForGateway"),
    ("LLMInferenceService", "RouterReady", "WaitingForGateway"),
    ("LLMInferenceService", "MainWorkloadReady", "Progressing"),
    ("LLMInferenceService", "SchedulerWorkloadReady", "Progressing"),
    ("LLMInferenceService", "WorkloadsReady", "Progressing"),
    ("LLMInferenceService", "MainWorkloadReady", "MinimumReplicasUnavailable"),
    ("LLMInferenceService", "WorkloadsReady", "MinimumReplicasUnavailable"),
    ("LLMInferenceService", "SchedulerWorkloadReady", "MinimumReplicasUnavailable"),
    ("LLMInferenceService", "GatewaysReady", "GatewaysNotReady"),
    ("LLMInferenceService", "RouterReady", "GatewaysNotReady"),
    ("LLMInferenceService", "Ready", "GatewaysNotReady"),
    # While the picker and the pool come up, in whichever order their watches arrive.
    ("LLMInferenceService", "HTTPRoutesReady", ""),
    ("LLMInferenceService", "RouterReady", "MinimumReplicasUnavailable"),
    ("Pod", "container", "running"),  # of a server that ends within milliseconds
}
# A crash loop goes round and round; how often is the kubelet's back-off, not a reason.
ROUNDS = {"Error", "CrashLoopBackOff", "ErrImagePull", "ImagePullBackOff", "running"}


def read(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)["object"]


def role(obj):
    kind, meta = obj["kind"], obj["metadata"]
    labels = meta.get("labels") or {}
    component = labels.get("app.kubernetes.io/component", "")
    if kind in ("Pod", "Deployment", "ReplicaSet"):
        return f"{kind}/{'scheduler' if 'scheduler' in component else 'workload'}"
    return kind


def conditions(obj):
    status = obj.get("status") or {}
    groups = [status.get("conditions")] + [p.get("conditions") for p in status.get("parents") or []]
    for condition in [c for group in groups for c in group or []]:
        yield condition["type"], condition["status"], condition.get("reason") or ""
    for container in (status.get("containerStatuses") or []):
        state, detail = next(iter((container.get("state") or {}).items()), ("", {}))
        yield "container", state, detail.get("reason") or state


def sequences(path, service):
    """{role: {condition: [(status, reason), ...]}} of one service's objects, without repeats."""
    seen = {}
    for obj in read(path):
        if obj["kind"] == "Event" or not obj["metadata"]["name"].startswith(service):
            continue
        for kind, status, reason in conditions(obj):
            steps = seen.setdefault(role(obj), {}).setdefault(kind, [])
            if not steps or steps[-1] != (status, reason):
                steps.append((status, reason))
    return seen


def passing(steps):
    """Without errors of a reconcile that the controller's next try cured (two writers met)."""
    return [step for step in steps[:-1] if not step[1].endswith("ReconcileError")] + steps[-1:]


def settled(kind, condition, steps):
    """The order without transients, repeats and rounds."""
    out = []
    for status, reason in passing(steps):
        if (kind.split("/")[0], condition, reason) in TRANSIENT:
            continue
        if reason in ROUNDS and (status, reason) in out:
            continue
        if not out or out[-1] != (status, reason):
            out.append((status, reason))
    return out


def agree(left, right):
    """Recordings end at different moments: both must tell the same as far as the shorter goes."""
    return all(a == b for a, b in zip(left, right))


def compare(service, first, second):
    a, b = sequences(first, service), sequences(second, service)
    different = 0
    for kind in sorted(set(a) | set(b)):
        for condition in sorted(set(a.get(kind, {})) | set(b.get(kind, {}))):
            left = settled(kind, condition, a.get(kind, {}).get(condition, []))
            right = settled(kind, condition, b.get(kind, {}).get(condition, []))
            if not agree(left, right):
                different += 1
                print(f"{kind} {condition}:\n    {first}: {left}\n    {second}: {right}")
    return different


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "show":
        print(json.dumps(sequences(sys.argv[2], ""), indent=1))
        return 0
    if len(sys.argv) == 5 and sys.argv[1] == "compare":
        return 1 if compare(*sys.argv[2:]) else 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
