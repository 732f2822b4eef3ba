/* SPDX-License-Identifier: Apache-2.0 */
#include "openai/answer.h"

#include "base/utf8.h"
#include "openai/carry.h"
#include "openai/scan.h"

#define SHOWN 120

static llmd_error *not_understood(llmd_error *broken, const char *what, const char *text)
{
    if (llmd_error_code(broken) == LLMD_E_NO_MEMORY)
        return broken;
    bool page = *text == '<'; /* for browsers; says nothing in one line */
    llmd_error *error =
        llmd__error(LLMD_E_PROTOCOL, "%s is no JSON (%s): %.*s", what, llmd_error_message(broken),
                    SHOWN, page ? "an HTML page" : text);
    llmd_error_free(broken);
    if (!page)
        return error;
    return llmd__error_set_advice(error, "something else than a model server answers at this URL");
}

llmd_error *llmd__answer_parse(const char *bytes, size_t len, const char *what, struct json **out,
                               struct buf *text)
{
    struct carry carry = {0};
    *out = NULL;
    if (llmd__utf8_valid(bytes, len))
        llmd__buf_add(text, bytes, len);
    else
        llmd__carry_repair(&carry, bytes, len, true, text);
    TRY(llmd__buf_check(text));
    if (text->data)
        llmd__scan_replace_nul(text->data, text->len);
    llmd_error *broken = llmd__json_parse(llmd__buf_text(text), text->len, what, out);
    return broken ? not_understood(broken, what, llmd__buf_text(text)) : NULL;
}
