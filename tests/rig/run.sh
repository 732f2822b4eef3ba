#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs a command inside the network namespace of the instance LLMD_RIG, with
# KUBECONFIG set and the rig's kubectl on the PATH: run.sh COMMAND…
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib/cache.sh"
. "$here/lib/instance.sh"

[ $# -gt 0 ] || die "usage: run.sh COMMAND…"
[ -e "$RIG_NETNS" ] || die "instance $RIG is not up"
PATH=$PATH:$(dirname "$(rig_bin kubernetes kubectl)")
export PATH LLMD_RIG=$RIG LLMD_RIG_RUN=$RIG_RUN
exec nsenter --net="$RIG_NETNS" -- "$@"
