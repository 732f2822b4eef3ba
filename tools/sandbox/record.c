/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/record.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static void add_headers(struct buf *line, const struct request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        bool secret = strcasecmp(request->headers[i].name, "Authorization") == 0;
        if (i)
            llmd__buf_char(line, ',');
        llmd__buf_json(line, request->headers[i].name);
        llmd__buf_char(line, ':');
        llmd__buf_json(line, secret ? "***" : request->headers[i].value);
    }
}

/* Forms to a token endpoint are secrets from end to end. */
static bool is_secret(const char *google)
{
    return google && (strncmp(google, "oauth2.", 7) == 0 || strncmp(google, "sts.", 4) == 0);
}

/* One write: several sandboxes may append to one file. */
static void append(int *file, const struct buf *line)
{
    if (*file >= 0 && write(*file, line->data, line->len) != (ssize_t)line->len)
        *file = -1;
}

void record_request(struct sandbox *sandbox, const struct request *request, const char *google,
                    int status)
{
    AUTO(buf) struct buf line = BUF_INIT;
    if (sandbox->record < 0 && (!google || sandbox->google_record < 0))
        return;
    llmd__buf_format(&line, "{\"t_ms\":%" PRId64 ",", llmd__clock_wall_ms());
    if (google)
        llmd__buf_format(&line, "\"google\":\"%s\",\"status\":%d,", google, status);
    llmd__buf_str(&line, "\"method\":");
    llmd__buf_json(&line, request->method);
    llmd__buf_str(&line, ",\"target\":");
    llmd__buf_json(&line, request->target);
    llmd__buf_str(&line, ",\"headers\":{");
    add_headers(&line, request);
    llmd__buf_str(&line, "},\"body\":");
    llmd__buf_json(&line, is_secret(google) ? "***" : request->body);
    llmd__buf_str(&line, "}\n");
    append(&sandbox->record, &line);
    if (google)
        append(&sandbox->google_record, &line);
}
