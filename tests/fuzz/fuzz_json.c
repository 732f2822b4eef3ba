/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is read prints as text that reads back as the same tree, and prints the same again. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(json) struct json *json = NULL;
    AUTO(json) struct json *again = NULL;
    AUTO(str) char *text = NULL;
    AUTO(str) char *second = NULL;
    AUTO(error) llmd_error *error = llmd__json_parse((const char *)data, size, "fuzz", &json);

    if (error)
        return 0;
    if (llmd__json_print(json, &text) || llmd__json_parse(text, strlen(text), "printed", &again) ||
        llmd__json_print(again, &second))
        abort();
    if (!llmd__json_equal(json, again) || strcmp(text, second) != 0)
        abort();
    return 0;
}
