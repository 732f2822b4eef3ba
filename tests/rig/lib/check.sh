# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One test of a script: "ok NAME: the last line it said", or "not ok NAME" and its last lines. A script
# under set -e ends with its first failed test; others go on and end with `exit "$failed"`. Sourced.

failed=0

check() { # name, command…
    local name=$1 started=$SECONDS said last code=0
    shift
    said=$(mktemp)
    if "$@" >"$said" 2>&1; then
        last=$(tail -n 1 "$said" | tr '\t' ' ')
        echo "ok $name${last:+: $last} ($((SECONDS - started)) s)"
    else
        echo "not ok $name ($((SECONDS - started)) s)"
        tail -n 40 "$said" | sed 's/^/    /'
        failed=1 code=1
    fi
    rm -f "$said"
    return $code
}
