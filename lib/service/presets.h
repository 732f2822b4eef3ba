/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of hardware needs. Pure; the sources are named at the rows. */
#ifndef LLMD_SERVICE_PRESETS_H
#define LLMD_SERVICE_PRESETS_H

#include "service/spec.h"

enum preset_kind { PRESET_PLAIN, PRESET_TPU, PRESET_GPU, PRESET_SIMULATOR };

struct preset {
    const char *name;
    enum preset_kind kind;
    const char *machine;  /* GKE's machine type, for messages */
    const char *resource; /* "google.com/tpu", or NULL */
    int chips;
    const char *selector; /* "key=value,key=value" as GKE labels its nodes, or NULL */
    const char *image;    /* NULL: KServe's own */
    const char *env;      /* "NAME=value;NAME=value", or NULL */
    const char *args;     /* space-separated, or NULL */
    const char *doc;
};

#define LLMD__PRESET_NAMES                                                                         \
    "tpu-v6e-1t|tpu-v6e-4t|tpu-v6e-8t|nvidia-l4|nvidia-h100|nvidia-t4|cpu|simulator"

/* NULL name: the plain one, which adds nothing. NULL: no such preset. */
const struct preset *llmd__preset(const char *name);
/* What this preset and image forbid, before anything is sent. */
llmd_error *llmd__preset_check(const struct preset *preset, const llmd_service_spec *spec);

#endif
