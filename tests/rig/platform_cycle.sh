#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The platform on an instance of stage `node`, by the library's calls: installed, applied again without
# any change, and removed without a trace; who installs it again then has the proof of that:
#
#   platform_cycle.sh RIG_PLATFORM      the built program tests/rig/platform.c
#
# Nothing may move by the second apply but what the control plane writes when it likes, and leader
# election: OF_THE_SERVER in dump.py has the list. After the delete the same objects are there as
# before the install, of every kind but events, which fade by themselves.
set -euo pipefail
program=$(realpath "${1:?usage: platform_cycle.sh RIG_PLATFORM}")
cd "$(dirname "$0")"
. ./lib/cache.sh
. ./lib/instance.sh
. ./lib/check.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

dump() { ./run.sh python3 dump.py "$@"; }
platform() { in_rig "$program" "$1" "$KUBECONFIG" "$work/spec.yaml" | tee "$work/$1"; }

applied_twice() {
    dump versions >"$work/before-again"
    platform apply
    dump versions >"$work/after-again"
}
nothing_moved() {
    diff "$work/before-again" "$work/after-again" && echo "$(wc -l <"$work/after-again") objects, none moved"
}
says_unchanged() { ! grep -E ' (created|configured|Restarted): ' "$work/apply" && echo "no object was written"; }

# The API server takes back its APIService of a group a moment after the last CRD of it went.
nothing_left() {
    local patience=20
    until dump names >"$work/after" && diff "$work/before" "$work/after"; do
        ((patience-- > 0)) || return 1
        sleep 1
    done
    echo "$(wc -l <"$work/after") objects as before, of $(wc -l <"$work/installed") with the platform"
}

./platform_spec.sh "$RIG_RUN/manifests" >"$work/spec.yaml"
dump names >"$work/before"
check platform-install platform apply
dump names >"$work/installed"
check platform-again applied_twice
check platform-again-moves-nothing nothing_moved
check platform-again-says-unchanged says_unchanged
check platform-delete platform delete
check platform-delete-leaves-nothing nothing_left
exit $failed
