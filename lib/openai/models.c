/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which models there are, and which of them a request gets that names none. The id is the server's
 * own word: a server that was started without --served-model-name calls its model "/mnt/models".
 */
#include "openai/models.h"

#include "openai/answer.h"
#include "openai/refusal.h"

struct http_request llmd__models_request(const llmd_endpoint *endpoint)
{
    return (struct http_request){
        .method = "GET",
        .path = LLMD__MODELS_PATH,
        .idempotent = true,
        .first_byte_timeout_ms = llmd__endpoint_first_event_timeout_ms(endpoint),
        .idle_timeout_ms = llmd__endpoint_idle_timeout_ms(endpoint),
    };
}

llmd_error *llmd__models_first(const char *json, size_t len, char **out)
{
    AUTO(buf) struct buf text = BUF_INIT;
    AUTO(json) struct json *answer = NULL;
    const char *found = "";
    *out = NULL;
    TRY(llmd__answer_parse(json, len, "the answer to " LLMD__MODELS_PATH, &answer, &text));
    const struct json *data = llmd__json_member(answer, "data");
    if (llmd__json_type(data) != JSON_ARRAY)
        return llmd__error(LLMD_E_PROTOCOL, "the answer to " LLMD__MODELS_PATH " is no list of "
                                            "models");
    JSON_EACH(model, data) {
        /* LoRA adapters stand in the list with their base model as "parent". */
        if (!*found || !*llmd__json_str(model, "parent"))
            found = llmd__json_str(model, "id");
        if (*found && !*llmd__json_str(model, "parent"))
            break;
    }
    if (!*found)
        return llmd__error(LLMD_E_NOT_FOUND, "the server lists no model");
    *out = llmd__strdup(found);
    CHECK_MEMORY(*out);
    return NULL;
}

static llmd_error *judge(const llmd_endpoint *endpoint, const struct http_reply *reply)
{
    AUTO(str) char *subject = llmd__format("endpoint %s: models", llmd_endpoint_url(endpoint));
    CHECK_MEMORY(subject);
    return reply->status / 100 == 2 ? NULL : llmd__refusal(subject, reply);
}

llmd_error *llmd__models_learn(const llmd_endpoint *endpoint, const struct http_reply *reply)
{
    AUTO(str) char *model = NULL;
    llmd_error *error = judge(endpoint, reply);
    if (error && llmd_error_http_status(error) == 404)
        llmd__error_set_advice(error, "name the model in the request or in the endpoint's spec: "
                                      "this server does not list its models");
    TRY(error);
    TRY(llmd__error_wrap(llmd__models_first(llmd__buf_text(&reply->body), reply->body.len, &model),
                         "endpoint %s", llmd_endpoint_url(endpoint)));
    return llmd__endpoint_learn_model(endpoint, model);
}

static llmd_error *ask(llmd_context *ctx, const llmd_endpoint *endpoint, struct http_reply *reply)
{
    struct http_request request = llmd__models_request(endpoint);
    return llmd__error_wrap(llmd__http_send(ctx, llmd__endpoint_http(endpoint), &request, reply),
                            "endpoint %s: models", llmd_endpoint_url(endpoint));
}

llmd_error *llmd_endpoint_models(llmd_context *ctx, const llmd_endpoint *endpoint, char **out)
{
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    REQUIRE(out);
    *out = NULL;
    REQUIRE(endpoint);
    TRY(ask(ctx, endpoint, &reply));
    TRY(judge(endpoint, &reply));
    return llmd__buf_take(&reply.body, out);
}

llmd_error *llmd_endpoint_model(llmd_context *ctx, const llmd_endpoint *endpoint, char **out)
{
    AUTO(http_reply) struct http_reply reply = HTTP_REPLY_INIT;
    REQUIRE(out);
    *out = NULL;
    REQUIRE(endpoint);
    TRY(llmd__endpoint_known_model(endpoint, out));
    if (*out)
        return NULL;
    /* Two threads may both ask at the beginning; the first answer stays. */
    TRY(ask(ctx, endpoint, &reply));
    TRY(llmd__models_learn(endpoint, &reply));
    return llmd__endpoint_known_model(endpoint, out);
}
