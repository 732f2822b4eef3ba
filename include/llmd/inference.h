/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file inference.h
 * OpenAI-style calls: one at a time, streamed, or thousands at once on one thread.
 */
#ifndef LLMD_INFERENCE_H
#define LLMD_INFERENCE_H

#include <llmd/credentials.h>

LLMD_BEGIN

/** A handle: immutable, any thread. */
typedef struct llmd_endpoint llmd_endpoint;
/** Specs: one thread at a time. */
typedef struct llmd_endpoint_spec llmd_endpoint_spec;
typedef struct llmd_request llmd_request;
/** Snapshots: any thread. */
typedef struct llmd_reply llmd_reply;
typedef struct llmd_delta llmd_delta;
/** Iterators: any thread, one at a time. */
typedef struct llmd_stream llmd_stream;
typedef struct llmd_mux llmd_mux;

/** What a request asks for. May grow: keep a default branch. */
typedef enum llmd_request_kind {
    LLMD_REQUEST_CHAT = 0,      /**< POST /v1/chat/completions */
    LLMD_REQUEST_COMPLETION = 1 /**< POST /v1/completions */
} llmd_request_kind;

/** An endpoint at this base URL, with or without "/v1" at its end. Never NULL. @since 0.1 */
LLMD_API llmd_endpoint_spec *llmd_endpoint_spec_new(const char *url);
/** Reads a spec from YAML or JSON text (keys: docs/spec.md).
 * @return NULL, or LLMD_E_INVALID with line and key @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_endpoint_spec_parse(const char *text, llmd_endpoint_spec **out);
/**
 * Sets one field by its key of docs/spec.md: "model", "idleTimeoutMs", "headers.X-Session".
 *
 * The text is read as the field's type says: a string is taken as it is; numbers, true and false
 * are read strictly; a map is JSON or YAML and replaces what was there. Behind a map's key and a
 * dot stands an entry's own key, and only that entry changes. NULL unsets. The first bad key or
 * value is kept, and the call that uses the spec reports it.
 *
 * @param key    such as "connectTimeoutMs"
 * @param value  its text, or NULL
 * @since 0.1
 */
LLMD_API void llmd_endpoint_spec_set(llmd_endpoint_spec *spec, const char *key, const char *value);
/** Frees the spec; NULL is allowed. @since 0.1 */
LLMD_API void llmd_endpoint_spec_free(llmd_endpoint_spec *spec);

/**
 * Opens an endpoint; no request is sent before the first call.
 * @param spec         where and how
 * @param credentials  a bearer token, or NULL
 * @param out          the handle, llmd_endpoint_free()
 * @return NULL, or LLMD_E_INVALID (a URL that is none, a CA that is no PEM)
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_endpoint_open(const llmd_endpoint_spec *spec,
                                            const llmd_credentials *credentials,
                                            llmd_endpoint **out);
/** The base URL, without "/v1". @threads any @since 0.1 */
LLMD_API const char *llmd_endpoint_url(const llmd_endpoint *endpoint);
/** Frees the handle; streams made with it live on. NULL is allowed. @since 0.1 */
LLMD_API void llmd_endpoint_free(llmd_endpoint *endpoint);

/** The served models: the JSON of GET /v1/models. @param out llmd_free() @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_endpoint_models(llmd_context *ctx, const llmd_endpoint *endpoint,
                                              char **out);
/** The model that requests get which name none; asks the server once. @param out llmd_free()
 * @return NULL, or LLMD_E_NOT_FOUND when it serves none @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_endpoint_model(llmd_context *ctx, const llmd_endpoint *endpoint,
                                             char **out);
/**
 * POSTs JSON to any path below the base URL ("/v1/embeddings") and returns the answer's text.
 * @param out  llmd_free()
 * @return NULL, or an error by the status
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_endpoint_post(llmd_context *ctx, const llmd_endpoint *endpoint,
                                            const char *path, const char *json, char **out);

/** An empty request of a kind. Never NULL. @since 0.1 */
LLMD_API llmd_request *llmd_request_new(llmd_request_kind kind);
/** A request from its JSON body as OpenAI defines it; the kind follows from "messages" or "prompt".
 * Members we do not know are sent as they are.
 * @return NULL, or LLMD_E_INVALID @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_request_parse(const char *json, llmd_request **out);
/** One more message of a chat. @since 0.1 */
LLMD_API void llmd_request_add_message(llmd_request *request, const char *role,
                                       const char *content);
