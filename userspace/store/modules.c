// SPDX-License-Identifier: MIT
/* Modules and the certificates they came with; who stands how right now. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "store/internal.h"

int store_module_add(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		     const char *serial, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_MODULE_ADD, e);
	int r;

	if (!st)
		return -EIO;
	store_bind_blob(st, 1, uid, STORE_UID_SIZE);
	store_bind_text(st, 2, serial);
	sqlite3_bind_int64(st, 3, store_now());
	r = store_run(s, st, "add a module to", e);
	if (r == -EIO &&
	    sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_PRIMARYKEY)
		return error_set(e, EEXIST, "module %s is registered already",
				 serial);
	return r;
}

static int read_module(sqlite3_stmt *st, struct store_module *out)
{
	memset(out, 0, sizeof(*out));
	store_get_text(st, 1, out->serial, sizeof(out->serial));
	store_get_switch(st, 2, &out->sw);
	out->added = sqlite3_column_int64(st, 5);
	store_get_text(st, 6, out->fingerprint, sizeof(out->fingerprint));
	out->epoch = sqlite3_column_int64(st, 7);
	out->first_seen = sqlite3_column_int64(st, 8);
	out->last_seen = sqlite3_column_int64(st, 9);
	return store_get_blob(st, 0, out->uid, sizeof(out->uid));
}

static int is_uid(const char *text, uint8_t uid[STORE_UID_SIZE])
{
	size_t len;

	return strlen(text) == 2 * STORE_UID_SIZE && !strchr(text, ':') &&
	       OPENSSL_hexstr2buf_ex(uid, STORE_UID_SIZE, &len, text, '\0') &&
	       len == STORE_UID_SIZE;
}

int store_module_find(struct store *s, const char *which,
		      struct store_module *out, struct error *e)
{
	uint8_t uid[STORE_UID_SIZE];
	int by_uid = is_uid(which, uid);
	sqlite3_stmt *st = store_stmt(
		s, by_uid ? Q_MODULE_FIND_UID : Q_MODULE_FIND_SERIAL, e);
	int r;

	if (!st)
		return -EIO;
	if (by_uid)
		store_bind_blob(st, 1, uid, sizeof(uid));
	else
		store_bind_text(st, 1, which);
	r = store_next(s, st, "read", e);
	if (r < 0)
		return r;
	if (r == 0)
		return error_set(e, ENOENT,
				 "no module '%s'; 'module list' shows them",
				 which);
	r = read_module(st, out);
	if (!r)
		r = store_next(s, st, "read", e);
	sqlite3_reset(st);
	if (r == 1)
		return error_set(e, ENOTUNIQ,
				 "several modules have the serial number "
				 "'%s'; give the UID",
				 which);
	return r;
}

int store_module_switch(struct store *s, const uint8_t uid[STORE_UID_SIZE],
			int enabled, const char *reason, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_MODULE_SWITCH, e);
	int r;

	if (!st)
		return -EIO;
	store_bind_blob(st, 1, uid, STORE_UID_SIZE);
	sqlite3_bind_int(st, 2, enabled);
	store_bind_text(st, 3, reason);
	sqlite3_bind_int64(st, 4, store_now());
	r = store_run(s, st, "change a module in", e);
	if (!r && !sqlite3_changes(s->db))
		return error_set(e, ENOENT, "the module is not registered");
	return r;
}

static int add_cert(struct store *s, const struct store_cert *cert,
		    struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_CERT_ADD, e);

	if (!st)
		return -EIO;
	store_bind_text(st, 1, cert->fingerprint);
	store_bind_blob(st, 2, cert->uid, STORE_UID_SIZE);
	store_bind_text(st, 3, cert->signer);
	sqlite3_bind_int64(st, 4, cert->epoch);
	store_bind_blob(st, 5, cert->der, cert->der_len);
	sqlite3_bind_int64(st, 6, store_now());
	return store_run(s, st, "record a certificate in", e);
}

int store_module_seen(struct store *s, const struct store_cert *cert,
		      struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_MODULE_SEEN, e);
	int r;

	if (!st)
		return -EIO;
	store_bind_blob(st, 1, cert->uid, STORE_UID_SIZE);
	store_bind_text(st, 2, cert->fingerprint);
	sqlite3_bind_int64(st, 3, cert->epoch);
	sqlite3_bind_int64(st, 4, store_now());
	r = store_run(s, st, "record a module in", e);
	if (r)
		return r;
	if (!sqlite3_changes(s->db))
		return error_set(e, ESTALE,
				 "the module is unknown or a newer certificate "
				 "than epoch %lld was seen",
				 (long long)cert->epoch);
	return add_cert(s, cert, e);
}

int store_modules(struct store *s, store_module_fn fn, void *arg,
		  struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_MODULES, e);
	struct store_module module;
	int r = 0;

	if (!st)
		return -EIO;
	while (store_row(s, st, &r, e))
		r = read_module(st, &module) ?: fn(arg, &module);
	return r;
}

int store_cert_der(struct store *s, const char *fingerprint, char signer[65],
		   uint8_t **der, size_t *len, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_CERT_DER, e);
	int r;

	if (!st)
		return -EIO;
	store_bind_text(st, 1, fingerprint);
	r = store_next(s, st, "read", e);
	if (r < 0)
		return r;
	if (!r)
		return error_set(e, ENOENT, "certificate %.16s was never seen",
				 fingerprint);
	store_get_text(st, 0, signer, 65);
	*len = (size_t)sqlite3_column_bytes(st, 1);
	*der = malloc(*len + 1);
	if (*der)
		memcpy(*der, sqlite3_column_blob(st, 1), *len);
	sqlite3_reset(st);
	return *der ? 0 : error_set(e, ENOMEM, "out of memory");
}

int store_cert_switch(struct store *s, const char *fingerprint, int enabled,
		      const char *reason, struct error *e)
{
	sqlite3_stmt *st;
	int r;

	if (strlen(fingerprint) != 64 ||
	    strspn(fingerprint, "0123456789abcdef") != 64)
		return error_set(e, EINVAL,
				 "'%s' is no fingerprint: 64 lower-case hex "
				 "digits, SHA-256 of the certificate",
				 fingerprint);
	st = store_stmt(s, enabled ? Q_CERT_ENABLE : Q_CERT_DISABLE, e);
	if (!st)
		return -EIO;
	store_bind_text(st, 1, fingerprint);
	if (!enabled) {
		store_bind_text(st, 2, reason);
		sqlite3_bind_int64(st, 3, store_now());
	}
	r = store_run(s, st, "change a certificate in", e);
	if (!r && !sqlite3_changes(s->db))
		return error_set(e, ENOENT, "certificate %.16s is not disabled",
				 fingerprint);
	return r;
}

int store_standing(struct store *s, const uint8_t uid[STORE_UID_SIZE],
		   const char *fingerprint, const char *signer,
		   struct store_standing *out, struct error *e)
{
	sqlite3_stmt *st = store_stmt(s, Q_STANDING, e);
	int r;

	memset(out, 0, sizeof(*out));
	if (!st)
		return -EIO;
	store_bind_blob(st, 1, uid, STORE_UID_SIZE);
	store_bind_text(st, 2, fingerprint);
	store_bind_text(st, 3, signer);
	r = store_next(s, st, "read", e);
	if (r != 1)
		return r ? r : error_set(e, EIO, "'%s' is damaged", s->path);
	store_get_switch(st, 0, &out->signer);
	store_get_switch(st, 3, &out->module);
	store_get_switch(st, 6, &out->cert);
	out->signer_known = sqlite3_column_int(st, 9);
	out->module_known = sqlite3_column_int(st, 10);
	out->epoch = sqlite3_column_int64(st, 11);
	sqlite3_reset(st);
	return 0;
}
