// SPDX-License-Identifier: MIT
/*
 * The contract of <linux/secmod.h> on a real device, state by state: every field
 * wrong in turn, everything else right; errno and reason asserted. Changes nothing.
 *
 * usage: uapi DEVICE STATE, prints TAP
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/secmod.h>

#define V 1
#define D 2
#define P 4
#define O 8
#define F 16
#define ALL (V | D | P | O | F)
#define ARGUMENT_MAX 4096

/* Written from the documentation, not from the driver's table. */
static const struct command {
	const char *name;
	unsigned int nr;
	size_t size;
	int states;
	int admin;
	int has_flags; /* a flags field follows the size */
	size_t reserved; /* offset of a reserved u32, 0: none */
} commands[] = {
	{ "INFO", 0, sizeof(struct secmod_info), ALL, 0, 0, 0 },
	{ "REASON", 1, sizeof(struct secmod_reason), ALL, 0, 0, 0 },
	{ "ATTACH", 2, sizeof(struct secmod_attach), D, 1, 1,
	  offsetof(struct secmod_attach, reserved) },
	{ "INIT_BEGIN", 3, sizeof(struct secmod_init_begin), V, 1, 1,
	  offsetof(struct secmod_init_begin, reserved) },
	{ "INIT_ACTIVATE", 4, sizeof(struct secmod_init_activate), V, 1, 1,
	  offsetof(struct secmod_init_activate, info_len) },
	{ "INIT_COMPLETE", 5, sizeof(struct secmod_init_complete), V, 1, 1,
	  offsetof(struct secmod_init_complete, reserved) },
	{ "PERSO_BEGIN", 6, sizeof(struct secmod_perso_begin), P, 1, 1,
	  offsetof(struct secmod_perso_begin, reserved) },
	{ "PERSO_COMPLETE", 7, sizeof(struct secmod_perso_complete), P, 1, 1,
	  offsetof(struct secmod_perso_complete, reserved) },
	{ "ATTEST", 8, sizeof(struct secmod_attestation), P | O, 0, 1, 0 },
	{ "RESET", 9, sizeof(struct secmod_reset), P | O, 1, 1,
	  offsetof(struct secmod_reset, reserved2) },
	{ "GET_CERT", 10, sizeof(struct secmod_get_cert), P | O, 0, 0, 0 },
	{ "SIGN", 11, sizeof(struct secmod_sign), P | O, 0, 0, 0 },
	{ "DETACH", 12, sizeof(struct secmod_detach), P | O, 1, 1, 0 },
};

#define COUNT (sizeof(commands) / sizeof(commands[0]))

static int fd, tests, failures;
static char reason[SECMOD_REASON_MAX];