/** The prompt of a completion. @since 0.1 */
LLMD_API void llmd_request_set_prompt(llmd_request *request, const char *prompt);
/** The model; by default the endpoint's. @since 0.1 */
LLMD_API void llmd_request_set_model(llmd_request *request, const char *model);
/** At most so many tokens, 1 or more; sent as "max_tokens", which every server knows.
 * @since 0.1 */
LLMD_API void llmd_request_set_max_tokens(llmd_request *request, int64_t max_tokens);
/** Sampling temperature. @since 0.1 */
LLMD_API void llmd_request_set_temperature(llmd_request *request, double temperature);
/** Merges members into the body (RFC 7396); has the last word, except on "stream", which the
 * function decides that sends the request. @since 0.1 */
LLMD_API void llmd_request_set_overlay(llmd_request *request, const char *json);
/** The body that would be sent, without the endpoint's model. @param out llmd_free() @since 0.1 */
LLMD_CHECKED llmd_error *llmd_request_json(const llmd_request *request, char **out);
/** Frees the request; NULL is allowed. @since 0.1 */
LLMD_API void llmd_request_free(llmd_request *request);

/**
 * Sends a request and waits for the whole answer. Sent again only when no byte can have been acted
 * on, or on 429 and 503 with the server's Retry-After.
 * @param out  the answer, llmd_reply_free()
 * @return NULL, or LLMD_E_NOT_FOUND (no such model), LLMD_E_INVALID (the server refused the
 * request, in its words), LLMD_E_BUSY, LLMD_E_UNREACHABLE, LLMD_E_TIMEOUT, LLMD_E_PROTOCOL, ...
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_endpoint_send(llmd_context *ctx, const llmd_endpoint *endpoint,
                                            const llmd_request *request, llmd_reply **out);
/**
 * Sends a request and returns once the answer has begun. Usage is asked for.
 * @param out  an iterator, llmd_stream_free()
 * @return as llmd_endpoint_send()
 * @threads any
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_endpoint_stream(llmd_context *ctx, const llmd_endpoint *endpoint,
                                              const llmd_request *request, llmd_stream **out);
/**
 * Waits for the next delta, llmd_delta_free(); NULL at the end. A stream that is cut before its
 * end is an error LLMD_E_PROTOCOL or LLMD_E_UNREACHABLE, and what came before stays in
 * llmd_stream_reply().
 * @threads any, one at a time
 * @since 0.1
 */
LLMD_CHECKED llmd_error *llmd_stream_next(llmd_context *ctx, llmd_stream *stream, llmd_delta **out);
/** All that has come so far as one reply, also after an error. Log probabilities and members that
 * the library does not know are not in it. @param out llmd_reply_free()
 * @threads any, one at a time with llmd_stream_next() @since 0.1 */
LLMD_CHECKED llmd_error *llmd_stream_reply(const llmd_stream *stream, llmd_reply **out);
/** Ends the stream (the server stops generating) and frees it. A call that is inside on another
 * thread ends with LLMD_E_CANCELED. NULL is allowed. @threads any @since 0.1 */
LLMD_API void llmd_stream_free(llmd_stream *stream);

/** The text that this delta adds, whole UTF-8 characters; "" for none. @threads any @since 0.1 */
LLMD_API const char *llmd_delta_text(const llmd_delta *delta);
/** Reasoning text that this delta adds; "" for none. @threads any @since 0.1 */
LLMD_API const char *llmd_delta_reasoning(const llmd_delta *delta);
/** Which choice it belongs to. @threads any @since 0.1 */
LLMD_API int llmd_delta_index(const llmd_delta *delta);
/** Why the choice ended ("stop", "length"), or "". @threads any @since 0.1 */
LLMD_API const char *llmd_delta_finish_reason(const llmd_delta *delta);
/** The event's data as it came. @threads any @since 0.1 */
LLMD_API const char *llmd_delta_json(const llmd_delta *delta);
/** The tag given to llmd_mux_add(), else 0. @threads any @since 0.1 */
LLMD_API uint64_t llmd_delta_tag(const llmd_delta *delta);
/** Whether nothing more comes with this tag. @threads any @since 0.1 */
LLMD_API bool llmd_delta_last(const llmd_delta *delta);
/** What ended this stream of a mux, or NULL; it belongs to @p delta. @threads any @since 0.1 */
LLMD_API const llmd_error *llmd_delta_error(const llmd_delta *delta);
/** Frees the delta; NULL is allowed. @since 0.1 */
LLMD_API void llmd_delta_free(llmd_delta *delta);

