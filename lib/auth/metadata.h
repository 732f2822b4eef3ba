/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata server of Google's machines, which also GKE pods and Cloud Run see. */
#ifndef LLMD_AUTH_METADATA_H
#define LLMD_AUTH_METADATA_H

#include "auth/access_token.h"

/* Where Linux tells who made the machine. */
#define METADATA_DMI "/sys/class/dmi/id/product_name"

/* Whether there is one. Otherwise `why` gets the words that say how we know. */
llmd_error *llmd__metadata_detect(llmd_context *ctx, const char *dmi_path, bool *found,
                                  struct buf *why);

struct metadata_about {
    char *project;
    char *email; /* "" where no service account is attached */
    char *universe;
};
void llmd__metadata_about_free(struct metadata_about *about);

/* Asks it who we are. */
llmd_error *llmd__metadata_open(llmd_context *ctx, struct metadata_about *about,
                                struct token_source *out);
/* "http://HOST" by the environment. NULL without memory. */
char *llmd__metadata_url(void);

#endif
