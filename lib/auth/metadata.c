/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/metadata.h"

#include "auth/google_source.h"
#include "auth/token_request.h"

#include "base/environment.h"
#include "base/file.h"
#include "base/url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* With the dot at its end the name is not looked up in the search domains of a pod first. */
#define HOST "metadata.google.internal."
#define ADDRESS "169.254.169.254"
#define ROOT "/computeMetadata/v1/"
#define FLAVOR "Metadata-Flavor"
/* Where nothing is, nothing answers: elsewhere than at Google this is the time it costs. */
#define PING_MS 1000
#define TIMEOUT_MS 3000
/* A pod's identity takes some seconds to be there. */
#define TRIES 5
#define MAX_PINGS 10
#define MAX_DMI 4096

static const char *const flavor[] = {FLAVOR ": Google", NULL};

static const char *named_host(void)
{
    const char *host = llmd__environment("GCE_METADATA_HOST");

    return host ? host : llmd__environment("GCE_METADATA_ROOT");
}

char *llmd__metadata_url(void)
{
    const char *host = named_host();
    const char *scheme = host && strstr(host, "://") ? "" : "http://";

    return llmd__format("%s%s", scheme, host ? host : HOST);
}

static int64_t timeout_ms(int64_t otherwise)
{
    const char *text = llmd__environment("GCE_METADATA_TIMEOUT");
    char *end = NULL;
    double seconds = text ? strtod(text, &end) : 0;

    return seconds > 0 && seconds < 3600 ? (int64_t)(seconds * 1000) : otherwise;
}

/* Other libraries ask three times; each costs a second where nothing is, so once is our default. */
static int pings(void)
{
    const char *text = llmd__environment("GCE_METADATA_DETECT_RETRIES");
    long count = text ? strtol(text, NULL, 10) : 1;

    return count < 1 ? 1 : count > MAX_PINGS ? MAX_PINGS : (int)count;
}

static bool is_google_machine(const char *dmi_path)
{
    AUTO(buf) struct buf name = BUF_INIT;

    llmd_error *error = llmd__file_read(dmi_path, MAX_DMI, &name);
    llmd_error_free(error);
    return !error && strncmp(llmd__buf_text(&name), "Google", 6) == 0;
}

/* Other clouds have a server at the same address; only Google's says that it is Google's. */
static llmd_error *ping(llmd_context *ctx, bool *found)
{
    const char *address = llmd__environment("GCE_METADATA_IP");
    AUTO(str) char *url = llmd__format("http://%s", address ? address : ADDRESS);
    AUTO(token_url) struct token_url place = {0};
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    const struct token_request request = {.headers = flavor,
                                          .tries = pings(),
                                          .timeout_ms = timeout_ms(PING_MS),
                                          .want_header = FLAVOR};

    CHECK_MEMORY(url);
    TRY(llmd__token_url_open(url, NULL, true, &place));
    llmd_error *error = llmd__token_request(ctx, &place, &request, &reply);
    *found = !error && strcasecmp(reply.header, "Google") == 0;
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    llmd_error_free(error);
    return llmd__context_check(ctx);
}

llmd_error *llmd__metadata_detect(llmd_context *ctx, const char *dmi_path, bool *found,
                                  struct buf *why)
{
    const char *forbidden = llmd__environment("NO_GCE_CHECK");

    *found = false;
    if (forbidden && strcasecmp(forbidden, "true") == 0) {
        llmd__buf_str(why, "NO_GCE_CHECK is true");
        return llmd__buf_check(why);
    }
    *found = named_host() || is_google_machine(dmi_path);
    if (*found)
        return NULL;
    TRY(ping(ctx, found));
    if (!*found)
        llmd__buf_str(why, "this is no Google machine, and nothing answers as one");
    return llmd__buf_check(why);
}

void llmd__metadata_about_free(struct metadata_about *about)
{
    llmd__free(about->project);
    llmd__free(about->email);
    llmd__free(about->universe);
    *about = (struct metadata_about){0};
}

static void close_url(struct token_url *url)
{
    llmd__token_url_close(url);
    llmd__free(url);
}

