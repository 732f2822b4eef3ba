/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LLMD_OPENAI_MODELS_H
#define LLMD_OPENAI_MODELS_H

#include "openai/endpoint.h"

#define LLMD__MODELS_PATH "/v1/models"

/* The question for the models. */
struct http_request llmd__models_request(const llmd_endpoint *endpoint);
/* Pure: the id that requests without a model get, from the answer's text: the first that is no
   adapter. NOT_FOUND when none is served, PROTOCOL when the answer is no list. */
llmd_error *llmd__models_first(const char *json, size_t len, char **out);
/* Judges an answer to llmd__models_request() and learns the model from it. */
llmd_error *llmd__models_learn(const llmd_endpoint *endpoint, const struct http_reply *reply);

#endif
