/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdio.h>

static void print_event(void *unused, const llmd_event *event)
{
    (void)unused;
    puts(llmd_event_json(event));
    fflush(stdout);
}

static void print_quoted(const char *text)
{
    putchar('"');
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            printf("\\u%04x", (unsigned char)*text);
        else
            putchar(*text);
    putchar('"');
}

int report_failure(llmd_error *error)
{
    printf("{\"error\":\"%s\",\"reason\":", llmd_code_name(llmd_error_code(error)));
    print_quoted(llmd_error_reason(error));
    printf(",\"message\":");
    print_quoted(llmd_error_message(error));
    printf(",\"advice\":");
    print_quoted(llmd_error_advice(error));
    puts("}");
    llmd_error_free(error);
    return 3;
}

llmd_error *report_run(llmd_context *ctx, llmd_error *made, llmd_task *task)
{
    llmd_error *error = made ? made : llmd_task_run(ctx, task, print_event, NULL);
    llmd_task_free(task);
    return error;
}
