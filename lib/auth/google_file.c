/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/google_file.h"

#include "auth/secret.h"

#include "base/fields.h"

#include <string.h>

#define SUPPORTED                                                                                  \
    "service_account, authorized_user, external_account, external_account_authorized_user and "    \
    "impersonated_service_account"

#define TEXT(key, member)                                                                          \
    {                                                                                              \
        .name = key, .type = FIELD_STRING, .offset = offsetof(struct google_file, member)          \
    }
#define SECRET(key, member)                                                                        \
    {                                                                                              \
        .name = key, .type = FIELD_SECRET, .offset = offsetof(struct google_file, member)          \
    }
#define TREE(key, member)                                                                          \
    {                                                                                              \
        .name = key, .type = FIELD_JSON, .offset = offsetof(struct google_file, member)            \
    }

static const struct field fields[] = {
    TEXT("type", type),
    TEXT("project_id", project_id),
    TEXT("quota_project_id", quota_project_id),
    TEXT("universe_domain", universe_domain),
    TEXT("client_email", client_email),
    SECRET("private_key", private_key),
    TEXT("private_key_id", private_key_id),
    TEXT("token_uri", token_uri),
    TEXT("account", account),
    TEXT("client_id", client_id),
    SECRET("client_secret", client_secret),
    SECRET("refresh_token", refresh_token),
    TEXT("audience", audience),
    TEXT("subject_token_type", subject_token_type),
    TEXT("token_url", token_url),
    TEXT("workforce_pool_user_project", workforce_pool_user_project),
    {.name = "service_account_impersonation.token_lifetime_seconds",
     .type = FIELD_INT64,
     .offset = offsetof(struct google_file, token_lifetime_s)},
    TREE("credential_source", credential_source),
    TEXT("service_account_impersonation_url", impersonation_url),
    TREE("delegates", delegates),
    TREE("source_credentials", source_credentials),
    FIELD_END,
};

/* Which fields each type cannot do without. */
static const struct {
    const char *type;
    const char *required[6];
} types[] = {
    {"service_account", {"client_email", "private_key"}},
    {"authorized_user", {"client_id", "client_secret", "refresh_token"}},
    {"external_account", {"audience", "subject_token_type", "token_url", "credential_source"}},
    {"external_account_authorized_user",
     {"token_url", "client_id", "client_secret", "refresh_token"}},
    {"impersonated_service_account", {"service_account_impersonation_url", "source_credentials"}},
};

static bool is_tree(const char *name)
{
    return strcmp(name, "credential_source") == 0 || strcmp(name, "source_credentials") == 0;
}

static llmd_error *check_required(const struct json *object, const char *what, const char *type,
                                  const char *const *required)
{
    for (; *required; required++) {
        bool is_there = is_tree(*required)
                            ? llmd__json_type(llmd__json_member(object, *required)) == JSON_OBJECT
                            : llmd__json_str(object, *required)[0] != 0;
        if (!is_there)
            return llmd__error_set_advice(
                llmd__error(LLMD_E_INVALID, "%s: type %s: %s is missing", what, type, *required),
                "get the file anew; it is not meant to be edited");
    }
    return NULL;
}

/* An OAuth client is what people download by mistake: it says who an application is, not who you
   are. */
static llmd_error *no_type(const struct json *object, const char *what)
{
    if (llmd__json_member(object, "installed") || llmd__json_member(object, "web"))
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "%s: this is an OAuth client, not credentials", what),
            "run: gcloud auth application-default login --client-id-file=FILE");
    return llmd__error(LLMD_E_INVALID, "%s: \"type\" is missing; supported are " SUPPORTED, what);
}

static llmd_error *unknown_type(const char *what, const char *type)
{
    if (strcmp(type, "gdch_service_account") == 0)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID,
                        "%s: type gdch_service_account is for Google Distributed Cloud, whose "
                        "clusters libllmd reaches by their kubeconfig alone",
                        what),
            "open the cluster with its kubeconfig");
    AUTO(str) char *shown = llmd__secret_censor(type, 60);
    CHECK_MEMORY(shown);
    return llmd__error(LLMD_E_INVALID, "%s: type \"%s\" is unknown; supported are " SUPPORTED, what,
                       shown);
}

static llmd_error *check_type(const struct json *object, const char *what)
{
    const char *type = llmd__json_str(object, "type");

    if (!type[0])
        return no_type(object, what);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i].type) == 0)
            return check_required(object, what, type, types[i].required);
    return unknown_type(what, type);
}

void llmd__google_file_free(struct google_file *file)
{
    llmd__json_free_secret(TAKE(file->source_credentials));
    llmd__json_free_secret(TAKE(file->credential_source));
    llmd__fields_free(fields, file);
    *file = (struct google_file){0};
}

llmd_error *llmd__google_file_read(const struct json *object, const char *what,
                                   struct google_file *out)
{
    *out = (struct google_file){0};
    if (llmd__json_type(object) != JSON_OBJECT)
        return llmd__error(LLMD_E_INVALID, "%s: it is no JSON object", what);
    TRY(check_type(object, what));
    llmd_error *error = llmd__fields_fill(fields, object, out);
    if (error)
        llmd__google_file_free(out);
    return error;
}

llmd_error *llmd__google_file_parse(const char *text, size_t len, const char *what,
                                    struct google_file *out)
{
    AUTO(secret_json) struct json *object = NULL;

    *out = (struct google_file){0};
    llmd_error *error = llmd__json_parse(text, len, what, &object);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    if (error) {
        /* The parser's words may quote what it could not read, and that may be a key. */
        llmd_error_free(error);
        return llmd__error(LLMD_E_INVALID, "%s: it is not JSON", what);
    }
    return llmd__google_file_read(object, what, out);
}
