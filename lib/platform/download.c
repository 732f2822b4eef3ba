/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/download.h"

#include "platform/bundle_text.h"
#include "platform/store.h"

#include "base/environment.h"
#include "base/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE ((size_t)64 << 20)
#define PIECE ((size_t)1 << 20)
#define SILENCE_MS 30000 /* a server that says nothing for so long is away */
/* A download gives up early, whatever the deadline: what came is kept, so that the next one goes
   on. The waits between the tries of one piece add up to 1.3 s. */
#define TRIES 4
#define FIRST_WAIT_MS 100

struct download {
    struct bundle bundle;
    struct download_user user;
    char *ca;
    size_t index; /* of the file */
    struct buf text;
    struct cache_part part;
    struct http *http; /* of the file's host */
    int64_t total;     /* 0: not known */
    bool again;        /* it had the wrong digest once */
    int tries;         /* of this piece that failed */
    char range[64];
    const char *headers[3];
};

static void download_free(void *state)
{
    struct download *download = state;

    llmd__cache_close(&download->part);
    llmd__http_put(download->http);
    llmd__buf_free(&download->text);
    llmd__bundle_free(&download->bundle);
    llmd__free(download->ca);
    if (download->user.free)
        download->user.free(download->user.data);
    llmd__free(download);
}

static const struct bundle_file *current(const struct download *download)
{
    return &download->bundle.files[download->index];
}

static const char *place(const struct bundle_file *file)
{
    return file->path ? file->path : file->url;
}

static const char *base_name(const struct bundle_file *file)
{
    const char *slash = strrchr(place(file), '/');

    return slash ? slash + 1 : place(file);
}

/* ---- events ---- */

static llmd_error *tell(struct graph *graph, const struct download *download, const char *reason)
{
    const struct component_info *component = llmd__component(download->bundle.component);
    const struct bundle_file *file = current(download);
    const char *version = download->bundle.version;
    int64_t done = (int64_t)download->text.len;
    AUTO(str)
    char *message = llmd__format("%s%s%s: %s, %" PRId64 " kB", component->title, version ? " " : "",
                                 version ? version : "", base_name(file), (done + 999) / 1000);

    CHECK_MEMORY(message);
    return llmd__graph_event(
        graph, &(struct event_text){.level = LLMD_LEVEL_INFO,
                                    .step = "bundle",
                                    .phase = component->key,
                                    .subject = place(file),
                                    .reason = reason,
                                    .message = message,
                                    .done = done,
                                    .total = download->total ? download->total : done});
}

/* ---- asking ---- */

/* "https://host:port" of an address; the rest is the path. */
static size_t origin_len(const char *url)
{
    const char *host = strstr(url, "://");

    return host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?") : strlen(url);
}

static llmd_error *open_http(struct download *download, const char *url)
{
    AUTO(str) char *origin = llmd__strndup(url, origin_len(url));

    CHECK_MEMORY(origin);
    if (download->http && !strcmp(llmd__http_base_url(download->http), origin))
        return NULL;
    llmd__http_put(TAKE(download->http));
    return llmd__http_open(
        &(struct http_config){.base_url = origin, .ca_pem = download->ca, .redirects = true},
        &download->http);
}

/* A range of what is compressed on the way could not be read, so no compression. */
static void ask(struct download *download, struct step_action *action)
{
    const char *url = current(download)->url;

    snprintf(download->range, sizeof(download->range), "Range: bytes=%zu-%zu", download->text.len,
             download->text.len + PIECE - 1);
    download->headers[0] = download->range;
    download->headers[1] = "Accept-Encoding: identity";
    action->kind = ACTION_SEND;
    action->http = download->http;
    action->request = (struct http_request){.method = "GET",
                                            .path = url + origin_len(url),
                                            .accept = "*/*",
                                            .idempotent = true,
                                            .no_retry = true, /* see try_again() */
                                            .max_body = MAX_FILE,
                                            .first_byte_timeout_ms = SILENCE_MS,
                                            .idle_timeout_ms = SILENCE_MS,
                                            .headers = download->headers,
                                            .want_header = "Content-Range"};
}

/* Takes the error, when it is the last of its kind. */
static llmd_error *try_again(struct download *download, const struct step_input *input,
                             llmd_error *error, struct step_action *action)
{
    int64_t wait_ms = FIRST_WAIT_MS;

    for (int i = 0; i < download->tries; i++)
        wait_ms *= 3;
    if (++download->tries >= TRIES)
        return error;
    llmd_error_free(error);
    action->kind = ACTION_SLEEP;
    action->wake_ms = input->now_ms + wait_ms;
    return NULL;
}

static llmd_error *begin_download(struct download *download, struct step_action *action)
{
    const struct bundle_file *file = current(download);

    TRY(open_http(download, file->url));
    TRY(llmd__cache_begin(file->sha256, &download->part, &download->text));
    download->text.max = MAX_FILE;
    download->total = file->size;
    download->again = false;
    download->tries = 0;
    ask(download, action);
    return NULL;
}

