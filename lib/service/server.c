/* SPDX-License-Identifier: Apache-2.0 */
#include "service/server.h"
#include "service/secrets.h"

#include <stdio.h>
#include <string.h>

/* 20 minutes: a large model on a cold node loads and compiles for longer than KServe's 600 s. */
#define STARTUP_PERIOD_S 10
#define STARTUP_FAILURES 120
#define SIMULATOR_COMMAND "/app/llm-d-inference-sim"

/* "hf://Qwen/Qwen2.5-3B-Instruct" is known to clients as "Qwen/Qwen2.5-3B-Instruct". */
static llmd_error *default_name(const llmd_service_spec *spec, char **out)
{
    const char *name = spec->model_name;
    size_t len;

    if (!name && !strncmp(spec->model, "hf://", 5))
        name = spec->model + 5;
    if (!name)
        return NULL;
    len = spec->model_name ? strlen(name) : strcspn(name, ":"); /* ":revision" is no name */
    *out = llmd__strndup(name, len);
    CHECK_MEMORY(*out);
    return NULL;
}

/* Everything that two objects must agree on is decided here, once: scheme, port, probes, policies
   and arguments read it from this struct. */
llmd_error *llmd__server_new(const llmd_service_spec *spec, const struct kserve *kserve,
                             struct server *out)
{
    const struct preset *preset = llmd__preset(spec->preset);
    bool simulator = preset->kind == PRESET_SIMULATOR;

    *out = (struct server){.preset = preset, .release = kserve->release};
    out->own_command = simulator || kserve->release < KSERVE_0_17;
    out->tls = spec->tls || (kserve->tls && kserve->release >= KSERVE_0_18);
    out->tls_args = out->tls && (out->own_command || !kserve->tls);
    out->parallel = simulator ? 0 : spec->tensor_parallel ? spec->tensor_parallel : preset->chips;
    /* One chip is vLLM's default: nothing to say. */
    if (out->parallel == 1)
        out->parallel = 0;
    out->parallel_field = out->parallel && kserve->release >= KSERVE_0_20;
    out->download = llmd__json_bool(spec->download, "", !simulator);
    return default_name(spec, &out->model_name);
}

void llmd__server_free(struct server *server)
{
    llmd__free(TAKE(server->model_name));
}

const char *llmd__server_scheme(const struct server *server)
{
    return server->tls ? "HTTPS" : "HTTP";
}

static void add_words(struct json *array, const char *words, char separator)
{
    while (words && *words) {
        const char *end = strchr(words, separator);
        size_t len = end ? (size_t)(end - words) : strlen(words);

        llmd__json_add(array, llmd__json_new_str(words, len));
        words = end ? end + 1 : words + len;
    }
}

/* "--option=value" in one word: a value that begins with '-' would be taken for an option. */
static void add_option(struct json *args, const char *option, const char *value)
{
    char *text = llmd__format("%s=%s", option, value);

    llmd__json_add_str(args, text ? text : "");
    llmd__free(text);
}

static void add_number(struct json *args, const char *option, int number)
{
    char text[64];

    snprintf(text, sizeof(text), "%s=%d", option, number);
    llmd__json_add_str(args, text);
}

/* With the command ours, nothing of the preset's is left: name, port and all are said here. */
static void add_own_args(const struct server *server, const llmd_service_spec *spec,
                         struct json *args)
{
    const char *name = server->model_name ? server->model_name : spec->name;

    add_number(args, "--port", LLMD__SERVER_PORT);
    if (server->preset->kind == PRESET_SIMULATOR)
        add_option(args, "--model", name);
    add_option(args, "--served-model-name", name);
}

/* KServe mounts or downloads the weights to /mnt/models, whatever the address was. */
static struct json *command_of(const struct server *server)
{
    struct json *command;

    if (!server->own_command)
        return NULL;
    command = llmd__json_array();
    if (server->preset->kind == PRESET_SIMULATOR)
        llmd__json_add_str(command, SIMULATOR_COMMAND);
    else
        add_words(command, "vllm serve /mnt/models", ' ');
    return command;
}

llmd_error *llmd__server_args(const struct server *server, const llmd_service_spec *spec,
                              struct json **command, struct json **args)
{
    AUTO(json) struct json *list = llmd__json_array();

    CHECK_MEMORY(list);
    if (server->own_command)
        add_own_args(server, spec, list);
    add_words(list, server->preset->args, ' ');
    if (server->parallel && !server->parallel_field)
        add_number(list, "--tensor-parallel-size", server->parallel);
    if (spec->max_model_len)
        add_number(list, "--max-model-len", spec->max_model_len);
    if (server->tls_args)
        add_words(list,
                  "--ssl-certfile=/var/run/kserve/tls/tls.crt "
                  "--ssl-keyfile=/var/run/kserve/tls/tls.key",
                  ' ');
    /* The caller's come last: of an argument that stands twice vLLM takes the last. */
    JSON_EACH(arg, spec->args) {
        llmd__json_add_str(list, llmd__json_text(arg));
    }
    TRY(llmd__json_check(list));
    *command = command_of(server);
    if (server->own_command)
        CHECK_MEMORY(*command);
    *args = llmd__json_count(list) ? TAKE(list) : NULL;
    return NULL;
}

