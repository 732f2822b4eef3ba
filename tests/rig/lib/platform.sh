# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Operators on a running node, in the order that works. Sourced.

RENDERED=$RIG_RUN/manifests

# The program that applies a file by the library (apply.c): LLMD_RIG_APPLY, else
# what is built; "kubectl", also where nothing is built yet.
apply_program() {
    local built
    for built in ${LLMD_RIG_APPLY:-../../build/release/rig_apply ../../build/dev/rig_apply}; do
        [ ! -x "$built" ] || { realpath "$built"; return; }
    done
    echo kubectl
}

# Every manifest of the rig goes through here.
rig_apply() { # file
    local program
    program=$(apply_program)
    if [ "$program" = kubectl ]; then
        kube apply --server-side --force-conflicts --validate=false -f "$1" >>"$RIG_RUN/logs/apply.log"
    else
        in_rig "$program" "$KUBECONFIG" "$1" >>"$RIG_RUN/logs/apply.log"
    fi
}

wait_available() { # namespace, deployment, seconds
    kube -n "$1" wait --for=condition=Available "deployment/$2" --timeout="$3s" >/dev/null ||
        die "deployment $1/$2 is not available: $(kube -n "$1" get pods 2>&1 | tail -3)"
}

wait_established() { # file of CRDs
    local crds
    mapfile -t crds < <(sed -n 's/^  name: \([a-z0-9]*\.[a-z0-9.-]*\)$/crd\/\1/p' "$1" | sort -u)
    kube wait --for=condition=Established --timeout=60s "${crds[@]}" >/dev/null
}

render_manifests() {
    say "         operators are applied by $(apply_program)"
    ./render.sh "$RENDERED"
}

# What the rest needs to see at its start: a controller of KServe decides its
# watches by what exists when it starts.
apply_crds() { # rendered file…
    local file
    for file in "$@"; do
        rig_apply "$RENDERED/$file.yaml"
        wait_established "$RENDERED/$file.yaml"
    done
}

apply_kserve_crds() { apply_crds 00-gateway-api-crds 01-kserve-crds; }
apply_gateway_crds() { apply_crds 02-envoy-gateway-crds 03-ai-gateway-crds; }

install_dns() {
    rig_apply manifests/coredns.yaml
    wait_available kube-system coredns 60
}

# For some seconds after Available its webhook is refused with `x509:
# certificate signed by unknown authority`: only an answer proves it.
webhook_answers() {
    kube create --dry-run=server -f - >/dev/null 2>&1 <<END
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: probe, namespace: default}
spec: {selfSigned: {}}
END
}

install_cert_manager() {
    local part
    rig_apply "$RENDERED/10-cert-manager.yaml"
    for part in cert-manager cert-manager-cainjector cert-manager-webhook; do
        wait_available cert-manager "$part" 120
    done
    wait_until 60 "cert-manager's webhook" webhook_answers
}

kserve_has_secret() { kube -n kserve get secret llmisvc-webhook-server-cert; }

has_ca_bundle() { # resource, JSON path
    [ -n "$(kube get "$1" -o "jsonpath=$2" 2>/dev/null)" ]
}

kserve_is_trusted() {
    local hook path='{.webhooks[0].clientConfig.caBundle}'
    for hook in mutatingwebhookconfiguration/llminferenceservice \
        validatingwebhookconfiguration/llminferenceservice \
        validatingwebhookconfiguration/llminferenceserviceconfig; do
        has_ca_bundle "$hook.serving.kserve.io" "$path" || return 1
    done
    path='{.spec.conversion.webhook.clientConfig.caBundle}'
    has_ca_bundle crd/llminferenceservices.serving.kserve.io "$path" &&
        has_ca_bundle crd/llminferenceserviceconfigs.serving.kserve.io "$path"
}

install_kserve_certificate() {
    rig_apply "$RENDERED/20-kserve-config.yaml"
    rig_apply "$RENDERED/21-kserve-certificate.yaml"
    wait_until 60 "KServe's webhook certificate" kserve_has_secret
}

install_kserve_controller() {
    rig_apply "$RENDERED/22-kserve-controller.yaml"
    wait_available kserve llmisvc-controller-manager 180
}

install_kserve_presets() {
    rig_apply "$RENDERED/23-kserve-webhooks.yaml"
    wait_until 60 "KServe's webhooks to be trusted" kserve_is_trusted
    rig_apply "$RENDERED/24-kserve-presets.yaml"
}

install_gateways() {
    rig_apply "$RENDERED/30-ai-gateway.yaml"
    rig_apply "$RENDERED/31-envoy-gateway.yaml"
    rig_apply manifests/gateway-classes.yaml
    wait_available envoy-ai-gateway-system ai-gateway-controller 120
    wait_available envoy-gateway-system envoy-gateway 180
}
