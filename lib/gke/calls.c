/* SPDX-License-Identifier: Apache-2.0 */
#include "gke/calls.h"

#include "base/url.h"
#include "net/retry.h"

#include <string.h>

#define POLL_LEAST_MS 20 /* "Retry-After: 0" must not become a busy loop */

static void add_place(struct buf *path, const llmd_gke *gke, const char *kind)
{
    llmd__buf_str(path, "/v1/projects/");
    llmd__url_escape(path, llmd_gke_project(gke));
    llmd__buf_str(path, "/locations/");
    llmd__url_escape(path, llmd_gke_location(gke));
    llmd__buf_str(path, kind);
}

static void add_name(struct buf *path, const char *name)
{
    if (!*name)
        return;
    llmd__buf_char(path, '/');
    llmd__url_escape(path, name);
}

void llmd__cluster_path(struct buf *path, const llmd_gke *gke, const char *cluster,
                        const char *tail)
{
    llmd__buf_reset(path);
    add_place(path, gke, "/clusters");
    add_name(path, cluster);
    llmd__buf_str(path, tail);
}

void llmd__pool_path(struct buf *path, const llmd_gke *gke, const char *cluster, const char *pool,
                     const char *tail)
{
    llmd__cluster_path(path, gke, cluster, "/nodePools");
    add_name(path, pool);
    llmd__buf_str(path, tail);
}

void llmd__operation_path(struct buf *path, const llmd_gke *gke, const char *name)
{
    llmd__buf_reset(path);
    add_place(path, gke, "/operations");
    add_name(path, name);
}

void llmd__ask(struct step_action *action, const llmd_gke *gke, enum google_api api,
               const char *path)
{
    action->kind = ACTION_SEND;
    action->http = llmd__gke_http(gke, api);
    action->request = (struct http_request){.method = "GET",
                                            .path = path,
                                            .idempotent = true,
                                            .first_byte_timeout_ms = LLMD__READ_TIMEOUT_MS};
}

llmd_error *llmd__answer(const struct step_input *input, const char *what, struct json **out,
                         enum trouble *class)
{
    llmd_error *error;

    *out = NULL;
    *class = TROUBLE_TRANSIENT;
    if (input->kind == INPUT_ERROR)
        return llmd__error_wrap(llmd__error_copy(input->error), "%s", what);
    if (input->status / 100 != 2)
        return llmd__google_refusal(input->status, input->text, what, class);
    error = llmd__json_parse(input->text, input->text_len, what, out);
    return error ? llmd__error_set_code(error, LLMD_E_PROTOCOL) : NULL;
}

bool llmd__passes(const llmd_error *error, enum trouble class)
{
    switch (llmd_error_code(error)) {
    case LLMD_E_UNREACHABLE:
    case LLMD_E_TIMEOUT:
    case LLMD_E_PROTOCOL:
        return true;
    case LLMD_E_NO_MEMORY:
        return false;
    default:
        return llmd_error_http_status(error) >= 500 || class == TROUBLE_THROTTLED;
    }
}

int64_t llmd__poll_delay_ms(const struct step_input *input)
{
    int64_t wish = input->reply ? input->reply->retry_after_ms : -1;

    if (wish < 0)
        return LLMD__POLL_MS;
    if (wish > LLMD__RETRY_AFTER_MAX_MS)
        return LLMD__RETRY_AFTER_MAX_MS;
    return wish < POLL_LEAST_MS ? POLL_LEAST_MS : wish;
}

static bool aims_at(const struct json *operation, const char *target)
{
    const char *link = llmd__json_str(operation, "targetLink");
    size_t len = strlen(link), end = strlen(target);

    return len >= end && strcmp(link + len - end, target) == 0;
}

const struct json *llmd__running_operation(const struct json *list, const char *target)
{
    JSON_EACH(operation, llmd__json_member(list, "operations")) {
        if (aims_at(operation, target) && strcmp(llmd__json_str(operation, "status"), "DONE") != 0)
            return operation;
    }
    return NULL;
}

const struct json *llmd__busy_operation(const struct json *list, const char *target)
{
    JSON_EACH(operation, llmd__json_member(list, "operations")) {
        const char *found = strstr(llmd__json_str(operation, "targetLink"), target);
        char next = found ? found[strlen(target)] : 'x';

        if ((next == '\0' || next == '/') &&
            strcmp(llmd__json_str(operation, "status"), "DONE") != 0)
            return operation;
    }
    return NULL;
}

const struct json *llmd__last_operation(const struct json *list, const char *target,
                                        const char *type)
{
    const struct json *last = NULL;

    JSON_EACH(operation, llmd__json_member(list, "operations")) {
        if (!aims_at(operation, target) ||
            strcmp(llmd__json_str(operation, "operationType"), type) != 0)
            continue;
        /* RFC 3339 in UTC: the order of texts is that of time. */
        if (!last ||
            strcmp(llmd__json_str(operation, "startTime"), llmd__json_str(last, "startTime")) >= 0)
            last = operation;
    }
    return last;
}

/* ---- aggregated lists ---- */

static void add_hole(struct buf *out, const char *place, const char *region)
{
    const char *slash = strrchr(place, '/'), *name = slash ? slash + 1 : place;
    size_t len = strlen(region);

    if (strncmp(name, region, len) != 0 || (name[len] != '\0' && name[len] != '-') ||
        strstr(llmd__buf_text(out), place))
        return;
    llmd__buf_format(out, "%s%s", out->len ? ", " : "", place);
}

void llmd__list_holes(const struct json *page, const char *region, struct buf *out)
{
    JSON_EACH(place, llmd__json_member(page, "unreachables")) {
        add_hole(out, llmd__json_text(place), region);
    }
    JSON_EACH(scope, llmd__json_member(page, "items")) {
        if (strcmp(llmd__json_str(scope, "warning.code"), "UNREACHABLE") == 0)
            add_hole(out, llmd__json_key(scope), region);
    }
}
