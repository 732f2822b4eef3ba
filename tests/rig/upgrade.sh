#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# KServe 0.19.0 to 0.20.0 by the library's call, while clients stream through services of two replicas:
# no request may fail.
#
#   upgrade.sh BUILD_DIR      BUILD_DIR holds rig_platform; needs root (the rig)
#
# The presets of the new release change the model servers and the endpoint picker, so both are replaced
# under the clients. Prints "ok NAME" and "not ok NAME" lines; the instance (LLMD_RIG, default
# rig-upgrade) is taken down at the end unless LLMD_RIG_KEEP is set.
set -uo pipefail
build=$(realpath "${1:?usage: upgrade.sh BUILD_DIR}")
cd "$(dirname "$0")"
export LLMD_RIG=${LLMD_RIG:-rig-upgrade}
unset LLMD_RIG_KSERVE # what is sourced here is of the new release
. ./lib/cache.sh
. ./lib/instance.sh
. ./lib/node.sh
. ./lib/images.sh
. ./lib/expect.sh
. ./lib/check.sh
from=0.19.0 to=$KSERVE_VERSION
work=$(mktemp -d)
declare -A clients

finish() {
    local client
    for client in "${clients[@]}"; do kill "$client" 2>/dev/null || true; done
    rm -rf "$work"
    [ -n "${LLMD_RIG_KEEP:-}" ] || ./down.sh >/dev/null
}
trap finish EXIT

up() { ./programs.sh build "$KSERVE" && LLMD_RIG_KSERVE=$from ./up.sh --stage full; }

# What the new release starts is there before it is asked for.
prepare_images() {
    import_kserve_image && import_picker_images && import_stream_image && echo "imported"
}

serve() {
    apply_file manifests/gateway.yaml &&
        kube -n llm wait --for=condition=Programmed gateway/edge --timeout=180s &&
        apply_file manifests/service-stream.yaml &&
        kube -n llm wait --for=condition=Ready llminferenceservice --all --timeout=240s &&
        wait_for 60 answer_contains plain /health ok &&
        wait_for 60 answer_contains picked /health ok && url_of picked
}

start_client() { # service
    ./run.sh python3 stream_client.py "$(url_of "$1")" stream 40 >"$work/$1.out" 2>&1 &
    clients[$1]=$!
}
start_clients() {
    start_client plain
    start_client picked
    sleep 10
    [ ! -s "$work/plain.out" ] && [ ! -s "$work/picked.out" ] || { cat "$work"/*.out; return 1; }
}

upgrade() {
    local log=$RIG_RUN/logs/upgrade.log
    ./render.sh "$work/manifests" && ./platform_spec.sh "$work/manifests" >"$work/spec.yaml" &&
        in_rig "$build/rig_platform" apply "$KUBECONFIG" "$work/spec.yaml" >"$log" 2>&1 || { cat "$log"; return 1; }
    tail -n 1 "$log"
}
is_new() {
    in_rig "$build/rig_platform" status "$KUBECONFIG" "$work/spec.yaml" | grep -o "KServe Ready: $to.*"
}

# All pods are of the new presets, and the old ones have ended: they outlive their place among the
# endpoints by the presets' preStop hook and what they still had to say.
services_are_replaced() {
    local newest
    newest=$(kube -n llm get deployment picked-kserve-router-scheduler \
        -o 'jsonpath={.spec.template.spec.containers[?(@.name=="main")].image}')
    [ "$newest" = "$(picker_image)" ] &&
        kube -n llm rollout status deployment --timeout=1s &&
        [ "$(kube -n llm get pods -l app.kubernetes.io/part-of=llminferenceservice -o name | wc -l)" = 5 ] &&
        kube -n llm wait --for=condition=Ready llminferenceservice --all --timeout=1s
}
await_services() {
    wait_for 240 services_are_replaced || { kube -n llm get pods; return 1; }
    # And nothing fails afterwards.
    sleep 10
}

no_request_failed() { # service
    kill "${clients[$1]}"
    wait "${clients[$1]}" || { cat "$work/$1.out"; return 1; }
    cat "$work/$1.out"
}

check "up with KServe $from" up || exit 1
check images prepare_images && check services serve && check clients start_clients || exit 1
check "upgrade to $to" upgrade
check "KServe $to is there" is_new
check services-are-replaced await_services
check no-failed-request-plain no_request_failed plain
check no-failed-request-picked no_request_failed picked
exit $failed
