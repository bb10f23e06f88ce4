// SPDX-License-Identifier: GPL-2.0-only
/* Starts and stops swtpm. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "swtpm.h"

static void child(const struct swtpm *s, int fd, pid_t parent)
{
	char state[160], log[160], number[16];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	snprintf(state, sizeof(state), "dir=%s", s->dir);
	snprintf(log, sizeof(log), "file=%s/log", s->dir);
	snprintf(number, sizeof(number), "%d", fd);
	fcntl(fd, F_SETFD, 0);
	execlp("swtpm", "swtpm", "socket", "--tpm2", "--fd", number,
	       "--tpmstate", state, "--log", log, "--flags",
	       "not-need-init,startup-clear", (char *)NULL);
	_exit(127);
}

/* Waits for the TPM by asking it something: GetCapability for nothing. */
static int wait_ready(int fd)
{
	static const u8 ask[] = { 0x80, 1, 0, 0, 0, 22, 0, 0, 1, 0x7a, 0,
				  0,	0, 6, 0, 0, 1,	0, 0, 0, 0,    1 };
	u8 answer[64];
	int n;

	n = t2_socket_send(fd, ask, sizeof(ask));
	if (n)
		return n;
	n = t2_socket_receive(fd, answer, sizeof(answer), 20000);
	return n < 0 ? n : 0;
}

int swtpm_on(struct swtpm *s)
{
	pid_t parent = getpid();
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	s->pid = fork();
	if (s->pid < 0) {
		err = -errno;
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	if (!s->pid)
		child(s, pair[1], parent);
	close(pair[1]);
	s->fd = pair[0];
	err = wait_ready(s->fd);
	if (err)
		swtpm_off(s);
	return err;
}

int swtpm_start(struct swtpm *s)
{
	const char *base = getenv("SECMOD_BUILD");

	if (!base)
		base = getenv("TMPDIR");
	if (!base)
		base = "/tmp";
	memset(s, 0, sizeof(*s));
	s->fd = -1;
	snprintf(s->dir, sizeof(s->dir), "%s/swtpm.XXXXXX", base);
	/* swtpm resolves nothing: the path has to be absolute */
	if (base[0] != '/' || !mkdtemp(s->dir))
		return -EINVAL;
	return swtpm_on(s);
}

void swtpm_off(struct swtpm *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	if (s->pid > 0) {
		kill(s->pid, SIGTERM);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
}

void swtpm_remove(struct swtpm *s)
{
	char path[sizeof(s->dir) + 256];
	struct dirent *e;
	DIR *d;

	swtpm_off(s);
	d = opendir(s->dir);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", s->dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(s->dir);
}
