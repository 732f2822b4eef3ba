/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/words.h"

#include "base/buf.h"

#include <string.h>

#define MAX_WORDS 256
#define BLANKS " \t\r\n"

void llmd__words_free(char **words)
{
    for (char **word = words; word && *word; word++)
        llmd__free(*word);
    llmd__free(words);
}

/* In double quotes a backslash only protects what would end them, and itself. */
static bool is_escape(const char *at, char quote)
{
    if (*at != '\\' || !at[1] || quote == '\'')
        return false;
    return !quote || at[1] == '"' || at[1] == '\\';
}

/* Appends one word; NULL: a quote is open at the end. */
static const char *read_word(const char *at, struct buf *word)
{
    char quote = 0;

    for (; *at && (quote || !strchr(BLANKS, *at)); at++) {
        if (is_escape(at, quote))
            llmd__buf_char(word, *++at);
        else if (quote && *at == quote)
            quote = 0;
        else if (!quote && (*at == '"' || *at == '\''))
            quote = *at;
        else
            llmd__buf_char(word, *at);
    }
    return quote ? NULL : at;
}

static llmd_error *split(const char *at, char **words)
{
    size_t count = 0;

    for (at += strspn(at, BLANKS); *at; at += strspn(at, BLANKS)) {
        AUTO(buf) struct buf word = BUF_INIT;
        if (count == MAX_WORDS)
            return llmd__error(LLMD_E_INVALID, "more than %d words", MAX_WORDS);
        at = read_word(at, &word);
        if (!at)
            return llmd__error(LLMD_E_INVALID, "a quote is not closed");
        TRY(llmd__buf_take(&word, &words[count++]));
    }
    if (!count || !words[0][0])
        return llmd__error(LLMD_E_INVALID, "it is empty, want a program");
    return NULL;
}

llmd_error *llmd__words_split(const char *line, char ***out)
{
    char **words = llmd__calloc(MAX_WORDS + 1, sizeof *words);

    *out = NULL;
    CHECK_MEMORY(words);
    llmd_error *error = split(line, words);
    if (error) {
        llmd__words_free(words);
        return error;
    }
    *out = words;
    return NULL;
}
