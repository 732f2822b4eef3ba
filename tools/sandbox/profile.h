/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the profile gke that come to a managed cluster later. */
#ifndef SANDBOX_PROFILE_H
#define SANDBOX_PROFILE_H

struct sandbox;

void profile_add_classes(struct sandbox *sandbox);
void profile_add_gateway_api(struct sandbox *sandbox);

#endif
