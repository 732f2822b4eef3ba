#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A cluster made, connected to and deleted with proof, with the API server of the instance LLMD_RIG
# as the cluster:
#
#   run-cluster.sh BUILD_DIR
set -uo pipefail
build=$(realpath "${1:?usage: run-cluster.sh BUILD_DIR}")
cd "$(dirname "$0")/.."

told=$(timeout 300 ./cloud.sh "$build" bash -c \
    '"$0" apply "$1" ../../examples/manifests/cluster.yaml && "$0" kube "$1" llm && "$0" delete "$1" llm drain' \
    "$build/cluster" europe-west4-a 2>&1)
code=$?
failed=0
expect() { # what, words
    if [ "$code" = 0 ] && grep -qF "$2" <<<"$told"; then echo "ok $1"; else echo "not ok $1"; failed=1; fi
}
expect "cluster on a real API server: nodes" "2 of 2 nodes are Ready"
expect "cluster on a real API server: TPU nodes" "1 of 1 nodes are Ready and have google.com/tpu"
expect "cluster on a real API server: connected" '"cloud.google.com/gke-nodepool":"system"'
expect "cluster on a real API server: deleted" "nothing of it is left"
[ "$failed" = 0 ] || tail -n 30 <<<"$told"
exit "$failed"
