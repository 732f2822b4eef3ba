/* SPDX-License-Identifier: Apache-2.0 */
#include "support/golden.h"

#include "base/file.h"
#include "support/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void write_golden(const char *path, const char *text)
{
    size_t len = strlen(text);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fprintf(file, "%s%s", text, len && text[len - 1] == '\n' ? "" : "\n");
    fclose(file);
}

static void compare_lines(const char *path, const char *golden, const char *text)
{
    for (int line = 1; *golden || *text; line++) {
        size_t wanted = strcspn(golden, "\n"), found = strcspn(text, "\n");

        if (wanted != found || memcmp(golden, text, wanted) != 0)
            fail_msg("%s:%d: want \"%.*s\", got \"%.*s\" (LLMD_UPDATE_GOLDEN=1 writes it)", path,
                     line, (int)wanted, golden, (int)found, text);
        golden += wanted + (golden[wanted] == '\n');
        text += found + (text[found] == '\n');
    }
}

void golden_compare(const char *path, const char *text)
{
    struct buf golden = BUF_INIT;

    if (getenv("LLMD_UPDATE_GOLDEN"))
        write_golden(path, text);
    none(llmd__file_read(path, 1 << 20, &golden));
    compare_lines(path, llmd__buf_text(&golden), text);
    llmd__buf_free(&golden);
}
