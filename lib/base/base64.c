/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4648. Certificates and keys of a kubeconfig, and the parts of a signed token. */
#include "base/base64.h"

#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int value_of(char c)
{
    const char *at = c ? strchr(standard, c) : NULL;

    return at ? (int)(at - standard) : -1;
}

struct decoder {
    unsigned bits;
    int count; /* of characters in the group of four */
    int padding;
};

/* False: the character cannot stand here. */
static bool take(struct decoder *decoder, char c, struct buf *out)
{
    int value = c == '=' ? 0 : value_of(c);

    if (value < 0 || (c == '=' && decoder->count < 2) || (c != '=' && decoder->padding))
        return false;
    decoder->padding += c == '=';
    decoder->bits = decoder->bits << 6 | (unsigned)value;
    if (++decoder->count < 4)
        return true;
    unsigned char bytes[] = {decoder->bits >> 16 & 255, decoder->bits >> 8 & 255,
                             decoder->bits & 255};
    llmd__buf_add(out, bytes, 3 - (size_t)decoder->padding);
    decoder->count = 0;
    return true;
}

/* Errors never show the text: it is a key more often than not. */
llmd_error *llmd__base64_decode(const char *text, const char *what, struct buf *out)
{
    struct decoder decoder = {0};

    for (const char *at = text; *at; at++) {
        if (strchr(" \t\r\n", *at))
            continue;
        /* Nothing may follow a padded group. */
        bool closed = decoder.padding && decoder.count == 0;
        if (closed || !take(&decoder, *at, out))
            return llmd__error(LLMD_E_INVALID, "%s: not base64 at character %zu", what,
                               (size_t)(at - text) + 1);
    }
    if (decoder.count)
        return llmd__error(LLMD_E_INVALID, "%s: the base64 text ends early", what);
    return llmd__buf_check(out);
}

void llmd__base64_encode(const void *data, size_t len, bool url, struct buf *out)
{
    const unsigned char *bytes = data;
    const char *alphabet = url ? url_safe : standard;

    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        unsigned bits = (unsigned)bytes[i] << 16;
        bits |= have > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
        bits |= have > 2 ? (unsigned)bytes[i + 2] : 0;
        for (size_t k = 0; k < 4; k++) {
            if (k <= have)
                llmd__buf_char(out, alphabet[bits >> (18 - 6 * k) & 63]);
            else if (!url)
                llmd__buf_char(out, '=');
        }
    }
}
