/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a handle: which kubeconfig, which context, or the pod that we run in. */
#include "kube/kubeconfig.h"

#include "auth/credentials.h"
#include "base/file.h"
#include "base/log.h"
#include "base/url.h"
#include "base/yaml.h"
#include "kube/identity.h"
#include "kube/kube.h"

#include <stdlib.h>
#include <string.h>

#define KUBECONFIG_MAX ((size_t)8 << 20)
#define ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

/* The files of a list, read: texts become documents, in order. */
struct loaded {
    struct kubeconfig_file files[64];
    size_t count;
    char *paths[64];
    struct json *documents[64];
    char *empty; /* the last one that says nothing */
};

static void llmd__auto_loaded(struct loaded *loaded)
{
    for (size_t i = 0; i < loaded->count; i++) {
        llmd__json_free_secret(loaded->documents[i]);
        llmd__free(loaded->paths[i]);
    }
    llmd__free(loaded->empty);
}

/* The document of a kubeconfig; NULL for one that says nothing. */
static llmd_error *parse(const char *text, const char *what, struct json **out)
{
    AUTO(secret_json) struct json *documents = NULL;

    TRY(llmd__yaml_parse_all(text, what, &documents));
    if (!llmd__json_count(documents))
        return NULL;
    return llmd__yaml_parse(text, what, out);
}

static llmd_error *add(struct loaded *loaded, const char *path, struct json *document)
{
    size_t at = loaded->count;

    loaded->paths[at] = llmd__strdup(path);
    loaded->documents[at] = document;
    loaded->count++;
    CHECK_MEMORY(loaded->paths[at]);
    loaded->files[at] = (struct kubeconfig_file){loaded->paths[at], document};
    return NULL;
}

static llmd_error *note_empty(struct loaded *loaded, const char *path)
{
    llmd__free(loaded->empty);
    loaded->empty = llmd__strdup(path);
    return loaded->empty ? NULL : NO_MEMORY;
}

static llmd_error *load_text(struct loaded *loaded, const char *path, const char *text)
{
    AUTO(str) char *what = llmd__format("kubeconfig %s", path);
    struct json *document = NULL;

    CHECK_MEMORY(what);
    TRY(parse(text, what, &document));
    return document ? add(loaded, path, document) : note_empty(loaded, path);
}

static llmd_error *load_file(struct loaded *loaded, const char *path)
{
    struct buf text = BUF_SECRET; /* tokens and keys stand in it */
    llmd_error *error = llmd__file_read(path, KUBECONFIG_MAX, &text);

    error = llmd__error_wrap(error, "kubeconfig");
    if (!error)
        error = load_text(loaded, path, llmd__buf_text(&text));
    llmd__buf_free(&text);
    return error;
}

/* A file of $KUBECONFIG that does not exist is skipped, as kubectl does. */
static llmd_error *load_listed(struct loaded *loaded, const char *path)
{
    AUTO(error) llmd_error *error = NULL;

    for (size_t i = 0; i < loaded->count; i++) {
        if (strcmp(loaded->paths[i], path) == 0)
            return NULL;
    }
    error = load_file(loaded, path);
    if (llmd_error_code(error) != LLMD_E_NOT_FOUND)
        return TAKE(error);
    if (llmd__log_on("kube"))
        llmd__log(LLMD_LEVEL_DEBUG, "kube", "%s: skipped", llmd_error_message(error));
    return NULL;
}

static llmd_error *load_list(struct loaded *loaded, const char *list)
{
    for (const char *begin = list; *begin;) {
        size_t len = strcspn(begin, ":");
        AUTO(str) char *path = llmd__strndup(begin, len);

        CHECK_MEMORY(path);
        if (loaded->count == sizeof(loaded->files) / sizeof(loaded->files[0]))
            return llmd__error(LLMD_E_TOO_LARGE, "KUBECONFIG lists more than 64 files");
        if (*path)
            TRY(load_listed(loaded, path));
        begin += len + (begin[len] == ':');
    }
    return NULL;
}

