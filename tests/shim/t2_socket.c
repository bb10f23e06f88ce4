// SPDX-License-Identifier: GPL-2.0-only
/* A TPM behind a stream socket: commands and responses tell their own size. */
#include <poll.h>
#include <unistd.h>

#include "swtpm.h"

#define HEADER_SIZE 10
#define TIMEOUT_MS 20000

int t2_socket_send(int fd, const u8 *buf, size_t len)
{
	ssize_t n;

	for (; len; buf += n, len -= (size_t)n) {
		n = write(fd, buf, len);
		if (n < 0)
			return -errno;
	}
	return 0;
}

static int read_all(int fd, u8 *buf, size_t len, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;
	int ready;

	for (; len; buf += n, len -= (size_t)n) {
		ready = poll(&p, 1, timeout_ms);
		if (ready <= 0)
			return ready ? -errno : -ETIMEDOUT;
		n = read(fd, buf, len);
		if (n <= 0)
			return n ? -errno : -EPIPE;
	}
	return 0;
}

int t2_socket_receive(int fd, u8 *buf, size_t size, int timeout_ms)
{
	size_t len;
	int err;

	if (size < HEADER_SIZE)
		return -EMSGSIZE;
	err = read_all(fd, buf, HEADER_SIZE, timeout_ms);
	if (err)
		return err;
	len = (size_t)buf[2] << 24 | (size_t)buf[3] << 16 |
	      (size_t)buf[4] << 8 | buf[5];
	if (len < HEADER_SIZE || len > size)
		return -EMSGSIZE;
	err = read_all(fd, buf + HEADER_SIZE, len - HEADER_SIZE, timeout_ms);
	return err ? err : (int)len;
}

int t2_socket_transmit(struct t2 *t, u8 *buf, size_t len, size_t size)
{
	int fd = *(const int *)t->ctx;
	int err = t2_socket_send(fd, buf, len);

	return err ? err : t2_socket_receive(fd, buf, size, TIMEOUT_MS);
}
