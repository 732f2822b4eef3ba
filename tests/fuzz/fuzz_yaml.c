/* SPDX-License-Identifier: Apache-2.0 */
/* What YAML gives is JSON: it prints as text that the JSON parser reads as the same tree. */
#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(str) char *yaml = llmd__strndup((const char *)data, size);
    AUTO(json) struct json *documents = NULL;
    AUTO(json) struct json *again = NULL;
    AUTO(str) char *text = NULL;
    AUTO(error) llmd_error *error = llmd__yaml_parse_all(yaml, "fuzz", &documents);

    if (error)
        return 0;
    if (llmd__json_print(documents, &text))
        abort();
    /* The list of documents is one level more than a document may have. */
    AUTO(error) llmd_error *deep = llmd__json_parse(text, strlen(text), "printed", &again);
    if (llmd_error_code(deep) == LLMD_E_TOO_LARGE)
        return 0;
    if (deep || !llmd__json_equal(documents, again))
        abort();
    return 0;
}
