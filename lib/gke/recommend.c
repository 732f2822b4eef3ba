/* SPDX-License-Identifier: Apache-2.0 */
/* GKE's inference quickstart (gkerecommender v1): what Google has measured. It knows nothing of
   quota, capacity or KServe, so that its manifests are not used. */
#include "gke/google_error.h"
#include "gke/gke.h"
#include "gke/presets.h"

#include "base/fields.h"
#include "base/url.h"

#include <string.h>

#define MAX_PAGES 100

static llmd_error *post(llmd_context *ctx, const llmd_gke *gke, const char *path, const char *body,
                        const char *what, struct json **out)
{
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    struct http_request request = {.method = "POST",
                                   .path = path,
                                   .content_type = "application/json",
                                   .body = body,
                                   .body_len = strlen(body),
                                   .idempotent = true, /* it only asks */
                                   .first_byte_timeout_ms = LLMD__READ_TIMEOUT_MS};
    llmd_error *error;

    *out = NULL;
    TRY(llmd__error_wrap(
        llmd__http_send(ctx, llmd__gke_http(gke, GOOGLE_RECOMMENDER), &request, &reply), "%s",
        what));
    if (reply.status / 100 != 2)
        return llmd__google_refusal(reply.status, llmd__buf_text(&reply.body), what, NULL);
    error = llmd__json_parse(llmd__buf_text(&reply.body), reply.body.len, what, out);
    return error ? llmd__error_set_code(error, LLMD_E_PROTOCOL) : NULL;
}

/* ---- models ---- */

static llmd_error *models_page(llmd_context *ctx, const llmd_gke *gke, const char *token,
                               struct json **out)
{
    AUTO(buf) struct buf path = BUF_INIT;

    llmd__buf_str(&path, "/v1/models:fetch");
    if (*token) {
        llmd__buf_str(&path, "?pageToken=");
        llmd__url_escape(&path, token);
    }
    TRY(llmd__buf_check(&path));
    return llmd__gke_get(ctx, gke, GOOGLE_RECOMMENDER, path.data, "models of the quickstart", out);
}

/* ---- profiles ---- */

static llmd_error *profiles_page(llmd_context *ctx, const llmd_gke *gke, const char *model,
                                 const char *token, struct json **out)
{
    AUTO(json) struct json *body = NULL;
    AUTO(str) char *text = NULL;
    AUTO(str) char *what = llmd__format("profiles of %s", model);

    CHECK_MEMORY(what);
    TRY(llmd__json_make(&body, "{'model': %s, 'pageToken': %s}", model, *token ? token : NULL));
    TRY(llmd__json_print(body, &text));
    return post(ctx, gke, "/v1/profiles:fetch", text, what, out);
}

/* "tpu-v6e-slice" with ct6e-standard-4t and 2x2 is our tpu-v6e-4t. A GPU's machine has it in its
   name, but an n1's. */
static const struct pool_preset *preset_of(const struct json *profile)
{
    const struct pool_preset *preset = llmd__pool_preset_of(llmd__json_str(profile, "instanceType"),
                                                            llmd__json_str(profile, "tpuTopology"));
    const char *accelerator = llmd__json_str(profile, "acceleratorType");

    if (!preset || !preset->chip || !*accelerator)
        return preset;
    if ((preset->chip->accelerator && strcmp(preset->chip->accelerator, accelerator) == 0) ||
        (preset->chip->label_value && strcmp(preset->chip->label_value, accelerator) == 0))
        return preset;
    return NULL;
}

static llmd_error *name_presets(struct json *answer)
{
    JSON_EACH(item, llmd__json_member(answer, "profile")) {
        const struct pool_preset *preset = preset_of(item);

        if (preset)
            llmd__json_set_str((struct json *)(uintptr_t)item, "preset", preset->name);
    }
    return llmd__json_check(answer);
}

/* ---- pages into one ---- */

static llmd_error *append(struct json *whole, const char *list, struct json *page)
{
    struct json *items = llmd__json_edit(whole, list), *more = llmd__json_edit(page, list);

    if (!items)
        items = llmd__json_set_array(whole, list);
    for (struct json *item = llmd__json_shift(more); item; item = llmd__json_shift(more))
        llmd__json_add(items, item);
    return llmd__json_check(whole);
}

static llmd_error *fetch(llmd_context *ctx, const llmd_gke *gke, const char *model,
                         struct json **out)
{
    AUTO(json) struct json *whole = NULL;
    AUTO(json) struct json *page = NULL;
    AUTO(str) char *token = llmd__strdup("");

    for (int i = 0; i < MAX_PAGES; i++) {
        CHECK_MEMORY(token);
        llmd__json_free(TAKE(page));
        TRY(model ? profiles_page(ctx, gke, model, token, &page)
                  : models_page(ctx, gke, token, &page));
        llmd__free(TAKE(token));
        token = llmd__strdup(llmd__json_str(page, "nextPageToken"));
        llmd__json_remove(page, "nextPageToken");
        if (!whole)
            whole = TAKE(page);
        else
            TRY(append(whole, model ? "profile" : "models", page));
        if (token && !*token)
            break;
    }
    *out = TAKE(whole);
    return NULL;
}

/* ---- a model that it does not know ---- */

#define NAMES_MAX 40

static llmd_error *unknown(const char *model, const struct json *models)
{
    AUTO(buf) struct buf known = BUF_INIT;
    const char *names[NAMES_MAX + 1] = {NULL};
    const char *near;
    size_t count = 0, all = llmd__json_count(llmd__json_member(models, "models"));
    llmd_error *error = llmd__error(
        LLMD_E_NOT_FOUND, "recommend: GKE's inference quickstart has no profile of %s", model);

    JSON_EACH(name, llmd__json_member(models, "models")) {
        if (count == NAMES_MAX)
            break;
        names[count++] = llmd__json_text(name);
        llmd__buf_format(&known, "%s%s", known.len ? ", " : "", llmd__json_text(name));
    }
    if (all > count)
        llmd__buf_format(&known, " and %zu more", all - count);
    near = llmd__nearest(model, names);
    return llmd__error_set_advice(error, "%s%s%sit knows %s", near ? "did you mean " : "",
                                  near ? near : "", near ? "? " : "",
                                  known.len ? llmd__buf_text(&known) : "no model");
}

/* An empty answer is how it says that it does not know the model. */
static llmd_error *refuse_empty(llmd_context *ctx, const llmd_gke *gke, const char *model,
                                const struct json *answer)
{
    AUTO(json) struct json *models = NULL;

    if (llmd__json_count(llmd__json_member(answer, "profile")))
        return NULL;
    TRY(fetch(ctx, gke, NULL, &models));
    return unknown(model, models);
}

llmd_error *llmd_cluster_recommend(llmd_context *ctx, const llmd_gke *gke, const char *model,
                                   char **out)
{
    AUTO(json) struct json *answer = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    if (model && !*model)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "cluster recommend: the model's name is empty"),
            "name a model as Hugging Face does, ORG/NAME, or none at all: then the models are "
            "listed");
    TRY(fetch(ctx, gke, model, &answer));
    if (model) {
        TRY(refuse_empty(ctx, gke, model, answer));
        TRY(name_presets(answer));
    }
    return llmd__json_print(answer, out);
}
