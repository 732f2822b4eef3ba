/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Google side: every Google API that libllmd calls, under one base URL whose first path segment
 * is the API's host (http://127.0.0.1:PORT/container.googleapis.com/v1/...), and without it where
 * the path is unambiguous. Each GKE cluster that is made here is a sandbox of its own, with TLS.
 *
 * Locks: the Google side's lock comes before any cluster sandbox's lock; the tokens' is a leaf.
 */
#ifndef SANDBOX_GOOGLE_GOOGLE_H
#define SANDBOX_GOOGLE_GOOGLE_H

#include "sandbox/httpd.h"

#include <stdbool.h>
#include <stdio.h>

struct google;
struct json;
struct sandbox;

struct google *google_start(struct sandbox *sandbox);
void google_stop(struct google *google);
/* Of Google's APIs? Then it was answered. */
bool google_serve(struct google *google, struct conn *conn, const struct request *request);
/* The named faults of faults.c; false: no such name. */
bool google_fault_add(struct google *google, const struct json *json);
bool google_fault_known(const char *name, size_t len);
void google_fault_names(FILE *to); /* a line */
void google_fault_clear(struct google *google);
/* {"clusters":1,...} for tests that count. */
char *google_state(struct google *google);
/* Writes files that --google-credentials and --google-service-account ask for, once the URL is
   known; false and a line on stderr if that fails. */
bool google_write_credentials(struct google *google, const char *url);

#endif
