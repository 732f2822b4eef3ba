// SPDX-License-Identifier: Apache-2.0
// DNS of the cluster.
module llmd.rig/coredns

go 1.25.0

require github.com/coredns/coredns v1.14.7
