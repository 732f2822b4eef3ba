/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata server (GCE_METADATA_HOST=127.0.0.1:PORT). */
#include "sandbox/google/call.h"
#include "sandbox/google/tokens.h"
#include "sandbox/record.h"

#include <string.h>

#define ROOT "/computeMetadata/v1/"
#define ACCOUNT "instance/service-accounts/default/"

static char *value_of(struct google *google, const char *what)
{
    if (strcmp(what, "project/project-id") == 0)
        return llmd__format("%s", google_project(google));
    if (strcmp(what, "project/numeric-project-id") == 0)
        return llmd__format("%s", PROJECT_NUMBER);
    if (strcmp(what, "instance/zone") == 0)
        return llmd__format("projects/" PROJECT_NUMBER "/zones/europe-west4-a");
    if (strcmp(what, ACCOUNT "email") == 0)
        return llmd__format("%s", SANDBOX_SERVICE_ACCOUNT);
    if (strcmp(what, ACCOUNT "scopes") == 0)
        return llmd__format("https://www.googleapis.com/auth/cloud-platform\n");
    if (strcmp(what, "universe/universe-domain") == 0)
        return llmd__format("googleapis.com");
    /* Clients ask for this one to see whether they run on Google's machines. */
    if (strcmp(what, "instance") == 0 || strcmp(what, "instance/") == 0 || !*what)
        return llmd__format("service-accounts/\nzone\n");
    if (strcmp(what, "instance/service-accounts/") == 0)
        return llmd__format("default/\n" SANDBOX_SERVICE_ACCOUNT "/\n");
    return NULL;
}

static char *token_text(struct google *google)
{
    AUTO(str) char *token = tokens_issue(google->tokens);
    return llmd__format("{\"access_token\":\"%s\",\"expires_in\":%d,\"token_type\":\"Bearer\"}",
                        token, tokens_seconds(google->tokens));
}

static int serve_value(struct google *google, struct conn *conn, const char *what)
{
    if (strcmp(what, ACCOUNT "token") == 0) {
        AUTO(str) char *text = token_text(google);
        reply_json(conn, 200, text);
        return 200;
    }
    if (strcmp(what, ACCOUNT) == 0) {
        reply_json(conn, 200,
                   "{\"aliases\":[\"default\"],\"email\":\"" SANDBOX_SERVICE_ACCOUNT
                   "\",\"scopes\":[\"https://www.googleapis.com/auth/cloud-platform\"]}");
        return 200;
    }
    AUTO(str) char *text = value_of(google, what);
    reply_text(conn, text ? 200 : 404, "application/text", text ? text : "Not Found\n");
    return text ? 200 : 404;
}

bool metadata_serve(struct google *google, struct conn *conn, const struct request *request)
{
    const char *flavor = request_header(request, "Metadata-Flavor");
    int status = 403;
    reply_header(conn, "Metadata-Flavor", "Google");
    if (strcmp(request->path, "/") == 0)
        reply_text(conn, status = 200, "application/text", "computeMetadata/\n");
    else if (!flavor || strcmp(flavor, "Google") != 0 || request_header(request, "X-Forwarded-For"))
        reply_text(conn, 403, "text/html; charset=UTF-8", "Missing Metadata-Flavor:Google header.");
    else if (strncmp(request->path, ROOT, strlen(ROOT)) == 0)
        status = serve_value(google, conn, request->path + strlen(ROOT));
    else
        reply_text(conn, status = 404, "text/html; charset=UTF-8", "Not Found\n");
    record_request(google->sandbox, request, "metadata.google.internal", status);
    return true;
}
