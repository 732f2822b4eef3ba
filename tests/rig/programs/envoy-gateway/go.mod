// SPDX-License-Identifier: Apache-2.0
// The Gateway API implementation.
module llmd.rig/envoy-gateway

go 1.26.4

require github.com/envoyproxy/gateway v1.8.1
