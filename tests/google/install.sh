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

apis=(google/container/v1/cluster_service google/cloud/compute/v1/compute
      google/api/serviceusage/v1/serviceusage google/cloud/resourcemanager/v3/projects
      google/api/cloudquotas/v1/cloudquotas google/monitoring/v3/metric_service
      google/cloud/orgpolicy/v2/orgpolicy google/iam/admin/v1/iam
      google/iam/credentials/v1/iamcredentials google/cloud/billing/v1/cloud_billing
      google/cloud/billing/v1/cloud_catalog google/cloud/gkerecommender/v1/gkerecommender)

python() {
    local stamp="$place/python-$PYTHON_CLIENT-$PYTHON_CONTAINER-$PYTHON_PROTOC"
    [ -e "$stamp" ] && return
    rm -rf "$place/python" "$place"/python-*
    python3 -m venv "$place/python"
    "$place/python/bin/pip" install -q --disable-pip-version-check \
        "google-api-python-client==$PYTHON_CLIENT" "google-cloud-container==$PYTHON_CONTAINER" \
        "grpcio-tools==$PYTHON_PROTOC"
    touch "$stamp"
}

# All messages and services as one descriptor set, with their options; the sources are not kept.
protos() {
    local list stamp work
    list="$(printf '%s\n' "${apis[@]}" | sha256sum | cut -c 1-12)"
    stamp="$place/protos-$NPM_PROTOS-$list"
    command -v npm >/dev/null || return 0
    [ -e "$stamp" ] && return
    rm -rf "$place/protos" "$place"/protos-*
    mkdir -p "$place/protos"
    work="$(mktemp -d)"
    (
        cd "$work" && npm pack --silent "google-proto-files@$NPM_PROTOS" >/dev/null &&
        tar -xzf google-proto-files-*.tgz package/google &&
        "$place/python/bin/python" -m grpc_tools.protoc -I package --include_imports \
            --descriptor_set_out="$place/protos/apis.pb" "${apis[@]/%/.proto}"
    ) 2>"$place/protos.log" || { tail -n 20 "$place/protos.log" >&2; rm -rf "$work"; return 1; }
    rm -rf "$work"
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

# The program is built from the tree; its modules stay when only it changed.
go() {
    local source stamp
    source="$(cat "$here"/*.go | sha256sum | cut -c 1-12)"
    stamp="$place/go-$GO_API-$source"
    command -v go >/dev/null || return 0
    [ -e "$stamp" ] && return
    rm -f "$place"/go-"$GO_API"-*
    (
        if [ ! -e "$place/go-$GO_API" ]; then
            rm -rf "$place/go" "$place"/go-*
            mkdir -p "$place/go"
            (
                cd "$place/go" && command go mod init control &&
                command go get "google.golang.org/api/container/v1@$GO_API"
            ) && touch "$place/go-$GO_API"
        fi &&
        rm -f "$place"/go/*.go && cp "$here"/*.go "$place/go" && cd "$place/go" && command go build -o control .
    ) >"$place/go.log" 2>&1 || { tail -n 20 "$place/go.log" >&2; return 1; }
    touch "$stamp"
}

go >&2 &
compiled=$!
python >&2
node >&2
protos >&2
wait "$compiled"
echo "$place"
