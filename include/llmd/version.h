/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file version.h
 * The version a program was compiled against, and the one it runs with.
 */
#ifndef LLMD_VERSION_H
#define LLMD_VERSION_H

#include <llmd/export.h>

LLMD_BEGIN

#define LLMD_VERSION_MAJOR 0
#define LLMD_VERSION_MINOR 1
#define LLMD_VERSION_PATCH 0
#define LLMD_VERSION "0.1.0"

/**
 * The version of the library that runs, such as "0.1.0". Compare with LLMD_VERSION.
 * @threads any
 * @since 0.1
 */
LLMD_API const char *llmd_version(void);

LLMD_END

#endif
