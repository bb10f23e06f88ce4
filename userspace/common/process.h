/* SPDX-License-Identifier: MIT */
/* What every program of the project does to itself before it touches a secret. */
#ifndef SECMOD_COMMON_PROCESS_H
#define SECMOD_COMMON_PROCESS_H

#include "common/error.h"

/* No core dumps, not dumpable, SIGPIPE ignored, umask 077, memory locked if allowed. */
void process_harden(void);
/* Gives up root for @user (and its groups); nothing when not root or @user NULL. */
int process_drop(const char *user, struct error *e);
/* A signalfd-free way to stop: set by SIGTERM and SIGINT after process_on_stop(). */
extern volatile int process_stop;
void process_on_stop(void);

#endif
