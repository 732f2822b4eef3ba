/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/release.h"

#include "platform/filter.h"
#include "platform/istio_manifest.h"
#include "platform/monitor_manifest.h"
#include "platform/odh_manifest.h"
#include "platform/redhat_manifest.h"
#include "platform/rewrite.h"

#include "base/base64.h"
#include "kube/docker_config.h"
#include "kube/object.h"

#include <string.h>

struct making {
    struct rewrite rewrite;
    const struct platform_found *found; /* NULL: nothing is there */
    bool crds_only;
    struct release *out;
};

void llmd__release_free(struct release *release)
{
    for (int i = 0; i < PHASE_COUNT; i++)
        llmd__json_free(release->phases[i]);
    llmd__json_free(release->left);
    llmd__free(release->version);
    llmd__free(release->ns);
    *release = (struct release){.component = release->component};
}

/* ---- CRDs of others ---- */

/* The version that the release stores must be served: its controllers ask for that one. */
static llmd_error *check_served(const struct json *crd, const struct json *entry, const char *by)
{
    const char *name = llmd__object_name(crd);

    JSON_EACH(version, llmd__json_get(crd, "spec.versions")) {
        const char *wanted = llmd__json_str(version, "name");

        if (!llmd__json_bool(version, "storage", false) ||
            llmd__json_holds(llmd__json_member(entry, "versions"), wanted))
            continue;
        return llmd__error_set_reason(
            llmd__error_set_advice(
                llmd__error(LLMD_E_CONFLICT, "CustomResourceDefinition %s of %s does not serve %s",
                            name, by, wanted),
                strcmp(llmd__json_str(entry, "installer"), "gke") == 0
                    ? "a newer version of the cluster brings it"
                    : "adopt: true takes it over"),
            "VersionNotServed");
    }
    return NULL;
}

static llmd_error *leave(const struct making *making, const struct json *crd, const char *by,
                         const char *why)
{
    AUTO(str) char *subject = llmd__object_subject(crd);
    struct json *item = NULL;

    CHECK_MEMORY(subject);
    TRY(llmd__json_make(&item, "{'subject': %s, 'by': %s, 'why': %s}", subject, by, why));
    llmd__json_add(making->out->left, item);
    return llmd__json_check(making->out->left);
}

/* GKE lets no experimental ones in and keeps its own, so that they are in no release there: also
   not in those of gateway controllers, which bring their own (P17). */
static bool is_gkes_to_bring(const struct making *making, const struct json *crd)
{
    return making->rewrite.gke &&
           !strcmp(llmd__json_str(crd, "spec.group"), "gateway.networking.k8s.io");
}

/* Whether a CRD is somebody else's and stays. */
static llmd_error *is_left(const struct making *making, const struct json *object, bool *left)
{
    const llmd_platform_spec *spec = making->rewrite.spec;
    const char *install = llmd__platform_part(spec, making->rewrite.component)->install;
    const struct json *entry =
        making->found ? llmd__json_member(making->found->crds, llmd__object_name(object)) : NULL;
    enum installer installer = llmd__installer_find(llmd__json_str(entry, "installer"));
    const char *by = llmd__json_str(entry, "by");
    bool take = spec->adopt || (install && !strcmp(install, "always"));

    *left = installer == INSTALLER_GKE ||
            (installer > INSTALLER_US && !take && llmd__phase_of(object) == PHASE_CRDS);
    by = *by ? by : llmd__installer_name(installer);
    if (!*left) {
        *left = is_gkes_to_bring(making, object);
        return *left ? leave(making, object, "GKE", "GKE brings Gateway API itself") : NULL;
    }
    TRY(check_served(object, entry, by));
    return leave(making, object, by, "it is there and serves what is needed");
}

/* ---- one document after the other ---- */

static llmd_error *take_document(const struct making *making, struct json *document)
{
    AUTO(json) struct json *object = document;
    enum phase phase = llmd__phase_of(object);
    bool left = false;

    if (!llmd__filter_keeps(making->rewrite.component, making->crds_only, making->out->profile,
                            object))
        return NULL;
    if (phase == PHASE_CRDS)
        TRY(is_left(making, object, &left));
    if (left)
        return NULL;
    if (making->crds_only) /* no webhook of its controller answers */
        llmd__json_remove(llmd__json_edit(object, "spec"), "conversion");
    TRY(llmd__rewrite(&making->rewrite, object));
    llmd__json_add(making->out->phases[phase], TAKE(object));
    return NULL;
}

static llmd_error *take_documents(const struct making *making, struct json *documents)
{
    struct json *document;

    while ((document = llmd__json_shift(documents))) {
        AUTO(json) struct json *item = document;
        struct json *items = llmd__json_detach(item, "items");

        /* A List holds objects; anything else that has items stays as it is. */
        if (items && !strcmp(llmd__json_str(item, "kind"), "List")) {
            llmd_error *error = take_documents(making, items);

            llmd__json_free(items);
            TRY(error);
            continue;
        }
        if (items)
            llmd__json_set(item, "items", items);
        TRY(take_document(making, TAKE(item)));
    }
    return NULL;
}

/* ---- what the library adds ---- */

