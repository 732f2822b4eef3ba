# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Two registries inside the namespace, so that a pull fails as it does in the
# world: an open one stands for all names (404), a closed one for
# private.rig (401). Sourced.

REGISTRY=$RIG_RUN/registry
OPEN_REGISTRY=$RIG_NODE_IP:5001
CLOSED_REGISTRY=$RIG_NODE_IP:5000
REGISTRY_USER=rig

registry_config() { # name, address, more lines
    cat >"$REGISTRY/$1.yml" <<END
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: "$REGISTRY/$1"}
http: {addr: "$2"}
$3
END
}

host_config() { # folder, address
    mkdir -p "$RIG_RUN/node/registries/$1"
    cat >"$RIG_RUN/node/registries/$1/hosts.toml" <<END
server = "http://$2"
[host."http://$2"]
  capabilities = ["pull", "resolve"]
END
}

start_registries() {
    mkdir -p "$REGISTRY"
    openssl rand -hex 12 >"$REGISTRY/password"
    htpasswd -Bbn "$REGISTRY_USER" "$(cat "$REGISTRY/password")" >"$REGISTRY/htpasswd" 2>/dev/null
    registry_config open "$OPEN_REGISTRY" ""
    registry_config closed "$CLOSED_REGISTRY" \
        "auth: {htpasswd: {realm: rig, path: \"$REGISTRY/htpasswd\"}}"
    host_config _default "$OPEN_REGISTRY"
    host_config private.rig "$CLOSED_REGISTRY"
    start_daemon registry-open docker-registry serve "$REGISTRY/open.yml"
    start_daemon registry-closed docker-registry serve "$REGISTRY/closed.yml"
    wait_until 10 "open registry" in_rig curl -sf "http://$OPEN_REGISTRY/v2/"
    wait_until 10 "closed registry" in_rig curl -s "http://$CLOSED_REGISTRY/v2/"
}

push_closed() { # archive, name below private.rig/
    in_rig skopeo copy --insecure-policy -q --dest-tls-verify=false \
        --dest-creds "$REGISTRY_USER:$(cat "$REGISTRY/password")" \
        "oci-archive:$1" "docker://$CLOSED_REGISTRY/$2"
}
