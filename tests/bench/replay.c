/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer of bench_apply: sends recorded server-side apply PATCHes over libcurl and does nothing
 * else. Reads lines "PATH<tab>BODY", or "PATH<tab><tab>WORD", a GET; an empty line is a barrier
 * (what follows waits for what came before). A kind that was just defined is not served at once: a
 * 404, or a GET's answer without WORD, is sent again after a short pause, until every object is
 * written and every WORD was read. So it is what the network and the API server alone cost.
 * Prints what was done and when the last object was written; exit 0: all.
 *
 *   replay URL CA CERT KEY PARALLEL < patches
 */
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAUSE_MS 20
#define LIMIT_MS 180000 /* of one object's repeats */

struct place {
    const char *url, *ca, *cert, *key;
    struct curl_slist *headers;
};

struct write {
    struct write *next; /* of the waiting ones */
    CURL *easy;
    char *word;   /* NULL: a PATCH */
    char *answer; /* of a GET */
    size_t answer_len;
    int64_t since_ms, due_ms;
};

struct replay {
    CURLM *multi;
    struct write *waiting;
    int pending; /* in the multi handle or waiting */
    int written, read, failed;
    int64_t written_ms; /* when the last object was written */
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static size_t on_body(char *data, size_t size, size_t count, void *to)
{
    struct write *write = to;
    size_t len = size * count;

    if (!write->word)
        return len;
    char *longer = realloc(write->answer, write->answer_len + len + 1);
    if (!longer)
        exit(1);
    memcpy(longer + write->answer_len, data, len);
    write->answer = longer;
    write->answer_len += len;
    longer[write->answer_len] = '\0';
    return len;
}

static void set_place(const struct place *place, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_CAINFO, place->ca);
    curl_easy_setopt(easy, CURLOPT_SSLCERT, place->cert);
    curl_easy_setopt(easy, CURLOPT_SSLKEY, place->key);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
}

static struct write *request(const struct place *place, const char *path, const char *body,
                             const char *word)
{
    struct write *write = calloc(1, sizeof(*write));
    char *url = NULL;

    if (!write || !(write->easy = curl_easy_init()) ||
        asprintf(&url, "%s%s%s", place->url, path, word ? "" : "?fieldManager=replay&force=true") <
            0)
        exit(1);
    write->since_ms = now_ms();
    write->word = word ? strdup(word) : NULL;
    set_place(place, write->easy);
    curl_easy_setopt(write->easy, CURLOPT_URL, url);
    curl_easy_setopt(write->easy, CURLOPT_WRITEDATA, write);
    curl_easy_setopt(write->easy, CURLOPT_PRIVATE, write);
    if (!word) {
        curl_easy_setopt(write->easy, CURLOPT_CUSTOMREQUEST, "PATCH");
        curl_easy_setopt(write->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        curl_easy_setopt(write->easy, CURLOPT_COPYPOSTFIELDS, body);
        curl_easy_setopt(write->easy, CURLOPT_HTTPHEADER, place->headers);
    }
    free(url);
    return write;
}

static void start(struct replay *replay, struct write *write)
{
    curl_multi_add_handle(replay->multi, write->easy);
    replay->pending++;
}

static void end(struct replay *replay, struct write *write, CURLcode result, long status)
{
    if (result == CURLE_OK && status < 300 && write->word) {
        replay->read++;
    } else if (result == CURLE_OK && status < 300) {
        replay->written++;
        replay->written_ms = now_ms();
    } else {
        fprintf(stderr, "replay: %s, status %ld\n", curl_easy_strerror(result), status);
        replay->failed++;
    }
    replay->pending--;
    curl_easy_cleanup(write->easy);
    free(write->answer);
    free(write->word);
    free(write);
}

static int is_too_early(const struct write *write, CURLcode result, long status)
{
    if (result != CURLE_OK || now_ms() - write->since_ms > LIMIT_MS)
        return 0;
    return status == 404 || (status < 300 && write->word &&
                             !strstr(write->answer ? write->answer : "", write->word));
}

static void finish(struct replay *replay)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(replay->multi, &left))) {
        struct write *write = NULL;
        long status = 0;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)(void *)&write);
        curl_multi_remove_handle(replay->multi, write->easy);
        if (!is_too_early(write, result, status)) {
            end(replay, write, result, status);
            continue;
        }
        write->due_ms = now_ms() + PAUSE_MS;
        write->answer_len = 0;
        write->next = replay->waiting;
        replay->waiting = write;
    }
}

/* Sends again what has waited long enough; how long the rest waits. */
static int repeat(struct replay *replay)
{
    struct write **at = &replay->waiting;
    int64_t now = now_ms(), first = now + 1000;

    while (*at) {
        struct write *write = *at;
        if (write->due_ms > now) {
            first = write->due_ms < first ? write->due_ms : first;
            at = &write->next;
            continue;
        }
        *at = write->next;
        curl_multi_add_handle(replay->multi, write->easy);
        first = now;
    }
    return (int)(first - now);
}

static void drive(struct replay *replay, int at_most)
{
    int running;

    while (replay->pending > at_most) {
        int wait_ms = repeat(replay);
        curl_multi_perform(replay->multi, &running);
        finish(replay);
        if (replay->pending > at_most)
            curl_multi_poll(replay->multi, NULL, 0, wait_ms, NULL);
    }
}

/* "PATH<tab>BODY" or "PATH<tab><tab>WORD"; false: a barrier. */
static int take_line(struct replay *replay, const struct place *place, char *line)
{
    char *body = strchr(line, '\t');

    if (!body)
        return 0;
    *body++ = '\0';
    start(replay, request(place, line, body, *body == '\t' ? body + 1 : NULL));
    return 1;
}

int main(int argc, char **argv)
{
    struct replay replay = {0};
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    int64_t begun_ms = now_ms();

    if (argc != 6)
        return fprintf(stderr, "usage: replay URL CA CERT KEY PARALLEL < patches\n"), 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct place place = {argv[1], argv[2], argv[3], argv[4],
                          curl_slist_append(NULL, "Content-Type: application/apply-patch+yaml")};
    replay.multi = curl_multi_init();
    while ((len = getline(&line, &room, stdin)) > 0) {
        line[len - 1] = '\0';
        int more = take_line(&replay, &place, line);
        drive(&replay, more ? (int)strtol(argv[5], NULL, 10) - 1 : 0);
    }
    drive(&replay, 0);
    printf("%d objects written in %.3f s, %d kinds read, %d failed\n", replay.written,
           (double)(replay.written_ms - begun_ms) / 1000, replay.read, replay.failed);
    curl_multi_cleanup(replay.multi);
    curl_slist_free_all(place.headers);
    free(line);
    return replay.failed ? 1 : 0;
}
