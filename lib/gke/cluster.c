/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of clusters: get, list. */
#include "gke/cluster.h"

#include "base/fields.h"
#include "base/ref.h"
#include "base/url.h"
#include "gke/calls.h"

#include <string.h>

struct llmd_cluster {
    char *name, *location, *status, *version, *endpoint;
    char *json;
};

#define AT(member) .offset = offsetof(struct llmd_cluster, member)

static const struct field fields[] = {
    {.name = "name", .type = FIELD_STRING, AT(name)},
    {.name = "location", .type = FIELD_STRING, AT(location)},
    {.name = "status", .type = FIELD_STRING, AT(status)},
    {.name = "currentMasterVersion", .type = FIELD_STRING, AT(version)},
    {.name = "endpoint", .type = FIELD_STRING, AT(endpoint)},
    FIELD_END,
};

DEFINE_AUTO(cluster, llmd_cluster *, llmd_cluster_free)

static llmd_error *snapshot(const struct json *json, llmd_cluster **out)
{
    AUTO(cluster) llmd_cluster *cluster = llmd__calloc(1, sizeof(*cluster));

    CHECK_MEMORY(cluster);
    TRY(llmd__json_print(json, &cluster->json));
    TRY(llmd__fields_fill(fields, json, cluster));
    *out = TAKE(cluster);
    return NULL;
}

/* Those of the project, in all locations. */
static llmd_error *read_all(llmd_context *ctx, const llmd_gke *gke, struct json **out)
{
    AUTO(buf) struct buf path = BUF_INIT;

    llmd__buf_str(&path, "/v1/projects/");
    llmd__url_escape(&path, llmd_gke_project(gke));
    llmd__buf_str(&path, "/locations/-/clusters");
    TRY(llmd__buf_check(&path));
    return llmd__gke_get(ctx, gke, GOOGLE_CONTAINER, path.data, "clusters", out);
}

/* ---- not found ---- */

#define OTHERS_MAX 10

/* "a in europe-west4-a, b in us-east5"; *where: of the one that is looked for. */
static void list_others(const struct json *all, const char *name, struct buf *out,
                        const char **where)
{
    int count = 0;

    *where = "";
    JSON_EACH(cluster, llmd__json_member(all, "clusters")) {
        const char *other = llmd__json_str(cluster, "name");
        const char *location = llmd__json_str(cluster, "location");

        if (strcmp(other, name) == 0)
            *where = location;
        if (count++ < OTHERS_MAX)
            llmd__buf_format(out, "%s%s in %s", out->len ? ", " : "", other, location);
    }
    if (count > OTHERS_MAX)
        llmd__buf_format(out, " and %d more", count - OTHERS_MAX);
}

/* The commonest reason is another location. What is not in a list that says of zones that they did
   not answer may be there nevertheless (P114). */
static llmd_error *say_others(llmd_context *ctx, const llmd_gke *gke, const char *name,
                              llmd_error *not_found)
{
    AUTO(json) struct json *all = NULL;
    AUTO(buf) struct buf others = BUF_INIT;
    const char *project = llmd_gke_project(gke), *here = llmd_gke_location(gke), *where;
    llmd_error *error = read_all(ctx, gke, &all);
    bool whole = !error && !llmd__json_count(llmd__json_member(all, "missingZones"));

    llmd_error_free(error);
    list_others(all, name, &others, &where);
    if (*where && strcmp(where, here) != 0)
        return llmd__error_set_advice(not_found, "it is in %s of project %s: open that location",
                                      where, project);
    if (others.len)
        return llmd__error_set_advice(not_found, "looked in %s of project %s, which has %s", here,
                                      project, llmd__buf_text(&others));
    if (whole)
        return llmd__error_set_advice(
            not_found, "project %s has no cluster; cluster apply makes one", project);
    return llmd__error_set_advice(not_found,
                                  "looked in %s of project %s: check the name, the project and the "
                                  "location",
                                  here, project);
}

llmd_error *llmd__cluster_read(llmd_context *ctx, const llmd_gke *gke, const char *name,
                               struct json **out)
{
    AUTO(buf) struct buf path = BUF_INIT;
    AUTO(str) char *what = llmd__format("cluster %s", name);
    llmd_error *error;

    *out = NULL;
    CHECK_MEMORY(what);
    llmd__cluster_path(&path, gke, name, "");
    TRY(llmd__buf_check(&path));
    error = llmd__gke_get(ctx, gke, GOOGLE_CONTAINER, path.data, what, out);
    return llmd_error_code(error) == LLMD_E_NOT_FOUND ? say_others(ctx, gke, name, error) : error;
}

