/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cloud.h"

#include "support/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void temporary(char *path, size_t size, const char *what)
{
    int fd;

    snprintf(path, size, "/tmp/llmd-%s-XXXXXX", what);
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

static void open_place(struct cloud *google, const char *location)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;

    assert_int_equal(setenv("LLMD_GOOGLE_URL", sandbox_process_url(google->sandbox), 1), 0);
    none(llmd_credentials_google(NULL, google->credentials, &credentials));
    none(llmd_gke_open(credentials, "my-project", location, &google->gke));
}

struct cloud *cloud_start(const char *location, const char *time_scale)
{
    struct cloud *google = calloc(1, sizeof(*google));

    assert_non_null(google);
    temporary(google->record, sizeof(google->record), "record");
    temporary(google->credentials, sizeof(google->credentials), "adc");
    google->sandbox = sandbox_process_start(
        (const char *const[]){"--google", "--google-credentials", google->credentials, "--record",
                              google->record, "--time-scale", time_scale, NULL});
    assert_non_null(google->sandbox);
    open_place(google, location);
    return google;
}

void cloud_stop(struct cloud *google)
{
    llmd_gke_free(google->gke);
    sandbox_process_stop(google->sandbox);
    unlink(google->record);
    unlink(google->credentials);
    free(google);
}

void cloud_fault(const struct cloud *google, const char *name, const char *match, int number)
{
    char json[256];

    snprintf(json, sizeof(json), "{\"fault\":\"%s\",\"match\":\"%s\",\"number\":%d}", name, match,
             number);
    assert_true(sandbox_process_command(google->sandbox, "faults", json));
}

void cloud_no_faults(const struct cloud *google)
{
    assert_true(sandbox_process_command(google->sandbox, "faults/clear", NULL));
}

int cloud_ask(const struct cloud *google, enum google_api api, const char *method, const char *path,
              const char *body, char **out)
{
    /* Somebody else's request: the library is not held to what it says. */
    static const char *const headers[] = {"User-Agent: test/1", NULL};
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    struct http_request request = {.method = method,
                                   .path = path,
                                   .headers = headers,
                                   .body = body,
                                   .body_len = body ? strlen(body) : 0,
                                   .content_type = body ? "application/json" : NULL};

    none(llmd__http_send(NULL, llmd__gke_http(google->gke, api), &request, &reply));
    if (out)
        none(llmd__buf_take(&reply.body, out));
    return reply.status;
}
