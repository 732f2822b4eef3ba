/* SPDX-License-Identifier: Apache-2.0 */
/* The command line. The help text is the reference of the program. */
#include "sandbox/google/google.h"
#include "sandbox/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: llmd-sandbox [options]\n"
    "\n"
    "A Kubernetes API server with the controllers that KServe's LLMInferenceService needs, and\n"
    "OpenAI endpoints that answer, in one process on 127.0.0.1. Minutes of a cluster become "
    "seconds;\n"
    "order and dependencies stay true. When ready it prints one line: the kubeconfig's path and "
    "the\n"
    "URL of its API server. It stops on SIGTERM and SIGINT.\n"
    "\n"
    "  --profile P            empty: built-in kinds only; ready (default): Gateway API, KServe "
    "0.20\n"
    "                         with controller and presets, GatewayClasses; gke: as ready, with "
    "GKE's\n"
    "                         classes, kinds of networking.gke.io and 'no healthy upstream' until "
    "a\n"
    "                         HealthCheckPolicy targets the InferencePool\n"
    "  --bare                 of that profile only what a new cluster has: on GKE its own CRDs "
    "and\n"
    "                         GatewayClasses; no cert-manager, no KServe. Also of clusters made "
    "by\n"
    "                         --google\n"
    "  --port N               port of the Kubernetes API (default: any free one)\n"
    "  --model-port N         port of gateways and models (default: any free one)\n"
    "  --kubeconfig FILE      write the kubeconfig there (default: a temporary file, removed at "
    "end)\n"
    "  --print-kubeconfig     print the kubeconfig itself to standard output instead of the line\n"
    "  --tls                  serve the Kubernetes API by HTTPS with a certificate made at start\n"
    "  --token TOKEN          demand this bearer token (it is in the kubeconfig)\n"
    "  --time-scale F         real seconds for one cluster second (default 0.02; 1 is real time)\n"
    "  --model-start S        cluster seconds until a model server is ready (default 60)\n"
    "  --pace P               recorded (default): what happens inside a cluster is as fast as on "
    "a\n"
    "                         machine that has all images; gke: it takes what it takes on GKE, by\n"
    "                         GET /sandbox/pace (--model-start is ignored then)\n"
    "  --tpu-chips N          TPU chips of the first TPU node (default 8)\n"
    "  --model NAME           model of the endpoint at / of the model port (default tiny)\n"
    "  --max-model-len N      its context length in tokens (default 8192)\n"
    "  --ttft-ms N            real milliseconds to the first token (default 20)\n"
    "  --itl-ms N             real milliseconds between tokens (default 2)\n"
    "  --image PATTERN        this image exists too ('*' at the end matches the rest; may repeat)\n"
    "  --bookmark-ms N        real milliseconds between watch bookmarks (default 5000)\n"
    "  --google               also Google's APIs, as http://127.0.0.1:PORT/HOST/..., for\n"
    "                         LLMD_GOOGLE_URL=http://127.0.0.1:PORT; clusters made there are "
    "served\n"
    "                         too, each at an endpoint of its own\n"
    "  --google-credentials FILE      write credentials of a user there (authorized_user, 0600)\n"
    "  --google-service-account FILE  write a service account's key there (0600)\n"
    "  --google-token-seconds N       life of access tokens (default 3600)\n"
    "  --google-fault NAME[=MATCH]    begin with this fault (may repeat); names: docs/sandbox.md\n"
    "  --project ID           the project (default my-project)\n"
    "  --kubernetes FILE      clusters have the API server of this kubeconfig, which must hold a\n"
    "                         bearer token: that is what the token endpoint hands out then\n"
    "  --record FILE          append each request as one JSON line (each one to a Google API also\n"
    "                         to the file that LLMD_SANDBOX_RECORD names)\n"
    "  --stdin-lifeline       stop when standard input closes\n"
    "  --exit-with-parent     stop when the parent process ends\n"
    "  --help                 this text\n"
    "\n"
    "On command, by POST to the API server: /sandbox/faults "
    "{\"match\",\"fault\",\"number\",\"skip\",\n"
    "\"count\"} where match is a part of \"METHOD /path?query\" and fault a status such as \"429\" "
    "or\n"
    "one of reset close stall close-after-headers stall-after-headers huge bad-json bad-chunk\n"
    "reset-mid close-mid stall-mid cut-utf8 drip, or of the cluster image-missing image-private\n"
    "quota never-ready forbidden preset-unseen; /sandbox/faults/clear; /sandbox/compact\n"
    "(older watches get 410); /sandbox/cut-watches; /sandbox/pause {\"ms\"} (refuses\n"
    "connections so long); /sandbox/images {\"image\"}.\n";

