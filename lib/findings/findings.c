/* SPDX-License-Identifier: Apache-2.0 */
#include "findings/findings.h"
#include "findings/lines.h"

#include <string.h>

/* The order is that of causes: a service that KServe cannot reconcile has no pods, a pod that is
   not there cannot crash, a crash leaves the route without a backend. */
static const struct rule *const tables[] = {llmd__rules_service, llmd__rules_pod, llmd__rules_crash,
                                            llmd__rules_route, llmd__rules_late};

/* ---- sightings ---- */

static void free_sightings(struct sightings *list)
{
    for (size_t i = 0; i < list->count; i++) {
        llmd__free(list->items[i].subject);
        llmd__free(list->items[i].message);
        llmd__free(list->items[i].detail);
    }
    llmd__free(list->items);
    *list = (struct sightings){0};
}

/* Doubling, so that a thousand pods cost a handful of copies. */
static llmd_error *grow(void **items, size_t count, size_t *cap, size_t size)
{
    size_t wanted = *cap ? *cap * 2 : 8;
    void *grown;

    if (count < *cap)
        return NULL;
    grown = llmd__realloc(*items, wanted * size);
    CHECK_MEMORY(grown);
    *items = grown;
    *cap = wanted;
    return NULL;
}

/* Conditions repeat themselves over several lines and kilobytes: the first line, cut, is enough. */
static void one_line(char *text)
{
    size_t max = 600;

    for (char *at = text; *at; at++)
        if (*at == '\n' || *at == '\r' || *at == '\t')
            *at = ' ';
    if (strlen(text) > max) {
        while (max > 0 && ((unsigned char)text[max] & 0xC0) == 0x80)
            max--;
        memcpy(text + max - 3, "...", 3);
        text[max] = '\0';
    }
}

llmd_error *llmd__sighting_add(struct sightings *out, char *subject, const char *reason,
                               int strikes, const char *format, ...)
{
    AUTO(str) char *owned = subject;
    struct buf text = BUF_INIT;
    char *message = NULL;
    va_list args;

    CHECK_MEMORY(owned);
    TRY(grow((void **)&out->items, out->count, &out->cap, sizeof(*out->items)));
    va_start(args, format);
    llmd__buf_vformat(&text, format, args);
    va_end(args);
    TRY(llmd__buf_take(&text, &message));
    one_line(message);
    out->items[out->count++] = (struct sighting){
        .subject = TAKE(owned), .message = message, .reason = reason, .strikes = strikes};
    return NULL;
}

/* Kept whole: rules look through it, and the end of a wait quotes its last lines. */
llmd_error *llmd__sighting_detail(struct sightings *out, const char *text)
{
    struct sighting *seen = &out->items[out->count - 1];

    if (!text[0])
        return NULL;
    seen->detail = llmd__strdup(text);
    CHECK_MEMORY(seen->detail);
    return NULL;
}

/* Two APIs write Events: core/v1 counts in `count`, events.k8s.io/v1 in `series`, and kubelet still
   writes the older one. The larger number is the true one. */
int llmd__event_count(const struct json *event)
{
    int64_t series = llmd__json_int(event, "series.count", 0);
    int64_t count = llmd__json_int(event, "count", 1);

    return (int)(series > count ? series : count);
}

/* The uid tells a pod from its predecessor of the same name; events without one (some controllers
   leave it out) are matched by name. */
bool llmd__event_is(const struct json *event, const char *reason, const struct json *about)
{
    const char *uid = llmd__json_str(event, "involvedObject.uid");

    if (strcmp(llmd__json_str(event, "reason"), reason))
        return false;
    if (!about)
        return true;
    if (uid[0])
        return !strcmp(uid, llmd__json_str(about, "metadata.uid"));
    return !strcmp(llmd__json_str(event, "involvedObject.name"), llmd__scene_name(about));
}

/* ---- memory ---- */

/* Takes key. */
static llmd_error *remember(struct findings *findings, char *key, int64_t now_ms,
                            struct memory_item **out)
{
    AUTO(str) char *owned = key;

