/* SPDX-License-Identifier: Apache-2.0 */
/* Faults on command: POST /sandbox/faults. */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include "sandbox/fault.h"

#include <pthread.h>

struct json;

struct fault_rule {
    struct fault_rule *next;
    char *match; /* part of "METHOD /path?query" */
    enum fault fault;
    int number;
    int skip;
    int count; /* left; -1: endless */
};

struct faults {
    pthread_mutex_t mutex;
    struct fault_rule *rules;
};

void faults_init(struct faults *faults);
void faults_free(struct faults *faults);
/* {"match":"pods","fault":"reset","number":0,"skip":0,"count":1}; a number as fault is a status.
   False: the fault's name is unknown. */
bool faults_add(struct faults *faults, const struct json *json);
void faults_clear(struct faults *faults);
/* True: a fault answered this request. */
bool faults_apply(struct faults *faults, struct conn *conn, const struct request *request);

#endif
