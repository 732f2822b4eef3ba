#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and runs every test. Ends with "N passed, N failed, N skipped".
#
#   tests/run.sh                 everything that runs on loopback
#   tests/run.sh --rig           also the real stack: Kubernetes, KServe, gateways, endpoint picker
#   tests/run.sh --rig --vllm    also real vLLM behind them
#   tests/run.sh --only STAGE    one stage by name (list: tests/run.sh --list)
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

rig=false vllm=false only=""
while [ $# -gt 0 ]; do
    case "$1" in
    --rig) rig=true ;;
    --vllm) rig=true vllm=true ;;
    --only) only="${2:?--only wants a stage}"; shift ;;
    --list) sed -n 's/^ *stage \([a-z-]*\) .*/\1/p' "$0" | uniq; exit 0 ;;
    *) sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done

logs="${LLMD_TEST_LOGS:-build/logs}"
mkdir -p "$logs"
results="$logs/results"
: >"$results"
began=$SECONDS
# Whatever a test sends to a Google API, for the stage google.
export LLMD_SANDBOX_RECORD="$(realpath "$logs")/google-requests.jsonl"
rm -f "$LLMD_SANDBOX_RECORD"
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}"

# Runs one stage, keeps its output in a log, counts its tests, and shows the end of a failure.
stage() {
    local name="$1" start=$SECONDS code=0
    shift
    [ -z "$only" ] || [ "$only" = "$name" ] || return 0
    printf '%-12s ' "$name"
    "$@" >"$logs/$name.log" 2>&1 || code=$?
    local skips
    skips=$(python3 tests/tally.py "$results" "$name" "$code" <"$logs/$name.log")
    local passed failed
    IFS=$'\t' read -r passed failed _ < <(tail -n 1 "$results")
    printf '%4d passed %3d failed  %4d s\n' "$passed" "$failed" $((SECONDS - start))
    [ -z "$skips" ] || printf '%s\n' "$skips"
    if [ "$failed" -ne 0 ]; then
        echo "--- $name failed (exit $code); the last lines of $logs/$name.log:"
        grep -nE 'not ok|FAILED|\[ +ERROR|Error|error:|--- FAIL|ERROR: ' "$logs/$name.log" | tail -n 25
        tail -n 40 "$logs/$name.log"
        echo "---"
    fi
}

build() {
    cmake --preset "$1" && cmake --build --preset "$1"
}

# Most tests wait for a server that they started for themselves, so four at a time take a third of the
# time of one after the other.
built_and_tested() {
    local preset="$1"
    shift
    build "$preset" && ctest --preset "$preset" -V -j 4 "$@"
}

valgrind_one() {
    local said
    if said=$(valgrind -q --leak-check=full --error-exitcode=9 --errors-for-leak-kinds=definite \
        "$1" 2>&1 >/dev/null); then
        echo "ok valgrind $(basename "$1")"
    else
        printf 'not ok valgrind %s\n%s\n' "$(basename "$1")" "$said"
        return 1
    fi
}

memcheck() {
    export -f valgrind_one
    printf '%s\0' build/dev/unit_test_* | xargs -0 -n 1 -P "$(nproc)" bash -c 'valgrind_one "$1"' _
}

# The stripped library's budgets: all of it, and what serves those who have their cluster already.
light() {
    local failed=0
    cmake --build --preset release --target llmd_serving || return 1
    weighs whole build/release/libllmd.so 720000 || failed=1
    weighs serving build/release/libllmd_serving.so 400000 || failed=1
    return $failed
}

weighs() { # name, library, bytes at most
    local size
    size=$(strip -o "$logs/stripped.so" "$2" && stat -c %s "$logs/stripped.so") || return 1
    if [ "$size" -le "$3" ]; then echo "ok weight $1: $size bytes"
    else echo "not ok weight $1: $size bytes, at most $3"; return 1; fi
}

# Sizes, exported symbols and outside consumers are judged on what users get.
release_and_consumers() {
    build release && ctest --preset release -V -L checks && bash tests/checks/consumers.sh && light
}

quickstart() {
    if ./examples/quickstart.sh; then echo "ok quickstart"; else echo "not ok quickstart"; return 1; fi
}

# Alone it has no test run to look at.
google() {
    if [ -n "$only" ]; then build dev && bash tests/google/run.sh build/dev/llmd-sandbox
    else bash tests/google/run.sh build/dev/llmd-sandbox "$LLMD_SANDBOX_RECORD"; fi
}

# Last, over all that the others left; alone it has nothing to look at.
secrets() {
    if [ -n "$only" ]; then echo "skip secrets: no test run to look at"
    else bash tests/checks/secrets.sh "$logs"; fi
}

warm=$([ -e "$(bash tests/rig/vllm.sh path)/complete" ] && echo true || echo false)
bash tests/install.sh test || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }

stage dev built_and_tested dev
# Most tests wait for servers; with a sanitizer they compute, and more at a time than cores would
# make them late.
stage asan built_and_tested asan -LE checks -j 2
stage tsan built_and_tested tsan -LE checks -j 2
stage valgrind memcheck
stage release release_and_consumers
export LLMD_BINDINGS_DIR="$PWD/build/bindings"
stage bindings bash tests/bindings.sh
stage quickstart quickstart
stage google google
if $rig; then
    stage rig-api bash tests/rig/test.sh api
    # The vLLM stage goes on with the same instance.
    stage rig-full env LLMD_RIG_KEEP="$($vllm && echo yes)" bash tests/rig/test.sh full
    # On a cold machine they found neither kubectl nor the releases when stage dev ran them.
    stage rig-files built_and_tested dev -R 'platform_release|sandbox_kubectl'
fi
# A cold machine builds every program first; what comes last may then not fit any more.
enough_time() { # seconds that may have gone
    $warm || [ $((SECONDS - began)) -lt "$1" ]
}
if $vllm && enough_time 3000; then
    stage rig-vllm bash tests/rig/test.sh vllm
elif $vllm; then
    stage rig-vllm echo "skip real vLLM: past minute 50 of a run with cold caches"
    LLMD_RIG=rig-test bash tests/rig/down.sh >/dev/null
fi
if $vllm && enough_time 4200; then
    stage rig-chain bash tests/rig/test.sh chain
elif $vllm; then
    stage rig-chain echo "skip the whole chain: past minute 70 of a run with cold caches"
fi

stage secrets secrets

read -r passed failed skipped < <(awk '{p += $1; f += $2; s += $3} END {print p + 0, f + 0, s + 0}' "$results")
echo "took $((SECONDS - began)) s"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
