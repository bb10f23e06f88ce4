// SPDX-License-Identifier: MIT
/* secmod transact: what an application does, as a command: a transaction through the agent. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <endian.h>
#include <openssl/rand.h>

#include "common/endpoint.h"
#include "common/transaction.h"
#include "common/wait.h"
#include "pki/pki.h"
#include "secmod/cli.h"

#define ID_SIZE 16
#define PAYLOAD_MAX 32768

struct transact {
	struct cli *c;
	const char *endpoint;
	char path[128]; /* --socket as a path, with "unix:" before it */
	uint8_t id[ID_SIZE];
	uint8_t payload[PAYLOAD_MAX + 1];
	size_t len;
	int timeout_ms;
};

static int take_payload(struct transact *t, const char *message)
{
	if (strcmp(message, "-") == 0) {
		t->len = fread(t->payload, 1, sizeof(t->payload), stdin);
	} else {
		t->len = strlen(message);
		memcpy(t->payload, message,
		       t->len < sizeof(t->payload) ? t->len :
						     sizeof(t->payload));
	}
	if (t->len > PAYLOAD_MAX)
		return cli_misuse("a message has at most %d bytes",
				  PAYLOAD_MAX);
	return 0;
}

static int take_endpoint(struct transact *t)
{
	if (t->endpoint[0] != '/')
		return 0;
	if (snprintf(t->path, sizeof(t->path), "unix:%s", t->endpoint) >=
	    (int)sizeof(t->path))
		return cli_misuse("--socket: the path is too long");
	t->endpoint = t->path;
	return 0;
}

static int take_id(struct transact *t, const char *hex, struct error *e)
{
	if (hex) {
		if (strlen(hex) != 2 * ID_SIZE ||
		    pki_unhex(hex, t->id, ID_SIZE) < 0)
			return cli_misuse(
				"--id: '%s' is not %d lower-case hex digits",
				hex, 2 * ID_SIZE);
		return 0;
	}
	if (RAND_bytes(t->id, ID_SIZE) != 1)
		return error_set_ssl(e, EIO, "cannot get random bytes");
	return 0;
}

static int send_all(const struct transact *t, int fd, int64_t deadline,
		    struct error *e)
{
	struct message *m = message_new(MSG_TRANSACTION);
	unsigned char *der = NULL;
	uint32_t frame;
	int len = -ENOMEM, rc;

	if (m && !wire_set_octets(m->u.transaction->id, t->id, ID_SIZE) &&
	    !wire_set_octets(m->u.transaction->payload, t->payload, t->len))
		len = message_encode(m, &der);
	message_free(m);
	if (len < 0)
		return error_set(e, -len, "cannot encode the transaction");
	frame = htobe32((uint32_t)len);
	rc = wait_write(fd, &frame, sizeof(frame), deadline);
	if (rc == 0)
		rc = wait_write(fd, der, (size_t)len, deadline);
	OPENSSL_free(der);
	return rc ? error_set(e, -rc, "sending to '%s': %s", t->endpoint,
			      strerror(-rc)) :
		    0;
}

static int read_full(int fd, void *data, size_t len, int64_t deadline)
{
	uint8_t *p = data;
	ssize_t n;
	int rc;

	while (len) {
		n = read(fd, p, len);
		if (n == 0)
			return -ECONNRESET;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		rc = wait_fd(fd, POLLIN, deadline);
		if (rc)
			return rc;
	}
	return 0;
}

static int receive(const struct transact *t, int fd, int64_t deadline,
		   struct message **m, struct error *e)
{
	uint8_t *der = NULL;
	uint32_t frame;
	int rc = read_full(fd, &frame, sizeof(frame), deadline);

