// SPDX-License-Identifier: MIT
/*
 * common/endpoint_serial.c: noise, preambles and parts of preambles on a line. The
 * server has to say yes exactly where a slow and plain reading of all the bytes does.
 */
#include <sys/socket.h>

#include "fuzz.h"

/* its functions are static: what is fuzzed is the file itself */
#include "userspace/common/endpoint_serial.c"

#define LINE_MAX_BYTES 1024

enum { TOKEN_NOISE, TOKEN_PREAMBLE, TOKEN_CUT, TOKEN_CHANGED };

static size_t put_token(struct input *in, uint8_t *out)
{
	static const unsigned char kinds[] = { REQUEST, ANSWER, CONFIRM, 'x' };
	struct preamble p = { .magic = MAGIC };
	uint8_t token = input_byte(in);
	size_t len = sizeof(p);

	if (token % 4 == TOKEN_NOISE) {
		len = token >> 4;
		input_copy(in, out, len);
		return len;
	}
	p.kind = kinds[token >> 2 & 3];
	memset(p.id, token >> 6, sizeof(p.id));
	CHECK(!preamble_check(&p, p.check));
	memcpy(out, &p, sizeof(p));
	if (token % 4 == TOKEN_CUT)
		len = input_byte(in) % sizeof(p);
	else if (token % 4 == TOKEN_CHANGED)
		out[input_byte(in) % sizeof(p)] ^= input_byte(in);
	return len;
}

static size_t make_line(struct input *in, uint8_t *line)
{
	size_t len = 0;

	while (in->left && len + sizeof(struct preamble) < LINE_MAX_BYTES)
		len += put_token(in, line + len);
	return len;
}

/* Where the server stops reading, 0: it never does. */
static size_t model(const uint8_t *line, size_t len)
{
	unsigned char check[CHECK_SIZE];
	struct preamble p, asked;
	int have = 0;
	size_t i;

	for (i = 0; i + sizeof(p) <= len; i++) {
		memcpy(&p, line + i, sizeof(p));
		CHECK(!preamble_check(&p, check));
		if (memcmp(p.magic, MAGIC, MAGIC_SIZE) ||
		    memcmp(p.check, check, CHECK_SIZE))
			continue;
		if (p.kind == CONFIRM && have &&
		    !memcmp(p.id, asked.id, ID_SIZE))
			return i + sizeof(p);
		if (p.kind == REQUEST) {
			asked = p;
			have = 1;
		}
	}
	return 0;
}

static void serve(const uint8_t *line, size_t len)
{
	uint8_t rest[LINE_MAX_BYTES];
	size_t stop = model(line, len);
	ssize_t left;
	int ends[2], ret;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends));
	CHECK(!len || write(ends[0], line, len) == (ssize_t)len);
	CHECK(!shutdown(ends[0], SHUT_WR));
	ret = serial_await(ends[1]);
	CHECK(stop ? !ret : ret == -EIO);
	/* not a byte of what follows, for that is TLS */
	left = read(ends[1], rest, sizeof(rest));
	CHECK(!stop || left == (ssize_t)(len - stop));
	CHECK(!stop || !left || !memcmp(rest, line + stop, (size_t)left));
	close(ends[0]);
	close(ends[1]);
}

static void spec(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *path = NULL;
	struct error e;
	speed_t speed;

	CHECK(text);
	if (!serial_parse(text, text, &path, &speed, &e))
		CHECK(*path && speed != B0);
	free(path);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t line[LINE_MAX_BYTES];
	struct input in = { data, size };

	serve(line, make_line(&in, line));
	if (size)
		spec(data, size);
	return 0;
}
