#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From nothing to tokens on this machine: installs what is missing, builds, starts the embedded
# sandbox (a small process that answers as a Kubernetes cluster with KServe), deploys a model
# service, streams a chat. Ends with the one command that does the same on a real cluster.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1/4 Installing what is missing"
bash tests/install.sh build

say "2/4 Building (build/release)"
cmake --preset release -DLLMD_BUILD_TESTS=OFF -DLLMD_WERROR=OFF >build-quickstart.log 2>&1 &&
    cmake --build --preset release >>build-quickstart.log 2>&1 ||
    { tail -n 30 build-quickstart.log; echo "The build failed; all of it is in build-quickstart.log" >&2; exit 1; }
rm -f build-quickstart.log

say "3/4 Starting the sandbox"
work=$(mktemp -d)
build/release/llmd-sandbox --profile ready --kubeconfig "$work/kubeconfig" >"$work/sandbox.log" 2>&1 &
sandbox=$!
trap 'kill "$sandbox" 2>/dev/null || true; wait "$sandbox" 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    [ -s "$work/kubeconfig" ] && break
    kill -0 "$sandbox" 2>/dev/null || { cat "$work/sandbox.log"; exit 1; }
    sleep 0.05
done
cat "$work/sandbox.log"

say "4/4 Deploying examples/manifests/{gateway,tpu}.yaml and chatting"
KUBECONFIG="$work/kubeconfig" build/release/examples/deploy_and_chat \
    examples/manifests/gateway.yaml examples/manifests/tpu.yaml "Say hello in five words."

cat <<'TEXT'

The same on a real cluster that has KServe (your kubeconfig, your hardware):

    KUBECONFIG=~/.kube/config build/release/examples/deploy_and_chat \
        examples/manifests/gateway.yaml examples/manifests/tpu.yaml "Hello!"
TEXT
