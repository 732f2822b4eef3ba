# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What a test looks at on a running instance. Sourced after instance.sh.

wait_for() { # seconds, command…
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || { "$@"; return 1; }
        sleep 0.5
    done
}

# Reads to the end: a writer whose reader left early would fail.
has() { grep -F -- "$1" >/dev/null; }

apply_file() { kube apply --server-side --force-conflicts -f "$1"; }

url_of() { # service
    kube -n llm get llminferenceservice "$1" -o 'jsonpath={.status.url}'
}

answer_contains() { # service, path, text
    in_rig curl -s -m 5 "$(url_of "$1")$2" | has "$3"
}

pods_of() { # service, more arguments of kubectl
    local name=$1
    shift
    kube -n llm get pods -l "app.kubernetes.io/name=$name" "$@"
}

no_pods_of() { [ -z "$(pods_of "$1" -o name)" ]; }
