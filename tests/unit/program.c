// SPDX-License-Identifier: MIT
/* The project's programs, run by a test. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "program.h"

#define WORDS_MAX 40
#define LONG_MS 60000

static const char *build_dir(void)
{
	const char *dir = getenv("SECMOD_BUILD");

	return dir ? dir : "build";
}

void program_mkdir(char *path, size_t size)
{
	char *full = realpath(build_dir(), NULL);

	assert_non_null(full);
	snprintf(path, size, "%s/test.XXXXXX", full);
	assert_non_null(mkdtemp(path));
	free(full);
}

void program_rmdir(const char *path)
{
	pid_t pid = fork();

	if (!pid) {
		execlp("rm", "rm", "-rf", path, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void start(struct program *p, const char *name, va_list args)
{
	char path[512], *words[WORDS_MAX] = { path };
	pid_t parent = getpid();
	int pipes[2], n = 1;

	memset(p, 0, sizeof(*p));
	snprintf(path, sizeof(path), "%s/bin/%s", build_dir(), name);
	while (n < WORDS_MAX - 1 && (words[n] = va_arg(args, char *)))
		n++;
	assert_int_equal(pipe(pipes), 0);
	p->pid = fork();
	if (!p->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(126);
		dup2(pipes[1], STDOUT_FILENO);
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		execv(path, words);
		_exit(127);
	}
	close(pipes[1]);
	p->out = pipes[0];
}

/* Returns 0 at the end of the program's output. */
static int read_more(struct program *p)
{
	struct pollfd fd = { p->out, POLLIN, 0 };
	ssize_t n;

	if (poll(&fd, 1, LONG_MS) != 1)
		fail_msg("it says nothing more after '%s'", p->text);
	n = read(p->out, p->text + p->len, sizeof(p->text) - 1 - p->len);
	if (n <= 0)
		return 0;
	p->len += n;
	p->text[p->len] = 0;
	return 1;
}

static int end(struct program *p)
{
	int status;

	while (read_more(p))
		;
	close(p->out);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int program_run(char *text, size_t size, const char *name, ...)
{
	struct program p;
	va_list args;
	int status;

	va_start(args, name);
	start(&p, name, args);
	va_end(args);
	status = end(&p);
	if (text)
		snprintf(text, size, "%s", p.text);
	return status;
}

void program_expect(struct program *p, const char *text)
{
	while (!strstr(p->text, text))
		if (!read_more(p))
			fail_msg("it ended without '%s': '%s'", text, p->text);
}

void program_serve(struct program *p, const char *name, ...)
{
	va_list args;

	va_start(args, name);
	start(p, name, args);
	va_end(args);
	program_expect(p, "listening on ");
	while (!strchr(strstr(p->text, "listening on "), '\n'))
		assert_true(read_more(p));
	sscanf(strstr(p->text, "listening on "), "listening on %127s",
	       p->endpoint);
}

void program_stop(struct program *p)
{
	int status;

	kill(p->pid, SIGTERM);
	status = end(p);
	if (status)
		fail_msg("it ended with %d: '%s'", status, p->text);
}