llmd_error *llmd_cluster_get(llmd_context *ctx, const llmd_gke *gke, const char *name,
                             llmd_cluster **out)
{
    AUTO(json) struct json *json = NULL;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    REQUIRE_CLUSTER(name);
    TRY(llmd__cluster_read(ctx, gke, name, &json));
    return snapshot(json, out);
}

/* ---- list ---- */

struct llmd_cluster_list {
    struct busy busy;
    llmd_gke *gke;
    struct json *answer; /* NULL until asked; there are no pages */
    const struct json *item;
    llmd_error *error; /* ended it */
};

static void list_destroy(llmd_cluster_list *list)
{
    llmd__json_free(list->answer);
    llmd_error_free(list->error);
    llmd_gke_free(list->gke);
    llmd__free(list);
}

llmd_error *llmd_cluster_list_open(const llmd_gke *gke, llmd_cluster_list **out)
{
    llmd_cluster_list *list;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(gke);
    list = llmd__calloc(1, sizeof(*list));
    CHECK_MEMORY(list);
    list->gke = llmd__gke_ref(gke);
    *out = list;
    return NULL;
}

static llmd_error *fetch(llmd_context *ctx, llmd_cluster_list *list)
{
    TRY(read_all(ctx, list->gke, &list->answer));
    list->item = llmd__json_first(llmd__json_member(list->answer, "clusters"));
    return NULL;
}

/* Zones that did not answer: what is not in the list may exist nevertheless (P114). */
static llmd_error *missing_zones(const struct json *answer)
{
    AUTO(buf) struct buf names = BUF_INIT;

    JSON_EACH(zone, llmd__json_member(answer, "missingZones")) {
        llmd__buf_format(&names, "%s%s", names.len ? ", " : "", llmd__json_text(zone));
    }
    TRY(llmd__buf_check(&names));
    if (!names.len)
        return NULL;
    return llmd__error_set_retry(
        llmd__error(LLMD_E_UNREACHABLE,
                    "clusters: no answer from %s: clusters there are not in the list",
                    llmd__buf_text(&names)),
        true, -1);
}

static llmd_error *list_next(llmd_context *ctx, llmd_cluster_list *list, llmd_cluster **out)
{
    if (list->error)
        return llmd__error_copy(list->error);
    if (!list->answer)
        TRY(fetch(ctx, list));
    if (!list->item)
        return missing_zones(list->answer);
    TRY(snapshot(list->item, out));
    list->item = llmd__json_next(list->item);
    return NULL;
}

/* TIMEOUT and CANCELED by the context end the call, not the list. */
static llmd_error *keep(llmd_cluster_list *list, llmd_error *error)
{
    llmd_code code = llmd_error_code(error);

    if (code != LLMD_OK && code != LLMD_E_TIMEOUT && code != LLMD_E_CANCELED && !list->error)
        list->error = llmd__error_copy(error);
    return error;
}

llmd_error *llmd_cluster_list_next(llmd_context *ctx, llmd_cluster_list *list, llmd_cluster **out)
{
    llmd_error *error;

    REQUIRE(out);
    *out = NULL;
    REQUIRE(list);
    if (!llmd__busy_enter(&list->busy))
        return llmd__error_in_use("the list");
    error = keep(list, list_next(ctx, list, out));
    if (llmd__busy_leave(&list->busy))
        list_destroy(list);
    return error;
}

void llmd_cluster_list_free(llmd_cluster_list *list)
{
    if (list && llmd__busy_free(&list->busy))
        list_destroy(list);
}

/* ---- getters ---- */

static const char *text_of(const char *text)
{
    return text ? text : "";
}

const char *llmd_cluster_name(const llmd_cluster *cluster)
{
    return cluster ? text_of(cluster->name) : "";
}

const char *llmd_cluster_location(const llmd_cluster *cluster)
{
    return cluster ? text_of(cluster->location) : "";
}

const char *llmd_cluster_status(const llmd_cluster *cluster)
{
    return cluster ? text_of(cluster->status) : "";
}

const char *llmd_cluster_version(const llmd_cluster *cluster)
{
    return cluster ? text_of(cluster->version) : "";
}

const char *llmd_cluster_endpoint(const llmd_cluster *cluster)
{
    return cluster ? text_of(cluster->endpoint) : "";
}

const char *llmd_cluster_json(const llmd_cluster *cluster)
{
    return cluster ? text_of(cluster->json) : "";
}

void llmd_cluster_free(llmd_cluster *cluster)
{
    if (!cluster)
        return;
    llmd__fields_free(fields, cluster);
    llmd__free(cluster->json);
    llmd__free(cluster);
}
