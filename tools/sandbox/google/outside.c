/* SPDX-License-Identifier: Apache-2.0 */
/* --kubernetes: a real API server stands in for the clusters that are made here. */
#include "sandbox/google/outside.h"

#include "sandbox/conn.h"
#include "sandbox/store.h"
#include "base/base64.h"
#include "base/file.h"
#include "base/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct json *entry(const struct json *config, const char *list, const char *kind,
                                const char *name)
{
    JSON_EACH(item, llmd__json_get(config, list))
        if (strcmp(llmd__json_str(item, "name"), name) == 0)
            return llmd__json_get(item, kind);
    return NULL;
}

/* The value, or that of the file that it names, as base64. */
static char *ca_of(const struct json *cluster)
{
    AUTO(buf) struct buf encoded = BUF_INIT;
    const char *path = llmd__json_str(cluster, "certificate-authority");
    if (*llmd__json_str(cluster, "certificate-authority-data") || !*path)
        return llmd__format("%s", llmd__json_str(cluster, "certificate-authority-data"));
    AUTO(buf) struct buf text = BUF_INIT;
    must(llmd__file_read(path, 1 << 20, &text));
    llmd__base64_encode(text.data, text.len, false, &encoded);
    return llmd__format("%s", llmd__buf_text(&encoded));
}

static void give_up(const char *kubeconfig, const char *what)
{
    fprintf(stderr, "llmd-sandbox: --kubernetes %s: %s\n", kubeconfig, what);
    exit(2);
}

struct json *outside_read(const char *kubeconfig)
{
    AUTO(json) struct json *config = NULL;
    AUTO(buf) struct buf text = BUF_INIT;
    if (!kubeconfig)
        return NULL;
    must(llmd__file_read(kubeconfig, 1 << 20, &text));
    must(llmd__yaml_parse(llmd__buf_text(&text), kubeconfig, &config));
    const struct json *context =
        entry(config, "contexts", "context", llmd__json_str(config, "current-context"));
    const struct json *cluster =
        entry(config, "clusters", "cluster", llmd__json_str(context, "cluster"));
    const struct json *user = entry(config, "users", "user", llmd__json_str(context, "user"));
    const char *server = llmd__json_str(cluster, "server");
    const char *token = llmd__json_str(user, "token");
    if (strncmp(server, "https://", 8) != 0)
        give_up(kubeconfig, "the server of the current context must be an https URL");
    if (!*token)
        give_up(kubeconfig, "the user of the current context must have a token");
    AUTO(str) char *ca = ca_of(cluster);
    return MAKE("{'endpoint':%s,'ca':%s,'token':%s}", server + 8, ca, token);
}
