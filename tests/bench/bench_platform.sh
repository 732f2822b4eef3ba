#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# From an empty cluster with one node to one that serves LLMInferenceServices, on a fresh rig each
# time: llmd_platform_apply against the best plain sequence of `kubectl apply` and `kubectl wait` on
# the same manifests. Reports the wall time of both, and of a second apply, which changes nothing.
#
#   bench_platform.sh BUILD_DIR [ROUNDS]     BUILD_DIR holds rig_platform; needs root (the rig)
set -euo pipefail
build=$(realpath "${1:?usage: bench_platform.sh BUILD_DIR [ROUNDS]}")
rounds=${2:-1}
cd "$(dirname "$0")/../rig"
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
    apply -f "$m/00-gateway-api-crds.yaml" -f "$m/10-cert-manager.yaml" -f "$m/01-kserve-crds.yaml"
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

timed() { # name, command...
    local name=$1 started=$EPOCHREALTIME
    shift
    "$@" >"$work/$name.out" 2>&1 || { tail -n 20 "$work/$name.out"; exit 1; }
    python3 -c "print(f'bench_platform: round $round: {$EPOCHREALTIME - $started:6.1f} s  $name')"
}

export -f by_kubectl
export work
for ((round = 1; round <= rounds; round++)); do
    fresh
    timed library ./run.sh "$build/rig_platform" apply "$config" "$work/spec.yaml"
    timed library-again ./run.sh "$build/rig_platform" apply "$config" "$work/spec.yaml"
    fresh
    timed kubectl ./run.sh bash -euc by_kubectl
done