static llmd_error *add(const struct making *making, enum phase phase, struct json *object)
{
    AUTO(json) struct json *added = object;

    TRY(llmd__rewrite_labels(&making->rewrite, added));
    llmd__json_add(making->out->phases[phase], TAKE(added));
    return llmd__json_check(making->out->phases[phase]);
}

/* KServe's files from 0.17 on bring no Namespace. */
static llmd_error *add_namespace(const struct making *making)
{
    const char *ns = making->out->ns;
    struct json *object = NULL;

    JSON_EACH(item, making->out->phases[PHASE_NAMESPACES]) {
        if (ns && !strcmp(llmd__object_name(item), ns))
            return NULL;
    }
    if (!ns)
        return NULL;
    TRY(llmd__json_make(&object,
                        "{'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': %s}}", ns));
    return add(making, PHASE_NAMESPACES, object);
}

static llmd_error *add_pull_secret(const struct making *making, const char *ns)
{
    const struct platform_pull_secret *pull = &making->rewrite.spec->pull_secret;
    AUTO(buf) struct buf config = BUF_SECRET;
    AUTO(buf) struct buf base64 = BUF_SECRET;
    struct json *object = NULL;

    if (!pull->registry || !llmd__json_count(making->out->phases[PHASE_CONTROLLERS]))
        return NULL;
    TRY(llmd__docker_config(pull->registry, pull->user, pull->password, &config));
    llmd__base64_encode(config.data, config.len, false, &base64);
    TRY(llmd__buf_check(&base64));
    TRY(llmd__json_make(&object,
                        "{'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': %s,"
                        " 'namespace': %s}, 'type': %s, 'data': {%s: %s}}",
                        LLMD__PLATFORM_PULL_SECRET, ns, LLMD__DOCKER_CONFIG_TYPE,
                        LLMD__DOCKER_CONFIG_KEY, llmd__buf_text(&base64)));
    return add(making, PHASE_CONFIG, object);
}

/* KServe copies it to where models are downloaded; the key is the one that it looks for. */
static llmd_error *add_ca(const struct making *making)
{
    const char *ca = making->rewrite.spec->ca;
    struct json *object = NULL;

    if (!ca || making->rewrite.component != COMPONENT_KSERVE)
        return NULL;
    TRY(llmd__json_make(&object,
                        "{'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': %s,"
                        " 'namespace': %s}, 'data': {'cabundle.crt': %s}}",
                        LLMD__PLATFORM_CA, making->out->ns, ca));
    return add(making, PHASE_CONFIG, object);
}

static llmd_error *add_each(const struct making *making, struct json *list)
{
    struct json *object;

    while ((object = llmd__json_shift(list)))
        TRY(add(making, llmd__phase_of(object), object));
    return NULL;
}

/* What Istio owns keeps its labels: with ours, a delete would take it along. */
static llmd_error *add_fields(const struct making *making, struct json *list)
{
    struct json *object;

    while ((object = llmd__json_shift(list)))
        llmd__json_add(making->out->phases[PHASE_CONFIG], object);
    return llmd__json_check(making->out->phases[PHASE_CONFIG]);
}

static const char *cert_manager_ns(const struct making *making)
{
    const char *said = llmd__platform_part(making->rewrite.spec, COMPONENT_CERT_MANAGER)->ns;
    const char *found = making->found ? making->found->components[COMPONENT_CERT_MANAGER].ns : NULL;

    return found ? found : said && *said ? said : "cert-manager";
}

/* Beside an operator: what it works on, and where. */
static llmd_error *add_operated(const struct making *making)
{
    const struct profile *profile = making->out->profile;
    AUTO(json) struct json *ours = llmd__json_array();

    CHECK_MEMORY(ours);
    if (!profile || !profile->operands)
        return NULL;
    TRY(llmd__redhat_manifests(making->out->phases, ours));
    TRY(add_each(making, ours));
    return add_pull_secret(making, profile->operands->ns);
}

static llmd_error *add_extras(const struct making *making)
{
    const llmd_platform_spec *spec = making->rewrite.spec;
    const char *ns = making->out->ns, *gateway = spec->istio.ns;
    AUTO(json) struct json *ours = llmd__json_array();
    AUTO(json) struct json *fields = llmd__json_array();

    if (!ours || !fields)
        return NO_MEMORY;
    if (making->rewrite.component != COMPONENT_KSERVE)
        return add_operated(making);
    TRY(llmd__monitor_manifests(spec, ns, ours));
    TRY(llmd__istio_manifests(spec, ns, making->found ? making->found->no_routes : NULL, ours));
    TRY(llmd__istio_fields(spec, ns, fields));
    if (making->out->profile)
        TRY(llmd__odh_manifests(cert_manager_ns(making), making->out->phases[PHASE_CERTIFICATES],
                                ours));
    if (spec->istio.enabled && gateway && ns && strcmp(gateway, ns) != 0)
        TRY(add_pull_secret(making, gateway));
    TRY(add_each(making, ours));
    return add_fields(making, fields);
}

/* ---- the whole ---- */

