/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/secret.h"

#include <string.h>

/* Google's access tokens, refresh tokens and assertions are all longer, host names and the parts
   of a path are not. */
#define LONGEST_WORD 63
#define TOKEN_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+=%"

llmd_error *llmd__secret_check_token(const char *token, const char *what)
{
    if (!token[0])
        return llmd__error(LLMD_E_INVALID, "%s is empty", what);
    for (const char *at = token; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return llmd__error(LLMD_E_INVALID,
                               "%s has a space, a line break or a control character", what);
    return NULL;
}

static size_t add_word(struct buf *out, const char *text, size_t left)
{
    size_t len = strspn(text, TOKEN_CHARACTERS);

    if (len > LONGEST_WORD)
        llmd__buf_str(out, "***");
    else
        llmd__buf_add(out, text, len > left ? left : len);
    return len;
}

char *llmd__secret_censor(const char *text, size_t max)
{
    AUTO(buf) struct buf out = BUF_INIT;
    char *censored = NULL;

    llmd__buf_str(&out, "");
    while (*text && out.len < max) {
        text += add_word(&out, text, max - out.len);
        if (*text && out.len < max) {
            llmd__buf_char(&out, (unsigned char)*text < ' ' ? ' ' : *text);
            text++;
        }
    }
    llmd_error_free(llmd__buf_take(&out, &censored));
    return censored;
}
