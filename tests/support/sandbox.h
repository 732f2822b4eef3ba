/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llmd-sandbox for C tests, as a process of its own. The program is that of the environment
 * variable LLMD_SANDBOX, which CTest sets.
 *
 *     struct sandbox_process *sandbox = sandbox_process_start((const char *const[]){
 *         "--profile", "ready", "--time-scale", "0.01", NULL});
 *     llmd_kube_open(sandbox_process_kubeconfig(sandbox), NULL, &kube);
 *     sandbox_process_command(sandbox, "faults",
 *                             "{\"match\":\"GET /api/v1/pods\",\"fault\":\"reset\",\"count\":2}");
 *     sandbox_process_stop(sandbox);
 *
 * It also ends with the test program. Commands: llmd-sandbox --help.
 */
#ifndef TESTS_SUPPORT_SANDBOX_H
#define TESTS_SUPPORT_SANDBOX_H

#include <stdbool.h>

struct sandbox_process;

/* arguments: NULL-ended, or NULL. NULL (and a line on stderr) when it did not start. */
struct sandbox_process *sandbox_process_start(const char *const *arguments);
void sandbox_process_stop(struct sandbox_process *sandbox);
const char *sandbox_process_kubeconfig(const struct sandbox_process *sandbox); /* path */
const char *sandbox_process_url(const struct sandbox_process *sandbox);        /* of the API */
/* POST /sandbox/COMMAND with this JSON (NULL: none); false unless it answers 200. Needs an API
   without TLS. */
bool sandbox_process_command(const struct sandbox_process *sandbox, const char *command,
                             const char *json);
/* One request by plain HTTP; the status (0: none), the body in *out for free(). out may be NULL. */
int sandbox_process_http(const char *method, const char *url, const char *type, const char *body,
                         char **out);
/* The same with a bearer token. */
int sandbox_process_http_as(const char *token, const char *method, const char *url,
                            const char *type, const char *body, char **out);
/* The answer to a request that was written whole: status and body of all that was received. */
int sandbox_process_answer(char *received, char **out);

#endif
