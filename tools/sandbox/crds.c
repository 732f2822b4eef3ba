/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/controllers.h"
#include "sandbox/verbs.h"

#include <string.h>

static void establish(struct sandbox *sandbox, struct object *crd)
{
    struct json *json = store_edit(crd);
    struct json *conditions = conditions_edit(json);
    struct json *status = member_object(json, "status");
    condition_set(conditions, "NamesAccepted", "True", "NoConflicts", "no conflicts found", 0);
    condition_set(conditions, "Established", "True", "InitialNamesAccepted",
                  "the initial names have been accepted", 0);
    llmd__json_set(status, "acceptedNames", must_copy(llmd__json_get(json, "spec.names")));
    struct json *stored = llmd__json_set_array(status, "storedVersions");
    JSON_EACH(version, llmd__json_get(json, "spec.versions"))
        if (llmd__json_bool(version, "storage", false))
            llmd__json_add_str(stored, llmd__json_str(version, "name"));
    store_commit(&sandbox->store, crd, json);
}

int64_t reconcile_crd(struct sandbox *sandbox, struct object *object, int64_t now)
{
    if (object->step == 0) {
        object->step = 1;
        object->since = now + 300;
    }
    if (object->step == 1 && now < object->since)
        return object->since;
    /* Served before Established is shown, so that who waits for it finds it. */
    kinds_add_crd(&sandbox->store.kinds, object_json(object));
    if (object->step == 1) {
        object->step = 2;
        establish(sandbox, object);
    }
    return reconcile_ca_bundle(sandbox, object, now);
}

/* CRDs vanish by plain deletion: what has no CRD any more is no longer served. */
void crds_unserve(struct sandbox *sandbox)
{
    struct kind *crds =
        kinds_find(sandbox->store.kinds, "apiextensions.k8s.io", "customresourcedefinitions");
    for (struct kind *kind = sandbox->store.kinds; kind; kind = kind->next) {
        char name[600];
        if (kind->builtin || !kind->served)
            continue;
        kind_resource(kind, name, sizeof(name));
        if (store_find(crds, "", name))
            continue;
        kind->served = false;
        for (struct object *object = kind->objects, *next; object; object = next) {
            next = object->next;
            object_delete(sandbox, object, "Background");
        }
    }
}
