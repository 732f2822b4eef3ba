/* SPDX-License-Identifier: Apache-2.0 */
#include "base/url.h"
#include "kube/watch_turn.h"

#define PAGE 500 /* kubectl's chunk */
/* The server ends a watch after this time, and sends a bookmark just before: the version that we
   resume from stays younger than the five minutes of history that etcd keeps. */
#define STREAM_S 55
#define FIRST_BYTE_MS 60000

#define METADATA "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define METADATA_LIST "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

static const char *accept_of(const struct watch *watch, enum action_kind kind)
{
    if (!watch->wish.metadata_only)
        return NULL;
    return kind == ACTION_STREAM ? METADATA : METADATA_LIST;
}

static llmd_error *request(const struct turn *turn, enum watch_phase phase, enum action_kind kind,
                           const char *query)
{
    struct watch *watch = turn->watch;

    llmd__buf_reset(&watch->path);
    llmd__resource_path(&watch->path, &watch->resource, watch->ns, NULL, NULL, query);
    llmd__resource_selectors(&watch->path, watch->labels, watch->fields);
    TRY(llmd__buf_check(&watch->path));
    watch->phase = phase;
    turn->action->kind = kind;
    turn->action->http = llmd__kube_http(watch->kube);
    turn->action->request = (struct http_request){.method = "GET",
                                                  .path = watch->path.data,
                                                  .accept = accept_of(watch, kind),
                                                  .idempotent = true,
                                                  .no_retry = true,
                                                  .first_byte_timeout_ms = FIRST_BYTE_MS};
    return NULL;
}

llmd_error *llmd__watch_list(const struct turn *turn)
{
    AUTO(buf) struct buf query = BUF_INIT;

    llmd__buf_format(&query, "limit=%d", PAGE);
    if (turn->watch->page_token) {
        llmd__buf_str(&query, "&continue=");
        llmd__url_escape(&query, turn->watch->page_token);
    } else {
        turn->watch->round++;
    }
    TRY(llmd__buf_check(&query));
    turn->watch->wake_ms = 0;
    return request(turn, LISTING, ACTION_SEND, llmd__buf_text(&query));
}

llmd_error *llmd__watch_stream(const struct turn *turn)
{
    AUTO(buf) struct buf query = BUF_INIT;

    llmd__buf_str(&query, "watch=1&allowWatchBookmarks=true&resourceVersion=");
    llmd__url_escape(&query, turn->watch->version);
    llmd__buf_format(&query, "&timeoutSeconds=%d", STREAM_S + (int)(turn->now_ms % 10));
    TRY(llmd__buf_check(&query));
    turn->watch->had_line = false;
    turn->watch->opened_ms = turn->now_ms;
    turn->watch->wake_ms = turn->now_ms + WATCH_STALL_MS;
    return request(turn, STREAMING, ACTION_STREAM, llmd__buf_text(&query));
}
