/* SPDX-License-Identifier: Apache-2.0 */
#include "support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPLATE "/tmp/llmd-test-XXXXXX"

char folder[] = TEMPLATE;

void folder_write(const char *name, const char *text, int mode)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, (mode_t)mode);
}

void folder_script(const char *name, const char *body)
{
    char text[4096];

    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", body);
    folder_write(name, text, 0755);
}

size_t folder_size(const char *name)
{
    char path[256];
    struct stat info;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &info) ? 0 : (size_t)info.st_size;
}

int folder_set_up(void **state)
{
    (void)state;
    memcpy(folder, TEMPLATE, sizeof TEMPLATE);
    return mkdtemp(folder) ? 0 : -1;
}

static int drop(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

int folder_tear_down(void **state)
{
    (void)state;
    return nftw(folder, drop, 16, FTW_DEPTH | FTW_PHYS);
}