static void result(int good, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void result(int good, const char *fmt, ...)
{
	va_list args;

	printf("%sok %d - ", good ? "" : "not ", ++tests);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	failures += !good;
}

static unsigned long request(unsigned int nr, size_t size)
{
	return _IOC(_IOC_READ | _IOC_WRITE, SECMOD_IOC_MAGIC, nr, size);
}

static int call(unsigned int nr, size_t size, void *arg)
{
	struct secmod_reason why = { .size = sizeof(why) };
	int error;

	errno = 0;
	ioctl(fd, request(nr, size), arg);
	error = errno;
	ioctl(fd, SECMOD_IOC_REASON, &why);
	memcpy(reason, why.text, sizeof(reason));
	return error;
}

/* Calls with a zeroed argument of @size whose u32 at @at is @value. */
static int call_with(const struct command *c, size_t size, size_t at,
		     unsigned int value)
{
	static unsigned char arg[2 * ARGUMENT_MAX];
	unsigned int claimed = size;

	memset(arg, 0, sizeof(arg));
	memcpy(arg, &claimed, sizeof(claimed));
	if (at)
		memcpy(arg + at, &value, sizeof(value));
	return call(c->nr, c->size, arg);
}

static void expect(int got, int want, const char *text, const char *name,
		   const char *what)
{
	int told = !text || strstr(reason, text);

	result(got == want && told, "%s: %s is %s", name, what,
	       want ? strerrorname_np(want) : "accepted");
	if (got != want || !told)
		printf("# got %s, reason: %s\n",
		       got ? strerrorname_np(got) : "success", reason);
}

static void sizes(const struct command *c)
{
	expect(call_with(c, 4, 0, 0), EINVAL, NULL, c->name,
	       "a size below the minimum");
	expect(call_with(c, c->size - 1, 0, 0), EINVAL, NULL, c->name,
	       "one byte less than the minimum");
	expect(call_with(c, c->size + 8, c->size, 1), E2BIG, NULL, c->name,
	       "an unknown tail that is not zero");
	expect(call_with(c, ARGUMENT_MAX + 1, 0, 0), E2BIG, NULL, c->name,
	       "a size above a page");
	errno = 0;
	ioctl(fd, request(c->nr, c->size), (void *)8);
	expect(errno, EFAULT, NULL, c->name, "an unmapped argument");
}

/* The argument ends where the mapping does: nothing behind it is touched. */
static void edge_of_memory(const struct command *c)
{
	unsigned char *map = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int claimed = c->size + 16;
	unsigned char *arg = map + 2 * 4096 - c->size;

	munmap(map + 2 * 4096, 4096);
	memcpy(arg, &claimed, sizeof(claimed));
	errno = 0;
	ioctl(fd, request(c->nr, c->size), arg);
	expect(errno, EFAULT, NULL, c->name,
	       "an argument that runs off its page");
	munmap(map, 2 * 4096);
}

static void state(const struct command *c, int now, const char *name)
{
	int error = call_with(c, c->size, 0, 0);

	if (c->states & now)
		result(error != EBADFD || !strstr(reason, "module is"),
		       "%s: allowed when %s", c->name, name);
	else
		expect(error, EBADFD, name, c->name, "the state");
}

static void fields(const struct command *c, int now)
{
	if (c->has_flags)
		expect(call_with(c, c->size, 4, 0x80000000), EOPNOTSUPP,
		       "unknown flags", c->name, "an unknown flag");
	/* behind the state check, where the rest is looked at */
	if (c->reserved && c->states & now && c->nr != 4)
		expect(call_with(c, c->size, c->reserved, 1), EOPNOTSUPP,
		       "reserved", c->name, "a reserved field in use");
}

static void drop_capability(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3,
						 0 };
	struct __user_cap_data_struct caps[2];

	if (syscall(SYS_capget, &head, caps))
		exit(2);
	caps[CAP_SYS_ADMIN / 32].effective &= ~(1u << (CAP_SYS_ADMIN % 32));
	if (syscall(SYS_capset, &head, caps))
		exit(2);
}

static void unprivileged(const struct command *c)
{
	int error = call_with(c, c->size, 0, 0);

	if (c->admin)
		expect(error, EPERM, "CAP_SYS_ADMIN", c->name,
		       "a caller without CAP_SYS_ADMIN");
	else
		result(error != EPERM, "%s: needs no capability", c->name);
}

static void unknown(void)
{
	struct secmod_info info = { .size = sizeof(info) };

	errno = 0;
	ioctl(fd, request(COUNT, sizeof(info)), &info);
	expect(errno, ENOTTY, NULL, "an ioctl", "an unknown number");
	errno = 0;
	ioctl(fd, _IOWR('x', 0, struct secmod_info), &info);
	expect(errno, ENOTTY, NULL, "an ioctl", "a foreign magic");
	errno = 0;
	if (read(fd, &info, sizeof(info)) < 0)
		expect(errno, EINVAL, NULL, "read()", "the file");
}

/* A program of a later version: its tail is zero, this kernel leaves it alone. */
static void later_version(void)
{
	struct {
		struct secmod_info info;
		unsigned long long more[4];
	} arg = { .info.size = sizeof(arg), .more = { 0 } };

	expect(call(0, sizeof(arg), &arg), 0, NULL, "INFO",
	       "a longer argument with a zero tail");
	result(arg.info.abi_version == SECMOD_ABI_VERSION,
	       "INFO: tells its ABI version to a later program");
}

static int number(const char *name)
{
	static const char *const names[] = { "virgin", "detached",
					     "personalization", "operating",
					     "failed" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return i;
	exit(2);
}

int main(int argc, char **argv)
{
	struct secmod_info info = { .size = sizeof(info) };
	int now;
	size_t i;

	if (argc != 3)
		return 2;
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror(argv[1]);
		return 2;
	}
	now = 1 << number(argv[2]);
	ioctl(fd, SECMOD_IOC_INFO, &info);
	result(1 << info.state == now, "the module is %s", argv[2]);
	unknown();
	later_version();
	for (i = 0; i < COUNT; i++) {
		sizes(&commands[i]);
		edge_of_memory(&commands[i]);
		fields(&commands[i], now);
		/* what would be carried out with a zeroed argument stays out */
		if (!(commands[i].states & now &&
		      strstr("INIT_BEGIN RESET DETACH", commands[i].name)))
			state(&commands[i], now, argv[2]);
	}
	drop_capability();
	for (i = 0; i < COUNT; i++)
		unprivileged(&commands[i]);
	printf("1..%d\n", tests);
	return failures != 0;
}
