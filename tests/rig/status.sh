#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Says what of the instance LLMD_RIG runs. Exit code 1 when it is not up.
set -euo pipefail
cd "$(dirname "$0")"
. ./lib/cache.sh
. ./lib/instance.sh

main() {
    local file name pid dead=
    [ -d "$RIG_RUN/pids" ] || { say "instance $RIG is not up"; exit 1; }
    for file in "$RIG_RUN"/pids/*; do
        name=${file##*/}
        if pid=$(pid_of "$name"); then
            say "$(printf '%-20s pid %-8s %6d MB' "$name" "$pid" \
                $(($(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status") / 1024)))"
        else
            say "$(printf '%-20s ended' "$name")"
            dead=yes
        fi
    done
    say "steps done: $(ls "$RIG_RUN/done" | tr '\n' ' ')"
    say "KUBECONFIG=$KUBECONFIG (run commands with run.sh)"
    [ -z "$dead" ]
}

main "$@"
