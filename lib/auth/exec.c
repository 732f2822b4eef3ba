/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials from a program, by client-go's rules: its answer is kept until it expires, a 401 runs
 * it once more, and threads that come while it runs wait for that one run.
 */
#include "auth/exec.h"

#include "auth/process.h"
#include "auth/secret.h"
#include "auth/single_flight.h"

#include "base/clock.h"
#include "base/log.h"

#include <string.h>

#define API_V1 "client.authentication.k8s.io/v1"
#define API_V1BETA1 "client.authentication.k8s.io/v1beta1"

/* A token must live through the request that carries it. */
#define EXPIRY_SKEW_MS 10000
/* Requests sent with the old token may still be refused after a refresh. */
#define REFRESH_REST_MS 5000
/* Plugins that log in with a browser wait three minutes for the user. */
#define TIMEOUT_MS 300000

struct exec_plugin {
    char *command;
    char *api_version;
    char *install_hint;
    char *info; /* "KUBERNETES_EXEC_INFO=..." */
    char **argv;
    char **env;

    struct single_flight flight; /* its lock guards what follows */
    int64_t ran_ms;              /* when the last run ended, monotonic */
    struct exec_credential credential;
};

static void free_list(char **list)
{
    for (char **at = list; at && *at; at++)
        llmd__free_secret(*at);
    llmd__free(list);
}

void llmd__exec_credential_free(struct exec_credential *credential)
{
    llmd__free_secret(credential->token);
    llmd__free_secret(credential->key_pem);
    llmd__free(credential->cert_pem);
    llmd__free(credential->api_version);
    *credential = (struct exec_credential){0};
}

void llmd__exec_free(struct exec_plugin *plugin)
{
    if (!plugin)
        return;
    llmd__exec_credential_free(&plugin->credential);
    free_list(plugin->argv);
    free_list(plugin->env);
    llmd__free(plugin->command);
    llmd__free(plugin->api_version);
    llmd__free(plugin->install_hint);
    llmd__free(plugin->info);
    llmd__flight_destroy(&plugin->flight);
    llmd__free(plugin);
}

static llmd_error *set_command(struct exec_plugin *plugin, const char *command, const char *dir)
{
    if (!command[0])
        return llmd__error(LLMD_E_INVALID, "exec: command is missing");
    /* A path is meant from the kubeconfig's folder, a bare name from PATH. */
    if (strchr(command, '/') && command[0] != '/' && dir)
        plugin->command = llmd__format("%s/%s", dir, command);
    else
        plugin->command = llmd__strdup(command);
    return plugin->command ? NULL : NO_MEMORY;
}

static llmd_error *set_version(struct exec_plugin *plugin, const char *version)
{
    if (strcmp(version, API_V1) != 0 && strcmp(version, API_V1BETA1) != 0)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID, "exec plugin %s: apiVersion \"%s\" is not supported",
                        plugin->command, version),
            "use %s in the kubeconfig", API_V1);
    plugin->api_version = llmd__strdup(version);
    return plugin->api_version ? NULL : NO_MEMORY;
}

/* The plugin gets no terminal: one that cannot do without is refused before it hangs. */
static llmd_error *check_mode(const struct exec_plugin *plugin, const char *mode)
{
    if (!mode[0] && strcmp(plugin->api_version, API_V1) == 0)
        return llmd__error(LLMD_E_INVALID, "exec plugin %s: interactiveMode is missing",
                           plugin->command);
    if (strcmp(mode, "Always") == 0)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_INVALID,
                        "exec plugin %s: it wants a terminal (interactiveMode: Always)",
                        plugin->command),
            "log in with kubectl first, and use credentials that need no terminal");
    if (mode[0] && strcmp(mode, "Never") != 0 && strcmp(mode, "IfAvailable") != 0)
        return llmd__error(LLMD_E_INVALID, "exec plugin %s: interactiveMode \"%s\" is unknown",
                           plugin->command, mode);
    return NULL;
}

static llmd_error *set_argv(struct exec_plugin *plugin, const struct json *args)
{
    plugin->argv = llmd__calloc(llmd__json_count(args) + 2, sizeof *plugin->argv);
    CHECK_MEMORY(plugin->argv);
    size_t count = 0;
    plugin->argv[count++] = llmd__strdup(plugin->command);
    CHECK_MEMORY(plugin->argv[0]);
    JSON_EACH(arg, args) {
        plugin->argv[count] = llmd__strdup(llmd__json_text(arg));
        CHECK_MEMORY(plugin->argv[count++]);
    }
    return NULL;
}

