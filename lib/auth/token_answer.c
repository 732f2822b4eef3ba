/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/token_answer.h"

#include "auth/secret.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What is shown of a server's own words. */
#define MAX_WORDS 400

static llmd_error *read_object(const struct http_reply *reply, struct json **out)
{
    llmd_error *error =
        llmd__json_parse(llmd__buf_text(&reply->body), reply->body.len, "answer", out);

    if (!error && llmd__json_type(*out) == JSON_OBJECT)
        return NULL;
    if (llmd_error_code(error) == LLMD_E_NO_MEMORY)
        return error;
    /* The parser's words may quote what it could not read, and that may be the token. */
    llmd_error_free(error);
    llmd__json_free_secret(TAKE(*out));
    return NULL;
}

static bool is_temporary_word(const char *word)
{
    return strcmp(word, "internal_failure") == 0 || strcmp(word, "server_error") == 0 ||
           strcmp(word, "temporarily_unavailable") == 0;
}

bool llmd__token_is_temporary(const struct http_reply *reply)
{
    int status = reply->status;

    if (status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504))
        return true;
    if (status < 400)
        return false;
    AUTO(secret_json) struct json *answer = NULL;
    llmd_error_free(read_object(reply, &answer));
    return is_temporary_word(llmd__json_str(answer, "error"));
}

static llmd_code code_of(int status)
{
    if (status == 429)
        return LLMD_E_BUSY;
    if (status == 404)
        return LLMD_E_NOT_FOUND;
    return status < 500 ? LLMD_E_DENIED : LLMD_E_REMOTE;
}

/* google.rpc.ErrorInfo says it in one word; the status is coarser. */
static const char *google_reason(const struct json *error)
{
    JSON_EACH(detail, llmd__json_member(error, "details")) {
        if (llmd__json_str(detail, "reason")[0])
            return llmd__json_str(detail, "reason");
    }
    return llmd__json_str(error, "status");
}

static const char *oauth_reason(const struct json *answer)
{
    const char *subtype = llmd__json_str(answer, "error_subtype");

    return subtype[0] ? subtype : llmd__json_str(answer, "error");
}

/* Whether the text has this field's value in it, as it was sent or as it was meant. */
static bool repeats(const char *text, const char *value, size_t len)
{
    AUTO(secret) char *sent = llmd__strndup(value, len);
    AUTO(secret) char *meant = llmd__calloc(len + 1, 1);

    if (!sent || !meant)
        return true;
    for (size_t from = 0, to = 0; from < len; from++, to++) {
        char code[] = {sent[from], from + 2 < len ? sent[from + 1] : '\0',
                       from + 2 < len ? sent[from + 2] : '\0', '\0'};
        bool escaped = code[0] == '%' && isxdigit((unsigned char)code[1]);
        meant[to] = (char)(escaped ? strtol(code + 1, NULL, 16) : code[0]);
        from += escaped ? 2 : 0;
    }
    return len && (strstr(text, sent) || strstr(text, meant));
}

static bool repeats_secret(const char *text, const char *form)
{
    static const char *const names[] = {
        "assertion=", "client_secret=", "refresh_token=", "subject_token=", NULL};

    for (const char *const *name = names; form && *name; name++) {
        const char *field = strstr(form, *name);
        if (field && repeats(text, field + strlen(*name), strcspn(field + strlen(*name), "&")))
            return true;
    }
    return false;
}

/* A server's words; nothing of them where they repeat a secret. NULL without memory. */
static char *quoted(const char *text, const char *sent)
{
    return llmd__secret_censor(repeats_secret(text, sent) ? "***" : text, MAX_WORDS);
}

/* The metadata server says it in plain text; a proxy's page of HTML says nothing. */
static llmd_error *plain_refusal(const struct http_reply *reply, const char *sent)
{
    bool is_text = strncmp(reply->content_type, "text/plain", 10) == 0;
    AUTO(str)
    char *words = quoted(is_text ? llmd__buf_text(&reply->body) : "", sent);

    CHECK_MEMORY(words);
    if (words[0])
        return llmd__error(code_of(reply->status), "the token server answered %d: %s",
                           reply->status, words);
    return llmd__error(code_of(reply->status),
                       "the token server answered %d, and its answer is not JSON", reply->status);
}

static llmd_error *refusal(const struct http_reply *reply, const struct json *answer,
                           const char *sent)
{
    const struct json *google = llmd__json_member(answer, "error");
    bool is_google = llmd__json_type(google) == JSON_OBJECT;
    const char *word = is_google ? google_reason(google) : oauth_reason(answer);
    const char *text =
        llmd__json_str(is_google ? google : answer, is_google ? "message" : "error_description");

    AUTO(str) char *reason = quoted(word, sent);
    AUTO(str) char *words = quoted(text, sent);
    if (!reason || !words)
        return NO_MEMORY;
    if (!answer)
        return plain_refusal(reply, sent);
    llmd_error *error =
        llmd__error(code_of(reply->status), "the token server answered %d%s%s%s%s", reply->status,
                    reason[0] ? " " : "", reason, words[0] ? ": " : "", words);
    return llmd__error_set_reason(error, reason);
}

llmd_error *llmd__token_answer(const struct http_reply *reply, const char *sent, struct json **out)
{
    AUTO(secret_json) struct json *answer = NULL;

    *out = NULL;
    TRY(read_object(reply, &answer));
    if (reply->status < 200 || reply->status > 299) {
        llmd_error *error = refusal(reply, answer, sent);
        llmd__error_set_http_status(error, reply->status);
        return llmd__error_set_retry(error, llmd__token_is_temporary(reply),
                                     reply->retry_after_ms > 0 ? reply->retry_after_ms : 0);
    }
    if (!answer)
        return llmd__error(LLMD_E_PROTOCOL, "the token server's answer is no JSON object");
    *out = TAKE(answer);
    return NULL;
}
