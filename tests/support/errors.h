/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_ERRORS_H
#define TESTS_SUPPORT_ERRORS_H

#include <llmd/error.h>

void none(llmd_error *error); /* fails the test, with all that the error says */

#endif
