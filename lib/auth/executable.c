/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that prints the token of the other identity provider. It is named by the credentials
 * file, so it only runs where the user allows such files to run programs.
 */
#include "auth/google_source.h"
#include "auth/process.h"
#include "auth/secret.h"
#include "auth/subject_token.h"
#include "auth/words.h"

#include "base/clock.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#define ALLOW "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"
#define TIMEOUT_MS 30000
#define SHORTEST_TIMEOUT_MS 5000
#define LONGEST_TIMEOUT_MS 120000
#define MAX_OUTPUT ((size_t)1 << 20)
/* What is left of a kept answer must carry it to Google. */
#define EXPIRY_SKEW_MS 10000
#define VARIABLES 6

struct executable {
    char **argv;
    char *env[VARIABLES + 1];
    const char *output_file; /* "" none */
    int64_t timeout_ms;
};

static void executable_free(struct executable *executable)
{
    llmd__words_free(executable->argv);
    for (char **at = executable->env; *at; at++)
        llmd__free(*at);
    llmd__free(executable);
}

DEFINE_AUTO(executable, struct executable *, executable_free)

static void release(void *data)
{
    executable_free(data);
}

static const char *token_member(const char *type)
{
    if (strcmp(type, "urn:ietf:params:oauth:token-type:saml2") == 0)
        return "saml_response";
    if (strcmp(type, "urn:ietf:params:oauth:token-type:jwt") == 0 ||
        strcmp(type, "urn:ietf:params:oauth:token-type:id_token") == 0)
        return "id_token";
    return NULL;
}

static llmd_error *told_failure(const struct json *answer)
{
    AUTO(str) char *code = llmd__secret_censor(llmd__json_str(answer, "code"), 60);
    AUTO(str) char *message = llmd__secret_censor(llmd__json_str(answer, "message"), 300);

    if (!code || !message)
        return NO_MEMORY;
    return llmd__error(LLMD_E_DENIED, "it says: %s%s%s", code, code[0] ? ": " : "", message);
}

static llmd_error *read_answer(const struct json *answer, struct buf *token,
                               int64_t *expires_wall_ms)
{
    if (llmd__json_int(answer, "version", 0) > 1)
        return llmd__error(LLMD_E_PROTOCOL, "its answer's version is newer than 1");
    if (!llmd__json_bool(answer, "success", false))
        return told_failure(answer);
    const char *member = token_member(llmd__json_str(answer, "token_type"));
    if (!member)
        return llmd__error(LLMD_E_PROTOCOL, "its answer's token_type is none of jwt, id_token and "
                                            "saml2");
    if (!llmd__json_str(answer, member)[0])
        return llmd__error(LLMD_E_PROTOCOL, "its answer has no %s", member);
    int64_t expires_s = llmd__json_int(answer, "expiration_time", 0);
    if (expires_s < 0 || expires_s > INT64_MAX / 1000)
        return llmd__error(LLMD_E_PROTOCOL, "its answer's expiration_time is no time");
    *expires_wall_ms = expires_s * 1000;
    llmd__buf_str(token, llmd__json_str(answer, member));
    return llmd__buf_check(token);
}

llmd_error *llmd__subject_read_executable(const char *text, size_t len, struct buf *token,
                                          int64_t *expires_wall_ms)
{
    AUTO(secret_json) struct json *answer = NULL;

    *expires_wall_ms = 0;
    llmd_error *error = llmd__json_parse(text, len, "answer", &answer);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    if (error) {
        llmd_error_free(error); /* it may quote the token */
        return llmd__error(LLMD_E_PROTOCOL, "its answer is not JSON");
    }
    return read_answer(answer, token, expires_wall_ms);
}

/* An answer that the program kept for us and that still holds; whatever else is there, it runs. */
static llmd_error *read_kept(const struct executable *executable, struct buf *token)
{
    AUTO(buf) struct buf text = BUF_SECRET;
    AUTO(buf) struct buf kept = BUF_SECRET;
    int64_t expires_wall_ms = 0;

    if (!executable->output_file[0])
        return NULL;
    llmd_error *error = llmd__file_read(executable->output_file, MAX_OUTPUT, &text);
    if (!error)
        error =
            llmd__subject_read_executable(llmd__buf_text(&text), text.len, &kept, &expires_wall_ms);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    if (!error && expires_wall_ms > llmd__clock_wall_ms() + EXPIRY_SKEW_MS)
        llmd__buf_str(token, llmd__buf_text(&kept));
    llmd_error_free(error);
    return llmd__buf_check(token);
}

