// SPDX-License-Identifier: Apache-2.0
// The endpoint picker that an InferencePool names.
module llmd.rig/epp

go 1.25.0

require sigs.k8s.io/gateway-api-inference-extension v1.5.0
