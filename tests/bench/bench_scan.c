/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one chunk of a stream costs: the scanner beside cJSON alone and beside our strict shell over
 * it, in one run. Build with the release preset. Prints nanoseconds and the ratios.
 */
#include "openai/delta.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 50000

static const char chunk_text[] =
    "{\"id\":\"chatcmpl-8f14e45fceea167a5a36dedd4bea2543\",\"object\":\"chat.completion.chunk\","
    "\"created\":1764031000,\"model\":\"Qwen/Qwen2.5-3B\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}]}";

static size_t sum; /* keeps the compiler from dropping the work */

static void by_scan(void)
{
    struct chunk chunk;
    if (!llmd__scan(chunk_text, sizeof chunk_text - 1, &chunk))
        abort();
    sum += chunk.text.len;
}

static void by_delta(void)
{
    struct chunk chunk;
    llmd_delta *delta = NULL;
    if (!llmd__scan(chunk_text, sizeof chunk_text - 1, &chunk) ||
        llmd__delta_new(&chunk, chunk_text, sizeof chunk_text - 1, &delta))
        abort();
    sum += strlen(llmd_delta_text(delta));
    llmd_delta_free(delta);
}

static void by_cjson(void)
{
    cJSON *tree = cJSON_ParseWithLength(chunk_text, sizeof chunk_text - 1);
    const cJSON *choices = cJSON_GetObjectItemCaseSensitive(tree, "choices");
    const cJSON *delta = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(choices, 0), "delta");
    sum += strlen(cJSON_GetObjectItemCaseSensitive(delta, "content")->valuestring);
    cJSON_Delete(tree);
}

static void by_shell(void)
{
    struct json *tree = NULL;
    struct chunk chunk;
    llmd_error_free(llmd__json_parse(chunk_text, sizeof chunk_text - 1, "chunk", &tree));
    llmd__chunk_read(tree, llmd__json_first(llmd__json_member(tree, "choices")), &chunk);
    sum += chunk.text.len;
    llmd__json_free(tree);
}

/* The best of several, as the machine is shared. */
static double measure(void (*work)(void))
{
    double best = 1e18;
    for (int try = 0; try < 40; try++) {
        clock_t start = clock(); /* CPU time */
        for (int i = 0; i < ROUNDS; i++)
            work();
        double ns = (double)(clock() - start) * (1e9 / CLOCKS_PER_SEC) / ROUNDS;
        best = ns < best ? ns : best;
    }
    return best;
}

int main(void)
{
    double scan = measure(by_scan), delta = measure(by_delta);
    double cjson = measure(by_cjson), shell = measure(by_shell);
    printf("chunk of %zu bytes: scan %.0f ns, scan and delta %.0f ns, cJSON %.0f ns, "
           "strict JSON %.0f ns\n",
           sizeof chunk_text - 1, scan, delta, cjson, shell);
    printf("ratio cJSON/scan %.1f, strict JSON/scan %.1f\n", cjson / scan, shell / scan);
    return sum ? 0 : 1;
}
