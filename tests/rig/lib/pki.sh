# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One certificate authority and what it signs, and the kubeconfig files. Sourced.

PKI=$RIG_RUN/pki
API_SERVER=https://$RIG_NODE_IP:6443

make_authority() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/ca.key"
    openssl req -x509 -new -key "$PKI/ca.key" -subj /CN=llmd-rig -days 30 -out "$PKI/ca.crt" \
        -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign
}

make_certificate() { # file name, subject, alternative names or ""
    local file=$PKI/$1 extensions
    extensions="keyUsage=digitalSignature
extendedKeyUsage=serverAuth,clientAuth"
    [ -z "$3" ] || extensions+=$'\n'"subjectAltName=$3"
    openssl ecparam -name prime256v1 -genkey -noout -out "$file.key"
    openssl req -new -key "$file.key" -subj "$2" -out "$file.csr"
    openssl x509 -req -in "$file.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial \
        -days 30 -extfile <(echo "$extensions") -out "$file.crt" 2>/dev/null
}

kubeconfig_head() {
    cat <<END
apiVersion: v1
kind: Config
current-context: rig
clusters:
- name: rig
  cluster:
    server: $API_SERVER
    certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")
contexts:
- name: rig
  context: {cluster: rig, user: $1}
users:
END
}

certificate_kubeconfig() { # user, certificate name, file
    {
        kubeconfig_head "$1"
        echo "- name: $1"
        echo "  user:"
        echo "    client-certificate-data: $(base64 -w0 "$PKI/$2.crt")"
        echo "    client-key-data: $(base64 -w0 "$PKI/$2.key")"
    } >"$3"
}

token_kubeconfig() { # user, token, file
    {
        kubeconfig_head "$1"
        echo "- name: $1"
        echo "  user: {token: $2}"
    } >"$3"
}

make_pki() {
    umask 077
    mkdir -p "$PKI"
    make_authority
    local names=IP:127.0.0.1,IP:$RIG_NODE_IP,IP:10.96.0.1
    names+=,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
    make_certificate apiserver /CN=kube-apiserver "$names"
    make_certificate admin /O=system:masters/CN=rig-admin ""
    make_certificate controller-manager /CN=system:kube-controller-manager ""
    make_certificate scheduler /CN=system:kube-scheduler ""
    make_certificate kubelet /O=system:nodes/CN=system:node:rig-0 "IP:$RIG_NODE_IP"
    openssl genrsa -out "$PKI/sa.key" 2048 2>/dev/null
    openssl rsa -in "$PKI/sa.key" -pubout -out "$PKI/sa.pub" 2>/dev/null
    make_kubeconfigs
}

make_kubeconfigs() {
    local token reader
    token=$(openssl rand -hex 16)
    reader=$(openssl rand -hex 16)
    # On GKE people come with a bearer token; the second one may do nothing,
    # for true 403 answers.
    printf '%s,rig-token,rig-token,"system:masters"\n%s,rig-nobody,rig-nobody\n' \
        "$token" "$reader" >"$PKI/tokens.csv"
    token_kubeconfig rig-token "$token" "$RIG_RUN/kubeconfig-token"
    token_kubeconfig rig-nobody "$reader" "$RIG_RUN/kubeconfig-nobody"
    certificate_kubeconfig rig-admin admin "$RIG_RUN/kubeconfig"
    certificate_kubeconfig kcm controller-manager "$PKI/controller-manager.kubeconfig"
    certificate_kubeconfig scheduler scheduler "$PKI/scheduler.kubeconfig"
    certificate_kubeconfig kubelet kubelet "$PKI/kubelet.kubeconfig"
    cp "$PKI/ca.crt" "$RIG_RUN/ca.crt"
}
