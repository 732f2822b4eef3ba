# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# etcd, the API server and the controllers of stage `api`. Sourced.

start_etcd() {
    mkdir -p "$RIG_SHM"
    # Lost with the instance, so nothing is ever synced.
    start_daemon etcd "$(rig_bin etcd etcd)" --data-dir "$RIG_SHM/etcd" --unsafe-no-fsync \
        --quota-backend-bytes=2147483648 \
        --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
        --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
        --initial-cluster default=http://127.0.0.1:2380
}

# Each CRD makes it build its OpenAPI documents anew: with a lazier collector 28
# CRDs are established in 24 s instead of 62 s, for 1.4 GB more memory.
start_apiserver() {
    start_daemon apiserver env GOGC=400 GOMEMLIMIT=2500MiB "$(rig_bin kubernetes kube-apiserver)" \
        --etcd-servers=http://127.0.0.1:2379 \
        --secure-port=6443 --bind-address=0.0.0.0 --advertise-address="$RIG_NODE_IP" \
        --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" \
        --client-ca-file="$PKI/ca.crt" --token-auth-file="$PKI/tokens.csv" \
        --service-account-issuer=https://kubernetes.default.svc \
        --service-account-key-file="$PKI/sa.pub" --service-account-signing-key-file="$PKI/sa.key" \
        --service-cluster-ip-range="$RIG_SERVICE_CIDR" \
        --authorization-mode=Node,RBAC \
        --enable-admission-plugins=NodeRestriction,ExtendedResourceToleration \
        --allow-privileged=true \
        --kubelet-client-certificate="$PKI/admin.crt" --kubelet-client-key="$PKI/admin.key" \
        --kubelet-preferred-address-types=InternalIP
}

# A failing /readyz contains "ok" as well, and a controller-manager that starts
# before the RBAC bootstrap is over exits for good.
apiserver_is_ready() {
    local answer
    answer=$(in_rig curl -s -m 2 --cacert "$PKI/ca.crt" --cert "$PKI/admin.crt" --key "$PKI/admin.key" \
        "$API_SERVER/readyz") && [ "$answer" = ok ]
}

start_controller_manager() {
    local config=$PKI/controller-manager.kubeconfig
    start_daemon controller-manager "$(rig_bin kubernetes kube-controller-manager)" \
        --kubeconfig="$config" --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
        --service-account-private-key-file="$PKI/sa.key" --root-ca-file="$PKI/ca.crt" \
        --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key" \
        --use-service-account-credentials --leader-elect=false
}

start_scheduler() {
    local config=$PKI/scheduler.kubeconfig
    start_daemon scheduler "$(rig_bin kubernetes kube-scheduler)" \
        --kubeconfig="$config" --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
        --leader-elect=false
}

# kwok's own stages: nodes become ready and stay so, pods run at once.
stages() {
    local file folder
    folder=$(rig_manifests kwok kwok)/stage
    for file in "$folder"/node/fast/node-*.yaml "$folder"/node/heartbeat-with-lease/node-*.yaml \
        "$folder"/pod/fast/pod-*.yaml; do
        cat "$file"
        echo ---
    done
}

# Pods of fake nodes have logs as well: all the same two files, in the format
# that a container runtime writes. A test may append to them and follow.
write_kwok_config() {
    local now
    now=$(date -u +%Y-%m-%dT%H:%M:%S.000000000Z)
    printf '%s stdout F the fake pod started\n%s stderr F the fake pod is ready\n' "$now" "$now" \
        >"$RIG_RUN/fake-pod.log"
    printf '%s stderr F error: the earlier fake pod ended\n' "$now" >"$RIG_RUN/fake-pod-previous.log"
    stages >"$RIG_RUN/kwok.yaml"
    cat >>"$RIG_RUN/kwok.yaml" <<END
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterLogs
metadata: {name: all}
spec:
  logs:
  - {logsFile: "$RIG_RUN/fake-pod.log", previousLogsFile: "$RIG_RUN/fake-pod-previous.log", follow: true}
END
}

# --node-name: kwok's stage takes the address from a node that it starts for the second
# time if no Hostname stands beside it.
start_kwok() {
    write_kwok_config
    start_daemon kwok "$(rig_bin kwok kwok)" --config="$RIG_RUN/kwok.yaml" --kubeconfig="$KUBECONFIG" \
        --manage-all-nodes=false --manage-nodes-with-label-selector=type=kwok \
        --cidr="$RIG_FAKE_POD_CIDR" --node-lease-duration-seconds=40 \
        --node-ip="$RIG_NODE_IP" --node-name=kwok --node-port=10247 \
        --tls-cert-file="$PKI/kubelet.crt" --tls-private-key-file="$PKI/kubelet.key"
}

start_control_plane() {
    start_etcd
    start_apiserver
    wait_until 60 "API server" apiserver_is_ready
    start_controller_manager
    start_scheduler
    start_kwok
    wait_until 60 "default service account" kube -n default get serviceaccount default
}
