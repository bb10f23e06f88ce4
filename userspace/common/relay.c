// SPDX-License-Identifier: MIT
/* APDUs on a stream descriptor, each behind its length. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/relay.h"
#include "common/wait.h"

static int put(int fd, const uint8_t *data, size_t len, int64_t deadline)
{
	uint8_t frame[2 + RELAY_COMMAND_MAX] = { len >> 8, len };

	memcpy(frame + 2, data, len);
	return wait_write(fd, frame, 2 + len, deadline);
}

static int read_all(int fd, uint8_t *p, size_t len, int64_t deadline)
{
	ssize_t n;
	int r;

	while (len) {
		r = wait_fd(fd, POLLIN, deadline);
		if (r)
			return r;
		n = read(fd, p, len);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= n;
		}
	}
	return 0;
}

static int read_frame(int fd, uint8_t *data, size_t max, size_t *len,
		      int64_t deadline)
{
	uint8_t head[2];
	int r = read_all(fd, head, sizeof(head), deadline);

	if (r)
		return r;
	*len = head[0] << 8 | head[1];
	return *len > max ? -EPROTO : read_all(fd, data, *len, deadline);
}

/* Byte by byte: what follows the line is no line. */
int relay_line(int fd, char *line, size_t size, int64_t deadline)
{
	size_t n = 0;
	int r;

	while (n < size - 1) {
		r = read_all(fd, (uint8_t *)line + n, 1, deadline);
		if (r)
			return r;
		if (line[n++] == '\n') {
			line[n - 1] = '\0';
			return 0;
		}
	}
	return -EPROTO;
}

int relay_opened(int fd, struct error *e)
{
	char line[RELAY_LINE_MAX];
	int r, code = 0, at = 0;

	r = relay_line(fd, line, sizeof(line), wait_deadline(RELAY_TIMEOUT_MS));
	if (r)
		return error_set(e, -r, "the server does not answer: %s",
				 strerror(-r));
	if (!strcmp(line, "ok"))
		return 0;
	if (sscanf(line, "error %d %n", &code, &at) < 1 || !at)
		return error_set(e, EPROTO, "the server answers '%.80s'", line);
	return error_set(e, EREMOTEIO, "%s", line + at);
}

/* The other side has ended the conversation and says why. */
static int read_reason(struct relay_card *c, int64_t deadline)
{
	char text[sizeof(c->e.text)];
	size_t len;
	int r = read_frame(c->fd, (uint8_t *)text, sizeof(text) - 1, &len,
			   deadline);

	if (r)
		return r;
	text[len] = '\0';
	return error_set(&c->e, EREMOTEIO, "%s", text);
}

int relay_transmit(void *card, const uint8_t *command, size_t len,
		   uint8_t *response, size_t *response_len)
{
	int64_t deadline = wait_deadline(RELAY_TIMEOUT_MS);
	struct relay_card *c = card;
	int r = len && len <= RELAY_COMMAND_MAX ? 0 : -EMSGSIZE;

	if (!r)
		r = put(c->fd, command, len, deadline);
	/* ended by the other side, which has told why before */
	if (!r || r == -EPIPE || r == -ECONNRESET)
		r = read_frame(c->fd, response, *response_len, response_len,
			       deadline);
	if (!r && !*response_len)
		return read_reason(c, deadline);
	if (!r && *response_len < 2)
		r = -EPROTO;
	if (r)
		error_set(&c->e, -r, "the relay to the module: %s",
			  r == -ECONNRESET ? "closed" : strerror(-r));
	return r;
}
