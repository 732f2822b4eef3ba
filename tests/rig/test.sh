#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Brings a stage up and proves it: test.sh api|full|vllm
# "test.sh chain" begins with a node alone: the example programs do the rest, with real vLLM.
#
# Prints "ok NAME" and "not ok NAME" lines. The instance (LLMD_RIG, default
# rig-test) is taken down at the end unless LLMD_RIG_KEEP is set.
set -uo pipefail
cd "$(dirname "$0")"
export LLMD_RIG=${LLMD_RIG:-rig-test}
. ./lib/cache.sh
. ./lib/instance.sh
. ./lib/expect.sh
. ./lib/check.sh

stage=${1:-}

# A script that prints lines of its own. One that fails without a line that says so is a failure
# all the same: it may have died before its first test, or after its last.
relay() { # name, command…
    local name=$1 code=0
    shift
    "$@" 2>&1 | tee "$RIG_RUN/logs/$name.out" || code=$?
    [ "$code" != 0 ] || return 0
    failed=1
    grep -qE '^not ok |^\[  FAILED  \] [0-9]+ test' "$RIG_RUN/logs/$name.out" ||
        say "not ok $name: ended with $code before it could say why"
}

api_server_answers() { [ "$(kube get --raw /readyz)" = ok ]; }
token_is_admin() { kube --kubeconfig "$RIG_RUN/kubeconfig-token" get secrets -A; }
nobody_is_refused() {
    ! kube --kubeconfig "$RIG_RUN/kubeconfig-nobody" get pods 2>"$RIG_RUN/logs/nobody.txt" &&
        has 'is forbidden' <"$RIG_RUN/logs/nobody.txt"
}
fake_nodes_run_pods() {
    ./fake-nodes.sh add 2 --tpu 4
    kube create deployment fake --image=nothing --replicas=20
    kube wait --for=condition=Available deployment/fake --timeout=60s
}
fake_pods_have_logs() {
    local pod
    pod=$(kube get pods -l app=fake -o name | head -n 1)
    kube logs "$pod" | has 'the fake pod is ready' && kube logs --previous "$pod" | has ended
}
data_outlives_a_restart() {
    ./apiserver.sh restart
    kube get deployment fake
    kube delete deployment fake
    ./fake-nodes.sh remove
}

# The same tests where a sanitizer or valgrind watches.
watched() { # build preset
    if [ -x "../../build/$1/rig_test_kube_memory" ]; then
        relay "kube-api-$1" scenario/run-api.sh "../../build/$1"
    else
        say "skip kube-api with $1: build/$1 is not built"
    fi
}
memcheck() {
    LLMD_TEST_ALLOCATIONS=5 scenario/run-api.sh "$build" kube_memory \
        valgrind -q --leak-check=full --error-exitcode=9 --errors-for-leak-kinds=definite
}

test_api() {
    check api-server api_server_answers
    check bearer-token token_is_admin
    check no-rights nobody_is_refused
    check fake-nodes fake_nodes_run_pods
    check fake-logs fake_pods_have_logs
    check api-server-restart data_outlives_a_restart
    relay kube-api scenario/run-api.sh "$build"
    watched asan
    watched tsan
    relay kube-api-valgrind memcheck
    relay compare-apply ./compare_apply.sh "$build/rig_apply"
    relay cluster scenario/run-cluster.sh "$build"
}

# What up.sh installs after it is a second installation, then: it serves all that follows.
test_platform() {
    check up-node ./up.sh --stage node && relay platform ./platform_cycle.sh "$build/rig_platform"
}

applied_versions() { ./run.sh python3 dump.py versions app.kubernetes.io/managed-by=libllmd; }
platform_again_moves_nothing() {
    local before
    before=$(applied_versions) && [ -n "$before" ] &&
        in_rig "$build/rig_platform" apply "$KUBECONFIG" "$RIG_RUN/platform.yaml" &&
        diff <(echo "$before") <(applied_versions)
}

gateway_is_programmed() {
    apply_file manifests/gateway.yaml
    kube -n llm wait --for=condition=Programmed gateway/edge --timeout=120s
}
service_becomes_ready() { # name, seconds
    kube -n llm wait --for=condition=Ready "llminferenceservice/$1" --timeout="$2s"
}
stub_is_served() {
    apply_file manifests/service-stub.yaml
    service_becomes_ready stub 180
    wait_for 30 answer_contains stub /health ok
}
service_goes() { # name
    kube -n llm delete llminferenceservice "$1" --timeout=60s
    wait_for 60 no_pods_of "$1"
}

