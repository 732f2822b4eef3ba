/* SPDX-License-Identifier: Apache-2.0 */
/* What a container would do, judged from its image and arguments. Pure. */
#ifndef SANDBOX_CONTAINERS_H
#define SANDBOX_CONTAINERS_H

#include "base/json.h"

#include <stdbool.h>

/* The flag that vLLM would refuse, or NULL. */
const char *unknown_vllm_flag(const struct json *container);
/* The plugin that an endpoint picker would refuse, or NULL; to be freed with llmd__free. */
char *unknown_picker_plugin(const struct json *container);
/* Why this container ends soon after its start; NULL: it stays. llmd__ memory. */
char *container_failure(const struct json *container, int *exit_code);
bool container_ends_at_once(const struct json *container);
/* The value of "--flag value" or "--flag=value" in command and args; NULL when absent. */
const char *container_flag(const struct json *container, const char *flag);
/* The names that a model server in it answers to; at least one. */
struct json *served_names(const struct json *container, const char *otherwise);
/* Its log: `lines` grows with its age. failure NULL: it goes well. */
void container_log(const struct json *container, const char *failure, bool ready, struct buf *out);

#endif
