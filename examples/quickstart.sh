#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From nothing to tokens on this machine: installs what is missing, builds, starts the embedded
# sandbox (a small process that answers as Google Cloud and as the clusters made there), makes a GKE
# cluster, its TPU pool, a Gateway, cert-manager and KServe on it, deploys a model service, looks at its
# health, streams a chat, and deletes it all again.
# Ends with the one command that does so on Google's.
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
build/release/llmd-sandbox --google --google-credentials "$work/credentials.json" --profile empty \
    --bare --pace gke --time-scale 0.01 --kubeconfig "$work/kubeconfig" >"$work/sandbox.log" 2>&1 &
sandbox=$!
trap 'kill "$sandbox" 2>/dev/null || true; wait "$sandbox" 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    url=$(grep -o 'http://127.*' "$work/sandbox.log") && break
    kill -0 "$sandbox" 2>/dev/null || { cat "$work/sandbox.log"; exit 1; }
    sleep 0.05
done
echo "It answers as Google Cloud at $url; an hour there takes 36 seconds here."

say "4/4 Making examples/manifests/cluster.yaml, deploying {platform,gateway,tpu}.yaml on it, chatting"
# There cert-manager and KServe are small stand-ins of the releases; on Google's they are downloaded.
LLMD_BUNDLES=tests/scenario/platform/bundles.json LLMD_GOOGLE_URL=$url GOOGLE_APPLICATION_CREDENTIALS="$work/credentials.json" \
    GOOGLE_CLOUD_PROJECT=my-project build/release/examples/cluster_and_chat europe-west4-a \
    examples/manifests/{cluster,platform,gateway,tpu}.yaml "Say hello in five words."

cat <<'TEXT'

The same on Google Cloud, where KServe and cert-manager are installed on the way. It uses Application
Default Credentials (a service account's key in GOOGLE_APPLICATION_CREDENTIALS, or `gcloud auth
application-default login`), checks everything and tells the price before it makes anything, and
deletes the cluster at the end:

    build/release/examples/cluster_and_chat europe-west4-a \
        examples/manifests/{cluster,platform,gateway,tpu}.yaml "Hello!"
TEXT