static const struct json *find_controller(const struct json *documents, const char *name)
{
    JSON_EACH(item, documents) {
        const struct json *found;

        if (!strcmp(llmd__json_str(item, "kind"), "Deployment") &&
            (!name || !strcmp(llmd__object_name(item), name)))
            return item;
        found = find_controller(llmd__json_member(item, "items"), name);
        if (found)
            return found;
    }
    return NULL;
}

static const struct json *find_profile(const struct profile *profile, const struct json *documents)
{
    JSON_EACH(item, documents) {
        const struct json *inner = find_profile(profile, llmd__json_member(item, "items"));

        if (inner || llmd__is_of_profile(profile, item))
            return inner ? inner : item;
    }
    return NULL;
}

const struct profile *llmd__release_profile(enum component component, const struct json *documents)
{
    const struct component_info *info = llmd__component(component);
    bool own = !info->profile || find_controller(documents, info->controller);

    return !own && find_profile(info->profile, documents) ? info->profile : NULL;
}

/* Notes its name and its profile too. */
static const struct json *controller_of(struct making *making, const struct json *documents)
{
    enum component component = making->rewrite.component;
    const struct profile *profile = llmd__release_profile(component, documents);
    const char *own = llmd__component(component)->controller;

    making->out->profile = making->rewrite.profile = profile;
    making->out->controller = profile ? profile->controller : own;
    return profile ? find_profile(profile, documents) : find_controller(documents, own);
}

/* The tag of the controller's image, what an operator says that it brings, or what CRDs of the SIGs
   are annotated with. */
static const char *version_text(const struct profile *profile, const struct json *documents,
                                const struct json *controller)
{
    const char *image = llmd__json_str(controller, "spec.template.spec.containers[0].image"),
               *colon;

    if (profile && profile->operands)
        return llmd__profile_value(profile, controller);
    colon = strrchr(image, ':');
    if (colon && !strchr(colon, '/') && !strchr(image, '@'))
        return colon + 1;
    JSON_EACH(item, documents) {
        const char *version = llmd__json_str(
            item, "metadata.annotations.\"gateway.networking.k8s.io/bundle-version\"");

        if (*version)
            return version;
    }
    return "";
}

static llmd_error *name_release(struct making *making, const struct json *documents)
{
    struct release *out = making->out;
    const char *said = llmd__platform_part(making->rewrite.spec, out->component)->ns;
    const struct json *controller = controller_of(making, documents);
    const char *version = version_text(out->profile, documents, controller), *from;

    from = controller ? llmd__object_ns(controller) : "";
    making->rewrite.from_ns = *from ? from : NULL;
    if (*version) {
        out->version = llmd__strdup(*version == 'v' ? version + 1 : version);
        CHECK_MEMORY(out->version);
    }
    if (making->crds_only || (!*from && !(said && *said)))
        return NULL;
    out->ns = llmd__strdup(said && *said ? said : from);
    CHECK_MEMORY(out->ns);
    making->rewrite.to_ns = out->ns;
    return NULL;
}

static llmd_error *init(struct release *out, enum component component)
{
    *out = (struct release){.component = component};
    for (int i = 0; i < PHASE_COUNT; i++) {
        out->phases[i] = llmd__json_array();
        CHECK_MEMORY(out->phases[i]);
    }
    out->left = llmd__json_array();
    return out->left ? NULL : NO_MEMORY;
}

/* An operator's namespace says nothing of where it makes the rest. */
static llmd_error *check_ns(const struct making *making)
{
    const struct component_info *info = llmd__component(making->rewrite.component);
    const struct profile *profile = making->out->profile;
    const char *said = llmd__platform_part(making->rewrite.spec, making->rewrite.component)->ns;

    if (!profile || !profile->operands || !said || !*said)
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_INVALID, "%s.namespace: this operator makes %s in namespace %s only",
                    info->key, info->title, profile->operands->ns),
        "leave out namespace");
}

static llmd_error *make(struct making *making, struct json *documents)
{
    AUTO(str) char *from = NULL;

    TRY(name_release(making, documents));
    TRY(check_ns(making));
    if (making->rewrite.from_ns) {
        from = llmd__strdup(making->rewrite.from_ns); /* its document is about to change */
        CHECK_MEMORY(from);
        making->rewrite.from_ns = from;
    }
    TRY(take_documents(making, documents));
    TRY(add_namespace(making));
    TRY(add_pull_secret(making, making->out->ns));
    TRY(add_ca(making));
    TRY(add_extras(making));
    for (int i = 0; i < PHASE_COUNT; i++)
        TRY(llmd__json_check(making->out->phases[i]));
    return NULL;
}

llmd_error *llmd__release_make(const llmd_platform_spec *spec, enum component component,
                               const struct platform_found *found, struct json *documents,
                               struct release *out)
{
    AUTO(json) struct json *taken = documents;
    struct making making = {
        .rewrite = {.spec = spec, .component = component, .gke = found && found->gke},
        .found = found,
        .out = out};
    llmd_error *error = init(out, component);

    making.crds_only = llmd__platform_crds_only(spec, component);
    if (!error)
        error = make(&making, taken);
    if (error)
        llmd__release_free(out);
    return error;
}