static llmd_error *nothing_found(const struct loaded *loaded, const char *list)
{
    const char *path = *list ? list : "~/.kube/config";
    llmd_error *error =
        llmd__error(LLMD_E_NOT_FOUND, "no kubeconfig: %s %s", loaded->empty ? loaded->empty : path,
                    loaded->empty ? "is empty" : "does not exist");

    return llmd__error_set_advice(error, "give the path of a kubeconfig, or set KUBECONFIG, or "
                                         "connect to a GKE cluster by its name");
}

static llmd_error *open_loaded(const struct loaded *loaded, const char *kubecontext,
                               const char *source, llmd_kube **out)
{
    AUTO(secret_json) struct json *merged = NULL;
    struct kubeconfig_choice choice;

    TRY(llmd__kubeconfig_merge(loaded->files, loaded->count, &merged));
    TRY(llmd__kubeconfig_choose(merged, kubecontext, source, &choice));
    return llmd__kubeconfig_connect(&choice, source, out);
}

static llmd_error *open_file(const char *path, const char *kubecontext, llmd_kube **out)
{
    AUTO(loaded) struct loaded loaded = {0};
    AUTO(str) char *source = llmd__format("kubeconfig %s", path);

    CHECK_MEMORY(source);
    TRY(load_file(&loaded, path));
    if (!loaded.count)
        return llmd__error(LLMD_E_INVALID, "%s is empty", source);
    return open_loaded(&loaded, kubecontext, source, out);
}

static bool is_set(const char *text)
{
    return text && *text;
}

static llmd_error *default_list(const struct kubeconfig_places *places, char **out)
{
    if (is_set(places->list))
        *out = llmd__strdup(places->list);
    else if (is_set(places->home))
        *out = llmd__format("%s/.kube/config", places->home);
    else
        *out = llmd__strdup("");
    return *out ? NULL : NO_MEMORY;
}

llmd_error *llmd__kubeconfig_open(const char *kubeconfig, const char *kubecontext,
                                  const struct kubeconfig_places *places, llmd_kube **out)
{
    AUTO(loaded) struct loaded loaded = {0};
    AUTO(str) char *list = NULL;
    AUTO(str) char *source = NULL;

    *out = NULL;
    if (is_set(kubeconfig))
        return open_file(kubeconfig, kubecontext, out);
    TRY(default_list(places, &list));
    TRY(load_list(&loaded, list));
    source = llmd__format("kubeconfig %s", list);
    CHECK_MEMORY(source);
    if (loaded.count)
        return open_loaded(&loaded, kubecontext, source, out);
    if (is_set(places->service_host) && is_set(places->service_port))
        return llmd__kubeconfig_in_cluster(places, out);
    return nothing_found(&loaded, list);
}

static llmd_error *check_server(const char *server, const char *source)
{
    struct url url = {0};

    TRY(llmd__error_wrap(llmd__url_parse(server, &url), "%s: server", source));
    llmd__url_free(&url);
    return NULL;
}

llmd_error *llmd__kubeconfig_connect(const struct kubeconfig_choice *choice, const char *source,
                                     llmd_kube **out)
{
    AUTO(identity) struct identity identity = {0};
    AUTO(str) char *ca = NULL;
    const char *server_name = llmd__json_str(choice->cluster, "tls-server-name");
    const char *proxy = llmd__json_str(choice->cluster, "proxy-url");
    struct http_config config = {.base_url = llmd__json_str(choice->cluster, "server"),
                                 .server_name = *server_name ? server_name : NULL,
                                 .proxy_url = *proxy ? proxy : NULL,
                                 .http2 = true};

    *out = NULL;
    TRY(check_server(config.base_url, source));
    TRY(llmd__identity_pem(choice->cluster, "certificate-authority-data", "certificate-authority",
                           source, &ca));
    TRY(llmd__identity_open(choice->user, choice->cluster, source, &identity));
    config.ca_pem = ca;
    config.insecure = llmd__json_bool(choice->cluster, "insecure-skip-tls-verify", false);
    config.client_cert_pem = identity.cert_pem;
    config.client_key_pem = identity.key_pem;
    config.headers = (const char *const *)identity.impersonate;
    config.certificates = identity.certificates;
    config.auth = identity.auth;
    identity.auth = (struct http_auth){0}; /* the handle's from here */
    return llmd__kube_new(&config, choice->ns, choice->context, out);
}

