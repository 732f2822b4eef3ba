/* SPDX-License-Identifier: Apache-2.0 */
#include "support/server.h"
#include "sandbox/conn.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct rule {
    struct rule *next;
    char *method; /* NULL: any */
    char *path;   /* NULL: any */
    request_handler handler;
    void *data;
    int status; /* without handler: this fixed reply */
    char *type;
    char *text;
    enum fault fault; /* rules of the fault list only */
    int number;
    int skip;
    int count; /* left; -1: endless */
};

struct record {
    struct request **items;
    unsigned count;
};

struct server {
    struct httpd *httpd;
    request_handler handler;
    void *data;
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    struct rule *rules;  /* newest first */
    struct rule *faults; /* oldest first */
    struct record record;
};

static char *copy(const char *text)
{
    return text ? must_strndup(text, strlen(text)) : NULL;
}

static bool path_matches(const char *pattern, const char *path)
{
    if (!pattern)
        return true;
    size_t len = strlen(pattern);
    if (len && pattern[len - 1] == '*')
        return strncmp(pattern, path, len - 1) == 0;
    return strcmp(pattern, path) == 0;
}

static bool rule_matches(const struct rule *rule, const struct request *request)
{
    return (!rule->method || strcmp(rule->method, request->method) == 0) &&
           path_matches(rule->path, request->path);
}

static struct request *copy_request(const struct request *from)
{
    struct request *to = must_alloc(sizeof(*to));
    *to = *from;
    to->method = copy(from->method);
    to->target = copy(from->target);
    to->path = copy(from->path);
    to->query = copy(from->query);
    to->client_subject = copy(from->client_subject);
    to->body = must_strndup(from->body, from->body_len);
    to->headers = must_alloc(from->header_count * sizeof(*to->headers));
    for (size_t i = 0; i < from->header_count; i++)
        to->headers[i] = (struct header){copy(from->headers[i].name), copy(from->headers[i].value)};
    return to;
}

static void record_request(struct server *server, const struct request *request)
{
    struct record *record = &server->record;
    record->items = must_realloc(record->items, (record->count + 1) * sizeof(*record->items));
    record->items[record->count++] = copy_request(request);
    pthread_cond_broadcast(&server->arrived);
}

/* The fault for this request, used up by one; FAULT_NONE when none is due. */
static enum fault take_fault(struct server *server, const struct request *request, int *number)
{
    for (struct rule *rule = server->faults; rule; rule = rule->next) {
        if (rule->count == 0 || !rule_matches(rule, request))
            continue;
        if (rule->skip > 0) {
            rule->skip--;
            continue;
        }
        if (rule->count > 0)
            rule->count--;
        *number = rule->number;
        return rule->fault;
    }
    return FAULT_NONE;
}

static const struct rule *find_rule(struct server *server, const struct request *request)
{
    for (struct rule *rule = server->rules; rule; rule = rule->next)
        if (rule_matches(rule, request))
            return rule;
    return NULL;
}

static void handle(struct conn *conn, const struct request *request, void *data)
{
    struct server *server = data;
    int number = 0;
    pthread_mutex_lock(&server->mutex);
    record_request(server, request);
    enum fault fault = take_fault(server, request, &number);
    const struct rule *rule = find_rule(server, request);
    pthread_mutex_unlock(&server->mutex);
    if (fault != FAULT_NONE && reply_fault(conn, fault, number))
        return;
    /* Rules are never freed before the end, so this one may be used without the lock. */
    if (rule && rule->handler)
        rule->handler(conn, request, rule->data);
    else if (rule)
        reply_text(conn, rule->status, rule->type, rule->text);
    else if (server->handler)
        server->handler(conn, request, server->data);
    else
        reply_text(conn, 404, "text/plain", "no rule\n");
}

struct server *server_start_with(const struct httpd_options *options)
{
    struct server *server = must_alloc(sizeof(*server));
    *server = (struct server){.handler = options->handler, .data = options->data};
    pthread_mutex_init(&server->mutex, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&server->arrived, &attr);
    pthread_condattr_destroy(&attr);
    struct httpd_options own = *options;
    own.handler = handle;
    own.data = server;
    server->httpd = httpd_start(&own);
    if (server->httpd)
        return server;
    free(server);
    return NULL;
}

struct server *server_start(request_handler handler, void *data)
{
    return server_start_with(&(struct httpd_options){.handler = handler, .data = data});
}

struct server *server_start_tls(enum httpd_tls kind, request_handler handler, void *data)
{
    return server_start_with(
        &(struct httpd_options){.handler = handler, .data = data, .tls = kind});
}