    CHECK_MEMORY(owned);
    for (size_t i = 0; i < findings->memory_count; i++)
        if (!strcmp(findings->memory[i].key, owned)) {
            *out = &findings->memory[i];
            /* It was gone for a while: its time starts anew. */
            if ((*out)->since_ms == INT64_MAX)
                (*out)->since_ms = now_ms;
            (*out)->seen = true;
            return NULL;
        }
    TRY(grow((void **)&findings->memory, findings->memory_count, &findings->memory_cap,
             sizeof(*findings->memory)));
    *out = &findings->memory[findings->memory_count++];
    **out = (struct memory_item){.key = TAKE(owned), .since_ms = now_ms, .seen = true};
    return NULL;
}

/* Time runs for each row on its own; what was told counts for the code. */
static llmd_error *since(struct findings *findings, const struct rule *rule, const char *subject,
                         int64_t now_ms, int64_t *since_ms)
{
    struct memory_item *item = NULL;

    TRY(remember(findings,
                 llmd__format("%s|%s|%s", rule->code, rule->texts ? rule->texts : "", subject),
                 now_ms, &item));
    *since_ms = item->since_ms;
    return NULL;
}

/* What is gone starts anew when it comes again, but is not told again. */
static void forget_unseen(struct findings *findings)
{
    for (size_t i = 0; i < findings->memory_count; i++)
        if (!findings->memory[i].seen)
            findings->memory[i].since_ms = INT64_MAX;
}

/* The last judgement's texts go; what was told and since when stays. */
static void begin(struct findings *findings)
{
    for (size_t i = 0; i < findings->memory_count; i++)
        findings->memory[i].seen = false;
    for (size_t i = 0; i < findings->count; i++) {
        llmd__free(findings->items[i].subject);
        llmd__free(findings->items[i].message);
        llmd__free(findings->items[i].detail);
    }
    findings->count = 0;
    findings->wake_ms = 0;
    llmd__free(TAKE(findings->log_pod));
    llmd__free(TAKE(findings->log_container));
}

void llmd__findings_free(struct findings *findings)
{
    begin(findings);
    for (size_t i = 0; i < findings->memory_count; i++)
        llmd__free(findings->memory[i].key);
    llmd__free(findings->memory);
    llmd__free(findings->items);
    *findings = (struct findings){0};
}

/* ---- judging ---- */

/* Rows of one observer stand together and the most special comes first, so the first hit is the
   one; a row without texts takes the rest. */
static const struct rule *match(const struct rule *first, const struct sighting *seen)
{
    for (const struct rule *rule = first; rule->code && rule->observe == first->observe; rule++)
        if (!rule->texts || llmd__has_any(seen->message, rule->texts) ||
            llmd__has_any(seen->reason, rule->texts) ||
            (seen->detail && llmd__has_any(seen->detail, rule->texts)))
            return rule;
    return NULL;
}

/* Nothing may change in the cluster until then, so somebody must ask for the clock. */
static void wake_at(struct findings *findings, int64_t at_ms)
{
    if (!findings->wake_ms || at_ms < findings->wake_ms)
        findings->wake_ms = at_ms;
}

/* Grace and end count from when it was first seen. */
static bool has_lasted(struct findings *findings, int64_t since_ms, int64_t want_ms, int64_t now_ms)
{
    if (now_ms - since_ms >= want_ms)
        return true;
    wake_at(findings, since_ms + want_ms);
    return false;
}

/* Strikes end at once; a time that has not come is noted as a wake-up. */
static bool must_end(struct findings *findings, const struct rule *rule,
                     const struct sighting *seen, int64_t since_ms, int64_t now_ms)
{
    if (rule->end_strikes && seen->strikes >= rule->end_strikes)
        return true;
    return rule->end_ms != FINDING_NEVER && has_lasted(findings, since_ms, rule->end_ms, now_ms);
}

