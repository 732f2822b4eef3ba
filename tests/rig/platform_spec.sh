#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Prints the platform spec of the rig, by the rendered manifests of a folder:
# platform_spec.sh FOLDER
#
# The images are on the node; gateway controllers are the rig's own, installed apart.
set -euo pipefail
folder=$(realpath "${1:?usage: platform_spec.sh FOLDER}")
cat <<END
gatewayApi: {bundle: $folder/00-gateway-api-crds.yaml}
certManager: {bundle: $folder/10-cert-manager.yaml}
kserve: {bundle: $folder/kserve-release}
leaderWorkerSet: {install: never}
gatewayController: {install: never}
imagePullPolicy: IfNotPresent
END
