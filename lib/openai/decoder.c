/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one reader of answers for streams, the mux and the health check. What counts as whole is
 * decided here, and only here: a connection that closes cleanly proves nothing, proxies close
 * streams cleanly at their time limits.
 */
#include "openai/decoder.h"

#include "base/utf8.h"
#include "openai/answer.h"
#include "openai/assembly.h"
#include "openai/refusal.h"

#include <string.h>

#define MAX_WHOLE ((size_t)64 << 20) /* one JSON answer, as net's own cap */

static uint64_t bit_of(int index)
{
    return (uint64_t)1 << (index < 63 ? index : 63);
}

/* Unescapes and repairs one text where it needs it; the result may live in `held`. */
static llmd_error *whole_characters(struct carry *carry, int index, bool last, struct slice *slice,
                                    struct buf *held)
{
    AUTO(buf) struct buf plain = BUF_INIT;
    bool mine = carry->len && carry->index == index;
    if (!mine && llmd__utf8_valid(slice->at ? slice->at : "", slice->len))
        return NULL;
    if (!mine)
        carry->len = 0;
    carry->index = index;
    llmd__buf_add(&plain, slice->at, slice->len);
    TRY(llmd__buf_check(&plain));
    if (plain.data)
        plain.len = llmd__slice_copy(*slice, plain.data);
    llmd__carry_repair(carry, llmd__buf_text(&plain), plain.len, last, held);
    TRY(llmd__buf_check(held));
    *slice = (struct slice){.at = llmd__buf_text(held), .len = held->len};
    return NULL;
}

/* A role-only first chunk opens its choice: a stream that is cut behind it was cut. */
static void mark_choice(struct decoder *decoder, const struct chunk *chunk)
{
    uint64_t bit = bit_of(chunk->index);
    if (!chunk->has_choice)
        return;
    if (chunk->finish_reason.len) {
        decoder->open &= ~bit;
        decoder->finished = true;
    } else if (chunk->text.len || chunk->reasoning.len || !decoder->finished) {
        decoder->open |= bit;
    }
}

static llmd_error *add_delta(struct decoder *decoder, struct chunk *chunk,
                             const struct json *choice, const char *json, size_t len)
{
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(buf) struct buf reasoning = BUF_INIT;
    llmd_delta *delta = NULL;
    bool last = chunk->finish_reason.len > 0;
    mark_choice(decoder, chunk);
    TRY(whole_characters(&decoder->text_carry, chunk->index, last, &chunk->text, &text));
    TRY(whole_characters(&decoder->reasoning_carry, chunk->index, last, &chunk->reasoning,
                         &reasoning));
    TRY(llmd__delta_new(chunk, json, len, &delta));
    llmd__deltas_add(&decoder->deltas, delta);
    return decoder->assembly ? llmd__assembly_add(decoder->assembly, chunk, choice, delta) : NULL;
}

static llmd_error *each_choice(struct decoder *decoder, const struct json *event, const char *json,
                               size_t len)
{
    const struct json *choices = llmd__json_member(event, "choices");
    struct chunk chunk;
    llmd__chunk_read(event, NULL, &chunk);
    if (!llmd__json_count(choices))
        return add_delta(decoder, &chunk, NULL, json, len);
    JSON_EACH(choice, choices) {
        llmd__chunk_read(event, choice, &chunk);
        TRY(add_delta(decoder, &chunk, choice, json, len));
    }
    return NULL;
}

/* What the scanner does not know: several choices, tool calls, surrogates, errors, broken text. */
static llmd_error *unusual_event(struct decoder *decoder, const char *json, size_t len,
                                 const char *what)
{
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(json) struct json *event = NULL;
    TRY(llmd__answer_parse(json, len, what, &event, &text));
    if (llmd__refusal_is(event))
        return llmd__refusal_event(event);
    return each_choice(decoder, event, text.data, text.len);
}

static llmd_error *on_event(struct decoder *decoder, const char *data, size_t len)
{
    struct chunk chunk;
    decoder->heard = true;
    /* By prefix, as the SDKs do: some servers pad it. */
    if (len >= 6 && memcmp(data, "[DONE]", 6) == 0) {
        decoder->done = true;
        return NULL;
    }
    if (llmd__scan(data, len, &chunk))
        return add_delta(decoder, &chunk, NULL, data, len);
    return unusual_event(decoder, data, len, "an event of the stream");
}

static llmd_error *feed_events(struct decoder *decoder, const char *bytes, size_t len)
{
    while (len && !decoder->done) {
        const char *event = NULL;
        size_t event_len = 0;
        size_t used = llmd__sse_feed(&decoder->sse, bytes, len, &event, &event_len);
        bytes += used;
        len -= used;
        TRY(llmd__sse_check(&decoder->sse));
        if (event && event_len)
            TRY(on_event(decoder, event, event_len));
    }
    return NULL;
}

/* A stream of events begins with a field name, a colon or a BOM; JSON and HTML with a bracket. The
   Content-Type would say it too, but gateways do rewrite it. */
static enum body_form form_of(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr("{[<", bytes[i]) && bytes[i])
            return BODY_WHOLE;
        if (!strchr(" \t\r\n", bytes[i]) || !bytes[i])
            return BODY_EVENTS;
    }
    return BODY_UNKNOWN;
}

llmd_error *llmd__decoder_feed(struct decoder *decoder, const char *bytes, size_t len)
{
    if (decoder->form == BODY_UNKNOWN)
        decoder->form = form_of(bytes, len);
    /* White space that comes first may be the beginning of a line; JSON does not miss it. */
    if (decoder->form != BODY_WHOLE)
        return feed_events(decoder, bytes, len);
    decoder->whole.max = MAX_WHOLE;
    llmd__buf_add(&decoder->whole, bytes, len);
    return llmd__buf_check(&decoder->whole);
}

bool llmd__decoder_complete(const struct decoder *decoder)
{
    return decoder->done || (decoder->finished && !decoder->open);
}

llmd_error *llmd__decoder_end(struct decoder *decoder)
{
    if (decoder->form == BODY_WHOLE && !decoder->heard) {
        decoder->heard = true;
        TRY(unusual_event(decoder, decoder->whole.data, decoder->whole.len, "the answer"));
        /* Whole JSON is a whole answer, whatever it says about its end. */
        decoder->done = true;
    }
    if (llmd__decoder_complete(decoder))
        return NULL;
    if (!decoder->heard)
        return llmd__error(LLMD_E_PROTOCOL, "the answer has no event");
    llmd_error *error = llmd__error(LLMD_E_PROTOCOL, "the stream was cut before its end: no [DONE] "
                                                     "and no finish_reason came");
    return llmd__error_set_advice(error, "what came before is kept; if it always breaks after the "
                                         "same time, a proxy in between has a time limit");
}

void llmd__decoder_free(struct decoder *decoder)
{
    llmd__sse_free(&decoder->sse);
    llmd__buf_free(&decoder->whole);
    llmd__deltas_free(&decoder->deltas);
}
