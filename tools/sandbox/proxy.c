/* SPDX-License-Identifier: Apache-2.0 */
/* .../pods/[SCHEME:]NAME[:PORT]/proxy/PATH and the same of services. */
#include "sandbox/dataplane.h"
#include "sandbox/gateways.h"
#include "sandbox/images.h"
#include "sandbox/model.h"
#include "sandbox/pods.h"
#include "sandbox/verbs.h"

#include <stdio.h>
#include <string.h>

/* "http:name:8000" -> "name" */
static void bare_name(const char *text, char *out, size_t size)
{
    const char *colon = strchr(text, ':');
    if (colon && (strncmp(text, "http:", 5) == 0 || strncmp(text, "https:", 6) == 0))
        text = colon + 1;
    snprintf(out, size, "%.*s", (int)strcspn(text, ":"), text);
}

struct found {
    struct object *ready;
    int count;
};

static void note_ready(struct object *pod, void *data)
{
    struct found *found = data;
    found->count++;
    if (pod->step == POD_READY && !found->ready)
        found->ready = pod;
}

static struct answer answer_unreachable(const char *address)
{
    return answer_status(503, "ServiceUnavailable", NULL,
                         "error trying to reach service: dial tcp %s:8000: connect: connection "
                         "refused",
                         *address ? address : "10.246.0.0");
}

/* With the lock held; status 0: *pod may be asked. */
static struct answer find_pod(struct call *call, const char *name, struct object **pod)
{
    struct found found = {NULL, 0};
    bool service = strcmp(call->route.kind->plural, "services") == 0;
    struct object *object = store_find(call->route.kind, call->route.ns, name);
    if (!object)
        return answer_not_found(call->route.kind, name);
    if (service)
        backend_pods(call->sandbox, call->route.ns, "Service", name, note_ready, &found);
    else
        note_ready(object, &found);
    *pod = found.ready;
    if (found.ready)
        return (struct answer){0};
    if (service)
        return answer_status(503, "ServiceUnavailable", NULL,
                             "no endpoints available for service \"%s\"", name);
    return answer_unreachable(object_str(object, "status.podIP"));
}

void proxy_serve(struct conn *conn, struct call *call)
{
    char name[256];
    struct object *pod = NULL;
    struct model *model = NULL;
    bare_name(call->route.name, name, sizeof(name));
    sandbox_lock(call->sandbox);
    struct answer refused = find_pod(call, name, &pod);
    if (!refused.status && pod_is_model(pod))
        model = instances_of_pod(call->sandbox, pod);
    sandbox_unlock(call->sandbox);
    if (refused.status)
        answer_send(conn, refused);
    else if (model)
        model_serve(conn, model, call->request, *call->route.rest ? call->route.rest : "/");
    else
        reply_text(conn, 200, "text/plain", "ok\n");
}
