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
work="$(mktemp -d)"
failed=0
trap 'rm -rf "$work"' EXIT

report() { # name, exit code
    if [ "$2" -eq 0 ]; then echo "ok $1"; else echo "not ok $1"; failed=1; fi
}

# Each client has a sandbox of its own, since faults are for everybody on it, and all run at once.
control() { # name, command, to which URL and credentials are added
    local name="$1" url sandbox code
    shift
    "$program" --google --google-service-account "$work/$name.json" --time-scale 0.002 \
        --record "$work/controls.jsonl" --kubeconfig "$work/$name.yaml" --exit-with-parent \
        >"$work/$name.line" &
    sandbox=$!
    for _ in $(seq 200); do [ -s "$work/$name.line" ] && break; sleep 0.05; done
    url="$(cut -d ' ' -f 2 "$work/$name.line")"
    GCE_METADATA_HOST="${url#http://}" "$@" "$url" "$work/$name.json"
    code=$?
    kill "$sandbox" 2>/dev/null
    return $code
}

control_node() {
    cd "$place/node" && env -u GOOGLE_APPLICATION_CREDENTIALS CLOUDSDK_CONFIG="$work/none" \
        HOME="$work" node "$here/control.mjs" "$@"
}

running=()
begin() { # name, command
    control "$@" >"$work/$1.out" 2>&1 &
    running+=("$1:$!")
}

begin python "$python" "$here/control.py"
begin python-faults "$python" "$here/control_faults.py"
if [ -d "$place/node" ]; then begin node control_node
else echo "skip google node: no npm on this machine"; fi
if [ -x "$place/go/control" ]; then begin go "$place/go/control"
else echo "skip google go: no Go on this machine"; fi
if command -v gcloud >/dev/null; then begin gcloud bash "$here/control_gcloud.sh"
else echo "skip google gcloud: not installed"; fi
for one in "${running[@]}"; do
    wait "${one##*:}" || failed=1
    cat "$work/${one%%:*}.out"
done

# The validator has to find each of its own seeded faults, and none in what Google's clients send.
"$python" "$here/test_validate.py" || failed=1
# What they do otherwise on purpose: an unknown field to be refused, $alt of the generated client, and
# gcloud says the parent twice.
"$python" "$here/validate.py" --agent "" --but "cluster.nodePool: unknown field" \
    --but 'query parameter $alt' --but "parent: in the path already" "$work/controls.jsonl"
report "google schema of the control clients" $?
if [ -n "$record" ]; then
    "$python" "$here/validate.py" --show-methods "$record"
    report "google schema of every request of the test run" $?
fi
exit $failed
