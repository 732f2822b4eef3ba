// SPDX-License-Identifier: Apache-2.0

package raw

/*
// What SWIG writes is not ours to keep free of warnings.
#cgo CFLAGS: -w
#include <llmd/llmd.h>
#include <stdint.h>
#include <stdlib.h>

#if LLMD_VERSION_MAJOR != 0 || LLMD_VERSION_MINOR < 1
#error "this Go package needs libllmd 0.1 or a later 0.x; see llmd/version.h and pkg-config llmd"
#endif

// Only there when the library is linked statically; the tests count with it.
extern int64_t llmd__alloc_live(void) __attribute__((weak));

static int64_t live_allocations(void)
{
    return llmd__alloc_live ? llmd__alloc_live() : -1;
}
static const char *text_at(uintptr_t address)
{
    return (const char *)address;
}
static void free_at(uintptr_t address)
{
    free((void *)address);
}
*/
import "C"

import "unsafe"

// NewText copies a Go string into C memory; FreeText frees it.
func NewText(text string) uintptr { return uintptr(unsafe.Pointer(C.CString(text))) }

// FreeText frees what NewText made; 0 is allowed.
func FreeText(address uintptr) { C.free_at(C.uintptr_t(address)) }

// Text copies a C string.
func Text(address uintptr) string { return C.GoString(C.text_at(C.uintptr_t(address))) }

// LiveAllocations is how many blocks the library holds; -1 with a shared library.
func LiveAllocations() int64 { return int64(C.live_allocations()) }
