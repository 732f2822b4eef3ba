#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The example programs, unchanged, from YAML to streamed tokens on a running instance; at last the one
# that begins with a cluster, which is this instance, and ends by taking all out of it:
#
#   languages.sh BUILD_DIR BINDINGS_DIR GATEWAY.yaml SERVICE.yaml
#
# BINDINGS_DIR is what tests/bindings.sh leaves in LLMD_BINDINGS_DIR. Prints ok and not ok lines.
set -uo pipefail
build=$(realpath "$1") bindings=$(realpath "$2") gateway=$(realpath "$3") service=$(realpath "$4")
manifests=$(realpath "$(dirname "$0")/../../examples/manifests")
cd "$(dirname "$0")" || exit 1
. ./lib/cache.sh
. ./lib/instance.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

speaks() { # language, command...: progress on standard error, tokens on standard output
    local language=$1
    shift
    timeout 900 "${run[@]}" "$@" "$gateway" "$service" "Say something." >"$work/out" 2>"$work/err"
    local code=$?
    if [ $code = 0 ] && [ -n "$(tr -d '[:space:]' <"$work/out")" ] && grep -q 'LLMInferenceService/' "$work/err"; then
        echo "ok tokens by $language: $(wc -l <"$work/err") lines of progress, $(wc -c <"$work/out") bytes said"
    else
        echo "not ok tokens by $language (exit $code)"
        tail -n 20 "$work/err" "$work/out"
        failed=1
    fi
}

run=(./run.sh)
libraries=$(dirname "$(find "$bindings/prefix" -name 'libllmd.so')")
speaks C "$build/examples/deploy_and_chat"
speaks Python "$bindings/venv/bin/python" ../../examples/python/deploy_and_chat.py
speaks Go env LD_LIBRARY_PATH="$libraries" "$bindings/deploy-and-chat"
run=(./cloud.sh "$build")
# Nothing can be downloaded here: what is installed is named as it was.
./platform_spec.sh "$RIG_RUN/manifests" >"$work/platform.yaml"
speaks "C, cluster first" "$build/examples/cluster_and_chat" europe-west4-a "$manifests/cluster.yaml" \
    "$work/platform.yaml"
if grep -q 'nothing of it is left' "$work/err" &&
    left=$(./run.sh kubectl -n llm get llminferenceservice qwen --ignore-not-found -o name) && [ -z "$left" ]; then
    echo "ok the cluster was drained"
else
    echo "not ok the cluster was drained"
    failed=1
fi
exit $failed
