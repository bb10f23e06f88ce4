// SPDX-License-Identifier: MIT
/*
 * Endpoints on a serial line, and how a connection begins on a medium that has
 * none: docs/protocol/transport.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "common/endpoint_backend.h"
#include "common/wait.h"

#define RETRY_MS 1000
#define WRITE_MS 2000
#define ID_SIZE 8
#define CHECK_SIZE 4
#define MAGIC "~SM" /* no TLS record begins with '~' (RFC 8446, B.1) */
#define MAGIC_SIZE 3

enum preamble_kind { REQUEST = '?', ANSWER = '!', CONFIRM = '.' };

struct preamble {
	unsigned char magic[MAGIC_SIZE];
	unsigned char kind;
	unsigned char id[ID_SIZE];
	unsigned char check[CHECK_SIZE];
};

/* The last bytes of the line, as many as a preamble has. */
struct scanner {
	unsigned char window[sizeof(struct preamble)];
};

static const struct {
	unsigned int baud;
	speed_t speed;
} speeds[] = {
	{ 1200, B1200 },     { 2400, B2400 },	  { 4800, B4800 },
	{ 9600, B9600 },     { 19200, B19200 },	  { 38400, B38400 },
	{ 57600, B57600 },   { 115200, B115200 }, { 230400, B230400 },
	{ 460800, B460800 }, { 921600, B921600 }, { 1000000, B1000000 },
};

/* path[,speed]; the caller frees @path. */
static int serial_parse(const char *spec, const char *rest, char **path,
			speed_t *speed, struct error *e)
{
	const char *comma = strrchr(rest, ',');
	char *end = "";
	unsigned long baud = 115200;
	size_t i;

	if (comma)
		baud = strtoul(comma + 1, &end, 10);
	for (i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (speeds[i].baud == baud)
			break;
	if (!*rest || rest == comma || *end ||
	    i == sizeof(speeds) / sizeof(speeds[0]))
		return error_set(
			e, EINVAL,
			"endpoint '%s' is not serial:/dev/tty[,speed] with a speed of 1200 to 1000000",
			spec);
	*speed = speeds[i].speed;
	*path = comma ? strndup(rest, comma - rest) : strdup(rest);
	return *path ? 0 : error_set(e, ENOMEM, "out of memory");
}

/* Raw 8N1: every byte value passes, nothing is echoed or taken for flow control. */
static int set_raw(int fd, speed_t speed)
{
	struct termios t;

	if (!isatty(fd))
		return 0;
	if (tcgetattr(fd, &t))
		return -errno;
	cfmakeraw(&t);
	t.c_iflag &= ~(IXON | IXOFF | IXANY | INPCK);
	t.c_cflag &= ~(CSTOPB | PARENB | CRTSCTS | HUPCL);
	t.c_cflag |= CLOCAL | CREAD;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	cfsetispeed(&t, speed);
	cfsetospeed(&t, speed);
	if (tcsetattr(fd, TCSANOW, &t) || tcflush(fd, TCIOFLUSH))
		return -errno;
	return 0;
}

/*
 * Opens the line for this process alone: the bytes of two would mix. The lock
 * goes with the descriptor, so one that was killed leaves none.
 */
static int line_open(const char *spec, const char *rest, struct error *e)
{
	speed_t speed = B0;
	char *path = NULL;
	int fd, ret;

	ret = serial_parse(spec, rest, &path, &speed, e);
	if (ret)
		return ret;
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return error_set(e, errno, "cannot open '%s': %s", spec,
				 strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		ret = error_set(e, errno, "cannot lock '%s': %s", spec,
				errno == EWOULDBLOCK ?
					"another process uses the line" :
					strerror(errno));
		close(fd);
		return ret;
	}
	ret = set_raw(fd, speed);
	if (ret) {
		error_set(e, -ret, "cannot set up the line '%s': %s", spec,
			  strerror(-ret));
		close(fd);
		return ret;
	}
	return fd;
}

/* Against bytes lost or changed on the line, not against an attacker: TLS follows. */
static int preamble_check(const struct preamble *p, unsigned char *check)
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (!EVP_Digest(p, offsetof(struct preamble, check), digest, NULL,
			EVP_sha256(), NULL))
		return -EIO;
	memcpy(check, digest, CHECK_SIZE);
	return 0;
}

static int preamble_send(int fd, enum preamble_kind kind,
			 const unsigned char id[ID_SIZE])
{
	struct preamble p = { .magic = { MAGIC[0], MAGIC[1], MAGIC[2] },
			      .kind = kind };
	int ret;

	memcpy(p.id, id, ID_SIZE);
	ret = preamble_check(&p, p.check);
	if (ret)
		return ret;
	return wait_write(fd, &p, sizeof(p), wait_deadline(WRITE_MS));
}

