# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Where the programs of the rig are kept, and how a run speaks. Sourced.

RIG_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
RIG_CACHE=${LLMD_RIG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/llmd-rig}

# LLMD_RIG_KSERVE=0.19.0 takes another release of KServe than the usual one, from programs/kserve-0.19.0.
KSERVE_VERSION=${LLMD_RIG_KSERVE:-0.20.0}
KSERVE=kserve${LLMD_RIG_KSERVE:+-$LLMD_RIG_KSERVE}

# Built in this order: what the first stage needs comes first.
RIG_PROGRAMS=(kubernetes etcd kwok cert-manager "$KSERVE" envoy-gateway ai-gateway epp coredns helm)
RIG_BUILD_VERSION=1         # raise it when programs.sh builds differently

say() { printf '%s\n' "$*"; }
die() { printf 'rig: %s\n' "$*" >&2; exit 1; }

cache_entry() { # program: the folder of exactly these versions
    local folder=$RIG_DIR/programs/$1 hash
    [ -f "$folder/go.mod" ] || die "no program called $1"
    hash=$({ echo "$RIG_BUILD_VERSION"; cat "$folder/go.mod" "$folder/go.sum" "$folder/program"; } |
        sha256sum | cut -c1-12)
    echo "$RIG_CACHE/$1-$hash"
}

rig_bin() { # program, binary
    echo "$(cache_entry "$1")/bin/$2"
}

rig_manifests() { # program, folder
    echo "$(cache_entry "$1")/manifests/$2"
}
