#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The three example programs, unchanged, from YAML to streamed tokens on a running instance:
#
#   languages.sh BUILD_DIR BINDINGS_DIR GATEWAY.yaml SERVICE.yaml
#
# BINDINGS_DIR is what tests/bindings.sh leaves in LLMD_BINDINGS_DIR. Prints ok and not ok lines.
set -uo pipefail
build=$(realpath "$1") bindings=$(realpath "$2") gateway=$(realpath "$3") service=$(realpath "$4")
cd "$(dirname "$0")" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

speaks() { # language, command...: progress on standard error, tokens on standard output
    local language=$1
    shift
    timeout 600 ./run.sh "$@" "$gateway" "$service" "Say something." >"$work/out" 2>"$work/err"
    local code=$?
    if [ $code = 0 ] && [ -n "$(tr -d '[:space:]' <"$work/out")" ] && grep -q 'LLMInferenceService/' "$work/err"; then
        echo "ok tokens by $language: $(wc -l <"$work/err") lines of progress, $(wc -c <"$work/out") bytes said"
    else
        echo "not ok tokens by $language (exit $code)"
        tail -n 20 "$work/err" "$work/out"
        failed=1
    fi
}

libraries=$(dirname "$(find "$bindings/prefix" -name 'libllmd.so')")
speaks C "$build/examples/deploy_and_chat"
speaks Python "$bindings/venv/bin/python" ../../examples/python/deploy_and_chat.py
speaks Go env LD_LIBRARY_PATH="$libraries" "$bindings/deploy-and-chat"
exit $failed
