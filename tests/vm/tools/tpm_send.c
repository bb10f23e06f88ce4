// SPDX-License-Identifier: MIT
/*
 * Root's own TPM commands, with no resource manager in between: what they load stays.
 *
 * usage: tpm_send DEVICE HEX..., prints each answer as a line of hex
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX 4096

static size_t from_hex(const char *hex, unsigned char *out)
{
	size_t i, n = strlen(hex) / 2;
	unsigned int byte;

	if (n > MESSAGE_MAX)
		errx(2, "too long");
	for (i = 0; i < n; i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			errx(2, "no hex: %s", hex);
		out[i] = byte;
	}
	return n;
}

int main(int argc, char **argv)
{
	unsigned char message[MESSAGE_MAX];
	int i, fd;

	if (argc < 3)
		errx(2, "usage: tpm_send DEVICE HEX...");
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		err(2, "%s", argv[1]);
	for (i = 2; i < argc; i++) {
		size_t len = from_hex(argv[i], message);
		ssize_t n, k;

		if (write(fd, message, len) != (ssize_t)len)
			err(1, "write");
		n = read(fd, message, sizeof(message));
		if (n < 0)
			err(1, "read");
		for (k = 0; k < n; k++)
			printf("%02x", message[k]);
		putchar('\n');
	}
	return 0;
}