/* IPv6 addresses stand in brackets in a URL. */
static char *service_url(const struct kubeconfig_places *places)
{
    bool is_ipv6 = strchr(places->service_host, ':') != NULL;

    return llmd__format("https://%s%s%s:%s", is_ipv6 ? "[" : "", places->service_host,
                        is_ipv6 ? "]" : "", places->service_port);
}

static llmd_error *account_file(const struct kubeconfig_places *places, const char *name,
                                struct buf *out)
{
    AUTO(str) char *path = llmd__format("%s/%s", places->account_dir, name);

    CHECK_MEMORY(path);
    return llmd__file_read(path, KUBECONFIG_MAX, out);
}

/* Kubernetes writes the name alone; whoever makes the file by hand ends the line. */
static void trim_end(struct buf *text)
{
    while (text->len && strchr(" \t\r\n", text->data[text->len - 1]))
        text->data[--text->len] = '\0';
}

llmd_error *llmd__kubeconfig_in_cluster(const struct kubeconfig_places *places, llmd_kube **out)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;
    AUTO(buf) struct buf ca = BUF_INIT;
    AUTO(buf) struct buf ns = BUF_INIT;
    AUTO(error) llmd_error *no_ns = NULL;
    AUTO(str) char *url = service_url(places);
    AUTO(str) char *token = llmd__format("%s/token", places->account_dir);
    struct http_config config = {.base_url = url, .http2 = true};

    *out = NULL;
    if (!url || !token)
        return NO_MEMORY;
    TRY(llmd__error_wrap(account_file(places, "ca.crt", &ca), "service account"));
    TRY(llmd__error_wrap(llmd_credentials_from_file(token, &credentials), "service account"));
    no_ns = account_file(places, "namespace", &ns);
    if (llmd_error_code(no_ns) == LLMD_E_NO_MEMORY)
        return TAKE(no_ns);
    trim_end(&ns);
    config.ca_pem = llmd__buf_text(&ca);
    config.auth = llmd__credentials_auth(credentials);
    return llmd__kube_new(&config, llmd__buf_text(&ns), "", out);
}

llmd_error *llmd_kube_open(const char *kubeconfig, const char *kubecontext, llmd_kube **out)
{
    struct kubeconfig_places places = {.list = getenv("KUBECONFIG"),
                                       .home = getenv("HOME"),
                                       .service_host = getenv("KUBERNETES_SERVICE_HOST"),
                                       .service_port = getenv("KUBERNETES_SERVICE_PORT"),
                                       .account_dir = ACCOUNT_DIR};

    REQUIRE(out);
    *out = NULL;
    return llmd__kubeconfig_open(kubeconfig, kubecontext, &places, out);
}

llmd_error *llmd_kube_open_text(const char *kubeconfig_text, const char *kubecontext,
                                llmd_kube **out)
{
    AUTO(loaded) struct loaded loaded = {0};

    REQUIRE(out);
    *out = NULL;
    REQUIRE(kubeconfig_text);
    TRY(load_text(&loaded, "text", kubeconfig_text));
    if (!loaded.count)
        return llmd__error(LLMD_E_INVALID, "the kubeconfig text is empty");
    return open_loaded(&loaded, kubecontext, "the kubeconfig text", out);
}
