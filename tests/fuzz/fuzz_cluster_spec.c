/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster spec that is taken prints as one that is taken and prints the same; its bodies either
   come out or are refused. */
#include <llmd/cluster.h>

#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const llmd_cluster_spec *spec)
{
    llmd_cluster_spec *again = NULL;
    char *first = NULL, *second = NULL, *manifest = NULL;

    if (llmd_cluster_spec_json(spec, &first) || llmd_cluster_spec_parse(first, &again) ||
        llmd_cluster_spec_json(again, &second) || strcmp(first, second) != 0)
        abort();
    llmd_error *error = llmd_cluster_spec_manifest(spec, "p", "europe-west4-a", &manifest);
    if (!error != !!manifest)
        abort();
    llmd_error_free(error);
    llmd_free(first);
    llmd_free(second);
    llmd_free(manifest);
    llmd_cluster_spec_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    llmd_cluster_spec *spec = NULL;
    AUTO(str) char *text = llmd__strndup((const char *)data, size);
    llmd_error *error = llmd_cluster_spec_parse(text, &spec);

    if (!error != !!spec)
        abort();
    if (spec)
        check(spec);
    llmd_error_free(error);
    llmd_cluster_spec_free(spec);
    return 0;
}
