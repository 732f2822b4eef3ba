#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The example program from preflight to the proof of the delete, with the API server of the instance
# LLMD_RIG as the cluster that it makes:
#
#   run-cluster.sh BUILD_DIR
set -uo pipefail
build=$(realpath "${1:?usage: run-cluster.sh BUILD_DIR}")
cd "$(dirname "$0")/.."

told=$(timeout 300 ./cloud.sh "$build" "$build/examples/cluster_and_chat" europe-west4-a \
    ../../examples/manifests/cluster.yaml 2>&1)
code=$?
failed=0
expect() { # what, words
    if [ "$code" = 0 ] && grep -qF "$2" <<<"$told"; then echo "ok $1"; else echo "not ok $1"; failed=1; fi
}
expect "cluster on a real API server: nodes" "2 of 2 nodes are Ready"
expect "cluster on a real API server: connected" "connected  gke_my-project_europe-west4-a_llm"
expect "cluster on a real API server: deleted" "nothing of it is left"
[ "$failed" = 0 ] || tail -n 30 <<<"$told"
exit "$failed"