static void release(void *data)
{
    close_url(data);
}

/* A line of text; NULL in *out where it has no such thing. */
static llmd_error *ask(llmd_context *ctx, const struct token_url *url, const char *path, int tries,
                       char **out)
{
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    const struct token_request request = {.headers = flavor,
                                          .path = path,
                                          .tries = tries,
                                          .timeout_ms = timeout_ms(TIMEOUT_MS),
                                          .want_header = FLAVOR};

    *out = NULL;
    TRY(llmd__token_request(ctx, url, &request, &reply));
    if (reply.status == 200 && strcasecmp(reply.header, "Google") != 0)
        return llmd__error(LLMD_E_PROTOCOL, "%s: it does not answer as Google's metadata server",
                           llmd__http_base_url(url->http));
    if (reply.status != 200)
        return NULL;
    const char *text = llmd__buf_text(&reply.body);
    *out = llmd__strndup(text, strcspn(text, " \t\r\n"));
    return *out ? NULL : NO_MEMORY;
}

/* What may be missing without harm. */
static llmd_error *ask_gently(llmd_context *ctx, const struct token_url *url, const char *path,
                              const char *otherwise, char **out)
{
    llmd_error *error = ask(ctx, url, path, 1, out);

    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    llmd_error_free(error);
    TRY(llmd__context_check(ctx));
    if (!*out || !(*out)[0]) {
        llmd__free(*out);
        *out = llmd__strdup(otherwise);
    }
    return *out ? NULL : NO_MEMORY;
}

static llmd_error *ask_all(llmd_context *ctx, const struct token_url *url,
                           struct metadata_about *about)
{
    TRY(ask(ctx, url, ROOT "project/project-id", TRIES, &about->project));
    TRY(ask_gently(ctx, url, ROOT "instance/service-accounts/default/email", "", &about->email));
    return ask_gently(ctx, url, ROOT "universe/universe-domain", GOOGLE_UNIVERSE, &about->universe);
}

static llmd_error *advise(llmd_error *error)
{
    if (llmd_error_http_status(error) == 404)
        return llmd__error_set_advice(error,
                                      "attach a service account to this machine; in a GKE pod, let "
                                      "its Kubernetes service account act as one (Workload "
                                      "Identity)");
    if (llmd_error_code(error) == LLMD_E_DENIED)
        return llmd__error_set_advice(error, "check the Workload Identity binding of the pod's "
                                             "service account (roles/iam.workloadIdentityUser)");
    return error;
}

static llmd_error *fetch(llmd_context *ctx, void *data, struct access_token *out)
{
    static const char path[] = ROOT "instance/service-accounts/default/token?scopes=";
    const struct token_url *url = data;
    AUTO(buf) struct buf full = BUF_INIT;

    llmd__buf_str(&full, path);
    llmd__url_escape(&full, GOOGLE_SCOPE_CLOUD "," GOOGLE_SCOPE_EMAIL);
    TRY(llmd__buf_check(&full));
    const struct token_request request = {.headers = flavor,
                                          .path = llmd__buf_text(&full),
                                          .tries = TRIES,
                                          .repeat_404 = true,
                                          .timeout_ms = timeout_ms(TIMEOUT_MS)};
    return llmd__error_wrap(advise(llmd__token_fetch(ctx, url, &request, out)), "metadata server");
}

DEFINE_AUTO(metadata, struct token_url *, close_url)

llmd_error *llmd__metadata_open(llmd_context *ctx, struct metadata_about *about,
                                struct token_source *out)
{
    AUTO(str) char *base = llmd__metadata_url();
    AUTO(metadata) struct token_url *url = llmd__calloc(1, sizeof *url);

    if (!base || !url)
        return NO_MEMORY;
    TRY(llmd__token_url_open(base, NULL, true, url));
    llmd_error *error = ask_all(ctx, url, about);
    if (error) {
        llmd__metadata_about_free(about);
        return llmd__error_wrap(error, "metadata server");
    }
    *out = (struct token_source){fetch, release, TAKE(url)};
    return NULL;
}
