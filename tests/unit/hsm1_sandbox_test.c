// SPDX-License-Identifier: MIT
/* What HSM 1 can no longer do, tried from inside; each in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "hsm1/internal.h"

#define IT_WORKED 200

static int no_internet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : IT_WORKED;
}

static int no_internet_6(void)
{
	return socket(AF_INET6, SOCK_DGRAM, 0) < 0 ? errno : IT_WORKED;
}

static int no_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0) < 0 ? errno : IT_WORKED;
}

static int no_crypto_socket(void)
{
	return socket(AF_ALG, SOCK_SEQPACKET, 0) < 0 ? errno : IT_WORKED;
}

static int no_socket_option(void)
{
	return setsockopt(-1, SOL_SOCKET, SO_REUSEADDR, "", 1) ? errno :
								 IT_WORKED;
}

static int local_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : IT_WORKED;
}

static int connects(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/none" };

	/* refused, or on the way to finding that nobody is there */
	return connect(0, (struct sockaddr *)&a, sizeof(a)) < 0 ? errno :
								  IT_WORKED;
}

static int no_program(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return errno;
}

static int no_process(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? errno : IT_WORKED;
}

static int no_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : IT_WORKED;
}

static int no_code_later(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC) ? errno : IT_WORKED;
}

static int no_signal(void)
{
	return kill(getppid(), 0) ? errno : IT_WORKED;
}

static int no_tracing(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? errno : IT_WORKED;
}

static int no_peeking(void)
{
	char from = 1, to;
	struct iovec local = { &to, 1 }, remote = { &from, 1 };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) < 0 ?
		       errno :
		       IT_WORKED;
}

/* the flags lie in memory, where the filter does not see them */
static int no_clone3(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (!pid)
		_exit(0);
	return pid < 0 ? errno : IT_WORKED;
}

/* What was asked for: nothing tells it any more afterwards. */
static unsigned long dumpable = 1;

int prctl(int option, ...)
{
	unsigned long a[4];
	va_list ap;

	va_start(ap, option);
	for (size_t i = 0; i < 4; i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (option == PR_SET_DUMPABLE)
		dumpable = a[0];
	return (int)syscall(SYS_prctl, option, a[0], a[1], a[2], a[3]);
}

static int no_dump(void)
{
	return dumpable ? IT_WORKED : EPERM;
}

static void *thread(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

/* the control: what it needs works */
static int threads(void)
{
	pthread_t t;
	int ran = 0;

	if (pthread_create(&t, NULL, thread, &ran) || pthread_join(t, NULL))
		return errno;
	return ran ? IT_WORKED : 1;
}

static int files(void)
{
	FILE *f = fopen("/proc/self/status", "r");

	return f && !fclose(f) ? IT_WORKED : errno;
}

/* what libkcapi does with a socket that it has: not refused, but there is none */
static int computes(void)
{
	int fds[2];

	if (setsockopt(-1, SOL_ALG, 1, "", 1) != -1 || errno != EBADF ||
	    accept(-1, NULL, NULL) != -1 || errno != EBADF || pipe(fds))
		return errno;
	return IT_WORKED;
}

static int tried(int (*act)(void), int local_sockets)
{
	struct sandbox s = { .local_sockets = local_sockets };
	struct error e;
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(sandbox_enter(&s, &e) ? 201 : act());
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void taken_away(void **state)
{
	static int (*const acts[])(void) = {
		no_internet,	  no_internet_6, no_netlink, no_crypto_socket,
		no_socket_option, local_socket,	 no_program, no_process,
		no_code,	  no_code_later, no_signal,  connects,
		no_tracing,	  no_peeking,	 no_dump,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (tried(acts[i], 0) != EPERM)
			fail_msg("number %zu is allowed", i);
	assert_int_equal(tried(no_clone3, 0), ENOSYS);
}

static void left(void **state)
{
	(void)state;
	assert_int_equal(tried(threads, 0), IT_WORKED);
	assert_int_equal(tried(files, 0), IT_WORKED);
	assert_int_equal(tried(computes, 0), IT_WORKED);
}

/* An emulated TPM needs these two, and only these. */
static void for_an_emulated_tpm(void **state)
{
	(void)state;
	assert_int_equal(tried(local_socket, 1), IT_WORKED);
	assert_int_not_equal(tried(connects, 1), EPERM);
	assert_int_equal(tried(no_internet, 1), EPERM);
	assert_int_equal(tried(no_internet_6, 1), EPERM);
	assert_int_equal(tried(no_program, 1), EPERM);
}

#define CASE(name, function)                     \
	{                                        \
		name, function, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE("HSM 1 makes no socket, no process, no code, no signal, no dump",
		     taken_away),
		CASE("HSM 1 has threads, files, and CMACs by the kernel", left),
		CASE("an emulated TPM is reached by local sockets, nothing else is",
		     for_an_emulated_tpm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
