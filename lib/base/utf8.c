/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdint.h>

static size_t length_of(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF)
        return 3;
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

/* RFC 3629 section 4: only the second byte has narrower bounds, after four of the lead bytes. */
static bool second_fits(unsigned char lead, unsigned char second)
{
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;

    return second >= low && second <= high;
}

size_t llmd__utf8_char(const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t want = length_of(bytes[0]);

    if (want == 0 || want > len)
        return 0;
    if (want > 1 && !second_fits(bytes[0], bytes[1]))
        return 0;
    for (size_t i = 2; i < want; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    }
    return want;
}

bool llmd__utf8_valid(const char *text, size_t len)
{
    while (len > 0) {
        size_t step = llmd__utf8_char(text, len);
        if (step == 0)
            return false;
        text += step;
        len -= step;
    }
    return true;
}