/* The last lines of a container are worth the round trip: the finding waits for them. */
static llmd_error *want_log(struct findings *findings, const struct sighting *seen)
{
    if (findings->log_pod)
        return NULL;
    findings->log_pod = llmd__strdup(seen->log_pod);
    CHECK_MEMORY(findings->log_pod);
    findings->log_container = llmd__strdup(seen->log_container);
    CHECK_MEMORY(findings->log_container);
    return NULL;
}

/* "container main ended with exit code 2 (Error): vllm: error: unrecognized arguments: --x" */
static llmd_error *add_line(const struct rule *rule, struct sighting *seen)
{
    AUTO(str) char *line = NULL;
    char *message;

    if (!seen->detail)
        return NULL;
    line = llmd__telling_line(seen->detail, rule->texts);
    CHECK_MEMORY(line);
    message = llmd__format("%s: %s", seen->message, line);
    CHECK_MEMORY(message);
    one_line(message);
    llmd__free(seen->message);
    seen->message = message;
    return NULL;
}

static llmd_error *keep(struct findings *findings, const struct rule *rule, struct sighting *seen,
                        int64_t since_ms, bool ends)
{
    struct memory_item *told = NULL;

    TRY(add_line(rule, seen));
    TRY(remember(findings, llmd__format("%s|%s", rule->code, seen->subject), since_ms, &told));
    TRY(grow((void **)&findings->items, findings->count, &findings->cap, sizeof(*findings->items)));
    findings->items[findings->count++] = (struct finding){.rule = rule,
                                                          .subject = TAKE(seen->subject),
                                                          .message = TAKE(seen->message),
                                                          .detail = TAKE(seen->detail),
                                                          .is_new = !told->told,
                                                          .ends = ends,
                                                          .since_ms = since_ms};
    /* Told once a code and subject: rows that find the same in two places do not repeat it. */
    told->told = true;
    return NULL;
}

struct judgement {
    struct findings *findings;
    const struct scene *scene;
    int64_t now_ms;
    bool patient;
    bool cause; /* a cause was seen, told or not yet */
};

static llmd_error *judge_sighting(struct judgement *judgement, const struct rule *rule,
                                  struct sighting *seen)
{
    struct findings *findings = judgement->findings;
    int64_t now_ms = judgement->now_ms;
    int64_t since_ms = now_ms;
    bool lasted;

    /* Causes are judged first, so by now it is known whether there is one. */
    if (rule->consequence && judgement->cause)
        return NULL;
    TRY(since(findings, rule, seen->subject, now_ms, &since_ms));
    lasted = !judgement->patient || has_lasted(findings, since_ms, rule->grace_ms, now_ms);
    /* Also one that is still in its grace: otherwise its consequence would be told before it. */
    if (!rule->progress && !rule->consequence)
        judgement->cause = true;
    if (!lasted)
        return NULL;
    if (seen->log_pod && judgement->patient)
        return want_log(findings, seen);
    return keep(findings, rule, seen, since_ms, must_end(findings, rule, seen, since_ms, now_ms));
}

/* One pass of an observer serves all its rows. */
static llmd_error *run_observer(struct judgement *judgement, const struct rule *first)
{
    __attribute__((cleanup(free_sightings))) struct sightings seen = {0};

    TRY(first->observe(judgement->scene, &seen));
    for (size_t i = 0; i < seen.count; i++) {
        const struct rule *rule = match(first, &seen.items[i]);

        if (rule)
            TRY(judge_sighting(judgement, rule, &seen.items[i]));
    }
    return NULL;
}

static llmd_error *run_table(struct judgement *judgement, const struct rule *table)
{
    for (const struct rule *rule = table; rule->code; rule++)
        if (rule == table || rule->observe != rule[-1].observe)
            TRY(run_observer(judgement, rule));
    return NULL;
}

llmd_error *llmd__findings_judge(struct findings *findings, const struct scene *scene,
                                 int64_t now_ms, bool patient)
{
    struct judgement judgement = {
        .findings = findings, .scene = scene, .now_ms = now_ms, .patient = patient};

    begin(findings);
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        TRY(run_table(&judgement, tables[i]));
    forget_unseen(findings);
    return NULL;
}
