/* SPDX-License-Identifier: Apache-2.0 */
#include "net/retry.h"

#include "base/clock.h"

#include <ctype.h>
#include <string.h>

/* Doubling from half a second to eight, as the OpenAI clients do and users therefore expect. */
#define DELAY_FIRST_MS 500
#define DELAY_MAX_MS 8000

enum retry_class llmd__retry_class(int http_status, bool answered, bool sent, bool has_retry_after)
{
    if (!answered)
        return sent ? RETRY_TRANSIENT : RETRY_NOT_SENT;
    switch (http_status) {
    case 429:
        return RETRY_THROTTLED;
    case 503:
        return has_retry_after ? RETRY_THROTTLED : RETRY_TRANSIENT;
    case 502:
    case 504:
        return RETRY_TRANSIENT;
    case 500:
        return RETRY_SERVER;
    default:
        return RETRY_NEVER;
    }
}

bool llmd__retry_allowed(enum retry_class class, bool idempotent)
{
    if (class == RETRY_NOT_SENT || class == RETRY_THROTTLED)
        return true;
    return idempotent && class != RETRY_NEVER;
}

int llmd__retry_tries(enum retry_class class, bool heard, bool has_deadline)
{
    /* A server that fails on the same request three times has a bug, not a hiccup. */
    if (!has_deadline || class == RETRY_SERVER)
        return LLMD__RETRY_TRIES_WITHOUT_DEADLINE;
    return class == RETRY_NOT_SENT && !heard ? LLMD__RETRY_TRIES_UNHEARD : INT32_MAX;
}

int64_t llmd__retry_delay_ms(int attempt, int64_t retry_after_ms, double random)
{
    int64_t ceiling = DELAY_MAX_MS;

    if (attempt < 4)
        ceiling = (int64_t)DELAY_FIRST_MS << (attempt < 0 ? 0 : attempt);
    /* Full jitter: clients that failed together do not come back together. */
    int64_t delay = (int64_t)((double)ceiling * random);
    if (retry_after_ms < 0)
        return delay;
    if (retry_after_ms > LLMD__RETRY_AFTER_MAX_MS)
        return LLMD__RETRY_AFTER_MAX_MS;
    /* "Retry-After: 0" once is a wish; again and again it would be a busy loop. */
    return attempt > 0 && delay > retry_after_ms ? delay : retry_after_ms;
}

/* Seconds with an optional fraction, which some model servers send; -1: not a number. */
static int64_t seconds_to_ms(const char *text)
{
    int64_t ms = 0;
    int64_t scale = 100;

    if (!isdigit((unsigned char)*text))
        return -1;
    for (; isdigit((unsigned char)*text); text++)
        if (ms < INT64_C(1000000000))
            ms = ms * 10 + (*text - '0');
    ms *= 1000;
    if (*text == '.')
        for (text++; isdigit((unsigned char)*text); text++, scale /= 10)
            ms += (*text - '0') * scale;
    while (*text == ' ' || *text == '\t')
        text++;
    return *text ? -1 : ms;
}

int64_t llmd__retry_after_ms(const char *header, int64_t now_wall_ms)
{
    int64_t when = 0;

    if (!header)
        return -1;
    header += strspn(header, " \t");
    int64_t ms = seconds_to_ms(header);
    if (ms >= 0)
        return ms;
    if (!llmd__clock_parse_http(header, &when))
        return -1;
    return when > now_wall_ms ? when - now_wall_ms : 0;
}
