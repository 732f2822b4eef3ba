#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What CI has no time for; run it before a release. Each part prints "ok" and "not ok" lines, the end
# is "N passed, N failed, N skipped". Build the presets dev and release first (tests/run.sh does).
#
#   tests/long.sh                     every part, some hours
#   tests/long.sh fuzz [MINUTES]      every target of tests/fuzz for so long each (10)
#   tests/long.sh kills [N]           a deployment killed N times on the rig (20)
#   tests/long.sh broken [TIMES]      the seven broken services again and again: does the sandbox agree? (5)
#   tests/long.sh memory [N]          N failing allocations against the rig's API server (5000)
#   tests/long.sh kserve [VERSION…]   the rig with other KServe releases (0.19.0)
#   tests/long.sh upgrade             KServe 0.19.0 to 0.20.0 while clients stream through services
#   tests/long.sh bench               every bench of tests/bench, for reading
#
# All but fuzz need root; the first run with another KServe builds it (10 min).
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
logs=${LLMD_TEST_LOGS:-build/logs}
mkdir -p "$logs"
results=$logs/long-results
: >"$results"
build=$PWD/build/release
export LLMD_RIG=${LLMD_RIG:-rig-long}
kubeconfig=/run/llmd-rig/$LLMD_RIG/kubeconfig

ok_if() { # name, command…: one line for a command that has none
    local name=$1
    shift
    if "$@"; then echo "ok $name"; else echo "not ok $name"; return 1; fi
}

part() { # name, command…
    local name=$1 code=0 skips
    shift
    echo "--- $name"
    "$@" 2>&1 | tee "$logs/long-$name.log" || code=$?
    skips=$(python3 tests/tally.py "$results" "long-$name" "$code" <"$logs/long-$name.log")
    [ -z "$skips" ] || echo "$skips"
}

fuzz_one() { # program, minutes: what it finds stays in build/fuzz/found
    local name
    name=$(basename "$1")
    mkdir -p "build/fuzz/corpus/$name" build/fuzz/found
    "$1" -max_total_time=$(($2 * 60)) -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/found/$name-" "build/fuzz/corpus/$name" >"$logs/$name.log" 2>&1 || {
        tail -n 30 "$logs/$name.log"
        return 1
    }
    grep -E 'number_of_executed_units|new_units_added' "$logs/$name.log"
}
fuzz() { # minutes
    local program failed=0
    CC=clang cmake -B build/fuzz -G Ninja -DLLMD_FUZZ=ON -DLLMD_SANITIZE=address,undefined >/dev/null &&
        cmake --build build/fuzz || return 1
    for program in build/fuzz/fuzz_*; do
        [ ! -x "$program" ] || [ -d "$program" ] || ok_if "$(basename "$program")" fuzz_one "$program" "$1" || failed=1
    done
    return $failed
}

# One instance serves the parts that follow each other.
rig_up() { ok_if "up $1" tests/rig/up.sh --stage "$1"; }
rig_down() { tests/rig/down.sh >/dev/null; }

kills() { # how many
    rig_up full && tests/rig/run.sh python3 tests/scenario/kill.py "$build/deploy" --on "$kubeconfig" \
        tests/rig/manifests/spec-stub.yaml "$1"
}

broken_once() { # folder
    tests/rig/run.sh python3 tests/scenario/broken.py run "$1" "$kubeconfig" "$build/deploy" tests/rig/manifests
    tests/rig/run.sh tests/scenario/agree.sh "$build" "$1"
}
broken() { # times
    local round failed=0
    rig_up full && tests/rig/run.sh kubectl apply --server-side -f tests/rig/manifests/gateway.yaml &&
        tests/rig/run.sh kubectl -n llm wait --for=condition=Programmed gateway/edge --timeout=180s || return 1
    for ((round = 1; round <= $1; round++)); do
        echo "round $round of $1"
        broken_once "$PWD/$logs/long-broken-$round" || failed=1
    done
    return $failed
}

memory() { # allocations
    local seed=$RANDOM
    echo "LLMD_TEST_SEED=$seed"
    rig_up api && LLMD_TEST_ALLOCATIONS=$1 LLMD_TEST_SEED=$seed \
        tests/rig/scenario/run-api.sh "$build" kube_memory
}

kserve() { # version…
    local version failed=0
    for version in "$@"; do
        if [ -d "tests/rig/programs/kserve-$version" ]; then
            LLMD_RIG=rig-kserve LLMD_RIG_KSERVE=$version tests/rig/test.sh full || failed=1
        else
            echo "skip KServe $version: no tests/rig/programs/kserve-$version"
        fi
    done
    return $failed
}

bench() {
    local failed=0
    ok_if bench-scan "$build/bench_scan" || failed=1
    ok_if bench-mux "$build/bench_mux" || failed=1
    ok_if bench-apply tests/bench/bench_apply.sh "$build" || failed=1
    rig_up api && ok_if bench-reaction tests/rig/run.sh "$build/bench_reaction" "$kubeconfig" || failed=1
    ok_if bench-platform tests/bench/bench_platform.sh "$build" || failed=1
    if [ -x build/bindings/venv/bin/python ]; then
        ok_if bench-import build/bindings/venv/bin/python tests/bench/bench_import.py || failed=1
    else
        echo "skip bench-import: no bindings in build/bindings (LLMD_BINDINGS_DIR=build/bindings tests/bindings.sh)"
    fi
    return $failed
}

upgrade() { LLMD_RIG=rig-upgrade tests/rig/upgrade.sh "$build"; }

usage() { sed -n '3,15s/^# \{0,1\}//p' "$0"; exit 2; }

[ -x "$build/deploy" ] || { echo "nothing is built: cmake --preset release && cmake --build --preset release"; exit 1; }
trap rig_down EXIT
name=${1:-all}
shift || true
case $name in
    fuzz) part fuzz fuzz "${1:-10}" ;;
    kills) part kills kills "${1:-20}" ;;
    broken) part broken broken "${1:-5}" ;;
    memory) part memory memory "${1:-5000}" ;;
    kserve) part kserve kserve "${@:-0.19.0}" ;;
    upgrade) part upgrade upgrade ;;
    bench) part bench bench ;;
    all)
        part fuzz fuzz 10
        part memory memory 5000
        part kills kills 20
        part broken broken 5
        rig_down
        part bench bench
        rig_down
        part kserve kserve 0.19.0
        part upgrade upgrade
        ;;
    *) usage ;;
esac
awk '{p += $1; f += $2; s += $3} END {print p + 0 " passed, " f + 0 " failed, " s + 0 " skipped"; exit f > 0 || p == 0}' "$results"
