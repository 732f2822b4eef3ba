#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The same tests as run-api.sh, on the sandbox: run-sandbox.sh BUILD_DIR
#
# "kill" makes the sandbox refuse connections for a while and forget old versions, as a restarted
# API server does.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

say() { curl -s -o /dev/null -X POST "$LLMD_TEST_SERVER/sandbox/$1" -d "${2:-}"; }

case ${2:-} in
    kill) say compact && say cut-watches && say pause '{"ms": 3000}'; exit ;;
    start) sleep 3; exit ;;
    restart) "$here/run-sandbox.sh" "$1" kill; sleep 3; exit ;;
esac

build=$(realpath "${1:?usage: run-sandbox.sh BUILD_DIR}")
work=$(mktemp -d)
"$build/llmd-sandbox" --profile empty --kubeconfig "$work/kubeconfig" >"$work/line" &
sandbox=$!
trap 'kill $sandbox 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do [ -s "$work/line" ] && break; sleep 0.1; done
LLMD_TEST_SERVER=$(sed -n 's/^ *server: *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$work/kubeconfig" | head -n 1)
[ -n "$LLMD_TEST_SERVER" ] || LLMD_TEST_SERVER=$(grep -o 'http://[0-9.:]*' "$work/line" | tail -n 1)
export LLMD_TEST_SERVER
LLMD_TEST_SANDBOX=1 LLMD_TEST_KUBECONFIG=$work/kubeconfig \
    LLMD_TEST_APISERVER="$here/run-sandbox.sh $build" \
    "$build/rig_test_kube_api"