static void free_rules(struct rule *rule)
{
    while (rule) {
        struct rule *next = rule->next;
        free(rule->method);
        free(rule->path);
        free(rule->type);
        free(rule->text);
        free(rule);
        rule = next;
    }
}

static void clear_record(struct record *record)
{
    for (unsigned i = 0; i < record->count; i++) {
        request_clear(record->items[i]);
        free(record->items[i]);
    }
    free(record->items);
    *record = (struct record){0};
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    httpd_stop(server->httpd);
    free_rules(server->rules);
    free_rules(server->faults);
    clear_record(&server->record);
    pthread_mutex_destroy(&server->mutex);
    pthread_cond_destroy(&server->arrived);
    free(server);
}

const char *server_url(const struct server *server)
{
    return httpd_url(server->httpd);
}

int server_port(const struct server *server)
{
    return httpd_port(server->httpd);
}

const char *server_ca(const struct server *server)
{
    return httpd_ca(server->httpd);
}

static struct rule *new_rule(const char *method, const char *path)
{
    struct rule *rule = must_alloc(sizeof(*rule));
    *rule = (struct rule){.method = copy(method), .path = copy(path)};
    return rule;
}

static void add_rule(struct server *server, struct rule *rule)
{
    pthread_mutex_lock(&server->mutex);
    rule->next = server->rules;
    server->rules = rule;
    pthread_mutex_unlock(&server->mutex);
}

void server_on(struct server *server, const char *method, const char *path, request_handler handler,
               void *data)
{
    struct rule *rule = new_rule(method, path);
    rule->handler = handler;
    rule->data = data;
    add_rule(server, rule);
}

void server_on_text(struct server *server, const char *method, const char *path, int status,
                    const char *type, const char *text)
{
    struct rule *rule = new_rule(method, path);
    rule->status = status;
    rule->type = copy(type);
    rule->text = copy(text);
    add_rule(server, rule);
}

void server_on_json(struct server *server, const char *method, const char *path, int status,
                    const char *text)
{
    server_on_text(server, method, path, status, "application/json", text);
}

void server_fault_after(struct server *server, const char *path, enum fault fault, int number,
                        int skip, int count)
{
    struct rule *rule = new_rule(NULL, path);
    rule->fault = fault;
    rule->number = number;
    rule->skip = skip;
    rule->count = count;
    pthread_mutex_lock(&server->mutex);
    struct rule **end = &server->faults;
    while (*end)
        end = &(*end)->next;
    *end = rule;
    pthread_mutex_unlock(&server->mutex);
}

void server_fault(struct server *server, const char *path, enum fault fault, int number, int count)
{
    server_fault_after(server, path, fault, number, 0, count);
}

void server_clear_faults(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    free_rules(server->faults);
    server->faults = NULL;
    pthread_mutex_unlock(&server->mutex);
}

void server_refuse(struct server *server, bool refuse)
{
    httpd_refuse(server->httpd, refuse);
}

void server_cut_all(struct server *server)
{
    httpd_cut_all(server->httpd);
}

unsigned server_requests(struct server *server)
{
    return server_requests_of(server, NULL, NULL);
}

unsigned server_requests_of(struct server *server, const char *method, const char *path)
{
    struct rule wanted = {.method = (char *)method, .path = (char *)path};
    unsigned count = 0;
    pthread_mutex_lock(&server->mutex);
    for (unsigned i = 0; i < server->record.count; i++)
        count += rule_matches(&wanted, server->record.items[i]);
    pthread_mutex_unlock(&server->mutex);
    return count;
}

unsigned server_connections(struct server *server)
{
    return httpd_connections(server->httpd);
}

unsigned server_open_connections(struct server *server)
{
    return httpd_open_connections(server->httpd);
}

const struct request *server_request(struct server *server, unsigned i)
{
    pthread_mutex_lock(&server->mutex);
    const struct request *request = i < server->record.count ? server->record.items[i] : NULL;
    pthread_mutex_unlock(&server->mutex);
    return request;
}

const struct request *server_last_request(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    unsigned count = server->record.count;
    const struct request *request = count ? server->record.items[count - 1] : NULL;
    pthread_mutex_unlock(&server->mutex);
    return request;
}

void server_forget(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    clear_record(&server->record);
    pthread_mutex_unlock(&server->mutex);
}

bool server_await(struct server *server, unsigned n, int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (timeout_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&server->mutex);
    int late = 0;
    while (server->record.count < n && !late)
        late = pthread_cond_timedwait(&server->arrived, &server->mutex, &until);
    bool enough = server->record.count >= n;
    pthread_mutex_unlock(&server->mutex);
    return enough;
}