/* ---- one file after the other ---- */

static llmd_error *mismatch(const struct download *download)
{
    const struct bundle_file *file = current(download);
    const char *glance = llmd__bundle_glance(llmd__buf_text(&download->text));
    char sha256[LLMD__SHA256_TEXT];

    TRY(llmd__sha256_text(&download->text, sha256));
    return llmd__error_set_reason(
        llmd__error_set_advice(
            llmd__error(LLMD_E_FAILED,
                        "%s: %s%sis not the file that was published: its sha256 is %s, of %zu "
                        "bytes, and not %s",
                        place(file), glance ? glance : "", glance ? ", and " : "", sha256,
                        download->text.len, file->sha256),
            "fetch it again: a proxy or a cut copy may have changed it; if its publisher replaced "
            "it, compare what the publisher states, and change the sha256 on purpose"),
        "DigestMismatch");
}

/* *found: the file is in download->text. */
static llmd_error *read_local(struct download *download, bool *found)
{
    const struct bundle_file *file = current(download);

    *found = false;
    if (!file->path)
        return llmd__cache_read(file->sha256, &download->text, found);
    TRY(llmd__file_read(file->path, MAX_FILE, &download->text));
    *found = true;
    return file->sha256 && !llmd__sha256_is(&download->text, file->sha256) ? mismatch(download)
                                                                           : NULL;
}

static llmd_error *deliver(struct download *download, struct graph *graph)
{
    llmd_error *error =
        download->user.on_file(download->user.data, graph, current(download), &download->text);

    llmd__buf_free(&download->text);
    llmd__cache_close(&download->part);
    download->index++;
    return error;
}

static llmd_error *go_on(struct download *download, struct graph *graph, struct step_action *action)
{
    bool found = true;

    while (download->index < download->bundle.count) {
        TRY(read_local(download, &found));
        if (!found)
            return begin_download(download, action);
        download->total = (int64_t)download->text.len;
        TRY(tell(graph, download, current(download)->path ? "Read" : "Cached"));
        TRY(deliver(download, graph));
    }
    action->kind = ACTION_DONE;
    return download->user.on_end(download->user.data, graph);
}

/* ---- answers ---- */

/* "bytes 0-1048575/7051337" */
static void read_total(struct download *download, const struct http_reply *reply)
{
    const char *slash = strchr(reply->header, '/');
    int64_t total = slash ? strtoll(slash + 1, NULL, 10) : 0;

    if (total > 0)
        download->total = total;
}

static llmd_error *restart(struct download *download, struct step_action *action)
{
    llmd__cache_restart(&download->part);
    llmd__buf_reset(&download->text);
    ask(download, action);
    return NULL;
}

/* What was there before may be of another day's file; once more from its beginning tells. */
static llmd_error *check_whole(struct download *download, struct graph *graph,
                               struct step_action *action)
{
    const struct bundle_file *file = current(download);

    if (llmd__sha256_is(&download->text, file->sha256)) {
        llmd__cache_keep(&download->part);
        TRY(deliver(download, graph));
        return go_on(download, graph, action);
    }
    llmd__cache_restart(&download->part);
    if (download->again)
        return mismatch(download);
    download->again = true;
    return restart(download, action);
}

static llmd_error *take_piece(struct download *download, struct graph *graph,
                              const struct step_input *input, struct step_action *action)
{
    llmd__buf_add(&download->text, input->text, input->text_len);
    TRY(llmd__error_wrap(llmd__buf_check(&download->text), "%s", current(download)->url));
    llmd__cache_add(&download->part, input->text, input->text_len);
    read_total(download, input->reply);
    download->tries = 0;
    TRY(tell(graph, download, "Downloaded"));
    if (input->text_len && (int64_t)download->text.len < download->total) {
        ask(download, action);
        return NULL;
    }
    return check_whole(download, graph, action);
}

static llmd_error *refused(struct download *download, const struct step_input *input,
                           struct step_action *action)
{
    const char *url = current(download)->url;
    llmd_error *error = llmd__http_status_error(input->status, input->text);

    if (input->status == 404)
        llmd__error_set_advice(error, "the address is not there (any more); name another bundle");
    error = llmd__error_wrap(error, "GET %s", url);
    return input->status >= 500 || input->status == 429 ? try_again(download, input, error, action)
                                                        : error;
}

static llmd_error *on_reply(struct download *download, struct graph *graph,
                            const struct step_input *input, struct step_action *action)
{
    if (input->status == 206)
        return take_piece(download, graph, input, action);
    if (input->status == 200) {
        /* The whole file, ranges or not. */
        llmd__cache_restart(&download->part);
        llmd__buf_reset(&download->text);
        download->total = (int64_t)input->text_len;
        return take_piece(download, graph, input, action);
    }
    /* Nothing is behind what we have: it is whole, or of another file. */
    if (input->status == 416 && download->text.len)
        return check_whole(download, graph, action);
    return refused(download, input, action);
}