/** The first choice's text. @threads any @since 0.1 */
LLMD_API const char *llmd_reply_text(const llmd_reply *reply);
/** The first choice's reasoning text, or "". @threads any @since 0.1 */
LLMD_API const char *llmd_reply_reasoning(const llmd_reply *reply);
/** Why it ended: "stop", "length", or "". @threads any @since 0.1 */
LLMD_API const char *llmd_reply_finish_reason(const llmd_reply *reply);
/** The model that answered. @threads any @since 0.1 */
LLMD_API const char *llmd_reply_model(const llmd_reply *reply);
/** The server's id of the answer. @threads any @since 0.1 */
LLMD_API const char *llmd_reply_id(const llmd_reply *reply);
/** Tokens of the prompt; -1 unknown. @threads any @since 0.1 */
LLMD_API int64_t llmd_reply_prompt_tokens(const llmd_reply *reply);
/** Tokens of the answer; -1 unknown. @threads any @since 0.1 */
LLMD_API int64_t llmd_reply_completion_tokens(const llmd_reply *reply);
/** Prompt tokens found in the prefix cache; -1 unknown. @threads any @since 0.1 */
LLMD_API int64_t llmd_reply_cached_tokens(const llmd_reply *reply);
/** Milliseconds from sending to the first delta with text (plain calls: to the first byte); -1
 * unknown. @threads any @since 0.1 */
LLMD_API double llmd_reply_ttft_ms(const llmd_reply *reply);
/** Milliseconds from sending to the end. @threads any @since 0.1 */
LLMD_API double llmd_reply_total_ms(const llmd_reply *reply);
/** The answer's JSON; for a stream, one put together. @threads any @since 0.1 */
LLMD_API const char *llmd_reply_json(const llmd_reply *reply);
/** Frees the reply; NULL is allowed. @since 0.1 */
LLMD_API void llmd_reply_free(llmd_reply *reply);

/** A mux: many streams on one thread. @param out llmd_mux_free()
 * @return NULL, or LLMD_E_SYSTEM @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_mux_open(llmd_mux **out);
/** Adds a streamed request; its deltas carry @p tag, the last one llmd_delta_last(). It is
 * sent once: what its last delta's error calls retryable may be added again.
 * @return NULL, or LLMD_E_INVALID, LLMD_E_EXISTS (the tag is in flight) @threads any @since 0.1 */
LLMD_CHECKED llmd_error *llmd_mux_add(llmd_mux *mux, const llmd_endpoint *endpoint,
                                      const llmd_request *request, uint64_t tag);
/** Ends one stream: its last delta comes with LLMD_E_CANCELED. @threads any @since 0.1 */
LLMD_API void llmd_mux_cancel(llmd_mux *mux, uint64_t tag);
/** Waits for the next delta of any stream; NULL: none in flight; add may follow.
 * @threads any, one at a time @since 0.1 */
LLMD_CHECKED llmd_error *llmd_mux_next(llmd_context *ctx, llmd_mux *mux, llmd_delta **out);
/** As llmd_mux_next(), but waits for no answer: NULL means nothing now. Only credentials that have
 * to fetch a new token make it wait, as long as they do. @threads any, one at a time @since 0.1 */
LLMD_CHECKED llmd_error *llmd_mux_take(llmd_mux *mux, llmd_delta **out);
/** A descriptor for poll, epoll or an event loop: readable means take until NULL. It belongs to the
 * mux: do not close it. @threads any, but not while another thread is in llmd_mux_next() or _take()
 * @since 0.1 */
LLMD_API int llmd_mux_fd(const llmd_mux *mux);
/** Ends all streams and frees the mux. A call that is inside on another thread ends with
 * LLMD_E_CANCELED. NULL is allowed. @threads any @since 0.1 */
LLMD_API void llmd_mux_free(llmd_mux *mux);

LLMD_DEFINE_AUTO(llmd_endpoint_spec)
LLMD_DEFINE_AUTO(llmd_endpoint)
LLMD_DEFINE_AUTO(llmd_request)
LLMD_DEFINE_AUTO(llmd_reply)
LLMD_DEFINE_AUTO(llmd_delta)
LLMD_DEFINE_AUTO(llmd_stream)
LLMD_DEFINE_AUTO(llmd_mux)

LLMD_END

#endif