enum option_id {
    OPTION_PROFILE = 256,
    OPTION_BARE,
    OPTION_PORT,
    OPTION_MODEL_PORT,
    OPTION_KUBECONFIG,
    OPTION_PRINT,
    OPTION_TLS,
    OPTION_TOKEN,
    OPTION_SCALE,
    OPTION_MODEL_START,
    OPTION_PACE,
    OPTION_CHIPS,
    OPTION_MODEL,
    OPTION_MAX_LEN,
    OPTION_TTFT,
    OPTION_ITL,
    OPTION_IMAGE,
    OPTION_BOOKMARK,
    OPTION_RECORD,
    OPTION_LIFELINE,
    OPTION_PARENT,
    OPTION_GOOGLE,
    OPTION_CREDENTIALS,
    OPTION_ACCOUNT,
    OPTION_TOKEN_SECONDS,
    OPTION_GOOGLE_FAULT,
    OPTION_PROJECT,
    OPTION_KUBERNETES,
    OPTION_HELP
};

static const struct option table[] = {
    {"profile", required_argument, NULL, OPTION_PROFILE},
    {"bare", no_argument, NULL, OPTION_BARE},
    {"port", required_argument, NULL, OPTION_PORT},
    {"model-port", required_argument, NULL, OPTION_MODEL_PORT},
    {"kubeconfig", required_argument, NULL, OPTION_KUBECONFIG},
    {"print-kubeconfig", no_argument, NULL, OPTION_PRINT},
    {"tls", no_argument, NULL, OPTION_TLS},
    {"token", required_argument, NULL, OPTION_TOKEN},
    {"time-scale", required_argument, NULL, OPTION_SCALE},
    {"model-start", required_argument, NULL, OPTION_MODEL_START},
    {"pace", required_argument, NULL, OPTION_PACE},
    {"tpu-chips", required_argument, NULL, OPTION_CHIPS},
    {"model", required_argument, NULL, OPTION_MODEL},
    {"max-model-len", required_argument, NULL, OPTION_MAX_LEN},
    {"ttft-ms", required_argument, NULL, OPTION_TTFT},
    {"itl-ms", required_argument, NULL, OPTION_ITL},
    {"image", required_argument, NULL, OPTION_IMAGE},
    {"bookmark-ms", required_argument, NULL, OPTION_BOOKMARK},
    {"record", required_argument, NULL, OPTION_RECORD},
    {"stdin-lifeline", no_argument, NULL, OPTION_LIFELINE},
    {"exit-with-parent", no_argument, NULL, OPTION_PARENT},
    {"google", no_argument, NULL, OPTION_GOOGLE},
    {"google-credentials", required_argument, NULL, OPTION_CREDENTIALS},
    {"google-service-account", required_argument, NULL, OPTION_ACCOUNT},
    {"google-token-seconds", required_argument, NULL, OPTION_TOKEN_SECONDS},
    {"google-fault", required_argument, NULL, OPTION_GOOGLE_FAULT},
    {"project", required_argument, NULL, OPTION_PROJECT},
    {"kubernetes", required_argument, NULL, OPTION_KUBERNETES},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0}};

void options_default(struct options *options)
{
    *options = (struct options){.profile = PROFILE_READY,
                                .time_scale = 0.02,
                                .model = "tiny",
                                .ttft_ms = 20,
                                .itl_ms = 2,
                                .model_start_s = 60,
                                .tpu_chips = 8,
                                .max_model_len = 8192,
                                .bookmark_ms = 5000,
                                .project = "my-project",
                                .token_seconds = 3600,
                                .google_record = getenv("LLMD_SANDBOX_RECORD")};
}

static bool set_profile(struct options *options, const char *name)
{
    static const char *const names[] = {"empty", "gke", "ready"};
    for (int i = 0; i < 3; i++)
        if (strcmp(names[i], name) == 0) {
            options->profile = (enum profile)i;
            return true;
        }
    fprintf(stderr, "llmd-sandbox: --profile %s: want empty, gke or ready\n", name);
    return false;
}

#define MAX_PORT 65535
#define MAX_NUMBER 1000000000

static const char *name_of(enum option_id id)
{
    const struct option *option = table;
    while (option->val != (int)id)
        option++;
    return option->name;
}

static bool set_number(enum option_id id, int *number, long max)
{
    char *end;
    long value = strtol(optarg, &end, 10);
    if (*optarg && !*end && value >= 0 && value <= max) {
        *number = (int)value;
        return true;
    }
    fprintf(stderr, "llmd-sandbox: --%s %s: want a number from 0 to %ld\n", name_of(id), optarg,
            max);
    return false;
}

static bool set_scale(struct options *options, const char *text)
{
    char *end;
    options->time_scale = strtod(text, &end);
    if (*text && !*end && options->time_scale > 0 && options->time_scale <= 100)
        return true;
    fprintf(stderr, "llmd-sandbox: --time-scale %s: want a number above 0, up to 100\n", text);
    return false;
}

