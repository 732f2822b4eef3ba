// SPDX-License-Identifier: Apache-2.0
// Fake nodes of any size, beside the one real node.
module llmd.rig/kwok

go 1.26.0

require sigs.k8s.io/kwok v0.8.0
