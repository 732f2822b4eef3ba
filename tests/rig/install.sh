#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Brings what the rig needs from Debian: install.sh [api|full|vllm]
# Services of these packages are never started: the rig runs its own copies
# inside its own network namespace.
set -euo pipefail
cd "$(dirname "$0")"
. ./lib/cache.sh

api_packages=(iproute2 util-linux openssl curl python3 procps git ca-certificates)
full_packages=(containerd runc containernetworking-plugins nftables iptables conntrack
    docker-registry skopeo apache2-utils python3-venv kmod gcc libc6-dev)

wanted() {
    echo "${api_packages[@]}"
    [ "$1" = api ] || echo "${full_packages[@]}"
    [ "$1" != vllm ] || echo libnuma1
}

missing_of() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || echo "$package"
    done
}

policy=/usr/sbin/policy-rc.d
made_policy=
forbid_service_starts() {
    [ -e "$policy" ] && return
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    made_policy=yes
}
allow_service_starts() { [ -z "$made_policy" ] || rm -f "$policy"; }

# Packages that we brought stay quiet at the next boot as well; what was on the
# machine before stays as it was.
disable_units() {
    [ -d /run/systemd/system ] || return 0
    local unit
    for unit in containerd docker-registry; do
        [[ " $* " == *" $unit "* ]] && systemctl disable --now "$unit" >/dev/null 2>&1 || true
    done
}

main() {
    local stage=${1:-full} missing
    # shellcheck disable=SC2046
    mapfile -t missing < <(missing_of $(wanted "$stage"))
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || die "root is needed to install: ${missing[*]}"
    say "apt-get install ${missing[*]}"
    trap allow_service_starts EXIT
    forbid_service_starts
    local options=(-q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)
    export DEBIAN_FRONTEND=noninteractive
    # One update, as lists may be absent on a fresh image.
    apt-get "${options[@]}" update >/dev/null
    apt-get "${options[@]}" install --no-install-recommends "${missing[@]}" >/dev/null
    disable_units "${missing[@]}"
}

main "$@"
