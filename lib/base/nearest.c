/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fields.h"
#include "base/nearest.h"

#include <ctype.h>
#include <string.h>

/* Longer words are no keys of ours. */
#define MAX_WORD 64

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edits from a to b: insert, delete, change, or swap two neighbours (the commonest typing slip).
   Rows of the matrix are kept for three letters only. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][MAX_WORD + 1] = {0};

    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t change = above[j - 1] + !same(a[i - 1], b[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, change);
            bool swap = i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]);
            if (swap && second[j - 2] + 1 < row[j])
                row[j] = second[j - 2] + 1;
        }
    }
    return rows[a_len % 3][b_len];
}

void llmd__nearest_try(struct nearest *nearest, const char *word, const char *name, size_t len)
{
    size_t word_len = strlen(word);

    if (word_len > MAX_WORD || len > MAX_WORD)
        return;
    size_t edits = distance(word, word_len, name, len);
    size_t allowed = len / 3 > 1 ? len / 3 : 1;
    if (edits > allowed || (nearest->name && edits >= nearest->distance))
        return;
    *nearest = (struct nearest){name, len, edits};
}

const char *llmd__nearest(const char *word, const char *const *names)
{
    struct nearest nearest = {0};

    for (; *names; names++)
        llmd__nearest_try(&nearest, word, *names, strlen(*names));
    return nearest.name;
}
