# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The network namespace of an instance. Nothing can leave it: it has no link to
# the machine's network. Sourced.

RIG_NODE_IP=10.200.0.1                  # the node and the API server
RIG_SERVICE_CIDR=10.96.0.0/16
RIG_DNS_IP=10.96.0.10
RIG_POD_CIDR=10.246.0.0/24              # pods of the real node
RIG_FAKE_POD_CIDR=10.245.0.0/16         # pods of kwok's nodes

make_network() {
    mkdir -p /var/run/netns
    ip netns add "$RIG"
    ip -n "$RIG" link set lo up
    ip -n "$RIG" link add rig0 type bridge
    ip -n "$RIG" addr add "$RIG_NODE_IP/16" dev rig0
    ip -n "$RIG" link set rig0 up
    # kube-proxy turns Services into pods; the route only lets packets start.
    ip -n "$RIG" route replace "$RIG_SERVICE_CIDR" dev rig0
    # Any local process can answer for a pod that kwok only pretends to run:
    # the API server refuses pod addresses in 127/8.
    ip -n "$RIG" route replace local "$RIG_FAKE_POD_CIDR" dev lo
    in_rig sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

remove_network() {
    [ ! -e "$RIG_NETNS" ] || ip netns del "$RIG"
}
