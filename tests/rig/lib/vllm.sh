# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Real vLLM as a pod: its image holds only mount points, the program and the
# model come from the machine. Sourced.

VLLM_IMAGE=rig.local/vllm-host:0.32.0

# On the node /opt/vllm is the cache entry, whatever its path on the machine.
mount_vllm() {
    local opt=$NODE/opt
    in_node test ! -e /opt/vllm/complete || return 0
    mkdir -p "$opt/vllm"
    in_node mount --bind "$(./vllm.sh path)" "$opt/vllm"
    in_node mount --rbind "$opt" /opt
}

prepare_vllm() {
    mount_vllm
    import_image "$VLLM_IMAGE" --user 0 --bare \
        --dir usr --dir etc --dir opt/vllm --dir mnt/models \
        --dir home --dir root --dir run --dir var/run --dir var/tmp --dir dev --dir proc --dir sys \
        --link lib=usr/lib --link lib64=usr/lib64 --link bin=usr/bin --link sbin=usr/sbin
}
