/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc with two counters. Blocks carry no header of ours, so what cJSON or a test allocated by
 * malloc may be freed here and the other way round: only the count of live blocks would be off.
 */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_int_fast64_t live;
/* Tests only. Counting starts with the first fail_at, so that programs pay for one counter only. */
static atomic_bool counting;
static atomic_int_fast64_t counted;
static atomic_int_fast64_t fail_at;
static void (*look_at_freed)(const void *block);

bool llmd__alloc_watched(void)
{
    return atomic_load_explicit(&counting, memory_order_relaxed);
}

static bool must_fail(void)
{
    if (!llmd__alloc_watched())
        return false;
    return atomic_fetch_add(&counted, 1) + 1 == atomic_load(&fail_at);
}

static void *taken(void *block)
{
    if (block)
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return block;
}

/* Zero bytes are asked as one, so that NULL always means "no memory". */
void *llmd__malloc(size_t size)
{
    return must_fail() ? NULL : taken(malloc(size ? size : 1));
}

void *llmd__calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : taken(calloc(count ? count : 1, size ? size : 1));
}

void *llmd__realloc(void *block, size_t size)
{
    if (!block)
        return llmd__malloc(size);
    if (look_at_freed)
        look_at_freed(block);
    return must_fail() ? NULL : realloc(block, size ? size : 1);
}

char *llmd__strndup(const char *text, size_t len)
{
    char *copy = llmd__malloc(len + 1);

    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *llmd__strdup(const char *text)
{
    return text ? llmd__strndup(text, strlen(text)) : NULL;
}

void llmd__free(void *block)
{
    if (!block)
        return;
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    if (look_at_freed)
        look_at_freed(block);
    free(block);
}

void llmd__wipe(void *block, size_t len)
{
    if (block)
        explicit_bzero(block, len);
}

void llmd__free_secret(char *text)
{
    if (text)
        llmd__wipe(text, strlen(text));
    llmd__free(text);
}

void llmd_free(char *text)
{
    llmd__free(text);
}

void llmd__alloc_on_free(void (*look)(const void *block))
{
    look_at_freed = look;
}

void llmd__alloc_fail_at(int64_t n)
{
    atomic_store(&fail_at, n);
    atomic_store(&counted, 0);
    atomic_store(&counting, true);
}

int64_t llmd__alloc_count(void)
{
    return atomic_load(&counted);
}

int64_t llmd__alloc_live(void)
{
    return atomic_load(&live);
}
