#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# From an empty cluster with one node to one that serves LLMInferenceServices, on a fresh rig each
# time: llmd_platform_apply against the critical path of that run's own waits (critical_path.py) and
# against the best plain sequence of `kubectl apply` and `kubectl wait` on the same manifests. Reports
# the wall time of both, and of a second apply, which changes nothing; fails where the median of the
# rounds is not what is wanted: at most 1.2 of the critical path, and less than kubectl's time.
#
#   bench_platform.sh BUILD_DIR [ROUNDS]     BUILD_DIR holds rig_platform; needs root (the rig)
set -euo pipefail
build=$(realpath "${1:?usage: bench_platform.sh BUILD_DIR [ROUNDS]}")
rounds=${2:-1}
bench=$(cd "$(dirname "$0")" && pwd)
cd "$bench/../rig"
. ./lib/cache.sh
export LLMD_RIG=${LLMD_RIG:-bench}
config=/run/llmd-rig/$LLMD_RIG/kubeconfig
work=$(mktemp -d)
trap 'rm -rf "$work"; ./down.sh >/dev/null 2>&1 || true' EXIT

./render.sh "$work/m" >/dev/null
./platform_spec.sh "$work/m" >"$work/spec.yaml"

fresh() {
    ./down.sh >/dev/null 2>&1 || true
    ./up.sh --stage node >/dev/null
}

by_kubectl() {
    local m=$work/m hook
    apply() { kubectl apply --server-side "$@"; }
    # Its pods start while the CRDs of the others are written.
    apply -f "$m/10-cert-manager.yaml" -f "$m/00-gateway-api-crds.yaml" -f "$m/01-kserve-crds.yaml"
    apply -f "$m/20-kserve-config.yaml"
    kubectl -n cert-manager wait --for=condition=Available deployment --all --timeout=300s
    until apply -f "$m/21-kserve-certificate.yaml" 2>/dev/null; do sleep 0.5; done
    kubectl -n kserve wait --for=condition=Ready certificate --all --timeout=120s
    kubectl wait --for=condition=Established crd --all --timeout=300s
    apply -f "$m/22-kserve-controller.yaml" -f "$m/23-kserve-webhooks.yaml"
    kubectl -n kserve wait --for=condition=Available deployment --all --timeout=300s
    for hook in mutatingwebhookconfiguration/llminferenceservice \
        validatingwebhookconfiguration/llminferenceservice \
        validatingwebhookconfiguration/llminferenceserviceconfig; do
        kubectl wait --for=jsonpath='{.webhooks[0].clientConfig.caBundle}' \
            "$hook.serving.kserve.io" --timeout=120s
    done
    apply -f "$m/24-kserve-presets.yaml"
}

timed() { # name, command...: its seconds, in $seconds
    local name=$1 started=$EPOCHREALTIME
    shift
    "$@" >"$work/$name.out" 2>&1 || { tail -n 20 "$work/$name.out"; exit 1; }
    seconds=$(python3 -c "print(f'{$EPOCHREALTIME - $started:.2f}')")
    printf 'bench_platform: round %s: %6.1f s  %s\n' "$round" "$seconds" "$name"
}

median() { sort -n | awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2}'; }

# what, wanted: a condition of awk on the median
verdict() {
    local value
    value=$(sed -n "s|.*$1 = \\([0-9.]*\\).*|\\1|p" "$work/ratios" | median)
    echo "bench_platform: $1 = $value, wanted $2 (median of $rounds)"
    awk "BEGIN {exit !($value $2)}" || failed=1
}

export -f by_kubectl
export work
failed=0
for ((round = 1; round <= rounds; round++)); do
    fresh
    timed library ./run.sh "$build/rig_platform" apply "$config" "$work/spec.yaml"
    timed library-again ./run.sh "$build/rig_platform" apply "$config" "$work/spec.yaml"
    fresh
    timed kubectl ./run.sh bash -euc by_kubectl
    "$bench/critical_path.py" "$work/library.out" "$seconds" | tee -a "$work/ratios"
done
verdict 'library / critical path' '<= 1.2'
verdict 'library / kubectl' '< 1'
exit $failed