/* Takes one more byte of the line; true when a preamble ends with it. */
static int scanner_feed(struct scanner *s, unsigned char byte,
			struct preamble *p)
{
	unsigned char check[CHECK_SIZE];

	memmove(s->window, s->window + 1, sizeof(s->window) - 1);
	s->window[sizeof(s->window) - 1] = byte;
	if (memcmp(s->window, MAGIC, MAGIC_SIZE))
		return 0;
	memcpy(p, s->window, sizeof(*p));
	return !preamble_check(p, check) &&
	       !memcmp(p->check, check, CHECK_SIZE);
}

/*
 * Reads up to the next preamble, and not one byte further: what follows belongs
 * to TLS. 0, -ETIMEDOUT, -EINTR, or the line's error.
 */
static int preamble_recv(int fd, struct scanner *s, struct preamble *p,
			 int64_t deadline)
{
	unsigned char byte;
	ssize_t n;
	int ret;

	for (;;) {
		n = read(fd, &byte, 1);
		if (n == 1) {
			if (scanner_feed(s, byte, p))
				return 0;
			continue;
		}
		if (n == 0)
			return -EIO;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		ret = wait_fd(fd, POLLIN, deadline);
		if (ret)
			return ret;
	}
}

/*
 * One attempt has one id, and only its own answer counts: so each answer on the
 * line before the right one is read over, and none can follow it.
 */
static int serial_attempt(int fd, struct scanner *s, int64_t deadline)
{
	unsigned char id[ID_SIZE];
	struct preamble p;
	int ret;

	if (RAND_bytes(id, sizeof(id)) != 1)
		return -EIO;
	ret = preamble_send(fd, REQUEST, id);
	while (!ret) {
		ret = preamble_recv(fd, s, &p, deadline);
		if (!ret && p.kind == ANSWER && !memcmp(p.id, id, ID_SIZE))
			return preamble_send(fd, CONFIRM, id);
	}
	return ret;
}

static int serial_connect(const char *spec, const char *rest, int64_t deadline,
			  struct error *e)
{
	struct scanner s = { 0 };
	int64_t slice;
	int fd, ret;

	fd = line_open(spec, rest, e);
	if (fd < 0)
		return fd;
	do {
		slice = wait_slice(deadline, RETRY_MS);
		ret = serial_attempt(fd, &s, slice);
	} while (ret == -ETIMEDOUT && slice < deadline);
	if (!ret)
		return fd;
	close(fd);
	if (ret == -ETIMEDOUT)
		return error_set(
			e, ETIMEDOUT,
			"no answer on '%s': check the cable, the speed, and that the other side listens",
			spec);
	return endpoint_no_peer(spec, -ret, e);
}

static int serial_listen(struct listener *l, const char *rest, struct error *e)
{
	l->fd = line_open(l->name, rest, e);
	return l->fd < 0 ? l->fd : 0;
}

/* Returns 0 when a client has confirmed the id that was answered last. */
static int serial_await(int fd)
{
	unsigned char id[ID_SIZE];
	struct scanner s = { 0 };
	struct preamble p;
	int ret, answered = 0;

	for (;;) {
		ret = preamble_recv(fd, &s, &p, WAIT_FOREVER);
		if (ret)
			return ret;
		if (p.kind == REQUEST) {
			memcpy(id, p.id, ID_SIZE);
			ret = preamble_send(fd, ANSWER, id);
			/* a line that takes nothing has nobody on it */
			if (ret && ret != -ETIMEDOUT)
				return ret;
			answered = !ret;
		} else if (p.kind == CONFIRM && answered &&
			   !memcmp(p.id, id, ID_SIZE)) {
			return 0;
		}
	}
}

/* An adapter was unplugged: waits until its device is there again. */
static int serial_reopen(struct listener *l, struct error *e)
{
	int ret;

	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	do {
		ret = wait_fd(-1, 0, wait_deadline(RETRY_MS));
		if (ret != -ETIMEDOUT)
			return ret;
		l->fd = line_open(l->name, strchr(l->name, ':') + 1, e);
	} while (l->fd < 0);
	return 0;
}

static int serial_accept(struct listener *l, struct error *e)
{
	int fd, ret;

	do {
		ret = l->fd < 0 ? -EIO : serial_await(l->fd);
		if (ret && ret != -EINTR) {
			ret = serial_reopen(l, e);
			if (!ret)
				ret = -EAGAIN;
		}
	} while (ret == -EAGAIN);
	if (ret)
		return error_set(e, -ret, "stopped waiting on '%s'", l->name);
	fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return error_set(e, errno, "cannot duplicate '%s': %s", l->name,
				 strerror(errno));
	return fd;
}

const struct endpoint_backend endpoint_serial = {
	.scheme = "serial",
	.connect = serial_connect,
	.listen = serial_listen,
	.accept = serial_accept,
};
