/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/access_token.h"

#include "auth/secret.h"

#include "base/clock.h"

#include <stdlib.h>

/* Past this a lifetime is a mistake, and its milliseconds might leave the integers. */
#define LONGEST_LIFE_S (INT64_C(10) * 366 * 24 * 3600)

void llmd__access_token_free(struct access_token *token)
{
    llmd__free_secret(token->value);
    *token = (struct access_token){0};
}

static const char *first_text(const struct json *answer, const char *const *names)
{
    for (; *names; names++)
        if (llmd__json_str(answer, *names)[0])
            return llmd__json_str(answer, *names);
    return "";
}

/* Azure and some proxies send the number as a text. */
static llmd_error *lifetime_s(const struct json *value, int64_t *out)
{
    const char *text = llmd__json_text(value);
    char *end = NULL;

    *out = strtoll(text, &end, 10);
    /* A fraction of a second does not count. */
    if (end == text || (*end && *end != '.') || *out < 0)
        return llmd__error(LLMD_E_PROTOCOL, "expires_in is not a number of seconds");
    if (*out > LONGEST_LIFE_S)
        *out = LONGEST_LIFE_S;
    return NULL;
}

static llmd_error *read_expiry(const struct json *answer, int64_t now_wall_ms, int64_t *out)
{
    static const char *const names[] = {"expiry",
                                        "expires_at",
                                        "token_expiry",
                                        "expireTime",
                                        "expirationTimestamp",
                                        "expires_on",
                                        "expiration_time",
                                        NULL};
    const struct json *expires_in = llmd__json_member(answer, "expires_in");
    int64_t seconds;

    if (expires_in && llmd__json_type(expires_in) != JSON_NULL) {
        TRY(lifetime_s(expires_in, &seconds));
        *out = now_wall_ms + seconds * 1000;
        return NULL;
    }
    const char *time = first_text(answer, names);
    if (time[0] && !llmd__clock_parse(time, out))
        return llmd__error(LLMD_E_PROTOCOL, "the token's expiry is not a time");
    return NULL;
}

llmd_error *llmd__access_token_read(const struct json *answer, int64_t now_wall_ms,
                                    struct access_token *out)
{
    static const char *const names[] = {"access_token", "accessToken", "token", NULL};
    const char *value = first_text(answer, names);

    *out = (struct access_token){0};
    if (!value[0])
        return llmd__error(LLMD_E_PROTOCOL, "there is no token in the answer");
    TRY(llmd__error_set_code(llmd__secret_check_token(value, "the token"), LLMD_E_PROTOCOL));
    int64_t expires_wall_ms = 0;
    TRY(read_expiry(answer, now_wall_ms, &expires_wall_ms));
    out->value = llmd__strdup(value);
    CHECK_MEMORY(out->value);
    out->expires_wall_ms = expires_wall_ms;
    return NULL;
}
