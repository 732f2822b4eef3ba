/* SPDX-License-Identifier: Apache-2.0 */
/** @file llmd.h Everything. Each area header also stands alone. */
#ifndef LLMD_LLMD_H
#define LLMD_LLMD_H

#include <llmd/cluster.h>
#include <llmd/context.h>
#include <llmd/credentials.h>
#include <llmd/error.h>
#include <llmd/export.h>
#include <llmd/gateway.h>
#include <llmd/health.h>
#include <llmd/inference.h>
#include <llmd/kube.h>
#include <llmd/log.h>
#include <llmd/platform.h>
#include <llmd/service.h>
#include <llmd/task.h>
#include <llmd/version.h>

#endif
