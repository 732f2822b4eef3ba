// SPDX-License-Identifier: Apache-2.0
// Teaches Envoy Gateway the InferencePool.
module llmd.rig/ai-gateway

go 1.26.4

require github.com/envoyproxy/ai-gateway v1.0.0
