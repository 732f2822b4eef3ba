#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The generated files that are committed must be what a fresh run of SWIG makes of the headers.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bindings/regenerate.sh "$work"
failed=0
for file in threads.i go/internal/raw/raw.go go/internal/raw/raw_wrap.c; do
    if diff -u "bindings/$file" "$work/$file" >"$work/diff"; then
        echo "ok generated $file"
    else
        echo "not ok generated $file: run bindings/regenerate.sh and commit it"
        head -n 20 "$work/diff"
        failed=1
    fi
done
exit $failed
