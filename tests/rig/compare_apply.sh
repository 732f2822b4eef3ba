#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# llmd_kube_apply against `kubectl apply --server-side`: the same operators on two fresh API
# servers must give the same objects, and a second apply must change nothing.
#
#   compare_apply.sh RIG_APPLY      the built program tests/rig/apply.c
set -euo pipefail
program=$(realpath "${1:?usage: compare_apply.sh RIG_APPLY}")
cd "$(dirname "$0")"
. ./lib/cache.sh
. ./lib/check.sh
work=$(mktemp -d)
trap 'rm -rf "$work"; for who in kubectl library; do LLMD_RIG=cmp-$who ./down.sh >/dev/null 2>&1 || true; done' EXIT

make_manifests() {
    local release
    release=$(rig_manifests kserve install)
    ./render.sh "$work/rendered" >/dev/null
    printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: kserve, labels: {a: b}}\n' >"$work/namespace.yaml"
    python3 operators.py "$work/cert-manager.yaml" "$work/rendered/10-cert-manager.yaml"
    python3 operators.py "$work/kserve.yaml" "$work/namespace.yaml" "$release/kserve.yaml" \
        "$release/kserve-cluster-resources.yaml"
}

in_instance() { LLMD_RIG=cmp-$1 ./run.sh "${@:2}"; }

by_kubectl() { # kubectl does not order: the second run finds the CRDs established
    local file
    for file in cert-manager kserve; do
        in_instance kubectl kubectl apply --server-side -f "$work/$file.yaml" >/dev/null 2>&1 || true
        in_instance kubectl kubectl wait --for=condition=Established crd --all --timeout=60s >/dev/null
        in_instance kubectl kubectl apply --server-side -f "$work/$file.yaml" >/dev/null
    done
}

by_library() { # out
    local file
    for file in cert-manager kserve; do
        in_instance library "$program" /run/llmd-rig/cmp-library/kubeconfig "$work/$file.yaml"
    done >"$1"
}

same_objects() { python3 dump.py compare "$work/kubectl.json" "$work/library.json"; }
nothing_moved() { diff "$work/before" "$work/after" && echo "$(wc -l <"$work/after") objects, none moved"; }
says_unchanged() {
    ! grep -E ' (created|configured) ' "$work/second" && echo "$(grep -c ' unchanged ' "$work/second") unchanged"
}

make_manifests
for who in kubectl library; do LLMD_RIG=cmp-$who ./up.sh --stage api >/dev/null; done
by_kubectl
by_library "$work/first"
for who in kubectl library; do in_instance $who python3 dump.py save "$work/$who.json"; done
check apply-same-objects same_objects
in_instance library python3 dump.py versions >"$work/before"
by_library "$work/second"
in_instance library python3 dump.py versions >"$work/after"
check apply-twice-moves-nothing nothing_moved
check apply-twice-says-unchanged says_unchanged
exit $failed
