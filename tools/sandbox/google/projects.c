/* SPDX-License-Identifier: Apache-2.0 */
/* Cloud Resource Manager, organisation policies, service accounts, billing state. */
#include "sandbox/google/call.h"
#include "sandbox/google/tokens.h"

#include <string.h>

/* ---- Cloud Resource Manager v1 and v3 ---- */

static struct json *get_project(struct api_call *call)
{
    if (strncmp(call->request->path + (call->request->path[1] == 'c'
                                           ? strlen("/cloudresourcemanager.googleapis.com")
                                           : 0),
                "/v3", 3) == 0)
        return MAKE("{'name':'projects/" PROJECT_NUMBER "','projectId':%s,'displayName':%s,"
                    "'state':'ACTIVE','parent':'organizations/1000','createTime':"
                    "'2026-01-01T00:00:00Z'}",
                    google_project(call->google), google_project(call->google));
    return MAKE("{'projectNumber':'" PROJECT_NUMBER "','projectId':%s,'lifecycleState':'ACTIVE',"
                "'name':%s,'createTime':'2026-01-01T00:00:00.000Z','parent':{'type':"
                "'organization','id':'1000'}}",
                google_project(call->google), google_project(call->google));
}

static struct json *test_permissions(struct api_call *call)
{
    const struct json *asked = llmd__json_get(call->body, "permissions");
    struct json *json = llmd__json_object();
    struct json *held = NULL;
    JSON_EACH(item, call->body)
        if (strcmp(llmd__json_key(item), "permissions") != 0)
            return api_invalid(call,
                               "Invalid JSON payload received. Unknown name \"%s\": Cannot find "
                               "field.",
                               llmd__json_key(item));
    if (llmd__json_count(asked) > 100)
        return api_invalid(call, "Too many permissions: at most 100 can be tested in one call.");
    JSON_EACH(permission, asked) {
        /* The fault's match is a permission, or a part of one; none: those of the controller. */
        struct named_fault *fault =
            fault_on(call->google, "wrong-permissions", llmd__json_text(permission));
        bool missing =
            fault && (*fault->match || strstr(llmd__json_text(permission), "clusterRole"));
        if (missing)
            continue;
        if (!held)
            held = llmd__json_set_array(json, "permissions");
        llmd__json_add_str(held, llmd__json_text(permission));
    }
    return json;
}

static struct json *get_iam_policy(struct api_call *call)
{
    (void)call;
    return MAKE("{'version':1,'etag':'BwX','bindings':[{'role':'roles/owner','members':["
                "'user:sandbox@example.com']}]}");
}

struct json *projects_serve(struct api_call *call)
{
    static const struct api_route routes[] = {
        {"GET", "projects/*", get_project},
        {"POST", "projects/*:testIamPermissions", test_permissions},
        {"POST", "projects/*:getIamPolicy", get_iam_policy},
    };
    return DISPATCH(call, routes);
}

/* ---- Organisation Policy v2 ---- */

static bool is_denying(const struct api_call *call)
{
    for (const struct named_fault *fault = call->google->faults; fault; fault = fault->next)
        if (strcmp(fault->name, "org-policy") == 0 && fault->left != 0)
            return true;
    return false;
}

static struct json *effective(struct api_call *call)
{
    const char *constraint = api_segment(call, 3);
    AUTO(str)
    char *name = llmd__format("projects/" PROJECT_NUMBER "/policies/%s", constraint);
    bool custom = strncmp(constraint, "custom.", 7) == 0;
    if (custom && !is_denying(call))
        return api_not_found(call, "The constraint '%s' was not found.", constraint);
    return MAKE("{'name':%s,'spec':{'rules':[{'enforce':%b}]}}", name, custom);
}

static struct json *list_policies(struct api_call *call)
{
    if (!is_denying(call))
        return NULL;
    return MAKE("{'policies':[{'name':'projects/" PROJECT_NUMBER
                "/policies/custom.denyCostlyMachineTypes','spec':{'etag':'CJ','rules':[{'enforce':"
                "true}]}}]}");
}

static struct json *get_policy(struct api_call *call)
{
    AUTO(str)
    char *name = llmd__format("projects/" PROJECT_NUMBER "/policies/%s", api_segment(call, 3));
    if (!is_denying(call) || strcmp(api_segment(call, 3), "custom.denyCostlyMachineTypes") != 0)
        return api_not_found(call, "Requested entity was not found.");
    return MAKE("{'name':%s,'spec':{'etag':'CJ','rules':[{'enforce':true}]}}", name);
}

static struct json *list_constraints(struct api_call *call)
{
    if (!is_denying(call))
        return NULL;
    return MAKE("{'constraints':[{'name':'projects/" PROJECT_NUMBER
                "/constraints/custom.denyCostlyMachineTypes','displayName':"
                "'Costly machine types','booleanConstraint':{}}]}");
}

struct json *policies_serve(struct api_call *call)
{
    static const struct api_route routes[] = {
        {"GET", "projects/*/policies", list_policies},
        {"GET", "projects/*/policies/*", get_policy},
        {"GET", "projects/*/policies/*:getEffectivePolicy", effective},
        {"GET", "projects/*/constraints", list_constraints},
    };
    return DISPATCH(call, routes);
}

/* ---- IAM v1 ---- */

static struct json *get_account(struct api_call *call)
{
    const char *email = api_segment(call, 3);
    AUTO(str)
    char *name =
        llmd__format("projects/%s/serviceAccounts/%s", google_project(call->google), email);
    struct named_fault *gone = fault_on(call->google, "no-service-account", email);
    if (gone || !strchr(email, '@'))
        return api_not_found(call, "Unknown service account");
    return MAKE("{'name':%s,'projectId':%s,'uniqueId':'100000000000000000001','email':%s,"
                "'displayName':'','etag':'MDEwMjE5MjA=','oauth2ClientId':'100000000000000000001'}",
                name, google_project(call->google), email);
}

static struct json *list_accounts(struct api_call *call)
{
    return MAKE("{'accounts':[{'email':'" PROJECT_NUMBER
                "-compute@developer.gserviceaccount.com','projectId':%s,'displayName':"
                "'Compute Engine default service account'},{'email':'" SANDBOX_SERVICE_ACCOUNT
                "','projectId':%s}]}",
                google_project(call->google), google_project(call->google));
}

/* Nobody holds anything on an account that is not there; it is no 404. */
static struct json *test_account(struct api_call *call)
{
    if (fault_on(call->google, "no-service-account", api_segment(call, 3)))
        return llmd__json_object();
    return test_permissions(call);
}

struct json *iam_serve(struct api_call *call)
{
    static const struct api_route routes[] = {
        {"GET", "projects/*/serviceAccounts", list_accounts},
        {"GET", "projects/*/serviceAccounts/*", get_account},
        {"POST", "projects/*/serviceAccounts/*:testIamPermissions", test_account},
    };
    return DISPATCH(call, routes);
}
