// SPDX-License-Identifier: Apache-2.0

//go:build llmd_static

package raw

// #cgo pkg-config: llmd-static
import "C"