static bool set_pace(struct options *options, const char *name)
{
    options->gke_pace = strcmp(name, "gke") == 0;
    if (options->gke_pace || strcmp(name, "recorded") == 0)
        return true;
    fprintf(stderr, "llmd-sandbox: --pace %s: want recorded or gke\n", name);
    return false;
}

static bool set_flag(bool *flag)
{
    *flag = true;
    return true;
}

static bool set_text(const char **text, const char *value)
{
    *text = value;
    return true;
}

static bool add_image(struct options *options, const char *pattern)
{
    if (options->image_count == MAX_IMAGES)
        return false;
    options->images[options->image_count++] = pattern;
    return true;
}

static bool set_count(struct options *options, enum option_id id)
{
    switch (id) {
    case OPTION_PORT:
        return set_number(id, &options->port, MAX_PORT);
    case OPTION_MODEL_PORT:
        return set_number(id, &options->model_port, MAX_PORT);
    case OPTION_MODEL_START:
        return set_number(id, &options->model_start_s, MAX_NUMBER);
    case OPTION_CHIPS:
        return set_number(id, &options->tpu_chips, MAX_NUMBER);
    case OPTION_MAX_LEN:
        return set_number(id, &options->max_model_len, MAX_NUMBER);
    case OPTION_TTFT:
        return set_number(id, &options->ttft_ms, MAX_NUMBER);
    case OPTION_ITL:
        return set_number(id, &options->itl_ms, MAX_NUMBER);
    default:
        return set_number(id, &options->bookmark_ms, MAX_NUMBER);
    }
}

static bool add_google_fault(struct options *options, const char *text)
{
    if (!google_fault_known(text, strcspn(text, "="))) {
        fprintf(stderr, "llmd-sandbox: --google-fault %s: no such fault; there are:", text);
        google_fault_names(stderr);
        return false;
    }
    if (options->google_fault_count == MAX_GOOGLE_FAULTS)
        return false;
    options->google_faults[options->google_fault_count++] = text;
    return true;
}

/* Every one of them switches Google's side on. */
static bool set_google(struct options *options, enum option_id id)
{
    options->google = true;
    switch (id) {
    case OPTION_CREDENTIALS:
        return set_text(&options->google_credentials, optarg);
    case OPTION_ACCOUNT:
        return set_text(&options->google_account, optarg);
    case OPTION_GOOGLE_FAULT:
        return add_google_fault(options, optarg);
    case OPTION_PROJECT:
        return set_text(&options->project, optarg);
    case OPTION_KUBERNETES:
        return set_text(&options->kubernetes, optarg);
    case OPTION_TOKEN_SECONDS:
        return set_number(id, &options->token_seconds, MAX_NUMBER);
    default:
        return true;
    }
}

static bool set_option(struct options *options, enum option_id id)
{
    switch (id) {
    case OPTION_PROFILE:
        return set_profile(options, optarg);
    case OPTION_KUBECONFIG:
        return set_text(&options->kubeconfig, optarg);
    case OPTION_PRINT:
        return set_flag(&options->print_kubeconfig);
    case OPTION_BARE:
        return set_flag(&options->bare);
    case OPTION_TLS:
        return set_flag(&options->tls);
    case OPTION_TOKEN:
        return set_text(&options->token, optarg);
    case OPTION_SCALE:
        return set_scale(options, optarg);
    case OPTION_PACE:
        return set_pace(options, optarg);
    case OPTION_MODEL:
        return set_text(&options->model, optarg);
    case OPTION_IMAGE:
        return add_image(options, optarg);
    case OPTION_RECORD:
        return set_text(&options->record, optarg);
    case OPTION_LIFELINE:
        return set_flag(&options->stdin_lifeline);
    case OPTION_PARENT:
        return set_flag(&options->exit_with_parent);
    case OPTION_GOOGLE:
    case OPTION_CREDENTIALS:
    case OPTION_ACCOUNT:
    case OPTION_GOOGLE_FAULT:
    case OPTION_PROJECT:
    case OPTION_KUBERNETES:
    case OPTION_TOKEN_SECONDS:
        return set_google(options, id);
    default:
        return set_count(options, id);
    }
}

int options_parse(struct options *options, int argc, char **argv)
{
    int id;
    options_default(options);
    while ((id = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (id == OPTION_HELP) {
            fputs(help, stdout);
            return 1;
        }
        if (id == '?' || !set_option(options, (enum option_id)id))
            return 3;
    }
    if (optind == argc)
        return 0;
    fprintf(stderr, "llmd-sandbox: unexpected \"%s\"; see --help\n", argv[optind]);
    return 3;
}
