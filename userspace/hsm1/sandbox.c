// SPDX-License-Identifier: MIT
/*
 * What HSM 1 gives up once its files and its TPM are open: the network (a namespace of
 * its own, where that is allowed, and no system call that could make a socket), other
 * programs, new code in its memory. A list of what it may do, not of what it may not.
 */
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "hsm1/internal.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "no list of system calls for this architecture"
#endif

static const int allowed[] = {
	/* what is open already; TPM, requests, relays */
	SYS_read,
	SYS_write,
	SYS_readv,
	SYS_writev,
	SYS_pread64,
	SYS_lseek,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_sendto,
	SYS_sendmsg,
	SYS_shutdown,
	SYS_ppoll,
	SYS_close,
	SYS_fcntl,
	/* its directory */
	SYS_openat,
	SYS_newfstatat,
	SYS_fstat,
	SYS_getdents64,
	SYS_fsync,
	SYS_fdatasync,
	SYS_renameat,
	SYS_renameat2,
	SYS_unlinkat,
	SYS_flock,
	/* memory and threads */
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	SYS_brk,
	SYS_mlock,
	SYS_futex,
	SYS_set_robust_list,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sigaltstack,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_gettid,
	SYS_getpid,
	SYS_tgkill,
	SYS_restart_syscall,
	SYS_exit,
	SYS_exit_group,
	/* time, identity, random numbers */
	SYS_clock_gettime,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_gettimeofday,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getrandom,
	SYS_uname,
#ifdef SYS_rseq
	SYS_rseq,
#endif
#ifdef __x86_64__
	SYS_poll,
	SYS_open,
	SYS_stat,
	SYS_lstat,
	SYS_rename,
	SYS_unlink,
	SYS_time,
#endif
};
#define ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ARGUMENT(n)                        \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
		 offsetof(struct seccomp_data, args) + 8 * (n))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define REFUSE(err) RETURN(SECCOMP_RET_ERRNO | (err))
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define UNLESS(nr, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, skip)
/* the next instruction only when @bits are in what is loaded */
#define IF_SET(bits) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1)

static const struct sock_filter head[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
	/* the C library asks for clone3 first, whose flags cannot be seen here */
	UNLESS(SYS_clone3, 1),
	REFUSE(ENOSYS),
	/* a thread, no process */
	UNLESS(SYS_clone, 4),
	ARGUMENT(0),
	IF_SET(CLONE_THREAD),
	ALLOW,
	REFUSE(EPERM),
	/* memory, no code */
	UNLESS(SYS_mmap, 4),
	ARGUMENT(2),
	IF_SET(PROT_EXEC),
	REFUSE(EPERM),
	ALLOW,
	UNLESS(SYS_mprotect, 4),
	ARGUMENT(2),
	IF_SET(PROT_EXEC),
	REFUSE(EPERM),
	ALLOW,
};
#define HEAD (sizeof(head) / sizeof(head[0]))

/* CMAC by the kernel: with sockets that are open already, and a pipe for each use */
static const struct sock_filter crypto[] = {
	UNLESS(SYS_setsockopt, 4),
	ARGUMENT(1),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOL_ALG, 0, 1),
	ALLOW,
	REFUSE(EPERM),
	UNLESS(SYS_accept, 1),
	ALLOW,
	UNLESS(SYS_pipe2, 1),
	ALLOW,
};
#define CRYPTO (sizeof(crypto) / sizeof(crypto[0]))

/* An emulated TPM is reached by a new local connection for each command. */
static const struct sock_filter local[] = {
	UNLESS(SYS_socket, 4),
	ARGUMENT(0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 0, 1),
	ALLOW,
	REFUSE(EPERM),
	UNLESS(SYS_connect, 1),
	ALLOW,
};
#define LOCAL (sizeof(local) / sizeof(local[0]))

static int filter(int local_sockets)
{
	struct sock_filter code[HEAD + CRYPTO + LOCAL + 2 * ALLOWED + 1];
	struct sock_fprog program = { .filter = code };
	size_t i, n = HEAD;

	memcpy(code, head, sizeof(head));
	memcpy(code + n, crypto, sizeof(crypto));
	n += CRYPTO;
	if (local_sockets) {
		memcpy(code + n, local, sizeof(local));
		n += LOCAL;
	}
	for (i = 0; i < ALLOWED; i++) {
		code[n++] =
			(struct sock_filter)UNLESS((unsigned int)allowed[i], 1);
		code[n++] = (struct sock_filter)ALLOW;
	}
	code[n++] = (struct sock_filter)REFUSE(EPERM);
	program.len = n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int sandbox_enter(struct sandbox *s, struct error *e)
{
	s->memory_locked = !mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_DUMPABLE, 0) || filter(s->local_sockets))
		return error_set(e, errno,
				 "HSM 1 cannot give up its system calls: %s",
				 strerror(errno));
	s->system_calls = 1;
	return 0;
}
