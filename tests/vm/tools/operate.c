// SPDX-License-Identifier: MIT
/*
 * Operations on the module, one for each line of standard input, as often as asked:
 * sign, identity, attest, attach, detach.
 *
 * usage: operate DEVICE VAULT
 *
 * Answers each with a line: "ok" and what came of it in hex (a signature; statement and
 * signature), or the errno's name and the kernel's reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/secmod.h>

static int fd;
static const char *vault;

static void put_hex(const void *data, size_t len)
{
	const unsigned char *p = data;

	putchar(' ');
	while (len--)
		printf("%02x", *p++);
}

/* What is signed, also by the test: 32 bytes. */
static const char message[] = "message to be signed by a module";

static int sign(unsigned int key)
{
	struct secmod_sign arg = {
		.size = sizeof(arg),
		.key = key,
		.hash = SECMOD_HASH_SHA256,
		.len = sizeof(message) - 1,
		.data = (unsigned long)message,
	};

	if (ioctl(fd, SECMOD_IOC_SIGN, &arg))
		return -1;
	printf("ok");
	put_hex(arg.signature, sizeof(arg.signature));
	return 0;
}

static int sign_module(void)
{
	return sign(SECMOD_KEY_MODULE);
}

static int sign_identity(void)
{
	return sign(SECMOD_KEY_IDENTITY);
}

static int attest(void)
{
	struct secmod_attestation arg = { .size = sizeof(arg) };

	memcpy(arg.nonce, message, sizeof(arg.nonce));
	if (ioctl(fd, SECMOD_IOC_ATTEST, &arg))
		return -1;
	printf("ok");
	put_hex(arg.attest, arg.attest_len);
	put_hex(arg.signature, sizeof(arg.signature));
	return 0;
}

static int attach(void)
{
	struct secmod_attach arg = { .size = sizeof(arg) };
	int rc, error;

	arg.fd = open(vault, O_RDWR | O_CLOEXEC);
	if (arg.fd < 0)
		return -1;
	rc = ioctl(fd, SECMOD_IOC_ATTACH, &arg);
	error = errno;
	close(arg.fd);
	errno = error;
	if (!rc)
		printf("ok");
	return rc;
}

static int detach(void)
{
	struct secmod_detach arg = { .size = sizeof(arg) };
	int rc = ioctl(fd, SECMOD_IOC_DETACH, &arg);

	if (!rc)
		printf("ok");
	return rc;
}

static const struct {
	const char *name;
	int (*run)(void);
} operations[] = {
	{ "sign", sign_module }, { "identity", sign_identity },
	{ "attest", attest },	 { "attach", attach },
	{ "detach", detach },
};

static void operate(const char *name)
{
	struct secmod_reason why = { .size = sizeof(why) };
	size_t i;
	int error;

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(operations[i].name, name) != 0)
			continue;
		if (operations[i].run()) {
			error = errno;
			ioctl(fd, SECMOD_IOC_REASON, &why);
			printf("%s %s", strerrorname_np(error), why.text);
		}
		putchar('\n');
		fflush(stdout);
		return;
	}
	exit(2);
}

int main(int argc, char **argv)
{
	char line[64];

	if (argc != 3)
		return 2;
	vault = argv[2];
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		operate(line);
	}
	return 0;
}
