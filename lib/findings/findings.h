/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From observations to causes, by a table: what is seen, its cause and advice, how long it may last
 * before it is told (grace), and what ends a wait. A wait ends only for what nothing that runs can
 * cure; everything else is named at once as a warning. The first cause wins over its consequences.
 * Used by waits and health checks. Pure: time comes in.
 */
#ifndef LLMD_FINDINGS_FINDINGS_H
#define LLMD_FINDINGS_FINDINGS_H

#include "findings/scene.h"

#define FINDING_NEVER (-1)

/* What an observer saw once. */
struct sighting {
    char *subject;      /* "Pod/llm/qwen-0" */
    char *message;      /* one line; the row's texts are looked for in it */
    char *detail;       /* many lines, such as the end of a log: looked through too; or NULL */
    const char *reason; /* the server's word, also looked through; or "" */
    int strikes;        /* back-offs, identical exits: times it happened */
    const char *log_pod, *log_container; /* the last lines would tell more; or NULL */
};

struct sightings {
    struct sighting *items;
    size_t count, cap;
};

typedef llmd_error *(*observe_fn)(const struct scene *scene, struct sightings *out);

/* One rule a row. Rows with the same observer are tried in order; the first whose texts match is
   the finding's. */
struct rule {
    const char *code;
    observe_fn observe;
    const char *texts; /* |-separated, any of them; NULL: always */
    const char *advice;
    int64_t grace_ms; /* told only when it lasts longer */
    int64_t end_ms;   /* ends a wait when it lasts longer; or NEVER */
    int end_strikes;  /* ends a wait at so many strikes; 0: does not */
    bool consequence; /* not told while a cause is there */
    bool progress;    /* told as progress: nothing is wrong */
};

/* Tables, each ended by a row without a code, in the order of causes. */
extern const struct rule llmd__rules_service[];
extern const struct rule llmd__rules_pod[];
extern const struct rule llmd__rules_crash[];
extern const struct rule llmd__rules_route[];
extern const struct rule llmd__rules_late[];

/* For observers: takes subject (NULL: no memory); the message is formatted. */
llmd_error *llmd__sighting_add(struct sightings *out, char *subject, const char *reason,
                               int strikes, const char *format, ...) PRINTF_LIKE(5, 6);
/* Gives the last sighting its many lines; the line that tells most joins its message. */
llmd_error *llmd__sighting_detail(struct sightings *out, const char *text);
/* Google's global classes take routes to Services only: gke-l7-global-* and gke-l7-gxlb* of GKE's
   list of GatewayClasses. */
bool llmd__class_is_global(const char *name);
/* How many times an Event says it happened. */
int llmd__event_count(const struct json *event);
bool llmd__event_is(const struct json *event, const char *reason, const struct json *about);

struct finding {
    const struct rule *rule;
    char *subject, *message;
    char *detail; /* the last lines, or NULL */
    bool is_new;  /* not told before: tell it now */
    bool ends;
    int64_t since_ms;
};

/* What was told, and since when things last. */
struct memory_item {
    char *key;
    int64_t since_ms;
    bool seen, told;
};

struct findings {
    struct memory_item *memory;
    size_t memory_count, memory_cap;
    struct finding *items; /* the last judgement's, causes first */
    size_t count, cap;
    int64_t wake_ms;               /* judge again then, without any change; 0: no */
    char *log_pod, *log_container; /* whose last lines are wanted; NULL: none */
};

/* Judges the scene; what was told stays told. Not patient: what has a grace is told at once, and
   logs are not waited for (a health check looks once). */
llmd_error *llmd__findings_judge(struct findings *findings, const struct scene *scene,
                                 int64_t now_ms, bool patient);
void llmd__findings_free(struct findings *findings);

#endif