# The old pod serves on: a new one that never will must not pass for ready, and is not blamed on the
# spec that comes after it.
a_changed_spec_is_waited_for() {
    local spec=manifests/spec-stub.yaml
    deploy() { in_rig "$build/deploy" apply "$KUBECONFIG" "$1" >"$RIG_RUN/logs/changed.txt"; }
    sed 's|^image: .*|image: nosuch.example/team/nothing:9|' $spec >"$RIG_RUN/changed.yaml"
    deploy $spec && ! deploy "$RIG_RUN/changed.yaml" && has ImageNotFound <"$RIG_RUN/logs/changed.txt" &&
        sed 's|memory: 64Mi|memory: 65Mi|' $spec >"$RIG_RUN/changed.yaml" &&
        deploy "$RIG_RUN/changed.yaml" && ! has ImageNotFound <"$RIG_RUN/logs/changed.txt" &&
        in_rig "$build/deploy" delete "$KUBECONFIG" llm stub
}

test_full() {
    check gateway gateway_is_programmed
    check service-stub stub_is_served
    check platform-again-while-it-serves platform_again_moves_nothing
    check service-stub-delete service_goes stub
    check changed-spec a_changed_spec_is_waited_for
    relay kill ./run.sh python3 ../scenario/kill.py "$build/deploy" --on "$KUBECONFIG" \
        manifests/spec-stub.yaml "${LLMD_KILLS:-3}"
    # What the cluster says, by kubectl; and what the library tells of it.
    relay broken ./run.sh python3 ../scenario/broken.py run "$RIG_RUN/broken" "$RIG_RUN/kubeconfig" \
        "$build/deploy" manifests
    # And that the sandbox says the same, which speaks as the usual KServe.
    if [ -n "${LLMD_RIG_KSERVE:-}" ]; then
        say "skip agree: the sandbox does not model KServe $LLMD_RIG_KSERVE"
        return
    fi
    relay agree ./run.sh ../scenario/agree.sh "$build" "$RIG_RUN/broken"
}

vllm_is_served() {
    apply_file manifests/service-vllm.yaml
    service_becomes_ready qwen 400
    wait_for 60 answer_contains qwen /v1/models Qwen/Qwen2.5-3B-Instruct
}
vllm_streams() {
    in_rig curl -sN -m 120 "$(url_of qwen)/v1/chat/completions" -H 'Content-Type: application/json' \
        -d '{"model":"Qwen/Qwen2.5-3B-Instruct","stream":true,"max_tokens":8,
             "messages":[{"role":"user","content":"Say something."}]}' |
        tee "$RIG_RUN/logs/stream.txt" | has 'data: [DONE]'
}

# The same service by KServe's own words first, so that a failure says whose it is.
test_vllm() {
    local bindings=${LLMD_BINDINGS_DIR:-../../build/bindings}
    check gateway gateway_is_programmed
    check vllm-ready vllm_is_served
    # On a loaded machine vLLM misses a probe now and then, and the picker finds nobody for a while.
    check vllm-stream wait_for 60 vllm_streams
    check vllm-delete service_goes qwen
    if [ -x "$bindings/deploy-and-chat" ]; then
        relay languages ./languages.sh "$build" "$bindings" ../../examples/manifests/gateway.yaml \
            manifests/spec-vllm.yaml
    else
        say "skip languages: no bindings in $bindings (tests/bindings.sh builds them)"
    fi
}

test_chain() {
    local bindings=${LLMD_BINDINGS_DIR:-../../build/bindings}
    check vllm-build ./vllm.sh build
    if [ -x "$bindings/cluster-and-chat" ]; then
        relay chain ./chain.sh "$build" "$bindings"
    else
        say "skip chain: no bindings in $bindings (tests/bindings.sh builds them)"
    fi
}

newest_build() {
    local folder
    for folder in ../../build/release ../../build/dev; do
        [ ! -x "$folder/deploy" ] || { realpath "$folder"; return; }
    done
    die "nothing is built: cmake --preset release && cmake --build --preset release"
}

main() {
    [[ $stage =~ ^(api|full|vllm|chain)$ ]] || die "usage: test.sh api|full|vllm|chain"
    build=$(newest_build) || exit 1
    [ "$stage" != full ] || test_platform
    check "up-$stage" ./up.sh --stage "${stage/chain/node}" && "test_$stage"
    [ -n "${LLMD_RIG_KEEP:-}" ] || check "down-$stage" ./down.sh
    return "$failed"
}

main
