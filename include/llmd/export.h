/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file export.h
 * Marks used by every public header, and the sentences that hold for the whole API.
 *
 * - Arguments are read during the call only.
 * - What arrives through `out` is yours to free, and `*out` is set to NULL first.
 * - A `const char *` belongs to the object you asked; it is "" when there is nothing, never NULL.
 * - A NULL context means no deadline and no cancellation.
 *
 * Every fallible function returns an owned `llmd_error *`, NULL on success. Every one of them can
 * return LLMD_E_NO_MEMORY and, for a NULL or unusable argument, LLMD_E_INVALID; the lists at the
 * functions do not repeat these two.
 */
#ifndef LLMD_EXPORT_H
#define LLMD_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(SWIG)
#define LLMD_API
#define LLMD_CHECKED
#elif defined(__GNUC__)
/** Exported from the shared library. */
#define LLMD_API __attribute__((visibility("default")))
/** Exported, and the result must be looked at; to discard it: llmd_error_free(call). */
#define LLMD_CHECKED __attribute__((visibility("default"), warn_unused_result))
#else
#define LLMD_API
#define LLMD_CHECKED
#endif

#ifdef __cplusplus
#define LLMD_BEGIN extern "C" {
#define LLMD_END }
#else
#define LLMD_BEGIN
#define LLMD_END
#endif

#if defined(__GNUC__) && !defined(SWIG)
/**
 * Frees an object when the scope ends (gcc and clang): `LLMD_AUTO(llmd_kube) kube = NULL;` declares
 * an `llmd_kube *` on which llmd_kube_free() is called at the end of the block.
 */
#define LLMD_AUTO(type) __attribute__((cleanup(type##_auto_))) type *
/** Used once per opaque type by the headers, for LLMD_AUTO. */
#define LLMD_DEFINE_AUTO(type)                                                                     \
    static inline __attribute__((unused)) void type##_auto_(type **object)                         \
    {                                                                                              \
        type##_free(*object);                                                                      \
    }
#else
#define LLMD_DEFINE_AUTO(type)
#endif

LLMD_BEGIN

/**
 * Frees text that a function gave through `char **out`. NULL is allowed.
 * @threads any
 * @since 0.1
 */
LLMD_API void llmd_free(char *text);

LLMD_END

#endif
