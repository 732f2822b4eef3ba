/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of llmd_gke: one project and location, and where Google's services are. */
#ifndef LLMD_GKE_GKE_H
#define LLMD_GKE_GKE_H

#include "base/json.h"
#include "net/http.h"

#include <llmd/cluster.h>

/* The services by the host that serves them. Paths begin with the version: "/v1/projects/...",
   for Compute Engine "/compute/v1/projects/...". */
enum google_api {
    GOOGLE_CONTAINER,
    GOOGLE_COMPUTE,
    GOOGLE_SERVICE_USAGE,
    GOOGLE_RESOURCE_MANAGER,
    GOOGLE_QUOTAS,
    GOOGLE_MONITORING,
    GOOGLE_ORG_POLICY,
    GOOGLE_IAM,
    GOOGLE_BILLING,
    GOOGLE_RECOMMENDER,
    GOOGLE_API_COUNT
};

/* What the library makes carries this label (GKE resourceLabels; a description where Compute Engine
   has no labels). */
#define LLMD__OWNER_LABEL "managed-by"
#define LLMD__OWNER "libllmd"

/* Reads are quick; a server that is silent this long has lost the question. */
#define LLMD__READ_TIMEOUT_MS 30000

llmd_gke *llmd__gke_ref(const llmd_gke *gke); /* one more; llmd_gke_free() drops it */
struct http *llmd__gke_http(const llmd_gke *gke, enum google_api api); /* belongs to the gke */
const llmd_credentials *llmd__gke_credentials(const llmd_gke *gke);
const char *llmd__gke_region(const llmd_gke *gke); /* "europe-west4", of a zone too */
bool llmd__gke_zonal(const llmd_gke *gke);
/* "europe-west4-a" -> "europe-west4"; a region stays. Pure. */
size_t llmd__region_len(const char *location);
/* A project's id and a zone or region, both fit to stand in a path. Pure. */
llmd_error *llmd__place_names_check(const char *project, const char *location);

/* One GET, parsed. what: "cluster llm", the beginning of an error. */
llmd_error *llmd__gke_get(llmd_context *ctx, const llmd_gke *gke, enum google_api api,
                          const char *path, const char *what, struct json **out);

DEFINE_AUTO(gke, llmd_gke *, llmd_gke_free)

#endif
