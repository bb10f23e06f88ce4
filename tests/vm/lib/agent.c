// SPDX-License-Identifier: MIT
/*
 * The guest's end of the harness: runs commands for the host, many at a time,
 * and streams the kernel log to it. Single-threaded; only a write to the port
 * may block, and the host always reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

#define COMMANDS 64
#define CHUNK 32768

struct command {
	uint32_t id; /* 0: slot is free */
	pid_t pid; /* 0: has ended, some descendant still writes */
	int out, err, in; /* -1: closed; on a terminal in == out */
	bool input_ended;
	char *input; /* not yet taken by the command */
	size_t input_len;
};

static struct command commands[COMMANDS];
static int port, kmsg, children;

static void send_all(const void *data, size_t len)
{
	struct pollfd p = { .fd = port, .events = POLLOUT };
	const char *at = data;

	while (len) {
		ssize_t n = write(port, at, len);

		if (n < 0 && errno == EAGAIN)
			poll(&p, 1, -1);
		else if (n < 0)
			die("port");
		else
			at += n, len -= n;
	}
}

static void send_frame(uint32_t id, enum frame_type type, const void *data,
		       size_t len)
{
	struct frame f = { id, type, len };

	send_all(&f, sizeof(f));
	send_all(data, len);
}

static void send_word(uint32_t id, enum frame_type type, uint32_t word)
{
	send_frame(id, type, &word, sizeof(word));
}

static uint32_t taint(void)
{
	FILE *f = fopen("/proc/sys/kernel/tainted", "re");
	unsigned long value = 0;

	if (!f || fscanf(f, "%lu", &value) != 1)
		die("tainted");
	fclose(f);
	return value;
}

static struct command *find(uint32_t id)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (commands[i].id == id)
			return &commands[i];
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_input(struct command *c)
{
	if (c->in == c->out)
		c->in = -1;
	close_fd(&c->in);
	free(c->input);
	c->input = NULL;
	c->input_len = 0;
}

/* The slot is free again when the command and all that it started are silent. */
static void release(struct command *c)
{
	if (c->pid || c->out >= 0 || c->err >= 0)
		return;
	close_input(c);
	memset(c, 0, sizeof(*c));
}

/* False at the end of the stream. */
static bool forward(struct command *c, int fd, enum frame_type type)
{
	static char buf[CHUNK];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0)
		send_frame(c->id, type, buf, n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void drain(struct command *c, int *fd, enum frame_type type)
{
	struct pollfd p = { .fd = *fd, .events = POLLIN };

	while (*fd >= 0 && poll(&p, 1, 0) > 0) {
		if (forward(c, *fd, type))
			continue;
		if (c->in == *fd)
			c->in = -1;
		close_fd(fd);
	}
}

static void feed(struct command *c)
{
	ssize_t n = write(c->in, c->input, c->input_len);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		close_input(
			c); /* the command closed its input: not our error */
		return;
	}
	if (n > 0) {
		c->input_len -= n;
		memmove(c->input, c->input + n, c->input_len);
	}
	if (!c->input_len && c->input_ended)
		close_input(c);
}

static void reap(void)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;
	size_t i;

	while (read(children, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (i = 0; i < COMMANDS; i++) {
			struct command *c = &commands[i];

			if (!c->id || c->pid != pid)
				continue;
			drain(c, &c->out, FRAME_OUT);
			drain(c, &c->err, FRAME_ERR);
			send_word(c->id, FRAME_EXIT, status);
			c->pid = 0;
			close_input(c);
			release(c);
		}
	}
}

static void child(const char *dir, const char *command, int in, int out,
		  int err, bool terminal)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	if (terminal)
		ioctl(in, TIOCSCTTY, 0);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
	if (chdir(dir) < 0)
		dprintf(2, "vm: %s: %s\n", dir, strerror(errno));
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

static bool open_terminal(int theirs[3], struct command *c)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		return false;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	theirs[0] = theirs[1] = theirs[2] = slave;
	c->in = master;
	c->out = master;
	return slave >= 0;
}

static bool open_pipes(int theirs[3], struct command *c)
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    pipe2(err, O_CLOEXEC) < 0)
		return false;
	theirs[0] = in[0];
	theirs[1] = out[1];
	theirs[2] = err[1];
	c->in = in[1];
	c->out = out[0];
	c->err = err[0];
	return true;
}

static void run(uint32_t id, const char *data, size_t len)
{
	struct command *c = find(0);
	const char *dir = data + sizeof(uint32_t), *command;
	int theirs[3], i;
	uint32_t flags;

	if (len < sizeof(flags) + 2 || data[len - 1] || !c)
		die("bad command, or too many");
	memcpy(&flags, data, sizeof(flags));
	command = dir + strlen(dir) + 1;
	if (command >= data + len)
		die("bad command");

	c->id = id;
	c->err = -1;
	if (!(flags & RUN_TERMINAL ? open_terminal(theirs, c) :
				     open_pipes(theirs, c)))
		die("descriptors");
	fcntl(c->in, F_SETFL, O_NONBLOCK);
	fcntl(c->out, F_SETFL, O_NONBLOCK);
	if (c->err >= 0)
		fcntl(c->err, F_SETFL, O_NONBLOCK);
	c->pid = fork();
	if (c->pid < 0)
		die("fork");
	if (!c->pid)
		child(dir, command, theirs[0], theirs[1], theirs[2],
		      flags & RUN_TERMINAL);
	close(theirs[0]);
	for (i = 1; i < 3; i++)
		if (theirs[i] != theirs[0])
			close(theirs[i]);
}

