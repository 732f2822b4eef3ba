/* SPDX-License-Identifier: Apache-2.0 */
/* Setters never fail in the caller's face: the first bad value waits for the call that uses the
   spec. */
#include "service/presets.h"
#include "service/spec.h"

#include "base/name.h"

#include <string.h>

static llmd_service_spec no_memory = {.fixed = true};

static void keep(llmd_service_spec *spec, llmd_error *error)
{
    if (spec->bad)
        llmd_error_free(error);
    else
        spec->bad = error;
}

static bool usable(const llmd_service_spec *spec)
{
    return spec && !spec->fixed;
}

static void set_text(llmd_service_spec *spec, char **member, const char *text)
{
    char *copy;

    if (!usable(spec))
        return;
    copy = text ? llmd__strdup(text) : NULL;
    if (text && !copy) {
        keep(spec, NO_MEMORY);
        return;
    }
    llmd__free_secret(*member);
    *member = copy;
}

llmd_service_spec *llmd_service_spec_new(const char *ns, const char *name, const char *model)
{
    llmd_service_spec *spec = llmd__service_spec_blank();

    if (!spec)
        return &no_memory;
    set_text(spec, &spec->ns, ns && ns[0] ? ns : NULL);
    set_text(spec, &spec->name, name ? name : "");
    set_text(spec, &spec->model, model ? model : "");
    return spec;
}

void llmd_service_spec_free(llmd_service_spec *spec)
{
    if (!usable(spec))
        return;
    llmd__fields_free(llmd__service_fields, spec);
    llmd_error_free(spec->bad);
    llmd__free(spec);
}

const char *llmd_service_spec_name(const llmd_service_spec *spec)
{
    return spec && spec->name ? spec->name : "";
}

const char *llmd_service_spec_ns(const llmd_service_spec *spec)
{
    return spec && spec->ns ? spec->ns : "";
}

void llmd_service_spec_set_preset(llmd_service_spec *spec, const char *preset)
{
    if (!usable(spec))
        return;
    if (!llmd__preset(preset))
        keep(spec, llmd__error(LLMD_E_INVALID, "service spec %s: preset \"%s\" is none of %s",
                               llmd_service_spec_name(spec), preset, LLMD__PRESET_NAMES));
    set_text(spec, &spec->preset, preset);
}

void llmd_service_spec_set_replicas(llmd_service_spec *spec, int replicas)
{
    if (!usable(spec))
        return;
    if (replicas < 0)
        keep(spec, llmd__error(LLMD_E_INVALID, "service spec %s: replicas: want 0 or more",
                               llmd_service_spec_name(spec)));
    spec->replicas = replicas < 0 ? -1 : replicas;
}

void llmd_service_spec_set_model_name(llmd_service_spec *spec, const char *model_name)
{
    if (spec)
        set_text(spec, &spec->model_name, model_name);
}

void llmd_service_spec_set_image(llmd_service_spec *spec, const char *image)
{
    if (spec)
        set_text(spec, &spec->image, image);
}

void llmd_service_spec_add_arg(llmd_service_spec *spec, const char *arg)
{
    if (!usable(spec) || !arg)
        return;
    if (!spec->args)
        spec->args = llmd__json_array();
    if (!llmd__json_add_str(spec->args, arg))
        keep(spec, NO_MEMORY);
}

void llmd_service_spec_add_env(llmd_service_spec *spec, const char *name, const char *value)
{
    llmd_error *error;

    if (!usable(spec))
        return;
    error = llmd__name_check_env(name ? name : "");
    if (error) {
        keep(spec, error);
        return;
    }
    if (!spec->env)
        spec->env = llmd__json_object();
    if (!llmd__json_set_str(spec->env, name, value ? value : ""))
        keep(spec, NO_MEMORY);
}

void llmd_service_spec_set_gateway(llmd_service_spec *spec, const char *ns, const char *name)
{
    if (!usable(spec))
        return;
    set_text(spec, &spec->gateway.ns, ns && ns[0] ? ns : NULL);
    set_text(spec, &spec->gateway.name, name && name[0] ? name : NULL);
}

void llmd_service_spec_set_hf_token(llmd_service_spec *spec, const char *token)
{
    if (spec)
        set_text(spec, &spec->hf_token, token);
}

void llmd_service_spec_set_pull_secret(llmd_service_spec *spec, const char *registry,
                                       const char *user, const char *password)
{
    if (!usable(spec))
        return;
    set_text(spec, &spec->pull_secret.registry, registry);
    set_text(spec, &spec->pull_secret.user, user);
    set_text(spec, &spec->pull_secret.password, password);
}

void llmd_service_spec_set_warmup(llmd_service_spec *spec, int requests)
{
    if (!usable(spec))
        return;
    if (requests < 0)
        keep(spec, llmd__error(LLMD_E_INVALID, "service spec %s: warmup: want 0 or more",
                               llmd_service_spec_name(spec)));
    spec->warmup = requests < 0 ? 0 : requests;
}

void llmd_service_spec_set_overlay(llmd_service_spec *spec, const char *json)
{
    struct json *overlay = NULL;
    llmd_error *error;

    if (!usable(spec))
        return;
    if (json) {
        error = llmd__json_parse(json, strlen(json), "overlay", &overlay);
        if (!error && llmd__json_type(overlay) != JSON_OBJECT)
            error = llmd__error(LLMD_E_INVALID, "overlay: want an object");
        if (error) {
            llmd__json_free(overlay);
            keep(spec, error);
            return;
        }
    }
    llmd__json_free(spec->overlay);
    spec->overlay = overlay;
}
