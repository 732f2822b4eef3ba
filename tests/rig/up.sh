#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Brings the real stack up on this machine: up.sh [--stage api|node|full|vllm]
# The environment variable LLMD_RIG names the instance (default: rig).
# Run again, it goes on from where an instance is; see README.md.
set -euo pipefail
cd "$(dirname "$0")"
. ./lib/cache.sh
. ./lib/instance.sh
. ./lib/network.sh
. ./lib/pki.sh
. ./lib/control_plane.sh
. ./lib/node.sh
. ./lib/registry.sh
. ./lib/images.sh
. ./lib/platform.sh
. ./lib/vllm.sh

usage() { die "usage: up.sh [--stage api|node|full|vllm]"; }

parse_arguments() {
    stage=full
    while [ $# -gt 0 ]; do
        case $1 in
            --stage) stage=${2:-}; shift 2 || usage ;;
            --stage=*) stage=${1#*=}; shift ;;
            *) usage ;;
        esac
    done
    [[ $stage =~ ^(api|node|full|vllm)$ ]] || usage
}

build_programs() {
    if [ "$stage" = api ]; then
        ./programs.sh build kubernetes etcd kwok
        return
    fi
    ./programs.sh build
    envoy_program >/dev/null
    [ "$stage" != vllm ] || ./vllm.sh build
}

# Processes of an earlier boot or a crash: what they left is removed first.
clear_remains() {
    [ -e "$RIG_RUN" ] || [ -e "$RIG_NETNS" ] || return 0
    if pid_of etcd >/dev/null && pid_of apiserver >/dev/null; then return; fi
    say "instance $RIG is not whole: taking it down first"
    ./down.sh
}

up_control_plane() {
    run_step certificates make_pki
    run_step control-plane start_control_plane
}

# Five chains side by side; `after` is where one needs what another makes.
chain_node() {
    run_step containerd prepare_node
    run_step registries start_registries
    run_step base-images import_base_images
    # No pod of the platform may look for its image before it is there.
    after kserve-image control-plane
    run_step node join_node
    run_step dns install_dns
}

chain_images() {
    after registries
    run_step kserve-image import_kserve_image
    run_step gateway-images import_gateway_images
    run_step private-image push_private_image
    run_step sandbox-image import_sandbox_image
}

# Its CRDs are written while the node comes.
chain_platform() {
    after control-plane
    run_step platform install_platform
}

chain_gateways() {
    after control-plane
    run_step gateway-crds apply_gateway_crds
    after node gateway-images
    run_step platform-crds await_platform_crds
    run_step gateways install_gateways
}

# A node and every image, and nothing on it but DNS: what a platform is installed on.
up_node() {
    run_step render render_manifests
    run_steps_together up_control_plane chain_node chain_images
}

up_full() {
    run_step render render_manifests
    run_steps_together up_control_plane chain_node chain_images chain_platform chain_gateways
}

up_stage() {
    run_step network make_network
    case $stage in
        api) up_control_plane ;;
        node) up_node ;;
        *) up_full ;;
    esac
    [ "$stage" != vllm ] || run_step vllm-image prepare_vllm
}

main() {
    local started
    parse_arguments "$@"
    need_root
    ./install.sh "$stage"
    case $stage in full | vllm) platform_program >/dev/null ;; esac
    build_programs
    mkdir -p /run/llmd-rig
    exec 9>"/run/llmd-rig/.lock-$RIG"
    flock 9
    clear_remains
    started=$(now_ms)
    mkdir -p "$RIG_RUN" "$RIG_DISK" "$RIG_SHM"
    up_stage
    say "$(printf '%6s s  instance %s is up, stage %s; KUBECONFIG=%s' \
        "$(seconds_since "$started")" "$RIG" "$stage" "$KUBECONFIG")"
}

main "$@"
