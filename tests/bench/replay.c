/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer of bench_apply: sends recorded server-side apply PATCHes over libcurl and does nothing
 * else. Reads lines "PATH<tab>BODY"; an empty line is a barrier (what follows waits for what came
 * before). So it is what the network and the API server alone cost.
 *
 *   replay URL CA CERT KEY PARALLEL < patches
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct place {
    const char *url, *ca, *cert, *key;
    struct curl_slist *headers;
};

static size_t ignore(char *data, size_t size, size_t count, void *unused)
{
    (void)data, (void)unused;
    return size * count;
}

static CURL *request(const struct place *place, const char *path, const char *body)
{
    CURL *easy = curl_easy_init();
    char *url = NULL;

    if (!easy || asprintf(&url, "%s%s?fieldManager=replay&force=true", place->url, path) < 0)
        exit(1);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PATCH");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, place->headers);
    curl_easy_setopt(easy, CURLOPT_CAINFO, place->ca);
    curl_easy_setopt(easy, CURLOPT_SSLCERT, place->cert);
    curl_easy_setopt(easy, CURLOPT_SSLKEY, place->key);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    free(url);
    return easy;
}

static int finish(CURLM *multi)
{
    CURLMsg *message;
    int left, bad = 0;

    while ((message = curl_multi_info_read(multi, &left))) {
        long status = 0;
        CURL *easy = message->easy_handle;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (message->data.result != CURLE_OK || status >= 300) {
            fprintf(stderr, "replay: %s, status %ld\n", curl_easy_strerror(message->data.result),
                    status);
            bad++;
        }
        curl_multi_remove_handle(multi, easy);
        curl_easy_cleanup(easy);
    }
    return bad;
}

static int drive(CURLM *multi, int at_most)
{
    int running = 0, bad = 0;

    do {
        curl_multi_perform(multi, &running);
        bad += finish(multi);
        if (running > at_most)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    } while (running > at_most);
    return bad;
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    int bad = 0;

    if (argc != 6)
        return fprintf(stderr, "usage: replay URL CA CERT KEY PARALLEL < patches\n"), 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct place place = {argv[1], argv[2], argv[3], argv[4],
                          curl_slist_append(NULL, "Content-Type: application/apply-patch+yaml")};
    CURLM *multi = curl_multi_init();
    while ((len = getline(&line, &room, stdin)) > 0) {
        line[len - 1] = '\0';
        char *tab = strchr(line, '\t');
        if (tab) {
            *tab = '\0';
            curl_multi_add_handle(multi, request(&place, line, tab + 1));
        }
        bad += drive(multi, tab ? (int)strtol(argv[5], NULL, 10) - 1 : 0);
    }
    bad += drive(multi, 0);
    curl_multi_cleanup(multi);
    curl_slist_free_all(place.headers);
    free(line);
    return bad ? 1 : 0;
}