/* A connection that ended inside the answer. */
static bool is_cut(const llmd_error *error)
{
    return strstr(llmd_error_message(error), HTTP_RESET_INSIDE) ||
           strstr(llmd_error_message(error), HTTP_CUT_OFF);
}

/* What is kept is whole pieces, so that the next run begins with the one that was cut. */
static llmd_error *cut(const struct download *download, llmd_error *error)
{
    return llmd__error_set_advice(
        llmd__error_set_reason(llmd__error_set_code(error, LLMD_E_UNREACHABLE), "DownloadCut"),
        "run it again: it goes on where it stopped, with %zu bytes that are here; if it is cut "
        "again, look at what stands between: a proxy, a firewall, a full disk",
        download->text.len);
}

/* libcurl tells what it could not connect to, but not that it is the proxy. */
static llmd_error *proxy_unreachable(llmd_error *error, const char *name)
{
    return llmd__error_set_advice(
        llmd__error_set_reason(error, "ProxyUnreachable"),
        "it was asked for through the proxy of %s: check that it runs and "
        "lets this address through, or put the host into NO_PROXY",
        name);
}

/* A machine without internet is no fault of its DNS: what to do there is told too. */
static llmd_error *no_internet(llmd_error *error)
{
    const char *advice = llmd_error_advice(error);

    return llmd__error_set_advice(
        error,
        "%s%swithout internet, let platform fetch fill a folder on another machine and name that "
        "as bundles in the spec, or name files that are here in the file of LLMD_BUNDLES",
        advice, *advice ? "; " : "");
}

/* Who asked for KServe need not know the address of its releases. */
static llmd_error *of_part(const struct download *download, const llmd_error *cause)
{
    const struct bundle *bundle = &download->bundle;

    return llmd__error_wrap(llmd__error_copy(cause), "%s%s%s",
                            llmd__component(bundle->component)->title, bundle->version ? " " : "",
                            bundle->version ? bundle->version : "");
}

static llmd_error *unreachable(const struct download *download, const llmd_error *cause)
{
    bool tls = !strncmp(current(download)->url, "https:", 6);
    const char *name = tls ? "HTTPS_PROXY" : "http_proxy";
    const char *proxy = llmd__environment(name);
    llmd_error *error = of_part(download, cause);

    if (is_cut(cause))
        return cut(download, error);
    /* net/fault knows it when the proxy itself refused. */
    if (llmd_error_code(cause) != LLMD_E_UNREACHABLE || strstr(llmd_error_advice(cause), "proxy"))
        return error;
    if (!proxy && tls)
        proxy = llmd__environment("https_proxy");
    return proxy ? proxy_unreachable(error, name) : no_internet(error);
}

static llmd_error *on_error(struct download *download, const struct step_input *input,
                            struct step_action *action)
{
    llmd_error *error = unreachable(download, input->error);

    return llmd_error_retryable(input->error) ? try_again(download, input, error, action) : error;
}

static llmd_error *take_input(struct download *download, struct graph *graph,
                              const struct step_input *input, struct step_action *action)
{
    switch (input->kind) {
    case INPUT_BEGIN:
        return go_on(download, graph, action);
    case INPUT_REPLY:
        return on_reply(download, graph, input, action);
    case INPUT_ERROR:
        return on_error(download, input, action);
    case INPUT_TICK:
        ask(download, action);
        return NULL;
    default:
        return NULL;
    }
}

static llmd_error *advance(void *state, struct graph *graph, const struct step_input *input,
                           struct step_action *action)
{
    struct download *download = state;
    AUTO(error) llmd_error *error = take_input(download, graph, input, action);

    if (!error || !download->user.on_failed || llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return TAKE(error);
    *action = (struct step_action){.kind = ACTION_DONE};
    return download->user.on_failed(download->user.data, graph, error);
}

static void describe(const void *state, const struct graph *graph, struct buf *text)
{
    const struct download *download = state;

    (void)graph;
    if (download->index < download->bundle.count)
        llmd__buf_format(text, "%s, of which %zu bytes are here", place(current(download)),
                         download->text.len);
}

static const struct step_class download_class = {.name = "bundle",
                                                 .advance = advance,
                                                 .free = download_free,
                                                 .describe = describe,
                                                 .brief = true};

llmd_error *llmd__download_step(struct graph *graph, const struct bundle *bundle, const char *ca,
                                const struct download_user *user, step_id *out)
{
    struct download *download = llmd__calloc(1, sizeof(*download));
    llmd_error *error;

    if (!download) {
        if (user->free)
            user->free(user->data);
        return NO_MEMORY;
    }
    download->user = *user;
    download->part = CACHE_PART_INIT;
    error = llmd__bundle_copy(bundle, &download->bundle);
    if (!error && ca) {
        download->ca = llmd__strdup(ca);
        error = download->ca ? NULL : NO_MEMORY;
    }
    if (!error)
        return llmd__graph_add(graph, &download_class, download, out);
    download_free(download);
    return error;
}