/* ---- environment ---- */

static void add_env(struct json *list, const char *name, size_t name_len, const char *value,
                    size_t value_len)
{
    struct json *item = llmd__json_add_object(list);

    llmd__json_set(item, "name", llmd__json_new_str(name, name_len));
    llmd__json_set(item, "value", llmd__json_new_str(value, value_len));
}

/* A variable that the caller sets is left out here: of two of one name the last wins in a pod, and
   server-side apply may refuse the list. */
static void add_preset_env(struct json *list, const char *env, const struct json *own)
{
    while (env && *env) {
        const char *equals = strchr(env, '=');
        const char *end = strchr(equals, ';');
        size_t len = end ? (size_t)(end - equals - 1) : strlen(equals + 1);
        bool ours = true;

        JSON_EACH(item, own) {
            if (strlen(llmd__json_key(item)) == (size_t)(equals - env) &&
                !strncmp(llmd__json_key(item), env, (size_t)(equals - env)))
                ours = false;
        }
        if (ours)
            add_env(list, env, (size_t)(equals - env), equals + 1, len);
        env = end ? end + 1 : equals + 1 + len;
    }
}

static llmd_error *env_of(const struct server *server, const llmd_service_spec *spec,
                          struct json **out)
{
    AUTO(json) struct json *list = llmd__json_array();
    AUTO(json) struct json *token = NULL;

    CHECK_MEMORY(list);
    add_preset_env(list, server->preset->env, spec->env);
    JSON_EACH(item, spec->env) {
        add_env(list, llmd__json_key(item), strlen(llmd__json_key(item)), llmd__json_text(item),
                strlen(llmd__json_text(item)));
    }
    TRY(llmd__secret_token_env(spec, &token));
    if (token)
        llmd__json_add(list, TAKE(token));
    TRY(llmd__json_check(list));
    *out = llmd__json_count(list) ? TAKE(list) : NULL;
    return NULL;
}

/* ---- probes and resources ---- */

/* Zeros and empty lists are left out: KServe's webhook drops them, and the next apply would find a
   difference for ever. No initial delay is 0. */
static llmd_error *probe(const struct server *server, int period_s, int failures, struct json **out)
{
    return llmd__json_make(out,
                           "{'httpGet': {'path': %s, 'port': %d, 'scheme': %s},"
                           " 'periodSeconds': %d, 'timeoutSeconds': 5, 'failureThreshold': %d}",
                           LLMD__SERVER_HEALTH, LLMD__SERVER_PORT, llmd__server_scheme(server),
                           period_s, failures);
}

/* The startup probe is always ours, for its length. The other two only where the preset's would
   speak the wrong scheme or wait for minutes: releases with their own idea of the command, and TLS
   that the preset does not know about. */
static llmd_error *add_probes(const struct server *server, struct json *container)
{
    struct json *startup = NULL, *liveness = NULL, *readiness = NULL;

    TRY(probe(server, STARTUP_PERIOD_S, STARTUP_FAILURES, &startup));
    llmd__json_set(container, "startupProbe", startup);
    if (server->release >= KSERVE_0_17 && !server->tls_args)
        return NULL;
    TRY(probe(server, 10, 3, &liveness));
    llmd__json_set(container, "livenessProbe", liveness);
    TRY(probe(server, 5, 3, &readiness));
    llmd__json_set(container, "readinessProbe", readiness);
    return NULL;
}

/* Of a device both must be said alike: Kubernetes refuses requests without limits. */
static llmd_error *resources_of(const struct server *server, const llmd_service_spec *spec,
                                struct json **out)
{
    char count[16];

    if (spec->resources)
        return llmd__json_copy(spec->resources, out);
    if (!server->preset->resource)
        return NULL;
    snprintf(count, sizeof(count), "%d", server->preset->chips);
    return llmd__json_make(out, "{'limits': {%s: %s}, 'requests': {%s: %s}}",
                           server->preset->resource, count, server->preset->resource, count);
}

static llmd_error *make_container(const struct server *server, const llmd_service_spec *spec,
                                  struct json **out)
{
    AUTO(json) struct json *command = NULL;
    AUTO(json) struct json *args = NULL;
    AUTO(json) struct json *env = NULL;
    AUTO(json) struct json *resources = NULL;

    TRY(llmd__server_args(server, spec, &command, &args));
    TRY(env_of(server, spec, &env));
    TRY(resources_of(server, spec, &resources));
    return llmd__json_make(out,
                           "{'name': 'main', 'image': %s, 'imagePullPolicy': %s, 'command': %j,"
                           " 'args': %j, 'env': %j, 'resources': %j}",
                           spec->image ? spec->image : server->preset->image, spec->pull_policy,
                           command, args, env, resources);
}

/* The merge patch for the container, before the one for the whole object. */
llmd_error *llmd__server_container(const struct server *server, const llmd_service_spec *spec,
                                   struct json **out)
{
    AUTO(json) struct json *container = NULL;

    TRY(make_container(server, spec, &container));
    TRY(add_probes(server, container));
    if (spec->container)
        TRY(llmd__json_merge(&container, spec->container));
    TRY(llmd__json_check(container));
    *out = TAKE(container);
    return NULL;
}
