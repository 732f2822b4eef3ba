/* SPDX-License-Identifier: Apache-2.0 */
#include "support/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void none(llmd_error *error)
{
    if (error)
        fail_msg("%s (%s; %s)", llmd_error_message(error), llmd_error_reason(error),
                 llmd_error_advice(error));
}