static llmd_error *set_env(struct exec_plugin *plugin, const struct json *variables)
{
    plugin->env = llmd__calloc(llmd__json_count(variables) + 2, sizeof *plugin->env);
    CHECK_MEMORY(plugin->env);
    size_t count = 0;
    JSON_EACH(variable, variables) {
        const char *name = llmd__json_str(variable, "name");
        if (!name[0] || strchr(name, '='))
            return llmd__error(LLMD_E_INVALID, "exec plugin %s: env: a name is missing or has '='",
                               plugin->command);
        plugin->env[count] = llmd__format("%s=%s", name, llmd__json_str(variable, "value"));
        CHECK_MEMORY(plugin->env[count++]);
    }
    plugin->env[count] = llmd__strdup(plugin->info);
    return plugin->env[count] ? NULL : NO_MEMORY;
}

static llmd_error *set_info(struct exec_plugin *plugin, const struct json *cluster)
{
    AUTO(json) struct json *info = NULL;
    AUTO(str) char *text = NULL;

    TRY(llmd__json_make(&info,
                        "{'apiVersion': %s, 'kind': 'ExecCredential',"
                        " 'spec': {'interactive': false, 'cluster': %j}}",
                        plugin->api_version, cluster));
    TRY(llmd__json_print(info, &text));
    plugin->info = llmd__format("KUBERNETES_EXEC_INFO=%s", text);
    return plugin->info ? NULL : NO_MEMORY;
}

DEFINE_AUTO(plugin, struct exec_plugin *, llmd__exec_free)

static struct exec_plugin *plugin_new(void)
{
    struct exec_plugin *plugin = llmd__calloc(1, sizeof *plugin);

    if (plugin)
        llmd__flight_init(&plugin->flight);
    return plugin;
}

llmd_error *llmd__exec_open(const struct json *spec, const char *config_dir,
                            const struct json *cluster, struct exec_plugin **out)
{
    *out = NULL;
    AUTO(plugin) struct exec_plugin *plugin = plugin_new();
    CHECK_MEMORY(plugin);
    TRY(set_command(plugin, llmd__json_str(spec, "command"), config_dir));
    TRY(set_version(plugin, llmd__json_str(spec, "apiVersion")));
    TRY(check_mode(plugin, llmd__json_str(spec, "interactiveMode")));
    plugin->install_hint = llmd__strdup(llmd__json_str(spec, "installHint"));
    CHECK_MEMORY(plugin->install_hint);
    bool wants_cluster = llmd__json_bool(spec, "provideClusterInfo", false);
    TRY(set_info(plugin, wants_cluster ? cluster : NULL));
    TRY(set_argv(plugin, llmd__json_member(spec, "args")));
    TRY(set_env(plugin, llmd__json_member(spec, "env")));
    *out = TAKE(plugin);
    return NULL;
}

static llmd_error *take_text(const struct json *status, const char *key, char **out)
{
    const char *text = llmd__json_str(status, key);

    if (!text[0])
        return NULL;
    *out = llmd__strdup(text);
    return *out ? NULL : NO_MEMORY;
}

static llmd_error *take_expiry(const struct json *status, int64_t *out)
{
    const char *text = llmd__json_str(status, "expirationTimestamp");

    if (text[0] && !llmd__clock_parse(text, out))
        return llmd__error(LLMD_E_PROTOCOL, "expirationTimestamp is not a time");
    return NULL;
}

static llmd_error *check_credential(const struct exec_credential *credential)
{
    if (!credential->cert_pem != !credential->key_pem)
        return llmd__error(LLMD_E_PROTOCOL,
                           "clientCertificateData and clientKeyData go together, one is missing");
    if (!credential->token && !credential->cert_pem)
        return llmd__error(LLMD_E_PROTOCOL, "neither a token nor a client certificate is in it");
    if (credential->token && strpbrk(credential->token, "\r\n"))
        return llmd__error(LLMD_E_PROTOCOL, "the token has a line break");
    return NULL;
}

static llmd_error *fill_credential(const struct json *answer, struct exec_credential *out)
{
    const struct json *status = llmd__json_member(answer, "status");

    if (strcmp(llmd__json_str(answer, "kind"), "ExecCredential") != 0)
        return llmd__error(LLMD_E_PROTOCOL, "it is not an ExecCredential");
    TRY(take_text(answer, "apiVersion", &out->api_version));
    TRY(take_text(status, "token", &out->token));
    TRY(take_text(status, "clientCertificateData", &out->cert_pem));
    TRY(take_text(status, "clientKeyData", &out->key_pem));
    TRY(take_expiry(status, &out->expires_wall_ms));
    return check_credential(out);
}

llmd_error *llmd__exec_parse(const char *text, size_t len, struct exec_credential *out)
{
    AUTO(secret_json) struct json *answer = NULL;

    *out = (struct exec_credential){0};
    llmd_error *error = llmd__json_parse(text, len, "answer", &answer);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    if (error) {
        /* The parser's words may quote what it could not read, and that may be the token. */
        llmd_error_free(error);
        return llmd__error(LLMD_E_PROTOCOL, "its answer is not JSON");
    }
    error = fill_credential(answer, out);
    if (error)
        llmd__exec_credential_free(out);
    return error;
}

