#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The KServe release on a fresh API server each time, in one run: llmd_kube_apply, kubectl
# apply --server-side, and a bare parallel replay of the same PATCHes. Reports CPU and wall time
# and their ratios within each round; the programs alone are timed, inside the rig's namespace.
#
#   bench_apply.sh BUILD_DIR [ROUNDS]     BUILD_DIR holds rig_apply and replay; needs root (the rig)
set -euo pipefail
build=$(realpath "${1:?usage: bench_apply.sh BUILD_DIR [ROUNDS]}")
rounds=${2:-3}
bench=$(cd "$(dirname "$0")" && pwd)
cd "$bench/../rig"
. ./lib/cache.sh
export LLMD_RIG=${LLMD_RIG:-bench}
work=$(mktemp -d)
trap 'rm -rf "$work"; ./down.sh >/dev/null 2>&1 || true' EXIT

release=$(rig_manifests kserve install)
./render.sh "$work/rendered" >/dev/null
python3 operators.py "$work/cert-manager.yaml" "$work/rendered/10-cert-manager.yaml"
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: kserve}\n' >"$work/namespace.yaml"
python3 operators.py "$work/kserve.yaml" "$work/namespace.yaml" "$release/kserve.yaml" \
    "$release/kserve-cluster-resources.yaml"

# cert-manager is there before: the release's certificates are of its kinds.
fresh() {
    ./down.sh >/dev/null 2>&1 || true
    ./up.sh --stage api >/dev/null
    ./run.sh kubectl create namespace kserve >/dev/null
    ./run.sh kubectl apply --server-side -f "$work/cert-manager.yaml" >/dev/null 2>&1 || true
    ./run.sh kubectl wait --for=condition=Established crd --all --timeout=60s >/dev/null
    ./run.sh kubectl apply --server-side -f "$work/cert-manager.yaml" >/dev/null
    rm -rf "$work/kubectl-cache" # what kubectl has learned of another server
}

timed() { # name, command...: its wall and CPU time, and its exit code
    local name=$1
    shift
    KUBECACHEDIR=$work/kubectl-cache ./run.sh python3 "$bench/timed.py" "$round" "$name" "$@" \
        2>"$work/$name.err" >"$work/$name.out"
    head -n 1 "$work/$name.out" >>"$work/times"
}

# Both sides must have done the same: every object of the release is there.
all_there() { # name
    local found
    found=$(./run.sh kubectl get -f "$work/kserve.yaml" -o name 2>"$work/get.err" | wc -l)
    [ "$found" = "$wanted" ] && return
    echo "bench_apply: after $1, $found of $wanted objects are there" >&2
    cat "$work/get.err" "$work/$1.err" >&2
    exit 1
}

config=/run/llmd-rig/$LLMD_RIG
make_patches() { # once, from what the server serves
    ./run.sh kubectl apply --server-side -f "$work/kserve.yaml" >/dev/null 2>&1 || true
    ./run.sh kubectl wait --for=condition=Established crd --all --timeout=120s >/dev/null
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
    wanted=$(grep -c "$(printf '\t{')" "$work/patches")
    echo "bench_apply: $wanted objects, $(wc -c <"$work/patches") bytes of PATCHes"
}

by_library() {
    fresh
    timed library "$build/rig_apply" $config/kubeconfig "$work/kserve.yaml"
    all_there library
    timed library-again "$build/rig_apply" $config/kubeconfig "$work/kserve.yaml"
}

# kubectl does not wait for the kinds that it defines: what needs them fails, and is written by
# the second run.
by_kubectl() {
    fresh
    timed kubectl kubectl apply --server-side -f "$work/kserve.yaml"
    ./run.sh kubectl wait --for=condition=Established crd --all --timeout=120s >/dev/null
    timed kubectl-again kubectl apply --server-side -f "$work/kserve.yaml"
    all_there kubectl-again
}

by_replay() {
    fresh
    timed replay bash -c "exec '$build/replay' https://10.200.0.1:6443 $config/ca.crt \
        $config/pki/admin.crt $config/pki/admin.key 16 <'$work/patches'"
    all_there replay
    tail -n 1 "$work/replay.out"
}

round=0
fresh
make_patches
for ((round = 1; round <= rounds; round++)); do
    if ((round % 2)); then by_library; by_replay; else by_replay; by_library; fi
    [ -n "${NO_KUBECTL:-}" ] || by_kubectl
done
python3 "$bench/ratios.py" "$work/times"
