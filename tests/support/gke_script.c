/* SPDX-License-Identifier: Apache-2.0 */
#include "support/gke_script.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct server *server;
struct log told;

int gke_script_set_up(void **state)
{
    (void)state;
    server = server_start(NULL, NULL);
    assert_non_null(server);
    return setenv("LLMD_GOOGLE_URL", server_url(server), 1);
}

int gke_script_tear_down(void **state)
{
    (void)state;
    clear(&told);
    server_stop(server);
    return 0;
}

llmd_error *open_gke(llmd_gke **out)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;

    TRY(llmd_credentials_from_token("secret", &credentials));
    return llmd_gke_open(credentials, "p", "europe-west4-a", out);
}

llmd_error *drive(llmd_task *task, llmd_event_fn on_event)
{
    LLMD_AUTO(llmd_context) ctx = llmd_context_new();
    llmd_error *error;

    llmd_context_set_timeout_ms(ctx, 30000);
    error = llmd_task_run(ctx, task, on_event, &told);
    llmd_task_free(task);
    return error;
}
