// SPDX-License-Identifier: MIT
/* personalizations.log: one JSON object a line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/events.h"
#include "pu/pu.h"

#define LOG_NAME "personalizations.log"

int record_each(const char *dir, int (*fn)(void *arg, json_t *event), void *arg,
		struct error *e)
{
	return events_each(dir, LOG_NAME, fn, arg, e);
}

static void set_hex(json_t *event, const char *key, const uint8_t *data,
		    size_t len)
{
	char *hex = malloc(2 * len + 1);

	if (hex) {
		pki_hex(data, len, hex);
		json_object_set_new(event, key, json_string(hex));
	}
	free(hex);
}

static void set_base64(json_t *event, const char *key,
		       const unsigned char *data, int len)
{
	char *text = malloc(4 * ((len + 2) / 3) + 1);

	if (text) {
		EVP_EncodeBlock((unsigned char *)text, data, len);
		json_object_set_new(event, key, json_string(text));
	}
	free(text);
}

static void set_cert(json_t *event, X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	char fingerprint[65];

	pki_fingerprint(cert, fingerprint);
	json_object_set_new(event, "fingerprint", json_string(fingerprint));
	if (len > 0)
		set_base64(event, "certificate", der, len);
	OPENSSL_free(der);
}

static void set_fingerprint(json_t *event, const char *key, X509 *cert)
{
	char fingerprint[65];

	pki_fingerprint(cert, fingerprint);
	json_object_set_new(event, key, json_string(fingerprint));
}

static json_t *central_fingerprints(STACK_OF(X509) *central)
{
	json_t *list = json_array();
	char fingerprint[65];
	int i;

	for (i = 0; i < sk_X509_num(central); i++) {
		pki_fingerprint(sk_X509_value(central, i), fingerprint);
		json_array_append_new(list, json_string(fingerprint));
	}
	return list;
}

int record_issued(const struct session *s, const unsigned char *bundle,
		  size_t bundle_len, struct error *e)
{
	json_t *event = json_pack("{s:s, s:s, s:s, s:I, s:I}", "event",
				  "issued", "serial", s->serial, "uid",
				  s->uid_hex, "epoch", (json_int_t)s->epoch,
				  "moduleTime", (json_int_t)s->module_time);

	if (!event)
		return error_set(e, ENOMEM, "out of memory");
	set_hex(event, "moduleNonce", s->module_nonce, NONCE_SIZE);
	set_hex(event, "unitNonce", s->nonce, NONCE_SIZE);
	set_hex(event, "salt", s->salt, NONCE_SIZE);
	set_cert(event, s->module);
	set_fingerprint(event, "identity", s->identity);
	set_fingerprint(event, "signer", s->unit->signer);
	json_object_set_new(event, "central",
			    central_fingerprints(s->unit->central));
	set_base64(event, "bundle", bundle, bundle_len);
	return events_append(s->unit->dir, LOG_NAME, event, e);
}

int record_result(const struct session *s, int accepted, const char *reason,
		  struct error *e)
{
	static const char *const results[] = { "unknown", "refused",
					       "accepted" };
	json_t *event = json_pack("{s:s, s:s, s:s, s:s}", "event", "result",
				  "uid", s->uid_hex, "result",
				  results[accepted + 1], "reason", reason);

	if (event)
		set_fingerprint(event, "fingerprint", s->module);
	return events_append(s->unit->dir, LOG_NAME, event, e);
}

int record_refused(const struct session *s, const char *reason, struct error *e)
{
	return events_append(s->unit->dir, LOG_NAME,
			     json_pack("{s:s, s:s, s:s, s:I, s:s}", "event",
				       "refused", "serial", s->serial, "uid",
				       s->uid_hex, "epoch",
				       (json_int_t)s->epoch, "reason", reason),
			     e);
}

int record_central(const struct unit *u, X509 *cert, const char *event_name,
		   struct error *e)
{
	json_t *event = json_pack("{s:s}", "event", event_name);
	char name[128];

	if (!event)
		return error_set(e, ENOMEM, "out of memory");
	pki_describe(cert, name, sizeof(name));
	json_object_set_new(event, "name", json_string(name));
	set_cert(event, cert);
	return events_append(u->dir, LOG_NAME, event, e);
}
