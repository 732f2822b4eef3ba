// SPDX-License-Identifier: Apache-2.0
// Renders the charts of cert-manager and the gateways.
module llmd.rig/helm

go 1.26.0

require helm.sh/helm/v3 v3.21.4
