#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Stops, kills and starts the API server of a running instance, for tests of
# what outlives it: apiserver.sh stop|kill|start|restart
set -euo pipefail
cd "$(dirname "$0")"
. ./lib/cache.sh
. ./lib/instance.sh
. ./lib/network.sh
. ./lib/pki.sh
. ./lib/control_plane.sh

start() {
    pid_of apiserver >/dev/null && return
    start_apiserver
    wait_until 60 "API server" apiserver_is_ready
}

main() {
    [ -e "$RIG_NETNS" ] || die "instance $RIG is not up"
    case ${1:-} in
        stop) stop_daemon apiserver 10 ;;
        kill) kill_daemon apiserver ;;
        start) start ;;
        restart) kill_daemon apiserver; start ;;
        *) die "usage: apiserver.sh stop|kill|start|restart" ;;
    esac
}

main "$@"
