# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Operators on a running node, in the order that works. Sourced.

RENDERED=$RIG_RUN/manifests

built_program() { # name: of the release build, else of the other one
    local folder
    for folder in ../../build/release ../../build/dev; do
        [ ! -x "$folder/$1" ] || { realpath "$folder/$1"; return; }
    done
    return 1
}

# cert-manager and KServe are installed by the library's one call (platform.c), and by nothing else.
platform_program() {
    built_program rig_platform ||
        die "build the library first: cmake --preset release && cmake --build --preset release"
}

# The program that applies a file by the library (apply.c): LLMD_RIG_APPLY, else
# what is built; "kubectl", also where nothing is built yet.
apply_program() {
    if [ -x "${LLMD_RIG_APPLY:-}" ]; then
        realpath "$LLMD_RIG_APPLY"
    elif [ -n "${LLMD_RIG_APPLY:-}" ] || ! built_program rig_apply; then
        echo kubectl
    fi
}

# Every other manifest of the rig goes through here.
rig_apply() { # file
    local program
    program=$(apply_program)
    if [ "$program" = kubectl ]; then
        kube apply --server-side --force-conflicts --validate=false -f "$1" >>"$RIG_RUN/logs/apply.log"
    else
        in_rig "$program" "$KUBECONFIG" "$1" >>"$RIG_RUN/logs/apply.log"
    fi
}

wait_available() { # namespace, deployment, seconds
    kube -n "$1" wait --for=condition=Available "deployment/$2" --timeout="$3s" >/dev/null ||
        die "deployment $1/$2 is not available: $(kube -n "$1" get pods 2>&1 | tail -3)"
}

wait_established() { # file of CRDs
    local crds
    mapfile -t crds < <(sed -n 's/^  name: \([a-z0-9]*\.[a-z0-9.-]*\)$/crd\/\1/p' "$1" | sort -u)
    kube wait --for=condition=Established --timeout=60s "${crds[@]}" >/dev/null
}

render_manifests() {
    ./render.sh "$RENDERED"
}

apply_crds() { # rendered file…
    local file
    for file in "$@"; do
        rig_apply "$RENDERED/$file.yaml"
        wait_established "$RENDERED/$file.yaml"
    done
}

apply_gateway_crds() { apply_crds 02-envoy-gateway-crds 03-ai-gateway-crds; }

# The gateways look for these kinds when they start.
platform_crds_are_served() {
    wait_established "$RENDERED/00-gateway-api-crds.yaml" && wait_established "$RENDERED/01-kserve-crds.yaml"
}
await_platform_crds() { wait_until 180 "the platform's CRDs" platform_crds_are_served; }

install_platform() {
    local log=$RIG_RUN/logs/platform.log
    ./platform_spec.sh "$RENDERED" >"$RIG_RUN/platform.yaml"
    in_rig "$(platform_program)" apply "$KUBECONFIG" "$RIG_RUN/platform.yaml" >>"$log" 2>&1 ||
        die "the platform is not installed: $(tail -n 1 "$log")"
}

install_dns() {
    rig_apply manifests/coredns.yaml
    wait_available kube-system coredns 60
}

install_gateways() {
    rig_apply "$RENDERED/30-ai-gateway.yaml"
    rig_apply "$RENDERED/31-envoy-gateway.yaml"
    rig_apply manifests/gateway-classes.yaml
    wait_available envoy-ai-gateway-system ai-gateway-controller 120
    wait_available envoy-gateway-system envoy-gateway 180
}
