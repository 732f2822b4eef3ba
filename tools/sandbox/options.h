/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SANDBOX_OPTIONS_H
#define SANDBOX_OPTIONS_H

#include <stdbool.h>

#define MAX_IMAGES 64
#define MAX_GOOGLE_FAULTS 32

enum profile { PROFILE_EMPTY, PROFILE_GKE, PROFILE_READY };

struct options {
    enum profile profile;
    int port;
    int model_port;
    double time_scale;
    const char *kubeconfig; /* file to write; NULL: a temporary one */
    bool print_kubeconfig;
    bool bare; /* no operators: what a new cluster has */
    bool tls;
    const char *token;         /* bearer token to demand; NULL: none */
    const char *record;        /* every request */
    const char *google_record; /* and those to Google APIs, for whoever looks at a whole test run */
    const char *model;         /* the stand-alone model's name */
    int ttft_ms;               /* real milliseconds */
    int itl_ms;
    int model_start_s; /* cluster seconds until a model is ready */
    bool gke_pace;     /* the steps inside a cluster take what they take on GKE */
    int tpu_chips;     /* of each TPU node */
    int max_model_len;
    int bookmark_ms;
    bool stdin_lifeline;
    bool exit_with_parent;
    const char *images[MAX_IMAGES]; /* further image patterns that exist */
    int image_count;
    /* Google's side */
    bool google;
    const char *project;
    const char *google_credentials; /* authorized_user file to write */
    const char *google_account;     /* service_account file to write */
    const char *kubernetes;         /* kubeconfig of a real API server behind all clusters */
    int token_seconds;
    const char *google_faults[MAX_GOOGLE_FAULTS]; /* "NAME" or "NAME=MATCH" */
    int google_fault_count;
    /* Of a cluster that the Google side made; not on the command line. */
    bool managed;     /* nodes and GatewayClasses come later, from there */
    bool gateway_api; /* its CRDs are there from the start */
    bool (*token_good)(void *data, const char *token); /* NULL: see token */
    void *token_data;
};

/* 0: go on; else the exit status plus one (--help: 1, wrong use: 3). */
int options_parse(struct options *options, int argc, char **argv);
void options_default(struct options *options);

#endif
