/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H

/* Fails at the first line in which the file differs from the text. LLMD_UPDATE_GOLDEN=1 writes the
   file instead; its diff is for people to read. */
void golden_compare(const char *path, const char *text);

#endif