static void add_input(struct command *c, const char *data, size_t len)
{
	if (!c || c->in < 0)
		return;
	if (!len) {
		c->input_ended = true;
	} else {
		c->input = realloc(c->input, c->input_len + len);
		if (!c->input)
			die("input");
		memcpy(c->input + c->input_len, data, len);
		c->input_len += len;
	}
	feed(c);
}

static void forward_kernel_log(void)
{
	static char record[8192];
	ssize_t n;

	for (;;) {
		n = read(kmsg, record, sizeof(record));
		if (n > 0)
			send_frame(0, FRAME_KLOG, record, n);
		else if (errno != EPIPE) /* EPIPE: records were overwritten */
			return;
	}
}

static void __attribute__((noreturn)) halt(void)
{
	struct timespec tick = { .tv_nsec = 10 * 1000 * 1000 };
	int i;

	kill(-1, SIGTERM);
	for (i = 0; i < 300; i++) {
		if (waitpid(-1, NULL, WNOHANG) < 0)
			break;
		nanosleep(&tick, NULL);
	}
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	forward_kernel_log();
	send_word(0, FRAME_BYE, taint());
	machine_halt();
}

static void set_window(struct command *c, const char *data)
{
	struct winsize size = {};
	uint32_t word[2];

	memcpy(word, data, sizeof(word));
	size.ws_row = word[0];
	size.ws_col = word[1];
	if (c && c->out >= 0)
		ioctl(c->out, TIOCSWINSZ, &size);
}

static void handle(const struct frame *f, const char *data)
{
	struct command *c = f->id ? find(f->id) : NULL;
	uint32_t signal;

	switch (f->type) {
	case FRAME_RUN:
		run(f->id, data, f->len);
		break;
	case FRAME_INPUT:
		add_input(c, data, f->len);
		break;
	case FRAME_SIGNAL:
		memcpy(&signal, data, sizeof(signal));
		if (c && c->pid)
			kill(-c->pid, signal);
		break;
	case FRAME_WINDOW:
		set_window(c, data);
		break;
	case FRAME_HALT:
		halt();
	default:
		errno = 0;
		die("unknown frame");
	}
}

static void receive(void)
{
	static char *buf;
	static size_t have, room;
	struct frame f;
	ssize_t n;

	if (room - have < CHUNK) {
		room += CHUNK;
		buf = realloc(buf, room);
		if (!buf)
			die("frame");
	}
	n = read(port, buf + have, room - have);
	if (n <= 0)
		return;
	have += n;
	while (have >= sizeof(f)) {
		memcpy(&f, buf, sizeof(f));
		if (have < sizeof(f) + f.len)
			break;
		handle(&f, buf + sizeof(f));
		have -= sizeof(f) + f.len;
		memmove(buf, buf + sizeof(f) + f.len, have);
	}
}

static void serve(void)
{
	struct pollfd p[3 + 3 * COMMANDS];
	size_t i;

	p[0] = (struct pollfd){ .fd = port, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = kmsg, .events = POLLIN };
	p[2] = (struct pollfd){ .fd = children, .events = POLLIN };
	for (i = 0; i < COMMANDS; i++) {
		struct command *c = &commands[i];
		struct pollfd *q = &p[3 + 3 * i];

		q[0] = q[1] = q[2] = (struct pollfd){ .fd = -1 };
		if (!c->id)
			continue;
		q[0] = (struct pollfd){ .fd = c->out, .events = POLLIN };
		q[1] = (struct pollfd){ .fd = c->err, .events = POLLIN };
		if (c->input_len)
			q[2] = (struct pollfd){ .fd = c->in,
						.events = POLLOUT };
	}
	if (poll(p, sizeof(p) / sizeof(p[0]), -1) < 0)
		return;
	if (p[1].revents)
		forward_kernel_log();
	for (i = 0; i < COMMANDS; i++) {
		struct command *c = &commands[i];
		struct pollfd *q = &p[3 + 3 * i];

		if (q[0].revents)
			drain(c, &c->out, FRAME_OUT);
		if (q[1].revents)
			drain(c, &c->err, FRAME_ERR);
		if (q[2].revents && c->in >= 0)
			feed(c);
		if (c->id)
			release(c);
	}
	if (p[2].revents)
		reap();
	if (p[0].revents & POLLIN)
		receive();
}

int main(void)
{
	sigset_t wanted;

	port = machine_init();
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	children = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
	if (kmsg < 0 || children < 0)
		die("kmsg, signalfd");
	forward_kernel_log();
	send_word(0, FRAME_HELLO, taint());
	for (;;)
		serve();
}
