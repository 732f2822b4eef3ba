/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many streams on one thread: the mux beside a bare libcurl multi loop that throws the bytes away,
 * against the same server in the same run. What the mux adds is decoding, deltas and bookkeeping.
 * Build with the release preset. Prints client CPU and wall time and the ratios.
 *
 *     bench_mux [STREAMS [TOKENS]]
 */
#include "support/tokens.h"

#include <curl/curl.h>
#include <llmd/inference.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct cost {
    double cpu_s;
    double wall_s;
};

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void start(struct cost *cost)
{
    cost->cpu_s = seconds(CLOCK_THREAD_CPUTIME_ID);
    cost->wall_s = seconds(CLOCK_MONOTONIC);
}

static void stop(struct cost *cost)
{
    cost->cpu_s = seconds(CLOCK_THREAD_CPUTIME_ID) - cost->cpu_s;
    cost->wall_s = seconds(CLOCK_MONOTONIC) - cost->wall_s;
}

static void give_up(llmd_error *error)
{
    if (!error)
        return;
    fprintf(stderr, "bench_mux: %s\n", llmd_error_message(error));
    exit(1);
}

static struct cost by_mux(const char *url, int streams, int tokens)
{
    struct cost cost;
    llmd_endpoint *endpoint;
    llmd_mux *mux;
    int64_t texts = 0;
    llmd_endpoint_spec *spec = llmd_endpoint_spec_new(url);
    llmd_request *request = llmd_request_new(LLMD_REQUEST_COMPLETION);
    llmd_request_set_prompt(request, "p");
    llmd_request_set_model(request, "tiny");
    give_up(llmd_endpoint_open(spec, NULL, &endpoint));
    start(&cost);
    give_up(llmd_mux_open(&mux));
    for (int i = 0; i < streams; i++)
        give_up(llmd_mux_add(mux, endpoint, request, (uint64_t)i));
    for (llmd_delta *delta;; llmd_delta_free(delta)) {
        give_up(llmd_mux_next(NULL, mux, &delta));
        if (!delta)
            break;
        texts += *llmd_delta_text(delta) != '\0';
        if (llmd_delta_error(delta))
            fprintf(stderr, "bench_mux: %s\n", llmd_error_message(llmd_delta_error(delta)));
    }
    stop(&cost);
    if (texts != (int64_t)streams * tokens)
        fprintf(stderr, "bench_mux: %lld tokens came\n", (long long)texts);
    llmd_mux_free(mux);
    llmd_endpoint_free(endpoint);
    llmd_endpoint_spec_free(spec);
    llmd_request_free(request);
    return cost;
}

static size_t throw_away(char *bytes, size_t one, size_t len, void *total)
{
    (void)bytes;
    *(size_t *)total += one * len;
    return one * len;
}

static CURL *bare_request(const char *url, struct curl_slist *headers, size_t *total)
{
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                     "{\"prompt\":\"p\",\"model\":\"tiny\",\"stream\":true}");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, throw_away);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, total);
    return easy;
}

static struct cost by_curl(const char *base, int streams)
{
    struct cost cost;
    char url[256];
    size_t total = 0;
    int running = 1;
    CURL **easies = calloc((size_t)streams, sizeof *easies);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    snprintf(url, sizeof url, "%s/v1/completions", base);
    start(&cost);
    CURLM *multi = curl_multi_init();
    for (int i = 0; i < streams; i++)
        curl_multi_add_handle(multi, easies[i] = bare_request(url, headers, &total));
    while (running) {
        curl_multi_perform(multi, &running);
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    stop(&cost);
    for (int i = 0; i < streams; i++) {
        curl_multi_remove_handle(multi, easies[i]);
        curl_easy_cleanup(easies[i]);
    }
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    free(easies);
    return cost;
}

int main(int argc, char **argv)
{
    int streams = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 500;
    struct tokens tokens = {.count = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 100, .gap_ms = 1};
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct server *server = server_start(reply_tokens, &tokens);
    by_curl(server_url(server), 10); /* warms the server up */
    struct cost bare = by_curl(server_url(server), streams);
    struct cost mux = by_mux(server_url(server), streams, tokens.count);
    double events = (double)streams * tokens.count;
    printf("%d streams of %d tokens: mux %.0f streams/s, %.2f us CPU per token; "
           "bare libcurl %.0f streams/s, %.2f us\n",
           streams, tokens.count, streams / mux.wall_s, mux.cpu_s * 1e6 / events,
           streams / bare.wall_s, bare.cpu_s * 1e6 / events);
    printf("ratio mux/bare: wall %.2f, CPU %.2f\n", mux.wall_s / bare.wall_s,
           mux.cpu_s / bare.cpu_s);
    server_stop(server);
    return 0;
}
