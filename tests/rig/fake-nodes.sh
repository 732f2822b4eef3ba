#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fake nodes of the instance LLMD_RIG; kwok runs their pods in name only:
#
#   fake-nodes.sh add COUNT [--tpu N] [--label KEY=VALUE]… [--taint] [--first NUMBER]
#   fake-nodes.sh remove
#
# --first is the number of the first one, for use beside others. --taint keeps pods away that do not tolerate kwok.x-k8s.io/node, for use
# beside the real node.
set -euo pipefail
cd "$(dirname "$0")"
. ./lib/cache.sh
. ./lib/instance.sh

usage() { die "usage: fake-nodes.sh add COUNT [--tpu N] [--label KEY=VALUE]… [--taint] [--first NUMBER] | remove"; }

node_object() { # number
    cat <<END
apiVersion: v1
kind: Node
metadata:
  name: kwok-$1
  labels: {type: kwok, kubernetes.io/hostname: kwok-$1, kubernetes.io/os: linux, kubernetes.io/arch: amd64$labels}
  annotations: {kwok.x-k8s.io/node: fake}
spec:
  podCIDR: 10.245.$1.0/24
$taint
status:
  capacity: {cpu: "64", memory: 256Gi, pods: "250", google.com/tpu: "$tpu"}
  allocatable: {cpu: "64", memory: 256Gi, pods: "250", google.com/tpu: "$tpu"}
---
END
}

add() {
    local count=${1:-1} first=0 number
    shift || true
    tpu=0 labels='' taint=''
    while [ $# -gt 0 ]; do
        case $1 in
            --tpu) tpu=$2; shift 2 ;;
            --label) labels+=", ${2%%=*}: \"${2#*=}\""; shift 2 ;;
            --taint) taint='  taints: [{key: kwok.x-k8s.io/node, value: fake, effect: NoSchedule}]'; shift ;;
            --first) first=$2; shift 2 ;;
            *) usage ;;
        esac
    done
    for ((number = first; number < first + count; number++)); do node_object "$number"; done | kube apply -f - >/dev/null
    kube wait --for=condition=Ready node -l type=kwok --timeout=60s >/dev/null
}

# With their leases: one that names a node of before is collected as garbage, a new
# node of that name then has none, and is taken for lost 50 s later.
remove() {
    local names
    names=$(kube get nodes -l type=kwok -o 'jsonpath={.items[*].metadata.name}')
    [ -n "$names" ] || return 0
    # shellcheck disable=SC2086 # one word a name
    kube delete node $names >/dev/null
    # shellcheck disable=SC2086
    kube -n kube-node-lease delete lease --ignore-not-found $names >/dev/null
}

case ${1:-} in
    add) shift; add "$@" ;;
    remove) remove ;;
    *) usage ;;
esac
