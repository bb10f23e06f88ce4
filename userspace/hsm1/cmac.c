// SPDX-License-Identifier: MIT
/*
 * CMAC by the kernel (AF_ALG): the key is then in the kernel, and no longer in this
 * process. Kernels may allow it or not: who asks has another way.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_alg.h>

#include "hsm1/internal.h"

int cmac_open(const uint8_t key[CUSTODY_BLOCK_SIZE])
{
	struct sockaddr_alg address = { .salg_family = AF_ALG,
					.salg_type = "hash",
					.salg_name = "cmac(aes)" };
	int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_ALG, ALG_SET_KEY, key, CUSTODY_BLOCK_SIZE)) {
		close(fd);
		return -EOPNOTSUPP;
	}
	return fd;
}

int cmac_compute(int fd, const uint8_t *data, size_t len,
		 uint8_t out[CMAC_SIZE])
{
	int operation = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	int ok;

	if (operation < 0)
		return -errno;
	ok = send(operation, data, len, 0) == (ssize_t)len &&
	     recv(operation, out, CMAC_SIZE, 0) == CMAC_SIZE;
	close(operation);
	return ok ? 0 : -EIO;
}
