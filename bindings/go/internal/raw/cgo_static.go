// SPDX-License-Identifier: Apache-2.0

//go:build llmd_static

package raw

// libllmd.a itself is linked statically; what it needs stays shared where the system has no
// archives (Debian has none of cJSON).

// #cgo pkg-config: --static llmd
// #cgo LDFLAGS: -Wl,-Bstatic -lllmd -Wl,-Bdynamic
import "C"