	if (rc == 0 && be32toh(frame) > WIRE_MAX)
		rc = -EPROTO;
	if (rc == 0) {
		der = malloc(be32toh(frame));
		rc = der ? read_full(fd, der, be32toh(frame), deadline) :
			   -ENOMEM;
	}
	if (rc)
		error_set(e, -rc, "waiting for the answer of '%s': %s",
			  t->endpoint, strerror(-rc));
	else
		rc = message_decode(der, be32toh(frame), m, e);
	free(der);
	return rc;
}

static const char *status_text(uint64_t status)
{
	static const char *const texts[] = {
		[TRANSACTION_BOOKED] = "booked",
		[TRANSACTION_CONFLICT] =
			"refused: the id was used before with another message",
		[TRANSACTION_UNANSWERED] =
			"unanswered: send it again with the same id",
		[TRANSACTION_FULL] =
			"not taken: too many are waiting, send it again later",
	};

	return status < sizeof(texts) / sizeof(texts[0]) ? texts[status] :
							   "refused";
}

static int report(const struct transact *t,
		  const struct wire_transaction_reply *r, struct error *e)
{
	const char *payload = (const char *)ASN1_STRING_get0_data(r->payload);
	int len = ASN1_STRING_length(r->payload), rc = 0;
	char id[2 * ID_SIZE + 1];

	pki_hex(t->id, ID_SIZE, id);
	if (t->c->json)
		rc = cli_print_json(
			json_pack("{s:s, s:I, s:s, s:I, s:o}", "id", id,
				  "status", (json_int_t)r->status, "text",
				  status_text(r->status), "row",
				  (json_int_t)r->row, "payload",
				  json_hex((const uint8_t *)payload,
					   len < 1024 ? (size_t)len : 1024)),
			e);
	if (rc || r->status == TRANSACTION_BOOKED) {
		cli_step(t->c, "booked, row %llu", (unsigned long long)r->row);
		return rc;
	}
	return error_set(e, EIO, "transaction %s: %s%s%.*s", id,
			 status_text(r->status), len ? ": " : "",
			 len < 256 ? len : 256, payload ? payload : "");
}

static int check_reply(const struct transact *t, const struct message *m,
		       struct error *e)
{
	if (m->type == MSG_ERROR)
		return error_set(e, EREMOTEIO, "the agent refuses: %s",
				 wire_text(m->u.error->text));
	if (m->type != MSG_TRANSACTION_REPLY ||
	    memcmp(ASN1_STRING_get0_data(m->u.transaction_reply->id), t->id,
		   ID_SIZE) != 0)
		return error_set(e, EPROTO,
				 "the agent answered something else (%s)",
				 message_name(m->type));
	return report(t, m->u.transaction_reply, e);
}

static int transact(struct transact *t, struct error *e)
{
	int64_t deadline = wait_deadline(t->timeout_ms);
	int fd = endpoint_connect(t->endpoint, t->timeout_ms, e), rc;
	struct message *m = NULL;

	if (fd < 0)
		return fd;
	rc = send_all(t, fd, deadline, e);
	if (rc == 0)
		rc = receive(t, fd, deadline, &m, e);
	if (rc == 0)
		rc = check_reply(t, m, e);
	message_free(m);
	close(fd);
	return rc;
}

int cmd_transact(struct cli *c, int argc, char **argv, struct error *e)
{
	static struct transact t = { .endpoint = CLI_AGENT };
	const char *message, *id = NULL, *timeout = NULL;
	const struct cli_option options[] = {
		{ "socket", &t.endpoint, NULL },
		{ "id", &id, NULL },
		{ "timeout", &timeout, NULL },
		{ NULL, NULL, NULL },
	};
	int rc = cli_parse(c, argc, argv, options, 1, 1, &message);

	t.c = c;
	if (rc == 0)
		rc = cli_timeout(timeout, &t.timeout_ms);
	if (rc == 0)
		rc = take_endpoint(&t);
	if (rc == 0)
		rc = take_payload(&t, message);
	if (rc == 0)
		rc = take_id(&t, id, e);
	return rc ? rc : transact(&t, e);
}
