/* SPDX-License-Identifier: MIT */
/* Tells the service manager (sd_notify(3)'s protocol; nothing without one). */
#ifndef SECMOD_COMMON_NOTIFY_H
#define SECMOD_COMMON_NOTIFY_H

/* @state: "READY=1", "STOPPING=1", "STATUS=..." */
void notify_manager(const char *state);

#endif
