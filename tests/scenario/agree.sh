#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The seven broken services on a sandbox, held against what the rig said:
#
#   agree.sh BUILD_DIR RIG_OUT      RIG_OUT is what `broken.py run` wrote on the rig
#
# kubectl must be on the PATH. Prints ok and not ok lines.
set -euo pipefail
build=$(realpath "${1:?usage: agree.sh BUILD_DIR RIG_OUT}") rig_out=$(realpath "$2")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
"$build/llmd-sandbox" --profile ready --kubeconfig "$work/kubeconfig" >"$work/log" 2>&1 &
sandbox=$!
trap 'kill "$sandbox" 2>/dev/null || true; wait "$sandbox" 2>/dev/null || true; rm -rf "$work"' EXIT
until [ -s "$work/kubeconfig" ]; do
    kill -0 "$sandbox" || { cat "$work/log"; exit 1; }
    sleep 0.05
done
kubectl --kubeconfig "$work/kubeconfig" apply --server-side -f tests/rig/manifests/gateway.yaml >/dev/null
# The sandbox's time runs fifty times faster: what follows a cause follows at once.
BROKEN_SETTLE_S=3 python3 tests/scenario/broken.py run "$work/out" "$work/kubeconfig" \
    "$build/deploy" tests/rig/manifests | sed 's/ broken / broken on the sandbox: /'
python3 tests/scenario/broken.py agree "$rig_out" "$work/out"
