/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All memory of the library comes from here, so that tests can fail the n-th allocation and count
 * what is left. cJSON is hooked to it while tests watch (its hooks are the whole program's, so a
 * library must not set them for good); libcurl, libyaml and OpenSSL keep their own.
 */
#ifndef LLMD_BASE_ALLOC_H
#define LLMD_BASE_ALLOC_H

#include <llmd/export.h>

void *llmd__malloc(size_t size);
void *llmd__calloc(size_t count, size_t size);
void *llmd__realloc(void *block, size_t size);
char *llmd__strdup(const char *text); /* NULL gives NULL */
char *llmd__strndup(const char *text, size_t len);
void llmd__free(void *block);
void llmd__wipe(void *block, size_t len); /* overwrites; not optimised away */
void llmd__free_secret(char *text);       /* wipes, then frees; NULL allowed */

/* Tests only: the n-th allocation from now on fails (1 = the next one), 0 = none. */
void llmd__alloc_fail_at(int64_t n);
int64_t llmd__alloc_count(void); /* allocations since fail_at was called */
bool llmd__alloc_watched(void);  /* fail_at was called once, with 0 or more */
int64_t llmd__alloc_live(void);  /* blocks not freed */
/* Each block just before it is freed, or grown by realloc, which may leave it behind. */
void llmd__alloc_on_free(void (*look)(const void *block));

/* AUTO(json) struct json *x = NULL; frees x at the end of the scope. */
#define AUTO(name) __attribute__((cleanup(llmd__auto_##name)))
#define DEFINE_AUTO(name, type, release)                                                           \
    static inline __attribute__((unused)) void llmd__auto_##name(type *object)                     \
    {                                                                                              \
        if (*object)                                                                               \
            release(*object);                                                                      \
    }
DEFINE_AUTO(str, char *, llmd__free)
DEFINE_AUTO(secret, char *, llmd__free_secret)

/* Moves the value out of a variable, which becomes NULL. */
#define TAKE(pointer)                                                                              \
    ({                                                                                             \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

#endif
