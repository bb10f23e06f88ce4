// SPDX-License-Identifier: MIT
/*
 * Preloaded into a program that carries APDUs to the driver: each passes through the
 * test first, which has it at MIDDLE (an IPv4 address, a colon, a port) and gives back
 * what goes on in its place; likewise its response. A connection for each, lengths of
 * 4 bytes in front, big endian. A test that does not answer is a driver that fails.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/secmod.h>

static int connect_test(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	char host[32] = "";
	unsigned int port = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sscanf(getenv("MIDDLE"), "%31[^:]:%u", host, &port);
	to.sin_port = htons((uint16_t)port);
	if (fd >= 0 && inet_pton(AF_INET, host, &to.sin_addr) == 1 &&
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int get(int fd, void *data, size_t len)
{
	return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len ? 0 : -1;
}

/* In place: @len of @data go there, at most @max come back. */
static int pass(int fd, void *data, size_t *len, size_t max)
{
	uint32_t frame = htonl((uint32_t)*len);

	if (send(fd, &frame, sizeof(frame), MSG_NOSIGNAL | MSG_MORE) < 0 ||
	    send(fd, data, *len, MSG_NOSIGNAL) < 0 ||
	    get(fd, &frame, sizeof(frame)) || ntohl(frame) > max)
		return -1;
	*len = ntohl(frame);
	return get(fd, data, *len);
}

static int carry(int (*next)(int fd, unsigned long request, ...), int device,
		 struct secmod_apdu *a)
{
	uint8_t command[SECMOD_APDU_MAX];
	void *response = (void *)(uintptr_t)a->response;
	const uint32_t room = a->response_len;
	size_t len = a->command_len;
	int fd = connect_test(), rc = -1;

	if (fd < 0 || len > sizeof(command))
		return -1;
	memcpy(command, (void *)(uintptr_t)a->command, len);
	if (pass(fd, command, &len, sizeof(command)) == 0) {
		a->command = (uintptr_t)command;
		a->command_len = (uint32_t)len;
		rc = next(device, SECMOD_IOC_APDU, a);
	}
	if (rc == 0) {
		len = a->response_len;
		rc = pass(fd, response, &len, room);
		a->response_len = (uint32_t)len;
	}
	close(fd);
	return rc;
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int fd, unsigned long request, ...) =
		(__typeof__(&ioctl))dlsym(RTLD_NEXT, "ioctl");
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request != SECMOD_IOC_APDU || !getenv("MIDDLE"))
		return next(fd, request, arg);
	errno = EIO;
	return carry(next, fd, arg);
}
