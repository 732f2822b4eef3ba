# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The one real node: containerd, kubelet and kube-proxy. Sourced.

NODE=$RIG_RUN/node
CONTAINERD_SOCKET=$NODE/containerd.sock

# Values that kubelet insists on. They cover the machine's own inside a mount
# namespace only, so the machine's settings stay as they are.
sysctl_mounts() {
    local setting name value
    for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1; do
        name=${setting%=*} value=${setting#*=}
        echo "$value" >"$NODE/sysctl-${name//\//-}"
        echo "mount --bind $NODE/sysctl-${name//\//-} /proc/sys/$name"
    done
}

# A process that does nothing holds the mount namespace of the node, so that
# containerd can be restarted under running pods.
start_node_holder() {
    mkdir -p "$NODE"
    { echo "set -e"; sysctl_mounts; echo "exec sleep infinity"; } >"$NODE/holder.sh"
    start_daemon node unshare -m --propagation private sh "$NODE/holder.sh"
    wait_until 5 "the node's mounts" node_is_mounted
}

node_is_mounted() { in_node grep -q "sysctl-kernel-panic_on_oops" /proc/self/mountinfo; }

in_node() { nsenter --target "$(pid_of node)" --mount --net -- "$@"; }

start_on_node() { # name, command…
    local name=$1
    shift
    start_daemon "$name" nsenter --target "$(pid_of node)" --mount --net -- "$@"
}

ctr() { in_node /usr/bin/ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io "$@"; }

write_containerd_config() {
    cat >"$NODE/containerd.toml" <<END
version = 2
root = "$RIG_DISK/containerd"
state = "$NODE/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "$CONTAINERD_SOCKET"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.10"
  # A machine without CAP_SYS_RESOURCE cannot lower a score.
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$NODE/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "$NODE/registries"
END
}

write_cni_config() {
    mkdir -p "$NODE/cni"
    cat >"$NODE/cni/10-rig.conflist" <<END
{"cniVersion": "0.4.0", "name": "rig", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$NODE/ipam", "ranges": [[{"subnet": "$RIG_POD_CIDR"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
}

start_containerd() {
    mkdir -p "$RIG_DISK/containerd"
    start_on_node containerd /usr/bin/containerd --config "$NODE/containerd.toml"
    wait_until 30 "containerd" ctr version
}

# kubelet ends what it does not know below its cgroup: each instance has its own.
CGROUP=llmd-rig-$RIG

cgroup_roots() { # of every hierarchy
    local hierarchy
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        echo "/sys/fs/cgroup/$CGROUP"
    else
        for hierarchy in /sys/fs/cgroup/*/; do echo "$hierarchy$CGROUP"; done
    fi
}

make_cgroups() {
    local root
    for root in $(cgroup_roots); do mkdir -p "$root"; done
}

write_kubelet_config() {
    # No resolver: what is not in the cluster does not exist.
    : >"$NODE/resolv.conf"
    cat >"$NODE/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failSwapOn: false
enforceNodeAllocatable: []
oomScoreAdj: 0
maxOpenFiles: 20000
evictionHard: {nodefs.available: "0%", imagefs.available: "0%", memory.available: 10Mi}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: false}
  x509: {clientCAFile: "$PKI/ca.crt"}
authorization: {mode: AlwaysAllow}
tlsCertFile: "$PKI/kubelet.crt"
tlsPrivateKeyFile: "$PKI/kubelet.key"
clusterDNS: [$RIG_DNS_IP]
clusterDomain: cluster.local
resolvConf: "$NODE/resolv.conf"
containerRuntimeEndpoint: "unix://$CONTAINERD_SOCKET"
volumePluginDir: "$NODE/volume-plugins"
registerNode: true
END
}

start_kubelet() {
    mkdir -p "$RIG_DISK/kubelet" "$NODE/volume-plugins"
    make_cgroups
    start_on_node kubelet "$(rig_bin kubernetes kubelet)" \
        --config="$NODE/kubelet.yaml" --kubeconfig="$PKI/kubelet.kubeconfig" \
        --hostname-override=rig-0 --node-ip="$RIG_NODE_IP" \
        --root-dir="$RIG_DISK/kubelet" --cert-dir="$NODE/pki" \
        --node-labels=cloud.google.com/gke-tpu-accelerator=tpu-v6e-slice,cloud.google.com/gke-tpu-topology=2x2
    wait_until 60 "the node" kube wait --for=condition=Ready node/rig-0 --timeout=1s
}

# Two services of four chips fit; the scheduler really counts them.
add_tpus() {
    kube patch node rig-0 --subresource=status --type=json >/dev/null \
        -p '[{"op":"add","path":"/status/capacity/google.com~1tpu","value":"8"}]'
}

start_kube_proxy() {
    cat >"$NODE/kube-proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: $RIG_POD_CIDR
hostnameOverride: rig-0
clientConnection: {kubeconfig: "$KUBECONFIG"}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
END
    start_daemon kube-proxy "$(rig_bin kubernetes kube-proxy)" --config="$NODE/kube-proxy.yaml"
}

prepare_node() {
    start_node_holder
    write_containerd_config
    write_cni_config
    write_kubelet_config
    start_containerd
}

join_node() {
    start_kubelet
    add_tpus
    start_kube_proxy
}

# Pods outlive kubelet and containerd, so they are ended one by one.
stop_node() {
    local task
    stop_daemon kubelet 2
    kill_daemon kube-proxy
    if pid_of node >/dev/null && pid_of containerd >/dev/null; then
        for task in $(ctr task list -q 2>/dev/null); do
            ctr task kill --signal SIGKILL "$task" >/dev/null 2>&1 || true
        done
        for task in $(ctr task list -q 2>/dev/null); do
            ctr task delete --force "$task" >/dev/null 2>&1 || true
        done
    fi
    stop_shims
    remove_pod_networks
    stop_daemon containerd 2
    unmount_node
    stop_daemon node 1
    remove_cgroups
}

# Every shim has this instance's containerd socket in its command line.
stop_shims() {
    local process
    for process in /proc/[0-9]*; do
        if { tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null |
            grep -q "^/usr/bin/containerd-shim.* -address $CONTAINERD_SOCKET "; then
            kill -9 "${process#/proc/}" 2>/dev/null || true
        fi
    done
}

# The names of the pods' network namespaces are files that all mount namespaces
# see; the mounts on them are in the node's own.
remove_pod_networks() {
    local path
    pid_of node >/dev/null || return 0
    for path in $(in_node sed -n 's/.* \([^ ]*netns\/cni-[^ ]*\) .*/\1/p' /proc/self/mountinfo); do
        in_node umount "$path" 2>/dev/null && rm -f "$path"
    done
    return 0
}

unmount_node() {
    pid_of node >/dev/null || return 0
    in_node awk '{print $5}' /proc/self/mountinfo | grep -E "^($RIG_RUN|$RIG_DISK)/" | sort -r |
        while read -r path; do in_node umount -l "$path" 2>/dev/null || true; done
    return 0
}

remove_cgroups() {
    local root
    for root in $(cgroup_roots); do
        # Its groups are empty now; deepest first.
        [ ! -d "$root" ] || find "$root" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    done
}
