/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A URL that is asked for tokens, and one question to it. Such questions may be repeated: a token
 * that nobody took harms nobody. Answers are wiped.
 */
#ifndef LLMD_AUTH_TOKEN_REQUEST_H
#define LLMD_AUTH_TOKEN_REQUEST_H

#include "auth/access_token.h"

#include "net/http.h"

struct token_url {
    struct http *http;
    char *path; /* with its query */
};

/* Takes auth (NULL: none), also on failure. direct: never through a proxy. */
llmd_error *llmd__token_url_open(const char *url, const struct http_auth *auth, bool direct,
                                 struct token_url *out);
void llmd__token_url_close(struct token_url *url);

static inline void llmd__auto_token_url(struct token_url *url)
{
    llmd__token_url_close(url);
}

struct token_request {
    const char *method;         /* NULL: POST with a body, else GET */
    const char *type;           /* of the body; NULL: a form */
    const char *body;           /* NULL: none */
    const char *const *headers; /* NULL-ended, or NULL */
    const char *path;           /* instead of the URL's own; NULL: that */
    int tries;                  /* 0: 3 */
    bool repeat_404;            /* the metadata server of a pod that has just started */
    int64_t timeout_ms;         /* of one try; 0: 30 s */
    const char *want_header;    /* a constant; see http_request */
};

/* Any status is success here. */
llmd_error *llmd__token_request(llmd_context *ctx, const struct token_url *url,
                                const struct token_request *request, struct http_reply *reply);
/* And reads the answer; the place is named in the error. */
llmd_error *llmd__token_ask(llmd_context *ctx, const struct token_url *url,
                            const struct token_request *request, struct json **out);
/* And on to the token. */
llmd_error *llmd__token_fetch(llmd_context *ctx, const struct token_url *url,
                              const struct token_request *request, struct access_token *out);

/* Appends name=value to a form. NULL and "" add nothing. */
void llmd__form_add(struct buf *form, const char *name, const char *value);

/* "Authorization: Basic ..." for a client that shows itself beside the form. */
llmd_error *llmd__form_basic(const char *name, const char *password, char **out);

/* Tests only: the pause before the second try, of which later ones are multiples; 1000. */
void llmd__token_set_pause_ms(int ms);

#endif
