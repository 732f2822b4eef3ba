/* SPDX-License-Identifier: Apache-2.0 */
/* A token from a program that the user names, such as gcloud or a company's own login. */
#include "auth/credentials.h"
#include "auth/process.h"
#include "auth/secret.h"
#include "auth/token_cache.h"
#include "auth/words.h"

#include "base/clock.h"

#include <string.h>

#define TIMEOUT_MS 120000
/* How long a token is kept whose end nobody knows. */
#define UNKNOWN_LIFE_MS 300000

struct command {
    char **argv;
};

static void command_free(struct command *command)
{
    llmd__words_free(command->argv);
    llmd__free(command);
}

DEFINE_AUTO(command, struct command *, command_free)

static void release(void *data)
{
    command_free(data);
}

/* gcloud's config-helper keeps it in "credential", kubectl's plugins in "status". */
static const struct json *token_object(const struct json *answer)
{
    static const char *const places[] = {"credential", "status", NULL};

    for (const char *const *place = places; *place; place++)
        if (llmd__json_type(llmd__json_member(answer, *place)) == JSON_OBJECT)
            return llmd__json_member(answer, *place);
    return answer;
}

static llmd_error *read_json(const struct buf *text, struct access_token *out)
{
    AUTO(secret_json) struct json *answer = NULL;

    llmd_error *error = llmd__json_parse(llmd__buf_text(text), text->len, "output", &answer);
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    if (error) {
        llmd_error_free(error); /* it may quote the token */
        return llmd__error(LLMD_E_PROTOCOL, "its output begins like JSON, but is none");
    }
    return llmd__access_token_read(token_object(answer), llmd__clock_wall_ms(), out);
}

static llmd_error *read_line(const char *text, struct access_token *out)
{
    text += strspn(text, " \t\r\n");
    AUTO(secret) char *line = llmd__strndup(text, strcspn(text, "\r\n"));
    CHECK_MEMORY(line);
    TRY(llmd__error_set_code(llmd__secret_check_token(line, "the first line of its output"),
                             LLMD_E_PROTOCOL));
    out->value = TAKE(line);
    return NULL;
}

static llmd_error *read_output(const struct buf *text, struct access_token *out)
{
    const char *all = llmd__buf_text(text);

    if (all[strspn(all, " \t\r\n")] == '{')
        TRY(read_json(text, out));
    else
        TRY(read_line(all, out));
    if (!out->expires_wall_ms)
        out->expires_wall_ms = llmd__clock_wall_ms() + UNKNOWN_LIFE_MS;
    return NULL;
}

static llmd_error *advise(llmd_error *error)
{
    if (llmd_error_code(error) == LLMD_E_NOT_FOUND)
        return llmd__error_set_advice(error, "install it, or give its whole path");
    if (llmd_error_code(error) == LLMD_E_FAILED)
        return llmd__error_set_advice(error,
                                      "run it by hand to see why; you may have to log in first");
    return error;
}

static llmd_error *fetch(llmd_context *ctx, void *data, struct access_token *out)
{
    const struct command *command = data;
    AUTO(buf) struct buf text = BUF_SECRET;
    const struct process process = {.argv = (const char *const *)command->argv,
                                    .timeout_ms = TIMEOUT_MS};

    llmd_error *error = llmd__process_run(ctx, &process, &text);
    if (!error)
        error = llmd__error_wrap(read_output(&text, out), "%s", command->argv[0]);
    return llmd__error_wrap(advise(error), "token command");
}

static llmd_error *read_argv(const char *text, char ***out)
{
    AUTO(json) struct json *list = NULL;

    TRY(llmd__json_parse(text, strlen(text), "token command", &list));
    if (llmd__json_type(list) != JSON_ARRAY || !llmd__json_text(llmd__json_first(list))[0])
        return llmd__error(LLMD_E_INVALID, "token command: want a JSON array of strings, the "
                                           "program first");
    *out = llmd__calloc(llmd__json_count(list) + 1, sizeof **out);
    CHECK_MEMORY(*out);
    size_t count = 0;
    JSON_EACH(word, list) {
        if (llmd__json_type(word) != JSON_STRING)
            return llmd__error(LLMD_E_INVALID, "token command: want strings, got %s",
                               llmd__json_type_name(llmd__json_type(word)));
        (*out)[count] = llmd__strdup(llmd__json_text(word));
        CHECK_MEMORY((*out)[count++]);
    }
    return NULL;
}

llmd_error *llmd_credentials_from_command(const char *argv_json, llmd_credentials **out)
{
    REQUIRE(out);
    *out = NULL;
    REQUIRE(argv_json);
    AUTO(command) struct command *command = llmd__calloc(1, sizeof *command);
    CHECK_MEMORY(command);
    TRY(read_argv(argv_json, &command->argv));
    AUTO(str) char *source = llmd__strdup(command->argv[0]);
    CHECK_MEMORY(source);
    const struct credentials_about about = {.kind = "command", .source = source};
    struct http_auth auth;
    const struct token_source from = {fetch, release, TAKE(command)};
    TRY(llmd__token_cache_open(&from, NULL, &auth));
    return llmd__credentials_new(&auth, &about, out);
}
