/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/controllers.h"
#include "sandbox/verbs.h"

#include <string.h>

static void ensure_defaults(struct sandbox *sandbox, const struct object *ns)
{
    if (!store_get(&sandbox->store, "", "serviceaccounts", ns->name, "default"))
        sandbox_create(sandbox, "", "serviceaccounts",
                       MAKE("{'metadata':{'name':'default','namespace':%s}}", ns->name));
    if (!store_get(&sandbox->store, "", "configmaps", ns->name, "kube-root-ca.crt"))
        sandbox_create(sandbox, "", "configmaps",
                       MAKE("{'metadata':{'name':'kube-root-ca.crt','namespace':%s},"
                            "'data':{'ca.crt':%s}}",
                            ns->name, "sandbox"));
}

/* Starts the deletion of all that is in the namespace; how much is left. */
static int empty(struct sandbox *sandbox, const char *ns)
{
    int left = 0;
    for (struct kind *kind = sandbox->store.kinds; kind; kind = kind->next)
        for (struct object *object = kind->objects, *next; object; object = next) {
            next = object->next;
            if (!kind->namespaced || strcmp(object->ns, ns) != 0)
                continue;
            object_delete(sandbox, object, "Background");
            left += !object->deleted;
        }
    return left;
}

int64_t reconcile_namespace(struct sandbox *sandbox, struct object *object, int64_t now)
{
    if (!*object_str(object, "metadata.deletionTimestamp")) {
        ensure_defaults(sandbox, object);
        return 0;
    }
    if (empty(sandbox, object->name) > 0)
        return 0;
    if (object->step == 0) {
        object->step = 1;
        object->since = now + 500;
    }
    if (now < object->since)
        return object->since;
    store_remove(&sandbox->store, object);
    return 0;
}
