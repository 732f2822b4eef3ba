/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public headers, lower ones first. export.h must come before all others: SWIG does not follow
 * nested #include lines and would stop at the first LLMD_BEGIN.
 */
%include "llmd/export.h"
%include "llmd/version.h"
%include "llmd/error.h"
%include "llmd/context.h"
%include "llmd/log.h"
%include "llmd/task.h"
%include "llmd/credentials.h"
%include "llmd/kube.h"
%include "llmd/cluster.h"
%include "llmd/platform.h"
%include "llmd/gateway.h"
%include "llmd/inference.h"
%include "llmd/service.h"
%include "llmd/health.h"
