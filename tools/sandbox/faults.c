/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of a running sandbox: the oldest rule that matches and is not used up comes first. */
#include "sandbox/faults.h"

#include "sandbox/conn.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void faults_init(struct faults *faults)
{
    *faults = (struct faults){.rules = NULL};
    pthread_mutex_init(&faults->mutex, NULL);
}

void faults_clear(struct faults *faults)
{
    pthread_mutex_lock(&faults->mutex);
    while (faults->rules) {
        struct fault_rule *rule = faults->rules;
        faults->rules = rule->next;
        free(rule->match);
        free(rule);
    }
    pthread_mutex_unlock(&faults->mutex);
}

void faults_free(struct faults *faults)
{
    faults_clear(faults);
    pthread_mutex_destroy(&faults->mutex);
}

bool faults_add(struct faults *faults, const struct json *json)
{
    const char *name = llmd__json_str(json, "fault");
    const char *match = llmd__json_str(json, "match");
    char *end;
    long status = strtol(name, &end, 10);
    enum fault fault = fault_by_name(name);
    int number = (int)llmd__json_int(json, "number", 0);
    if (fault == FAULT_NONE && *name && !*end) {
        fault = FAULT_STATUS;
        number = (int)status;
    }
    if (fault == FAULT_NONE)
        return false;
    struct fault_rule *rule = must_alloc(sizeof(*rule));
    *rule = (struct fault_rule){.match = must_strndup(match, strlen(match)),
                                .fault = fault,
                                .number = number,
                                .skip = (int)llmd__json_int(json, "skip", 0),
                                .count = (int)llmd__json_int(json, "count", 1)};
    pthread_mutex_lock(&faults->mutex);
    struct fault_rule **end_of_list = &faults->rules;
    while (*end_of_list)
        end_of_list = &(*end_of_list)->next;
    *end_of_list = rule;
    pthread_mutex_unlock(&faults->mutex);
    return true;
}

static struct fault_rule take_rule(struct faults *faults, const char *line)
{
    struct fault_rule taken = {.fault = FAULT_NONE};
    pthread_mutex_lock(&faults->mutex);
    for (struct fault_rule *rule = faults->rules; rule; rule = rule->next) {
        if (rule->count == 0 || !strstr(line, rule->match))
            continue;
        if (rule->skip > 0) {
            rule->skip--;
            continue;
        }
        if (rule->count > 0)
            rule->count--;
        taken = *rule;
        break;
    }
    pthread_mutex_unlock(&faults->mutex);
    return taken;
}

bool faults_apply(struct faults *faults, struct conn *conn, const struct request *request)
{
    if (strncmp(request->path, "/sandbox/", 9) == 0)
        return false;
    size_t size = strlen(request->method) + strlen(request->target) + 2;
    char *line = must_alloc(size);
    snprintf(line, size, "%s %s", request->method, request->target);
    struct fault_rule rule = take_rule(faults, line);
    free(line);
    return rule.fault != FAULT_NONE && reply_fault(conn, rule.fault, rule.number);
}
