/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/adc.h"

#include "auth/metadata.h"

#include "base/environment.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LOGIN "gcloud auth application-default login"
#define FILE_NAME "application_default_credentials.json"

static const struct {
    const char *variable;
    enum adc_kind kind;
} variables[] = {
    {"CLOUDSDK_AUTH_ACCESS_TOKEN", ADC_TOKEN},
    {"CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", ADC_TOKEN_FILE},
    {"GOOGLE_APPLICATION_CREDENTIALS", ADC_FILE},
};

void llmd__adc_free(struct adc *adc)
{
    llmd__free_secret(adc->value);
    *adc = (struct adc){0};
}

static llmd_error *find_in_environment(bool *found, struct adc *out)
{
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = llmd__environment(variables[i].variable);
        if (!value)
            continue;
        *out = (struct adc){variables[i].kind, llmd__strdup(value), variables[i].variable};
        CHECK_MEMORY(out->value);
        *found = true;
        return NULL;
    }
    return NULL;
}

/* The folder where gcloud keeps its things; NULL in *out without a home. */
static llmd_error *gcloud_folder(char **out)
{
    const char *named = llmd__environment("CLOUDSDK_CONFIG");
    const char *home = llmd__environment("HOME");

    *out = NULL;
    if (!named && !home)
        return NULL;
    *out = named ? llmd__strdup(named) : llmd__format("%s/.config/gcloud", home);
    return *out ? NULL : NO_MEMORY;
}

/* gcloud's own login is kept in these; no library of Google's reads them. */
static bool has_gcloud_login(const char *folder)
{
    static const char *const names[] = {"credentials.db", "access_tokens.db", NULL};

    for (const char *const *name = names; folder && *name; name++) {
        AUTO(str) char *path = llmd__format("%s/%s", folder, *name);
        if (path && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

/* "A (not set), B (not set), ..., the metadata server (...)" */
static llmd_error *list_places(const char *file, const char *why_no_metadata, struct buf *out)
{
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        llmd__buf_format(out, "%s (not set), ", variables[i].variable);
    if (file)
        llmd__buf_format(out, "%s (no such file), ", file);
    else
        llmd__buf_str(out, FILE_NAME " (neither CLOUDSDK_CONFIG nor HOME is set), ");
    llmd__buf_format(out, "the metadata server (%s)", why_no_metadata);
    return llmd__buf_check(out);
}

static llmd_error *none(const char *folder, const char *file, const char *why_no_metadata)
{
    AUTO(buf) struct buf places = BUF_INIT;

    TRY(list_places(file, why_no_metadata, &places));
    llmd_error *error = llmd__error(LLMD_E_NOT_FOUND, "no Google credentials; looked at %s",
                                    llmd__buf_text(&places));
    if (has_gcloud_login(folder))
        return llmd__error_set_advice(error,
                                      "gcloud is logged in (%s), but that login is for gcloud "
                                      "alone and no Application Default Credentials; run: " LOGIN,
                                      folder);
    return llmd__error_set_advice(
        error, "run: " LOGIN " (or set GOOGLE_APPLICATION_CREDENTIALS to a credentials file)");
}

/* A file that is there but cannot be read is an error of its own, told by who opens it. */
static bool is_missing(const char *path)
{
    return access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

static llmd_error *find_metadata(llmd_context *ctx, const char *dmi_path, const char *folder,
                                 const char *file, struct adc *out)
{
    AUTO(buf) struct buf why = BUF_INIT;
    bool found = false;

    TRY(llmd__metadata_detect(ctx, dmi_path, &found, &why));
    if (!found)
        return none(folder, file, llmd__buf_text(&why));
    *out = (struct adc){.kind = ADC_METADATA, .place = ""};
    return NULL;
}

llmd_error *llmd__adc_find(llmd_context *ctx, const char *dmi_path, struct adc *out)
{
    AUTO(str) char *folder = NULL;
    bool found = false;

    *out = (struct adc){0};
    TRY(find_in_environment(&found, out));
    if (found)
        return NULL;
    TRY(gcloud_folder(&folder));
    AUTO(str) char *file = folder ? llmd__format("%s/" FILE_NAME, folder) : NULL;
    if (folder && !file)
        return NO_MEMORY;
    if (!file || is_missing(file))
        return find_metadata(ctx, dmi_path, folder, file, out);
    *out = (struct adc){ADC_FILE, TAKE(file), ""};
    return NULL;
}
