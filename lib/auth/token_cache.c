/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/token_cache.h"

#include "auth/single_flight.h"

#include "base/clock.h"
#include "base/log.h"

/* As Google's Python library has it. The metadata server makes a new token only in the last four
   or five minutes of the old one: who wants more gets the same again and again. */
#define RENEW_AHEAD_MS 225000
/* A token must live through the request that carries it. */
#define EXPIRY_SKEW_MS 10000
/* Requests sent with the old token may still be refused after it was renewed for that reason. */
#define REFUSAL_REST_MS 5000
/* After a renewal failed, while the old token still holds. */
#define FAILURE_REST_MS 10000

struct token_cache {
    struct token_source source;
    int64_t (*now_wall_ms)(void);
    struct single_flight flight; /* its lock guards what follows */
    struct access_token token;
    int64_t renew_wall_ms;   /* when to renew it; 0: never */
    int64_t refused_mono_ms; /* when the last renewal after a 401 ended */
    bool was_refused;
};

static void cache_free(struct token_cache *cache)
{
    if (cache->source.free)
        cache->source.free(cache->source.data);
    llmd__access_token_free(&cache->token);
    llmd__flight_destroy(&cache->flight);
    llmd__free(cache);
}

static void release(void *data)
{
    cache_free(data);
}

static bool is_usable(const struct token_cache *cache)
{
    int64_t end_ms = cache->token.expires_wall_ms;

    return cache->token.value && (!end_ms || cache->now_wall_ms() < end_ms - EXPIRY_SKEW_MS);
}

static bool is_due(const struct token_cache *cache)
{
    return cache->renew_wall_ms && cache->now_wall_ms() >= cache->renew_wall_ms;
}

/* Tokens of a few minutes are renewed at half their life, or each request would fetch one. */
static int64_t renewal_of(const struct token_cache *cache, const struct access_token *token)
{
    if (!token->expires_wall_ms)
        return 0;
    int64_t left_ms = token->expires_wall_ms - cache->now_wall_ms();
    int64_t ahead_ms = left_ms / 2 < RENEW_AHEAD_MS ? left_ms / 2 : RENEW_AHEAD_MS;
    return token->expires_wall_ms - ahead_ms;
}

static void keep(struct token_cache *cache, struct access_token *fresh)
{
    llmd__access_token_free(&cache->token);
    cache->token = *fresh;
    *fresh = (struct access_token){0};
    cache->renew_wall_ms = renewal_of(cache, &cache->token);
}

static bool gave_up(const llmd_error *error)
{
    llmd_code code = llmd_error_code(error);

    return code == LLMD_E_CANCELED || code == LLMD_E_TIMEOUT;
}

/* With the lock, which is let go during the fetch. refused: what we have is of no use. */
static llmd_error *renew(llmd_context *ctx, struct token_cache *cache, bool refused)
{
    AUTO(access_token) struct access_token fresh = {0};

    llmd__flight_begin(&cache->flight);
    llmd_error *error = cache->source.fetch(ctx, cache->source.data, &fresh);
    if (llmd__log_on("auth"))
        llmd__log(LLMD_LEVEL_DEBUG, "auth", "%s", error ? llmd_error_message(error) : "new token");
    llmd__flight_end(&cache->flight, error);
    if (refused) {
        cache->was_refused = true;
        cache->refused_mono_ms = llmd__clock_mono_ms();
    }
    if (!error) {
        keep(cache, &fresh);
        return NULL;
    }
    if (refused || !is_usable(cache))
        return error;
    /* The next thread tries at once where only this one's time was up. */
    if (!gave_up(error))
        cache->renew_wall_ms = cache->now_wall_ms() + FAILURE_REST_MS;
    llmd_error_free(error);
    return NULL;
}

/* With the lock. */
static llmd_error *ensure(llmd_context *ctx, struct token_cache *cache, bool refused)
{
    bool joined = false;

    if (refused && cache->was_refused &&
        llmd__clock_mono_ms() - cache->refused_mono_ms < REFUSAL_REST_MS)
        refused = false;
    if (!refused && is_usable(cache) && (!is_due(cache) || cache->flight.running))
        return NULL;
    TRY(llmd__flight_join(ctx, &cache->flight, &joined));
    if (joined || (!refused && is_usable(cache) && !is_due(cache)))
        return NULL;
    return renew(ctx, cache, refused);
}

static llmd_error *authorize(llmd_context *ctx, void *data, bool refresh, struct buf *header)
{
    struct token_cache *cache = data;
    struct context_waker waker;

    llmd__flight_enter(&cache->flight, ctx, &waker);
    llmd_error *error = ensure(ctx, cache, refresh);
    if (!error) {
        llmd__buf_str(header, "Bearer ");
        llmd__buf_str(header, cache->token.value);
    }
    llmd__flight_leave(&cache->flight, ctx, &waker);
    return error ? error : llmd__buf_check(header);
}

llmd_error *llmd__token_cache_open(const struct token_source *source, int64_t (*now_wall_ms)(void),
                                   struct http_auth *out)
{
    struct token_cache *cache = llmd__calloc(1, sizeof *cache);

    *out = (struct http_auth){0};
    if (!cache) {
        if (source->free)
            source->free(source->data);
        return NO_MEMORY;
    }
    cache->source = *source;
    cache->now_wall_ms = now_wall_ms ? now_wall_ms : llmd__clock_wall_ms;
    llmd__flight_init(&cache->flight);
    *out = (struct http_auth){authorize, release, cache};
    return NULL;
}
