/* SPDX-License-Identifier: Apache-2.0 */
/* Where Application Default Credentials are, in Google's order. */
#ifndef LLMD_AUTH_ADC_H
#define LLMD_AUTH_ADC_H

#include "base/buf.h"

#include <llmd/context.h>

enum adc_kind { ADC_TOKEN, ADC_TOKEN_FILE, ADC_FILE, ADC_METADATA };

struct adc {
    enum adc_kind kind;
    char *value;       /* the token, or the file's path; wiped */
    const char *place; /* what told of it, "" for a file in its usual place */
};

/* NOT_FOUND with all places that were looked at. dmi_path: see metadata.h. */
llmd_error *llmd__adc_find(llmd_context *ctx, const char *dmi_path, struct adc *out);
void llmd__adc_free(struct adc *adc);

#endif
