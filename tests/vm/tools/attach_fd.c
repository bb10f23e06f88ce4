// SPDX-License-Identifier: MIT
/*
 * Gives the module a vault in ways that secmod(1) does not.
 *
 * usage: attach_fd DEVICE WAY FILE      opens it so, prints the verdict
 *        attach_fd DEVICE flip FILE OFFSET...
 *        attach_fd DEVICE fresh FILE CHECKING IDENTITY
 *
 * A verdict is "ok" or the errno's name, a colon and the kernel's reason. "flip" attaches with
 * one bit of the octet at each offset wrong, a verdict a line, and detaches when it could.
 * "fresh" resets with the file as fresh vault, new or not, and certificates (DER).
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/secmod.h>

static const struct {
	const char *name;
	int flags, later; /* for open(), and for fcntl() after the attach */
} ways[] = {
	{ "read-write", O_RDWR, 0 },
	{ "read-only", O_RDONLY, 0 },
	{ "write-only", O_WRONLY, 0 },
	{ "path", O_PATH, 0 },
	{ "nameless", O_RDWR | O_TMPFILE, 0 },
	{ "append", O_RDWR | O_APPEND, 0 },
	{ "direct", O_RDWR | O_DIRECT, 0 },
	{ "append-later", O_RDWR, O_APPEND },
	{ "direct-later", O_RDWR, O_DIRECT },
};

static int device;

static void print_verdict(int rc)
{
	struct secmod_reason why = { .size = sizeof(why) };

	if (rc == 0) {
		puts("ok");
		return;
	}
	printf("%s: ", strerrorname_np(errno));
	ioctl(device, SECMOD_IOC_REASON, &why);
	puts(why.text);
}

static void attach(int fd)
{
	struct secmod_attach arg = { .size = sizeof(arg), .fd = fd };

	print_verdict(ioctl(device, SECMOD_IOC_ATTACH, &arg));
}

static unsigned int read_cert(const char *path, void *der)
{
	FILE *f = fopen(path, "rb");
	size_t len;

	if (!f)
		err(1, "%s", path);
	len = fread(der, 1, SECMOD_CERT_MAX, f);
	fclose(f);
	return (unsigned int)len;
}

static void fresh(const char *file, const char *checking, const char *identity)
{
	static unsigned char der[2][SECMOD_CERT_MAX];
	struct secmod_reset arg = {
		.size = sizeof(arg),
		.flags = SECMOD_RESET_FRESH_VAULT,
		.checking_cert = (unsigned long)der[0],
		.checking_cert_len = read_cert(checking, der[0]),
		.identity_cert = (unsigned long)der[1],
		.identity_cert_len = read_cert(identity, der[1]),
		.fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600),
	};

	if (arg.fd < 0)
		err(1, "%s", file);
	print_verdict(ioctl(device, SECMOD_IOC_RESET, &arg));
}

static void flip(int fd, long at)
{
	unsigned char octet;

	if (pread(fd, &octet, 1, at) != 1)
		errx(1, "nothing at %ld", at);
	octet ^= 1;
	if (pwrite(fd, &octet, 1, at) != 1)
		err(1, "write");
}

static void flips(const char *file, char **offsets)
{
	struct secmod_detach detach = { .size = sizeof(detach) };
	int fd = open(file, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", file);
	for (; *offsets; offsets++) {
		flip(fd, strtol(*offsets, NULL, 0));
		attach(fd);
		ioctl(device, SECMOD_IOC_DETACH, &detach);
		flip(fd, strtol(*offsets, NULL, 0));
	}
}

static int open_so(const char *way, const char *file, int *later)
{
	size_t i;

	if (!strcmp(way, "memory"))
		return memfd_create("vault", MFD_CLOEXEC);
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(way, ways[i].name)) {
			*later = ways[i].later;
			return open(file,
				    ways[i].flags | O_NONBLOCK | O_CLOEXEC,
				    0600);
		}
	errx(2, "no such way: %s", way);
}

int main(int argc, char **argv)
{
	int fd, later = 0;

	if (argc < 4)
		errx(2, "usage: attach_fd DEVICE WAY FILE");
	device = open(argv[1], O_RDWR | O_CLOEXEC);
	if (device < 0)
		err(2, "%s", argv[1]);
	if (!strcmp(argv[2], "flip")) {
		flips(argv[3], argv + 4);
		return 0;
	}
	if (!strcmp(argv[2], "fresh") && argc == 6) {
		fresh(argv[3], argv[4], argv[5]);
		return 0;
	}
	fd = open_so(argv[2], argv[3], &later);
	if (fd < 0)
		err(1, "%s", argv[3]);
	attach(fd);
	if (later && fcntl(fd, F_SETFL, later))
		err(1, "fcntl");
	return 0;
}
