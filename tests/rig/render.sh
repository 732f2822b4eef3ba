#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Writes the manifests of the platform, made from the very modules whose
# programs run, into a folder; their numbers are the order of applying:
#
#   render.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")"
. ./lib/cache.sh

join() { # files: one stream of documents
    local file
    for file in "$@"; do
        echo ---
        cat "$file"
    done
}

# Helm believes in the Kubernetes it was built for; ours has not started yet.
helm() { "$(rig_bin helm helm)" "$@" --kube-version v1.34.10; }

render_cert_manager() {
    local chart=$work/cert-manager
    cp -r "$(rig_manifests cert-manager chart)" "$chart"
    mv "$chart/Chart.template.yaml" "$chart/Chart.yaml"
    sed -i 's/^appVersion:.*/appVersion: v1.11.5/; s/^version:.*/version: v1.11.5/' "$chart/Chart.yaml"
    # The labels of the CRDs hold Helm's expressions.
    mkdir "$chart/templates/crds"
    cp "$(rig_manifests cert-manager crds)"/crd-*.yaml "$chart/templates/crds/"
    helm template cert-manager "$chart" --namespace cert-manager \
        --set startupapicheck.enabled=false --set installCRDs=true >"$work/cert-manager.yaml"
    { namespace cert-manager; cat "$work/cert-manager.yaml"; } >"$out/10-cert-manager.yaml"
}

# With a label: an object of which an apply owns nothing is changed by the second
# apply (its owner becomes "before-first-apply").
namespace() {
    printf 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: %s\n  labels: {llmd.rig/made: "yes"}\n' "$1"
}

render_gateway_crds() {
    local generated
    generated=$(rig_manifests envoy-gateway charts)/gateway-helm/charts/crds/crds/generated
    # Envoy Gateway's wish decides, whichever KServe it is.
    join "$(rig_manifests kserve gateway-api)"/*.yaml >"$out/00-gateway-api-crds.yaml"
    join "$generated"/*.yaml >"$out/02-envoy-gateway-crds.yaml"
    helm template crds "$(rig_manifests ai-gateway charts)/ai-gateway-crds-helm" \
        >"$out/03-ai-gateway-crds.yaml"
}

# The policy of Gateway API's CRDs comes with those, and has one owner.
without_policies() { awk 'BEGIN {RS = "---\n"; ORS = RS} !/(^|\n)kind: ValidatingAdmissionPolicy/'; }

render_envoy_gateway() {
    local chart=$work/envoy-gateway
    cp -r "$(rig_manifests envoy-gateway charts)/gateway-helm" "$chart"
    sed 's|${GatewayImage}|docker.io/envoyproxy/gateway:v1.8.1|; s|${GatewayImagePullPolicy}|IfNotPresent|' \
        "$chart/values.tmpl.yaml" >"$chart/values.yaml"
    { namespace envoy-gateway-system
      helm template eg "$chart" --namespace envoy-gateway-system --skip-crds \
          -f manifests/envoy-gateway-values.yaml | without_policies; } >"$out/31-envoy-gateway.yaml"
}

render_ai_gateway() {
    # It brings the right to list InferencePools, without which Envoy Gateway
    # fails its health check: so it comes first.
    { namespace envoy-ai-gateway-system
      helm template aieg "$(rig_manifests ai-gateway charts)/ai-gateway-helm" \
          --namespace envoy-ai-gateway-system --set controller.image.tag=v1.0.0 \
          --set controller.leaderElection.enabled=false; } >"$out/30-ai-gateway.yaml"
}

main() {
    out=${1:?usage: render.sh FOLDER}
    mkdir -p "$out"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    render_gateway_crds
    render_cert_manager
    render_envoy_gateway
    render_ai_gateway
    python3 split_manifests.py "$(rig_manifests "$KSERVE" install)" "$out"
    # As released, for who splits it himself.
    mkdir -p "$out/kserve-release"
    cp "$(rig_manifests "$KSERVE" install)"/{kserve,kserve-cluster-resources}.yaml \
        "$out/kserve-release/"
}

main "$@"
