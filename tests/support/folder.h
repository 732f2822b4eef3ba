/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own for one test program: cmocka group fixture, removed at the end. */
#ifndef TESTS_SUPPORT_FOLDER_H
#define TESTS_SUPPORT_FOLDER_H

#include <stddef.h>

int folder_set_up(void **state);
int folder_tear_down(void **state);

extern char folder[]; /* its path */
void folder_write(const char *name, const char *text, int mode);
void folder_script(const char *name, const char *body); /* run by sh */
size_t folder_size(const char *name);                   /* of a file; 0: none */

#endif
