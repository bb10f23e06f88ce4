// SPDX-License-Identifier: MIT
/* The commands "module" and "certificate": which take part, which are disabled. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "central/central.h"
#include "pki/pki.h"
#include "store/keys.h"

static json_t *module_json(const struct store_module *m)
{
	char uid[2 * STORE_UID_SIZE + 1];

	pki_hex(m->uid, sizeof(m->uid), uid);
	return json_pack("{s:s,s:s,s:b,s:s,s:I,s:s,s:I,s:I,s:I,s:I}", "uid",
			 uid, "serial", m->serial, "enabled", m->sw.enabled,
			 "reason", m->sw.reason, "changed",
			 (json_int_t)m->sw.changed, "certificate",
			 m->fingerprint, "epoch", (json_int_t)m->epoch, "added",
			 (json_int_t)m->added, "first_seen",
			 (json_int_t)m->first_seen, "last_seen",
			 (json_int_t)m->last_seen);
}

static int append_module(void *arg, const struct store_module *m)
{
	return json_array_append_new(arg, module_json(m)) ? -ENOMEM : 0;
}

static int print_module(void *arg, const struct store_module *m)
{
	char uid[2 * STORE_UID_SIZE + 1], seen[32];

	(void)arg;
	pki_hex(m->uid, sizeof(m->uid), uid);
	print_time(m->last_seen, seen);
	printf("%-32s %-16s %-8s %5lld %-20s %s\n", uid, m->serial,
	       m->sw.enabled ? "enabled" : "disabled", (long long)m->epoch,
	       seen, m->sw.reason);
	return 0;
}

int cmd_module_list(const struct options *o, int argc, char **argv,
		    struct error *e)
{
	json_t *list = o->json ? json_array() : NULL;
	struct site s;
	int r = site_open(&s, o->dir, e);

	(void)argc;
	(void)argv;
	if (r) {
		json_decref(list);
		return r;
	}
	if (!o->json)
		printf("%-32s %-16s %-8s %5s %-20s %s\n", "UID", "SERIAL",
		       "STATE", "EPOCH", "LAST SEEN", "REASON");
	r = store_modules(s.store, o->json ? append_module : print_module, list,
			  e);
	site_close(&s);
	if (o->json && !r)
		return print_json(list, e);
	json_decref(list);
	return r;
}

static void print_details(const struct store_module *m)
{
	char uid[2 * STORE_UID_SIZE + 1];
	struct {
		const char *name;
		int64_t when;
	} times[] = { { "added", m->added },
		      { "changed", m->sw.changed },
		      { "first seen", m->first_seen },
		      { "last seen", m->last_seen } };

	pki_hex(m->uid, sizeof(m->uid), uid);
	printf("uid          %s\nserial       %s\nstate        %s\n"
	       "reason       %s\ncertificate  %s\nepoch        %lld\n",
	       uid, m->serial, m->sw.enabled ? "enabled" : "disabled",
	       m->sw.reason, m->fingerprint[0] ? m->fingerprint : "-",
	       (long long)m->epoch);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char text[32];

		print_time(times[i].when, text);
		printf("%-12s %s\n", times[i].name, text);
	}
}

int cmd_module_show(const struct options *o, int argc, char **argv,
		    struct error *e)
{
	struct store_module m;
	struct site s;
	int r = site_open(&s, o->dir, e);

	(void)argc;
	if (r)
		return r;
	r = store_module_find(s.store, argv[0], &m, e);
	site_close(&s);
	if (r)
		return r;
	if (o->json)
		return print_json(module_json(&m), e);
	print_details(&m);
	return 0;
}

static int parse_uid(const char *text, uint8_t uid[STORE_UID_SIZE],
		     struct error *e)
{
	size_t len;

	if (strlen(text) != 2 * STORE_UID_SIZE || strchr(text, ':') ||
	    !OPENSSL_hexstr2buf_ex(uid, STORE_UID_SIZE, &len, text, '\0'))
		return error_set(e, EINVAL, "'%s' is no UID: 32 hex digits",
				 text);
	return 0;
}

/* Identity or module certificate: a note of who it is, checked when it comes. */
static int read_names(const char *path, uint8_t uid[STORE_UID_SIZE],
		      char serial[33], struct error *e)
{
	X509 *cert;
	int r = pki_read_cert(path, &cert, e);

	if (r)
		return r;
	if (pki_get_uid(cert, uid) || pki_get_serial(cert, serial, 33))
		r = error_set(e, EINVAL,
			      "'%s' names no UID and serial number; give an "
			      "identity or module certificate",
			      path);
	X509_free(cert);
	return r;
}

