/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/identity.h"

#include "auth/credentials.h"
#include "auth/exec.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/url.h"

#include <string.h>

#define PEM_MAX ((size_t)1 << 20)

static llmd_error *take_secret(struct buf *buf, llmd_error *error, char **out)
{
    if (!error)
        error = llmd__buf_take(buf, out);
    llmd__buf_free(buf);
    return error;
}

llmd_error *llmd__identity_pem(const struct json *json, const char *data_key, const char *file_key,
                               const char *source, char **out)
{
    const char *data = llmd__json_text(llmd__json_member(json, data_key));
    const char *path = llmd__json_text(llmd__json_member(json, file_key));
    struct buf pem = BUF_SECRET;
    llmd_error *error;

    *out = NULL;
    if (*data) {
        error = llmd__base64_decode(data, data_key, &pem);
        return llmd__error_wrap(take_secret(&pem, error, out), "%s", source);
    }
    if (!*path)
        return NULL;
    error = llmd__file_read(path, PEM_MAX, &pem);
    return llmd__error_wrap(take_secret(&pem, error, out), "%s: %s", source, file_key);
}

/* A fixed Authorization value. */
static llmd_error *fixed_authorize(llmd_context *ctx, void *data, bool refresh, struct buf *header)
{
    (void)ctx;
    (void)refresh;
    llmd__buf_str(header, data);
    return llmd__buf_check(header);
}

static void fixed_free(void *data)
{
    llmd__free_secret(data);
}

static void exec_free(void *data)
{
    llmd__exec_free(data);
}

static llmd_error *open_basic(const struct json *user, struct identity *out)
{
    AUTO(secret)
    char *pair =
        llmd__format("%s:%s", llmd__json_str(user, "username"), llmd__json_str(user, "password"));
    struct buf header = BUF_SECRET;
    char *value = NULL;

    CHECK_MEMORY(pair);
    llmd__buf_str(&header, "Basic ");
    llmd__base64_encode(pair, strlen(pair), false, &header);
    TRY(take_secret(&header, NULL, &value));
    out->auth = (struct http_auth){fixed_authorize, fixed_free, value};
    return NULL;
}

static llmd_error *open_token(const char *token, const char *token_file, struct identity *out)
{
    LLMD_AUTO(llmd_credentials) credentials = NULL;

    /* A token file wins over a token, and is read again when it changes. */
    if (*token_file)
        TRY(llmd_credentials_from_file(token_file, &credentials));
    else
        TRY(llmd_credentials_from_token(token, &credentials));
    out->auth = llmd__credentials_auth(credentials);
    return NULL;
}

static llmd_error *open_exec(const struct json *exec, const struct json *cluster,
                             struct identity *out)
{
    struct exec_plugin *plugin = NULL;

    TRY(llmd__exec_open(exec, ".", cluster, &plugin));
    out->auth = (struct http_auth){llmd__exec_authorize, exec_free, plugin};
    out->certificates = llmd__exec_certificates;
    return NULL;
}

static llmd_error *open_auth(const struct json *user, const struct json *cluster,
                             struct identity *out)
{
    const char *token = llmd__json_str(user, "token");
    const char *token_file = llmd__json_str(user, "tokenFile");
    const struct json *exec = llmd__json_member(user, "exec");

    if (*token || *token_file)
        return open_token(token, token_file, out);
    if (*llmd__json_str(user, "username"))
        return open_basic(user, out);
    if (llmd__json_type(exec) == JSON_OBJECT)
        return open_exec(exec, cluster, out);
    if (llmd__json_type(llmd__json_member(user, "auth-provider")) == JSON_OBJECT)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "auth-provider \"%s\" is no longer part of Kubernetes",
                        llmd__json_str(user, "auth-provider.name")),
            "make the kubeconfig again with an exec plugin, or connect to a GKE cluster by its "
            "name");
    return NULL;
}

static llmd_error *add_header(struct identity *out, const char *name, const char *value)
{
    size_t count = 0;

    while (out->impersonate[count])
        count++;
    if (count + 1 == sizeof(out->impersonate) / sizeof(out->impersonate[0]))
        return llmd__error(LLMD_E_TOO_LARGE, "more than 30 groups and extras to impersonate");
    for (const char *c = value; *c; c++) {
        if ((unsigned char)*c < ' ')
            return llmd__error(LLMD_E_INVALID, "a control character in a name to impersonate");
    }
    out->impersonate[count] = llmd__format("%s: %s", name, value);
    CHECK_MEMORY(out->impersonate[count]);
    return NULL;
}

/* Keys may be addresses, such as example.com/team: escaped, as client-go does. */
static llmd_error *add_extra(struct identity *out, const struct json *extra)
{
    AUTO(buf) struct buf name = BUF_INIT;

    llmd__buf_str(&name, "Impersonate-Extra-");
    llmd__url_escape(&name, llmd__json_key(extra));
    TRY(llmd__buf_check(&name));
    JSON_EACH(value, extra)
        TRY(add_header(out, llmd__buf_text(&name), llmd__json_text(value)));
    return NULL;
}

static llmd_error *open_impersonation(const struct json *user, struct identity *out)
{
    const char *name = llmd__json_str(user, "as");
    const char *uid = llmd__json_str(user, "as-uid");

    if (!*name)
        return NULL;
    TRY(add_header(out, "Impersonate-User", name));
    if (*uid)
        TRY(add_header(out, "Impersonate-Uid", uid));
    JSON_EACH(group, llmd__json_get(user, "as-groups"))
        TRY(add_header(out, "Impersonate-Group", llmd__json_text(group)));
    JSON_EACH(extra, llmd__json_member(user, "as-user-extra"))
        TRY(add_extra(out, extra));
    return NULL;
}

llmd_error *llmd__identity_open(const struct json *user, const struct json *cluster,
                                const char *source, struct identity *out)
{
    *out = (struct identity){0};
    TRY(llmd__identity_pem(user, "client-certificate-data", "client-certificate", source,
                           &out->cert_pem));
    TRY(llmd__identity_pem(user, "client-key-data", "client-key", source, &out->key_pem));
    if (!out->cert_pem != !out->key_pem)
        return llmd__error(LLMD_E_INVALID, "%s: %s", source,
                           out->cert_pem ? "client-certificate without client-key"
                                         : "client-key without client-certificate");
    TRY(llmd__error_wrap(open_impersonation(user, out), "%s", source));
    return llmd__error_wrap(open_auth(user, cluster, out), "%s", source);
}

void llmd__identity_free(struct identity *identity)
{
    llmd__free(identity->cert_pem);
    llmd__free_secret(identity->key_pem);
    if (identity->auth.free)
        identity->auth.free(identity->auth.data);
    for (size_t i = 0; identity->impersonate[i]; i++)
        llmd__free(identity->impersonate[i]);
    *identity = (struct identity){0};
}
