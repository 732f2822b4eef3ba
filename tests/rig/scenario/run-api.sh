#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# llmd_kube against the API server of the instance LLMD_RIG, which must be up:
#
#   run-api.sh BUILD_DIR [PROGRAM [WRAPPER…]]    PROGRAM: kube_api, kube_memory; both without it
set -euo pipefail
build=$(realpath "${1:?usage: run-api.sh BUILD_DIR [PROGRAM [WRAPPER…]]}")
programs=${2:-kube_api kube_memory}
wrapper=("${@:3}")
rig=$(cd "$(dirname "$0")/.." && pwd)
. "$rig/lib/cache.sh"
. "$rig/lib/instance.sh"

"$rig/fake-nodes.sh" add 1 >/dev/null || {
    echo "not ok run-api: no test ran, there is no fake node"
    exit 1
}
trap '"$rig/fake-nodes.sh" remove >/dev/null || true' EXIT
export LLMD_TEST_KUBECONFIG=$RIG_RUN/kubeconfig \
    LLMD_TEST_KUBECONFIG_TOKEN=$RIG_RUN/kubeconfig-token \
    LLMD_TEST_KUBECONFIG_NOBODY=$RIG_RUN/kubeconfig-nobody \
    LLMD_TEST_APISERVER=$rig/apiserver.sh LLMD_TEST_FAKE_NODES=1
failed=0
for program in $programs; do
    "$rig/run.sh" ${wrapper[@]+"${wrapper[@]}"} "$build/rig_test_$program" || failed=$?
done
exit "$failed"
