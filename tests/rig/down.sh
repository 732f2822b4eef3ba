#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Takes the instance LLMD_RIG down: ends the processes that up.sh recorded, and
# only those, unmounts and removes what belongs to it. May be run at any time.
set -euo pipefail
cd "$(dirname "$0")"
. ./lib/cache.sh
. ./lib/instance.sh
. ./lib/network.sh
. ./lib/pki.sh
. ./lib/node.sh

stop_control_plane() {
    local name
    for name in kwok scheduler controller-manager apiserver; do stop_daemon "$name" 3; done
    stop_daemon etcd 3
}

stop_the_rest() {
    local file
    for file in "$RIG_RUN"/pids/*; do
        [ -e "$file" ] && stop_daemon "${file##*/}" 3
    done
    return 0
}

main() {
    need_root
    stop_node
    stop_control_plane
    stop_the_rest
    remove_network
    rm -rf "$RIG_RUN" "$RIG_DISK" "$RIG_SHM"
    say "instance $RIG is down"
}

main "$@"