static llmd_error *name_plugin(const struct exec_plugin *plugin, llmd_error *error)
{
    const char *hint = plugin->install_hint;

    if (!error || llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    if (llmd_error_code(error) == LLMD_E_NOT_FOUND)
        llmd__error_set_advice(
            error, "%s", hint[0] ? hint : "install it, or correct its path in the kubeconfig");
    else if (llmd_error_code(error) == LLMD_E_FAILED)
        llmd__error_set_advice(error, "run it by hand to see why; you may have to log in first");
    return llmd__error_wrap(error, "exec plugin");
}

static llmd_error *check_version(const struct exec_plugin *plugin,
                                 const struct exec_credential *credential)
{
    const char *version = credential->api_version ? credential->api_version : "";

    if (strcmp(version, plugin->api_version) == 0)
        return NULL;
    return llmd__error_set_advice(
        llmd__error(LLMD_E_PROTOCOL, "%s: it is configured for API version %s, but answered %s",
                    plugin->command, plugin->api_version, version),
        "set apiVersion of this user's exec in the kubeconfig to what the plugin speaks");
}

static llmd_error *run(llmd_context *ctx, const struct exec_plugin *plugin,
                       struct exec_credential *out)
{
    AUTO(buf) struct buf text = BUF_SECRET;
    const struct process process = {.argv = (const char *const *)plugin->argv,
                                    .env = (const char *const *)plugin->env,
                                    .timeout_ms = TIMEOUT_MS};

    TRY(llmd__process_run(ctx, &process, &text));
    llmd_error *error = llmd__exec_parse(llmd__buf_text(&text), text.len, out);
    if (error)
        return llmd__error_wrap(error, "%s", plugin->command);
    error = check_version(plugin, out);
    if (error)
        llmd__exec_credential_free(out);
    return error;
}

static bool is_valid(const struct exec_plugin *plugin)
{
    const struct exec_credential *credential = &plugin->credential;

    return (credential->token || credential->cert_pem) &&
           (!credential->expires_wall_ms ||
            llmd__clock_wall_ms() < credential->expires_wall_ms - EXPIRY_SKEW_MS);
}

/* Called with the lock, which is let go while the program runs. */
static llmd_error *run_for_all(llmd_context *ctx, struct exec_plugin *plugin)
{
    struct exec_credential fresh = {0};

    llmd__flight_begin(&plugin->flight);
    llmd_error *error = name_plugin(plugin, run(ctx, plugin, &fresh));
    if (llmd__log_on("auth"))
        llmd__log(LLMD_LEVEL_DEBUG, "auth", "exec plugin %s: %s", plugin->command,
                  error ? llmd_error_message(error) : "new credentials");
    llmd__flight_end(&plugin->flight, error);
    plugin->ran_ms = llmd__clock_mono_ms();
    if (!error) {
        llmd__exec_credential_free(&plugin->credential);
        plugin->credential = fresh;
    }
    return error;
}

/* Called with the lock. */
static llmd_error *ensure(llmd_context *ctx, struct exec_plugin *plugin, bool refresh)
{
    bool rested = llmd__clock_mono_ms() - plugin->ran_ms > REFRESH_REST_MS;
    bool stale = refresh && (plugin->flight.runs == 0 || rested);
    bool joined = false;

    TRY(llmd__flight_join(ctx, &plugin->flight, &joined));
    if (is_valid(plugin) && (joined || !stale))
        return NULL;
    return run_for_all(ctx, plugin);
}

llmd_error *llmd__exec_authorize(llmd_context *ctx, void *data, bool refresh, struct buf *header)
{
    struct exec_plugin *plugin = data;
    struct context_waker waker;

    llmd__flight_enter(&plugin->flight, ctx, &waker);
    llmd_error *error = ensure(ctx, plugin, refresh);
    if (!error && plugin->credential.token) {
        llmd__buf_str(header, "Bearer ");
        llmd__buf_str(header, plugin->credential.token);
    }
    llmd__flight_leave(&plugin->flight, ctx, &waker);
    return error ? error : llmd__buf_check(header);
}

int llmd__exec_certificates(void *data, struct buf *cert_pem, struct buf *key_pem)
{
    struct exec_plugin *plugin = data;

    pthread_mutex_lock(&plugin->flight.lock);
    bool has = plugin->credential.cert_pem != NULL;
    llmd__buf_str(cert_pem, plugin->credential.cert_pem);
    llmd__buf_str(key_pem, plugin->credential.key_pem);
    pthread_mutex_unlock(&plugin->flight.lock);
    return has;
}
