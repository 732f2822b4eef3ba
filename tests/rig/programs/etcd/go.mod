// SPDX-License-Identifier: Apache-2.0
// The store of the API server.
module llmd.rig/etcd

go 1.25.0

require go.etcd.io/etcd/server/v3 v3.6.14