static llmd_error *check_age(const struct executable *executable, int64_t expires_wall_ms)
{
    if (!expires_wall_ms)
        return executable->output_file[0]
                   ? llmd__error(LLMD_E_PROTOCOL, "its answer has no expiration_time")
                   : NULL;
    if (expires_wall_ms <= llmd__clock_wall_ms())
        return llmd__error(LLMD_E_PROTOCOL, "its answer has expired");
    return NULL;
}

static llmd_error *run(llmd_context *ctx, const struct executable *executable, struct buf *token)
{
    AUTO(buf) struct buf text = BUF_SECRET;
    int64_t expires_wall_ms = 0;
    const struct process process = {.argv = (const char *const *)executable->argv,
                                    .env = (const char *const *)executable->env,
                                    .max_output = MAX_OUTPUT,
                                    .timeout_ms = executable->timeout_ms};

    TRY(llmd__process_run(ctx, &process, &text));
    llmd_error *error =
        llmd__subject_read_executable(llmd__buf_text(&text), text.len, token, &expires_wall_ms);
    if (!error)
        error = check_age(executable, expires_wall_ms);
    return llmd__error_wrap(error, "%s", executable->argv[0]);
}

static llmd_error *get(llmd_context *ctx, void *data, struct buf *token)
{
    const struct executable *executable = data;

    TRY(read_kept(executable, token));
    if (token->len)
        return NULL;
    return llmd__error_wrap(run(ctx, executable, token), "credential_source.executable");
}

static bool add_variable(struct executable *executable, size_t *count, const char *name,
                         const char *value)
{
    if (!value || !value[0])
        return true;
    executable->env[*count] = llmd__format("GOOGLE_EXTERNAL_ACCOUNT_%s=%s", name, value);
    return executable->env[(*count)++] != NULL;
}

static llmd_error *set_env(struct executable *executable, const struct google_file *file)
{
    AUTO(str) char *email = NULL;
    size_t count = 0;

    TRY(llmd__impersonated_email(file->impersonation_url, &email));
    bool set = add_variable(executable, &count, "AUDIENCE", file->audience) &&
               add_variable(executable, &count, "TOKEN_TYPE", file->subject_token_type) &&
               add_variable(executable, &count, "INTERACTIVE", "0") &&
               add_variable(executable, &count, "REVOKE", "0") &&
               add_variable(executable, &count, "IMPERSONATED_EMAIL", email) &&
               add_variable(executable, &count, "OUTPUT_FILE", executable->output_file);
    return set ? NULL : NO_MEMORY;
}

static llmd_error *set_timeout(struct executable *executable, const struct json *spec)
{
    int64_t timeout_ms = llmd__json_int(spec, "timeout_millis", TIMEOUT_MS);

    if (timeout_ms < SHORTEST_TIMEOUT_MS || timeout_ms > LONGEST_TIMEOUT_MS)
        return llmd__error(LLMD_E_INVALID,
                           "credential_source.executable.timeout_millis: want 5000 to 120000");
    executable->timeout_ms = timeout_ms;
    return NULL;
}

llmd_error *llmd__subject_executable_open(const struct google_file *file,
                                          struct subject_source *out)
{
    const struct json *spec = llmd__json_member(file->credential_source, "executable");
    const char *allowed = getenv(ALLOW);
    AUTO(executable) struct executable *executable = llmd__calloc(1, sizeof *executable);

    CHECK_MEMORY(executable);
    if (!allowed || strcmp(allowed, "1") != 0)
        return llmd__error_set_advice(
            llmd__error(LLMD_E_DENIED, "credential_source.executable: this credentials file wants "
                                       "to run a program"),
            "if you trust the file, set " ALLOW "=1");
    executable->output_file = llmd__json_str(spec, "output_file");
    TRY(llmd__error_wrap(llmd__words_split(llmd__json_str(spec, "command"), &executable->argv),
                         "credential_source.executable.command"));
    TRY(set_timeout(executable, spec));
    TRY(set_env(executable, file));
    *out = (struct subject_source){get, release, TAKE(executable)};
    return NULL;
}
