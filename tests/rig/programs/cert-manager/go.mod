// SPDX-License-Identifier: Apache-2.0
// The last release whose binaries are in the root module; 1.12 and later nest them.
module llmd.rig/cert-manager

go 1.24.0

require github.com/cert-manager/cert-manager v1.11.5

replace github.com/miekg/dns v1.1.41 => github.com/miekg/dns v1.1.34
