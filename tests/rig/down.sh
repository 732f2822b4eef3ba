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

# Their data goes with the instance, so none of them needs time to end well.
stop_daemons() {
    local file
    for file in "$RIG_RUN"/pids/*; do
        [ ! -e "$file" ] || kill_daemon "${file##*/}"
    done
}

main() {
    need_root
    stop_node
    stop_daemons
    remove_network
    rm -rf "$RIG_RUN" "$RIG_DISK" "$RIG_SHM"
    say "instance $RIG is down"
}

main "$@"
