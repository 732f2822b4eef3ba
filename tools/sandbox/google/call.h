/* SPDX-License-Identifier: Apache-2.0 */
/* One request to a Google API, and the ways to answer it. */
#ifndef SANDBOX_GOOGLE_CALL_H
#define SANDBOX_GOOGLE_CALL_H

#include "sandbox/google/state.h"

#define MAX_SEGMENTS 24

struct api_call {
    struct google *google;
    const struct request *request;
    const char *host; /* "container.googleapis.com" */
    const char *method;
    char path[2048];              /* after the API's version, split at '/' */
    char *segments[MAX_SEGMENTS]; /* "projects", "my-project", ... */
    int count;
    char line[2300];     /* "METHOD /path?query", for faults */
    struct json *body;   /* NULL: none */
    int status;          /* of the answer; 200 unless a handler says else */
    int retry_after;     /* seconds; 0: no such header */
    bool cut_afterwards; /* the server acted, the client never learns it */
    char *html;          /* instead of JSON */
};

/* Handlers give the body of the answer, NULL for {}. */
typedef struct json *(*api_handler)(struct api_call *call);

struct api_route {
    const char *method;
    const char
        *pattern; /* "projects/ * /locations/ * /clusters/ *:setAddons", without the blanks */
    api_handler handler;
};

bool api_matches(const struct api_call *call, const char *method, const char *pattern);
struct json *api_dispatch(struct api_call *call, const struct api_route *routes, size_t count);
#define DISPATCH(call, routes) api_dispatch(call, routes, sizeof(routes) / sizeof((routes)[0]))
/* The segment's text before a ":verb". In the call's memory. */
const char *api_segment(struct api_call *call, int index);
char *api_query(const struct api_call *call, const char *name); /* for free(); NULL absent */

/* Error bodies; reason is the old form's word ("notFound"), NULL: from the status. */
struct json *api_error(struct api_call *call, int status, const char *canonical, const char *reason,
                       const char *format, ...) PRINTF_LIKE(5, 6);
/* Adds google.rpc.ErrorInfo; metadata is taken. Returns error. */
struct json *api_info(struct json *error, const char *reason, const char *domain,
                      struct json *metadata);
struct json *api_invalid(struct api_call *call, const char *format, ...) PRINTF_LIKE(2, 3);
struct json *api_not_found(struct api_call *call, const char *format, ...) PRINTF_LIKE(2, 3);

/* One handler for each API. */
struct json *container_serve(struct api_call *call);
struct json *compute_serve(struct api_call *call);
struct json *services_serve(struct api_call *call);
struct json *projects_serve(struct api_call *call);
struct json *quotas_serve(struct api_call *call);
struct json *monitoring_serve(struct api_call *call);
struct json *policies_serve(struct api_call *call);
struct json *iam_serve(struct api_call *call);
struct json *billing_serve(struct api_call *call);
struct json *recommender_serve(struct api_call *call);
struct json *oauth_serve(struct api_call *call);
struct json *sts_serve(struct api_call *call);
struct json *credentials_serve(struct api_call *call);
/* metadata.c: has headers and texts of its own. */
bool metadata_serve(struct google *google, struct conn *conn, const struct request *request);

/* Refusals that every call of a service can meet: NULL if none. */
struct json *service_check(struct api_call *call);

#endif
