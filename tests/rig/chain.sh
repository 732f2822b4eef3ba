#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The example programs, unchanged, from an empty project to tokens and back, on an instance of stage
# `node`: the sandbox answers as Google, and the cluster that is made there is this instance. The
# releases are the real ones, and so is vLLM:
#
#   chain.sh BUILD_DIR BINDINGS_DIR
#
# BINDINGS_DIR is what tests/bindings.sh leaves in LLMD_BINDINGS_DIR. Before the first one the instance
# is given what a GKE cluster brings; cert-manager and KServe, which would go with a cluster of GKE's and
# stay here, are taken away after each. Prints ok and not ok lines.
set -uo pipefail
build=$(realpath "${1:?usage: chain.sh BUILD_DIR BINDINGS_DIR}")
bindings=$(realpath "${2:?usage: chain.sh BUILD_DIR BINDINGS_DIR}")
cd "$(dirname "$0")" || exit 1
. ./lib/cache.sh
. ./lib/instance.sh
. ./lib/node.sh
. ./lib/images.sh
. ./lib/platform.sh
. ./lib/vllm.sh
. ./lib/check.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
examples=$(realpath ../../examples)
libraries=$(dirname "$(find "$bindings/prefix" -name 'libllmd.so')")
./platform_spec.sh "$RIG_RUN/manifests" >"$work/platform.yaml"

# What a new GKE cluster has: the kinds of Gateway API and InferencePool, and who runs its classes.
as_gke_makes_it() {
    local pools=$work/pool-crds.yaml
    awk 'BEGIN { RS = "---\n"; ORS = RS } /\n  name: inferencepools\./' "$RENDERED/01-kserve-crds.yaml" >"$pools"
    rig_apply "$pools"
    wait_established "$pools"
    apply_crds 00-gateway-api-crds
    apply_gateway_crds
    install_gateways
}

# Nothing of it is there before a program begins, nor after what it made was taken away.
is_bare() {
    local left
    left=$(kube get crd -o name | grep -E '/(llminferenceservices|certificates)\.') && echo "$left" && return 1
    left=$(kube get namespace cert-manager kserve --ignore-not-found -o name)
    [ -z "$left" ] || { echo "$left"; return 1; }
}

# In this order; each of them once at least.
in_order() { # file, words…
    local file=$1 line=0 at word
    shift
    for word in "$@"; do
        at=$(grep -nF -- "$word" "$file" | head -n 1 | cut -d: -f1)
        [ -n "$at" ] && [ "$at" -ge "$line" ] || { echo "\"$word\" was not told, or too early"; return 1; }
        line=$at
    done
}

chain() { # language, command…
    local language=$1 started=$SECONDS code=0
    shift
    timeout 900 ./cloud.sh "$build" "$@" europe-west4-a "$examples/manifests/cluster.yaml" \
        "$work/platform.yaml" "$examples/manifests/gateway.yaml" manifests/spec-vllm.yaml \
        "Say something." >"$work/out" 2>"$work/err" || code=$?
    if [ $code = 0 ] && [ -n "$(tr -d '[:space:]' <"$work/out")" ] &&
        in_order "$work/err" "the control plane serves" connected "have google.com/tpu" &&
        in_order "$work/err" connected "LLMInferenceServices can be served" "replicas answer" \
            "answers a one-token call" "nothing of it is left"; then
        echo "ok chain in $language: $((SECONDS - started)) s, $(wc -l <"$work/err") lines of progress," \
            "$(wc -c <"$work/out") bytes said"
    else
        echo "not ok chain in $language (exit $code, $((SECONDS - started)) s)"
        # What failed was told before all of it was deleted, which has many lines to tell.
        grep -vE '^([0-9:]+ )?delete ' "$work/err" | tail -n 60
        tail -n 20 "$work/out"
        failed=1
    fi
}

drained() { # nothing that Google would orphan
    local left
    left=$(kube -n llm get llminferenceservices,gateways --ignore-not-found -o name)
    [ -z "$left" ] || { echo "$left"; return 1; }
}

from_nothing() { # language, command…
    check "before $1: nothing is there" is_bare
    chain "$@"
    check "after $1: the cluster was drained" drained
    check "after $1: the platform goes" ./run.sh "$build/rig_platform" delete "$KUBECONFIG" "$work/platform.yaml"
    check "after $1: nothing is there" is_bare
}

set -e # steps must not be parts of a condition
run_step gke as_gke_makes_it
run_step vllm-image prepare_vllm
set +e
from_nothing C "$build/examples/cluster_and_chat"
from_nothing Python "$bindings/venv/bin/python" "$examples/python/cluster_and_chat.py"
from_nothing Go env LD_LIBRARY_PATH="$libraries" "$bindings/cluster-and-chat"
exit $failed
