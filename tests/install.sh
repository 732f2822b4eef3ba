#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Brings what building and testing need on Debian 12. Asks apt only for what is missing, so a
# machine that has everything needs neither root nor a network.
#
#   tests/install.sh build     compiler, CMake and the four libraries
#   tests/install.sh test      the above, and what the tests use
#   tests/install.sh google    Google's schemas and client libraries, into a cache of its own
set -euo pipefail

build=(build-essential cmake ninja-build pkg-config git ca-certificates
       libcurl4-openssl-dev libcjson-dev libyaml-dev libssl-dev)
bindings=(swig python3 python3-dev python3-venv)
check=(libcmocka-dev clang clang-format libclang-rt-14-dev valgrind universal-ctags openssl curl)

case "${1:-test}" in
build) wanted=("${build[@]}") ;;
bindings) wanted=("${build[@]}" "${bindings[@]}") ;;
test) wanted=("${build[@]}" "${bindings[@]}" "${check[@]}") ;;
google) exec bash "$(dirname "$0")/google/install.sh" ;;
*) echo "usage: tests/install.sh [build|bindings|test|google]" >&2; exit 2 ;;
esac

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
for package in "${wanted[@]}"; do
    installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "This machine has no apt-get; please install: ${missing[*]}" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "Run as root, or install: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
