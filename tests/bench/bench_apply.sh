#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The KServe release on a fresh API server each time, in one run: llmd_kube_apply, kubectl
# apply --server-side, and a bare parallel replay of the same PATCHes. Reports CPU and wall time.
#
#   bench_apply.sh BUILD_DIR [ROUNDS]     BUILD_DIR holds rig_apply and replay; needs root (the rig)
set -euo pipefail
build=$(realpath "${1:?usage: bench_apply.sh BUILD_DIR [ROUNDS]}")
rounds=${2:-3}
cd "$(dirname "$0")/../rig"
. ./lib/cache.sh
export LLMD_RIG=bench
work=$(mktemp -d)
trap 'rm -rf "$work"; ./down.sh >/dev/null 2>&1 || true' EXIT

release=$(rig_manifests kserve install)
./render.sh "$work/rendered" >/dev/null
python3 operators.py "$work/cert-manager.yaml" "$work/rendered/10-cert-manager.yaml"
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: kserve}\n' >"$work/namespace.yaml"
python3 operators.py "$work/kserve.yaml" "$work/namespace.yaml" "$release/kserve.yaml" \
    "$release/kserve-cluster-resources.yaml"

fresh() {
    ./down.sh >/dev/null 2>&1 || true
    ./up.sh --stage api >/dev/null
    ./run.sh kubectl create namespace kserve >/dev/null
    ./run.sh kubectl apply --server-side -f "$work/cert-manager.yaml" >/dev/null 2>&1 || true
    ./run.sh kubectl wait --for=condition=Established crd --all --timeout=60s >/dev/null
    ./run.sh kubectl apply --server-side -f "$work/cert-manager.yaml" >/dev/null
}

timed() { # name, command...: appends "name wall cpu"
    local name=$1
    shift
    python3 - "$name" "$@" <<'PY' >>"$work/times"
import os, resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
wall = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(sys.argv[1], f"{wall:.3f}", f"{used.ru_utime + used.ru_stime:.3f}", code)
PY
}

config=/run/llmd-rig/bench
make_patches() { # once, from what the server serves
    timed kubectl-first ./run.sh kubectl apply --server-side -f "$work/kserve.yaml"
    ./run.sh python3 - >"$work/served.json" <<'PY'
import json, subprocess
def raw(path):
    return json.loads(subprocess.run(["kubectl", "get", "--raw", path], check=True, capture_output=True).stdout)
out = {}
paths = ["/api/v1"] + [f"/apis/{v['groupVersion']}" for g in raw("/apis")["groups"] for v in g["versions"]]
for path in paths:
    document = raw(path)
    for r in document["resources"]:
        if "/" not in r["name"]:
            out[f"{document['groupVersion']}/{r['kind']}"] = [r["name"], r["namespaced"]]
print(json.dumps(out))
PY
    ./run.sh kubectl create --dry-run=client -o json -f "$work/kserve.yaml" |
        python3 ../bench/patches.py "$work/served.json" >"$work/patches"
}

: >"$work/times"
fresh
make_patches
for ((round = 0; round < rounds; round++)); do
    fresh
    timed library ./run.sh "$build/rig_apply" $config/kubeconfig "$work/kserve.yaml"
    timed library-again ./run.sh "$build/rig_apply" $config/kubeconfig "$work/kserve.yaml"
    fresh
    timed kubectl ./run.sh kubectl apply --server-side -f "$work/kserve.yaml"
    timed kubectl-again ./run.sh kubectl apply --server-side -f "$work/kserve.yaml"
    fresh
    timed replay ./run.sh bash -c "'$build/replay' https://10.200.0.1:6443 $config/ca.crt \
        $config/pki/admin.crt $config/pki/admin.key 8 <'$work/patches'"
done
python3 - "$work/times" <<'PY'
import collections, sys
best = collections.defaultdict(lambda: [9e9, 9e9])
for line in open(sys.argv[1]):
    name, wall, cpu, code = line.split()
    best[name] = [min(best[name][0], float(wall)), min(best[name][1], float(cpu))]
for name, (wall, cpu) in best.items():
    print(f"{name:15} {wall:7.3f} s wall {cpu:7.3f} s CPU (best of the rounds)")
lib, kubectl, replay = best["library"], best["kubectl"], best["replay"]
print(f"CPU: library / kubectl = {lib[1] / kubectl[1]:.2f} (wanted: 0.20)")
print(f"wall: library / replay = {lib[0] / replay[0]:.2f} (wanted: 1.20), library / kubectl = {lib[0] / kubectl[0]:.2f}")
PY
