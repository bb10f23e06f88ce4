/* SPDX-License-Identifier: GPL-2.0-only */
/* A software TPM as a child process, reached through one socket. */
#ifndef SHIM_SWTPM_H
#define SHIM_SWTPM_H

#include <sys/types.h>

#include "tpm/t2.h"

struct swtpm {
	char dir[128]; /* its state; removed by swtpm_remove() */
	pid_t pid;
	int fd;
};

/* Makes the state directory below $SECMOD_BUILD or $TMPDIR and starts the TPM. */
int swtpm_start(struct swtpm *s);
/* Power: the state directory stays. */
int swtpm_on(struct swtpm *s);
void swtpm_off(struct swtpm *s);
/* Off, and the state directory goes. */
void swtpm_remove(struct swtpm *s);

/* t2_transmit_fn over a socket: t2.ctx points to the file descriptor. */
int t2_socket_transmit(struct t2 *t, u8 *buf, size_t len, size_t size);
/* The two halves of it; -errno. */
int t2_socket_send(int fd, const u8 *buf, size_t len);
int t2_socket_receive(int fd, u8 *buf, size_t size, int timeout_ms);

#endif