/* For the records, when it is an identity certificate that holds. */
static int keep_identity(struct site *s, X509 *cert, struct error *e)
{
	uint8_t uid[STORE_UID_SIZE];
	unsigned char *der = NULL;
	int len, r;

	r = pki_check_chain(cert, PKI_ROLE_IDENTITY, NULL, s->root, time(NULL),
			    e);
	if (!r && pki_get_uid(cert, uid))
		r = error_set(e, EINVAL, "the certificate names no UID");
	if (r)
		return r;
	len = i2d_X509(cert, &der);
	r = len > 0 ? store_identity_set(s->store, uid, der, (size_t)len, e) :
		      error_set(e, ENOMEM, "out of memory");
	OPENSSL_free(der);
	return r;
}

int cmd_module_identity(const struct options *o, int argc, char **argv,
			struct error *e)
{
	struct store_module m;
	char uid[2 * STORE_UID_SIZE + 1] = "";
	uint8_t raw[STORE_UID_SIZE];
	X509 *cert = NULL;
	struct site s;
	int r = site_open(&s, o->dir, e);

	(void)argc;
	if (r)
		return r;
	r = pki_read_cert(argv[0], &cert, e);
	if (!r && !pki_get_uid(cert, raw))
		pki_hex(raw, sizeof(raw), uid);
	if (!r)
		r = store_module_find(s.store, uid, &m, e);
	if (!r)
		r = keep_identity(&s, cert, e);
	X509_free(cert);
	site_close(&s);
	if (!r)
		printf("the identity certificate of module %s is kept\n",
		       m.serial);
	return r;
}

/* From a file: whatever it is, it names the module; an identity is kept. */
static int keep_if_identity(struct site *s, const char *path, struct error *e)
{
	X509 *cert;
	int r = pki_read_cert(path, &cert, e);

	if (r)
		return r;
	if (!pki_check_chain(cert, PKI_ROLE_IDENTITY, NULL, s->root, time(NULL),
			     NULL))
		r = keep_identity(s, cert, e);
	X509_free(cert);
	return r;
}

int cmd_module_add(const struct options *o, int argc, char **argv,
		   struct error *e)
{
	char uid_text[2 * STORE_UID_SIZE + 1], serial[33] = "";
	uint8_t uid[STORE_UID_SIZE];
	struct site s;
	int r;

	if (argc == 1)
		r = read_names(argv[0], uid, serial, e);
	else
		r = parse_uid(argv[0], uid, e);
	if (!r && argc == 2 &&
	    (!argv[1][0] ||
	     snprintf(serial, sizeof(serial), "%s", argv[1]) > 32))
		r = error_set(e, EINVAL,
			      "'%s' is no serial number: 1 to 32 characters",
			      argv[1]);
	if (!r)
		r = site_open(&s, o->dir, e);
	if (r)
		return r;
	pki_hex(uid, sizeof(uid), uid_text);
	r = store_begin(s.store, e);
	if (!r)
		r = store_module_add(s.store, uid, serial, e);
	if (!r && argc == 1)
		r = keep_if_identity(&s, argv[0], e);
	if (!r)
		r = audit(s.store, "module add", uid_text, serial, e);
	if (!r)
		r = store_commit(s.store, e);
	site_close(&s);
	if (!r)
		printf("module %s (%s) is registered\n", serial, uid_text);
	return r;
}
