#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# gcloud drives the sandbox, where it is installed. Usage: control_gcloud.sh URL CREDENTIALS
set -uo pipefail
url="$1"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
failed=0

# Its settings come from the environment alone, and every API is the sandbox's.
export CLOUDSDK_CONFIG="$work/config" KUBECONFIG="$work/kubeconfig"
export CLOUDSDK_CORE_PROJECT=my-project CLOUDSDK_CORE_DISABLE_PROMPTS=1
export CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=1
export CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER="$url/"
export CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE="$url/compute/v1/"
export CLOUDSDK_API_ENDPOINT_OVERRIDES_SERVICEUSAGE="$url/"
export CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER="$url/"
export CLOUDSDK_AUTH_ACCESS_TOKEN_FILE="$work/token"
curl -s -H 'Metadata-Flavor: Google' \
    "$url/computeMetadata/v1/instance/service-accounts/default/token" |
    sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p' >"$work/token"

check() { # name, command
    local name="$1"
    shift
    if "$@" >"$work/out" 2>&1; then echo "ok google gcloud $name"
    else
        echo "not ok google gcloud $name"
        tail -n 20 "$work/out" | sed 's/^/    /'
        failed=1
    fi
}
refused() { # words, command
    local words="$1"
    shift
    ! "$@" >"$work/refusal" 2>&1 && grep -q "$words" "$work/refusal"
}
zone=(--zone europe-west4-a)
gke() { gcloud container "$@" "${zone[@]}"; }
fault() { curl -s -o /dev/null -d "$1" "$url/sandbox/faults"; }

check create gke clusters create gcloud --num-nodes 1
check exists refused 'Already exists' gke clusters create gcloud --num-nodes 1
check list gke clusters list
fault '{"fault":"tpu-quota"}'
check 'TPU quota' refused TPUS_PER_TPU_FAMILY gke node-pools create tpu --cluster gcloud \
    --machine-type ct6e-standard-1t --num-nodes 1
curl -s -o /dev/null -d '{}' "$url/sandbox/faults/clear"
check pool gke node-pools create tpu --cluster gcloud --machine-type ct6e-standard-1t --num-nodes 1
check delete gke clusters delete gcloud
exit $failed
