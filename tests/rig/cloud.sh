#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs a command with a sandbox as Google Cloud; the clusters that are made there are the API server
# of the instance LLMD_RIG. Two fake nodes are their pool "system"; the pool "tpu-v6e-4t" is the real
# node, where there is one:
#
#   cloud.sh BUILD_DIR COMMAND…
set -euo pipefail
build=$(realpath "${1:?usage: cloud.sh BUILD_DIR COMMAND…}")
shift
cd "$(dirname "$0")"
. ./lib/cache.sh
. ./lib/instance.sh

work=$(mktemp -d)
pool=cloud.google.com/gke-nodepool
sandbox=
tpu=$(kube get node rig-0 --ignore-not-found -o name)
tpu=${tpu:-fake}
finish() {
    [ -z "$sandbox" ] || kill "$sandbox" 2>/dev/null || true
    ./fake-nodes.sh remove || true
    [ "$tpu" = fake ] || kube label node rig-0 "$pool-" >/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

# Tainted: pods stay on the real node, where there is one.
./fake-nodes.sh add 2 --taint --label $pool=system
if [ "$tpu" = fake ]; then
    ./fake-nodes.sh add 1 --first 2 --tpu 4 --taint --label $pool=tpu-v6e-4t
else
    kube label --overwrite node rig-0 $pool=tpu-v6e-4t >/dev/null
fi
./run.sh "$build/llmd-sandbox" --google --google-credentials "$work/credentials.json" --profile empty \
    --time-scale 0.005 --kubernetes "$RIG_RUN/kubeconfig-token" >"$work/sandbox.log" 2>&1 &
sandbox=$!
until url=$(grep -o 'http://127.*' "$work/sandbox.log"); do
    kill -0 "$sandbox" 2>/dev/null || { cat "$work/sandbox.log"; exit 1; }
    sleep 0.05
done
LLMD_GOOGLE_URL=$url GOOGLE_APPLICATION_CREDENTIALS=$work/credentials.json \
    GOOGLE_CLOUD_PROJECT=my-project ./run.sh "$@"
