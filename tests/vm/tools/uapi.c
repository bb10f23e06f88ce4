// SPDX-License-Identifier: MIT
/*
 * The contract of <linux/secmod.h> on a real device, state by state: every field
 * wrong in turn, everything else right; errno and reason asserted. Changes nothing.
 *
 * usage: uapi DEVICE STATE [CERTIFICATES], prints TAP
 *
 * CERTIFICATES: in state virgin, a directory of evil_identity's, for an initialization
 * that is begun and never completed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
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

#include "uapi/uapi.h"

/* Written from the documentation, not from the driver's table. */
const struct command commands[] = {
#define ROW(name, nr, type, ...)                                               \
	{                                                                      \
#name, nr, sizeof(struct type), __VA_ARGS__, SECMOD_IOC_##name \
	}
	ROW(INFO, 0, secmod_info, ALL, 0, 0, 0),
	ROW(REASON, 1, secmod_reason, ALL, 0, 0, 0),
	ROW(ATTACH, 2, secmod_attach, D, 1, 1,
	    offsetof(struct secmod_attach, reserved)),
	ROW(INIT_BEGIN, 3, secmod_init_begin, V, 1, 1,
	    offsetof(struct secmod_init_begin, reserved)),
	ROW(INIT_ACTIVATE, 4, secmod_init_activate, V, 1, 1,
	    offsetof(struct secmod_init_activate, info_len)),
	ROW(INIT_COMPLETE, 5, secmod_init_complete, V, 1, 1,
	    offsetof(struct secmod_init_complete, reserved)),
	ROW(PERSO_BEGIN, 6, secmod_perso_begin, P, 1, 1,
	    offsetof(struct secmod_perso_begin, reserved)),
	ROW(PERSO_COMPLETE, 7, secmod_perso_complete, P, 1, 1,
	    offsetof(struct secmod_perso_complete, reserved)),
	ROW(ATTEST, 8, secmod_attestation, P | O, 0, 1, 0),
	ROW(RESET, 9, secmod_reset, P | O, 1, 1,
	    offsetof(struct secmod_reset, reserved2)),
	ROW(GET_CERT, 10, secmod_get_cert, P | O, 0, 0, 0),
	ROW(SIGN, 11, secmod_sign, P | O, 0, 0, 0),
	ROW(DETACH, 12, secmod_detach, P | O, 1, 1, 0),
	ROW(APDU, 13, secmod_apdu, P | O, 0, 1, 0),
	ROW(SEAL, 14, secmod_messages, O, 0, 1, 0),
	ROW(OPEN, 15, secmod_messages, O, 0, 1, 0),
	ROW(KEYS, 16, secmod_keys, O, 0, 1, 0),
	ROW(USE_KEY, 17, secmod_use_key, O, 0, 1, 0),
};

#define COUNT (sizeof(commands) / sizeof(commands[0]))

int fd;
static int tests, failures;
static char reason[SECMOD_REASON_MAX];

void result(int good, const char *fmt, ...)
{
	va_list args;

	printf("%sok %d - ", good ? "" : "not ", ++tests);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	failures += !good;
}

int bare(unsigned long request, const void *arg)
{
	errno = 0;
	ioctl(fd, request, arg);
	return errno;
}

int call(const struct command *c, void *arg)
{
	struct secmod_reason why = { .size = sizeof(why) };
	int error = bare(c->request, arg);

	ioctl(fd, SECMOD_IOC_REASON, &why);
	memcpy(reason, why.text, sizeof(reason));
	return error;
}

/* Calls with a zeroed argument of @size whose u32 at @at is @value. */
int call_with(const struct command *c, size_t size, size_t at,
	      unsigned int value)
{
	static unsigned char arg[2 * ARGUMENT_MAX];
	unsigned int claimed = size;

	memset(arg, 0, sizeof(arg));
	memcpy(arg, &claimed, sizeof(claimed));
	if (at)
		memcpy(arg + at, &value, sizeof(value));
	return call(c, arg);
}

void expect(int got, int want, const char *text, const char *name,
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
	expect(bare(c->request, (void *)8), EFAULT, NULL, c->name,
	       "an unmapped argument");
	expect(bare(c->request, (void *)KERNEL_ADDRESS), EFAULT, NULL, c->name,
	       "an argument in the kernel's memory");
}

/* The direction belongs to the number; the size there is any version's. */
static void directions(const struct command *c)
{
	unsigned long dir;
	int odd = 0;

	for (dir = 0; dir < 4; dir++)
		if (dir != _IOC_DIR(c->request) &&
		    bare(_IOC(dir, SECMOD_IOC_MAGIC, c->nr, c->size), NULL) !=
			    ENOTTY)
			odd++;
	result(!odd, "%s: another direction is ENOTTY", c->name);
	expect(bare(_IOC(_IOC_DIR(c->request), SECMOD_IOC_MAGIC, c->nr, 0),
		    NULL),
	       EFAULT, NULL, c->name, "a null pointer, of another size,");
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
	expect(bare(c->request, arg), EFAULT, NULL, c->name,
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

static void unprivileged(const struct command *c, const char *whom)
{
	int error = call_with(c, c->size, 0, 0);

	if (c->admin)
		expect(error, EPERM, "CAP_SYS_ADMIN", c->name, whom);
	else
		result(error != EPERM, "%s: %s may call it", c->name, whom);
}

static void unknown(void)
{
	struct secmod_info info = { .size = sizeof(info) };
	unsigned long nr;
	int odd = 0;

	for (nr = COUNT; nr < 256; nr++)
		if (bare(_IOWR(SECMOD_IOC_MAGIC, nr, info), &info) != ENOTTY)
			odd++;
	result(!odd, "an ioctl: each unknown number is ENOTTY");
	expect(bare(_IOWR('x', 0, info), &info), ENOTTY, NULL, "an ioctl",
	       "a foreign magic");
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

	expect(call(&commands[0], &arg), 0, NULL, "INFO",
	       "a longer argument with a zero tail");
	result(arg.info.abi_version == SECMOD_ABI_VERSION,
	       "INFO: tells its ABI version to a later program");
}

static void in_namespace(void)
{
	size_t i;

	if (access("/proc/self/ns/user", F_OK) < 0) {
		result(1, "a user namespace # SKIP this kernel has none");
		return;
	}
	result(!unshare(CLONE_NEWUSER), "a user namespace can be made");
	for (i = 0; i < COUNT; i++)
		unprivileged(&commands[i], "root of a user namespace");
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

	if (argc != 3 && argc != 4)
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
		directions(&commands[i]);
		sizes(&commands[i]);
		edge_of_memory(&commands[i]);
		fields(&commands[i], now);
		/* what would be carried out with a zeroed argument stays out */
		if (!(commands[i].states & now &&
		      strstr("INIT_BEGIN RESET DETACH", commands[i].name)))
			state(&commands[i], now, argv[2]);
	}
	values(now);
	if (argc == 4)
		init_session(argv[1], argv[3]);
	drop_capability();
	for (i = 0; i < COUNT; i++)
		unprivileged(&commands[i], "a caller without CAP_SYS_ADMIN");
	in_namespace();
	printf("1..%d\n", tests);
	return failures != 0;
}
