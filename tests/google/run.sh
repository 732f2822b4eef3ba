#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Google's own clients on the sandbox, and every recorded request against Google's schemas.
#
#   tests/google/run.sh PROGRAM [RECORD]   # llmd-sandbox; what test runs recorded (may be absent)
set -uo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
program="${1:?llmd-sandbox}"
record="${2:-}"
place="$(bash "$here/install.sh")" || { echo "not ok google packages"; exit 1; }
python="$place/python/bin/python"
export LLMD_GOOGLE_PROTOS="$place/protos/apis.pb"
[ -e "$LLMD_GOOGLE_PROTOS" ] || echo "skip google protos: no npm on this machine"
command -v gcloud >/dev/null || echo "skip google gcloud: not installed"
work="$(mktemp -d)"
failed=0
trap 'kill "$sandbox" 2>/dev/null; rm -rf "$work"' EXIT

report() { # name, exit code
    if [ "$2" -eq 0 ]; then echo "ok $1"; else echo "not ok $1"; failed=1; fi
}

"$program" --google --google-service-account "$work/account.json" --time-scale 0.002 \
    --record "$work/controls.jsonl" --kubeconfig "$work/kubeconfig" >"$work/line" &
sandbox=$!
for _ in $(seq 100); do [ -s "$work/line" ] && break; sleep 0.05; done
url="$(cut -d ' ' -f 2 "$work/line")"

"$python" "$here/control.py" "$url" "$work/account.json" || failed=1
if [ -d "$place/node" ]; then
    (cd "$place/node" && env -u GOOGLE_APPLICATION_CREDENTIALS CLOUDSDK_CONFIG="$work/none" \
        HOME="$work" GCE_METADATA_HOST="${url#http://}" node "$here/control.mjs" "$url") || failed=1
else
    echo "skip google node: no npm on this machine"
fi
if [ -x "$place/go/control" ]; then
    "$place/go/control" "$url" "$work/account.json" || failed=1
else
    echo "skip google go: no Go on this machine"
fi

# The validator has to find each of its own seeded faults, and none in what Google's clients send.
"$python" "$here/test_validate.py" || failed=1
"$python" "$here/validate.py" --agent "" --but "cluster.nodePool: unknown field" "$work/controls.jsonl"
report "google schema of the control clients" $?
if [ -n "$record" ]; then
    "$python" "$here/validate.py" --show-methods "$record"
    report "google schema of every request of the test run" $?
fi
exit $failed
