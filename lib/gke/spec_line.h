/* SPDX-License-Identifier: Apache-2.0 */
/* Where in its text a spec is at fault whose members do not fit together. Pure. */
#ifndef LLMD_GKE_SPEC_LINE_H
#define LLMD_GKE_SPEC_LINE_H

#include "base/json.h"

/* "WHAT: nodePools[0]: minNodes: 4 is more ..." becomes "WHAT:5: nodePools[0].minNodes: 4 is more
   ..." with the line of the source's deepest value that the message names. Other messages stay, as
   those that have a line. Takes the error; NULL gives NULL. */
llmd_error *llmd__error_with_line(llmd_error *error, const char *what, const struct json *source);

#endif
