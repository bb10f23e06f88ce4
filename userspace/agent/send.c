// SPDX-License-Identifier: MIT
/*
 * "--send FILE": one transaction through a running agent, as an application
 * would send it. For trying out the whole path and for scripts.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "agent/agent.h"
#include "common/endpoint.h"
#include "common/transaction.h"
#include "common/wait.h"

#define ID_SIZE 16
#define PAYLOAD_MAX 32768
#define MARGIN_S 5 /* the agent answers by itself after its limit */

static int read_payload(const char *path, unsigned char *data, size_t *len,
			struct error *e)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	int bad;

	if (!f)
		return error_set(e, errno, "cannot open '%s': %s", path,
				 strerror(errno));
	*len = fread(data, 1, PAYLOAD_MAX + 1, f);
	bad = ferror(f);
	if (f != stdin)
		fclose(f);
	if (bad)
		return error_set(e, EIO, "cannot read '%s'", path);
	if (*len > PAYLOAD_MAX)
		return error_set(e, EMSGSIZE, "'%s' has more than %d bytes",
				 path, PAYLOAD_MAX);
	return 0;
}

static int make_id(const char *hex, unsigned char id[ID_SIZE], struct error *e)
{
	size_t len = 0;

	if (!hex)
		return RAND_bytes(id, ID_SIZE) == 1 ?
			       0 :
			       error_set_ssl(e, EIO, "no random numbers");
	if (strlen(hex) != 2 * ID_SIZE ||
	    !OPENSSL_hexstr2buf_ex(id, ID_SIZE, &len, hex, '\0'))
		return error_set(e, EINVAL, "'%s' is no id: 32 hex digits",
				 hex);
	return 0;
}

static int make_request(const struct options *o, struct message **out,
			struct error *e)
{
	unsigned char id[ID_SIZE], *data = malloc(PAYLOAD_MAX + 1);
	struct message *m = message_new(MSG_TRANSACTION);
	size_t len = 0;
	int r;

	if (!data || !m)
		r = error_set(e, ENOMEM, "out of memory");
	else
		r = read_payload(o->send, data, &len, e);
	if (!r)
		r = make_id(o->id, id, e);
	if (!r && (wire_set_octets(m->u.transaction->id, id, ID_SIZE) ||
		   wire_set_octets(m->u.transaction->payload, data, len)))
		r = error_set(e, ENOMEM, "out of memory");
	free(data);
	if (r)
		message_free(m);
	else
		*out = m;
	return r;
}

static int write_frame(int fd, const struct message *m, int64_t deadline)
{
	unsigned char header[4], *der;
	int len = message_encode(m, &der), r;

	if (len < 0)
		return len;
	for (int i = 0; i < 4; i++)
		header[i] = (unsigned int)len >> (24 - 8 * i);
	r = wait_write(fd, header, sizeof(header), deadline);
	if (!r)
		r = wait_write(fd, der, len, deadline);
	OPENSSL_free(der);
	return r;
}

static int read_all(int fd, unsigned char *data, size_t len, int64_t deadline)
{
	while (len) {
		int r = wait_fd(fd, POLLIN, deadline);
		ssize_t n;

		if (r)
			return r;
		n = read(fd, data, len);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			len -= n;
		}
	}
	return 0;
}

static int read_frame(int fd, struct message **m, int64_t deadline,
		      struct error *e)
{
	unsigned char header[4], *der;
	size_t len = 0;
	int r = read_all(fd, header, sizeof(header), deadline);

	if (r)
		return error_set(e, -r, "no answer of the agent: %s",
				 strerror(-r));
	len = (size_t)header[0] << 24 | header[1] << 16 | header[2] << 8 |
	      header[3];
	if (!len || len > WIRE_MAX)
		return error_set(e, EPROTO, "the agent answers %zu bytes", len);
	der = malloc(len);
	if (!der)
		return error_set(e, ENOMEM, "out of memory");
	r = read_all(fd, der, len, deadline);
	if (r)
		error_set(e, -r, "no answer of the agent: %s", strerror(-r));
	else
		r = message_decode(der, len, m, e);
	free(der);
	return r;
}

static int print_reply(const struct message *m, struct error *e)
{
	const struct wire_transaction_reply *t = m->u.transaction_reply;

	if (m->type == MSG_ERROR)
		return error_set(e, EREMOTEIO, "refused: %s",
				 wire_text(m->u.error->text));
	if (m->type != MSG_TRANSACTION_REPLY)
		return error_set(e, EPROTO, "the agent answers with %s",
				 message_name(m->type));
	if (t->status != TRANSACTION_BOOKED)
		return error_set(
			e, EREMOTEIO, "not booked (status %llu): %.*s",
			(unsigned long long)t->status,
			ASN1_STRING_length(t->payload),
			(const char *)ASN1_STRING_get0_data(t->payload));
	printf("booked in row %llu\n", (unsigned long long)t->row);
	return 0;
}

int send_one(const struct options *o, struct error *e)
{
	int64_t deadline = wait_deadline((o->answer_s + MARGIN_S) * 1000);
	struct message *m = NULL, *reply = NULL;
	int fd = -1, r = make_request(o, &m, e);

	if (!r) {
		fd = endpoint_connect(o->listen, 2000, e);
		r = fd < 0 ? fd : 0;
	}
	if (!r) {
		r = write_frame(fd, m, deadline);
		if (r)
			error_set(e, -r, "cannot send to '%s': %s", o->listen,
				  strerror(-r));
	}
	if (!r)
		r = read_frame(fd, &reply, deadline, e);
	if (!r)
		r = print_reply(reply, e);
	message_free(m);
	message_free(reply);
	if (fd >= 0)
		close(fd);
	return r;
}
