#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Brings Google's schemas and client libraries, by version, into a folder outside the tree, once.
# What a machine lacks (Node, Go) is left out here and skipped, by name, in run.sh.
#
#   tests/google/install.sh          # prints the folder
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
. "$here/versions.sh"
place="${LLMD_GOOGLE_CACHE:-$HOME/.cache/llmd-google}"
mkdir -p "$place"

python() {
    local stamp="$place/python-$PYTHON_CLIENT-$PYTHON_QUOTAS-$PYTHON_RECOMMENDER"
    [ -e "$stamp" ] && return
    rm -rf "$place/python" "$place"/python-*
    python3 -m venv "$place/python"
    "$place/python/bin/pip" install -q --disable-pip-version-check \
        "google-api-python-client==$PYTHON_CLIENT" "google-cloud-quotas==$PYTHON_QUOTAS" \
        "google-cloud-gkerecommender==$PYTHON_RECOMMENDER"
    touch "$stamp"
}

node() {
    local stamp="$place/node-$NPM_CONTAINER"
    command -v npm >/dev/null || return 0
    [ -e "$stamp" ] && return
    rm -rf "$place/node" "$place"/node-*
    mkdir -p "$place/node"
    npm install --silent --no-audit --no-fund --prefix "$place/node" \
        "@googleapis/container@$NPM_CONTAINER" >/dev/null
    touch "$stamp"
}

go() {
    local source stamp
    source="$(sha256sum "$here/control.go" | cut -c 1-12)" # the program is built from the tree
    stamp="$place/go-$GO_API-$source"
    command -v go >/dev/null || return 0
    [ -e "$stamp" ] && return
    rm -rf "$place/go" "$place"/go-*
    mkdir -p "$place/go"
    cp "$here/control.go" "$place/go/main.go"
    (
        cd "$place/go"
        command go mod init control
        command go get "google.golang.org/api/container/v1@$GO_API"
        command go build -o control .
    ) >"$place/go.log" 2>&1 || { tail -n 20 "$place/go.log" >&2; return 1; }
    touch "$stamp"
}

python >&2
node >&2
go >&2
echo "$place"
