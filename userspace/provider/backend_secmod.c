// SPDX-License-Identifier: MIT
/*
 * Keys of the driver: secmod:identity, secmod:module, with ?device=/dev/secmodN
 * for a module other than the first.
 *
 * The open file is shared with child processes on purpose: a server opens the
 * key as root and uses it in workers that may not open the device.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>
#include <openssl/x509.h>

#include "libsecmod/libsecmod.h"
#include "provider/provider.h"

struct device_key {
	struct secmod *m;
	enum secmod_key id;
};

static const struct {
	const char *name;
	enum secmod_key id;
	enum secmod_cert cert;
} names[] = {
	{ "identity", SECMOD_KEY_IDENTITY, SECMOD_CERT_IDENTITY },
	{ "module", SECMOD_KEY_MODULE, SECMOD_CERT_MODULE },
};

static const struct {
	int nid;
	enum secmod_hash hash;
} hashes[] = {
	{ NID_sha256, SECMOD_HASH_SHA256 },
	{ NID_sha384, SECMOD_HASH_SHA384 },
	{ NID_sha512, SECMOD_HASH_SHA512 },
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Index into names[] or -EINVAL; @device points into @uri or is NULL. */
static int parse_uri(const char *uri, const char **device, struct error *e)
{
	static const char option[] = "device=";
	const char *name = strchr(uri, ':') + 1;
	size_t len = strcspn(name, "?");

	*device = NULL;
	if (name[len]) {
		if (strncmp(name + len + 1, option, sizeof(option) - 1) != 0)
			return error_set(
				e, EINVAL,
				"key '%s': unknown option: only ?device=/dev/secmodN is one",
				uri);
		*device = name + len + sizeof(option);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i].name) == len &&
		    memcmp(names[i].name, name, len) == 0)
			return (int)i;
	return error_set(
		e, EINVAL,
		"key '%s': a module has the keys secmod:identity and secmod:module",
		uri);
}

static int point_of_cert(const unsigned char *der, size_t len,
			 unsigned char point[KEY_POINT_SIZE])
{
	const unsigned char *bits;
	int n, rc = -EBADMSG;
	X509 *cert = d2i_X509(NULL, &der, (long)len);

	if (cert &&
	    X509_PUBKEY_get0_param(NULL, &bits, &n, NULL,
				   X509_get_X509_PUBKEY(cert)) &&
	    n == KEY_POINT_SIZE && bits[0] == 0x04) {
		memcpy(point, bits, KEY_POINT_SIZE);
		rc = 0;
	}
	X509_free(cert);
	return rc;
}

static int read_point(struct secmod *m, enum secmod_cert kind,
		      unsigned char point[KEY_POINT_SIZE], struct error *e)
{
	unsigned char *der;
	size_t len;
	int rc = secmod_get_cert(m, kind, 0, &der, &len);

	if (rc == -ENOENT || rc == -EBADFD)
		return error_set(
			e, -rc,
			"'%s' has no %s certificate: %s: see 'secmod status'",
			secmod_device(m), secmod_cert_name(kind),
			secmod_reason(m));
	if (rc < 0)
		return error_set(e, -rc, "%s certificate of '%s': %s",
				 secmod_cert_name(kind), secmod_device(m),
				 secmod_reason(m));
	rc = point_of_cert(der, len, point);
	secmod_free(der);
	if (rc < 0)
		return error_set(e, -rc,
				 "%s certificate of '%s' has no P-256 key",
				 secmod_cert_name(kind), secmod_device(m));
	return 0;
}

static int open_key(const char *uri, void **priv,
		    unsigned char point[KEY_POINT_SIZE], struct error *e)
{
	const char *device;
	struct device_key *key;
	int i = parse_uri(uri, &device, e), rc;

	if (i < 0)
		return i;
	key = calloc(1, sizeof(*key));
	if (!key)
		return error_set(e, ENOMEM, "key '%s': out of memory", uri);
	key->id = names[i].id;
	rc = secmod_open(device, &key->m);
	if (rc < 0) {
		error_set(e, -rc, "key '%s': %s", uri, secmod_reason(NULL));
		goto err_free;
	}
	rc = read_point(key->m, names[i].cert, point, e);
	if (rc < 0)
		goto err_close;
	*priv = key;
	return 0;

err_close:
	secmod_close(key->m);
err_free:
	free(key);
	return rc;
}

static int sign_with(struct device_key *key, enum secmod_hash hash,
		     const unsigned char *data, size_t len, unsigned char *sig,
		     struct error *e)
{
	int rc = secmod_sign(key->m, key->id, hash, data, len, sig);

	if (rc < 0)
		error_set(e, -rc, "%s key of '%s': %s",
			  secmod_key_name(key->id), secmod_device(key->m),
			  secmod_reason(key->m));
	return rc;
}

static int sign(void *priv, int hash_nid, const unsigned char *digest,
		size_t len, unsigned char sig[KEY_SIGNATURE_SIZE],
		struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		if (hashes[i].nid == hash_nid)
			return sign_with(priv, hashes[i].hash, digest, len, sig,
					 e);
	return error_set(e, EOPNOTSUPP, "the module signs no such digest");
}

static int sign_message(void *priv, const unsigned char *msg, size_t len,
			unsigned char sig[KEY_SIGNATURE_SIZE], struct error *e)
{
	return sign_with(priv, SECMOD_HASH_SHA256, msg, len, sig, e);
}

static int restricted(void *priv)
{
	const struct device_key *key = priv;

	return key->id == SECMOD_KEY_IDENTITY;
}

static void close_key(void *priv)
{
	struct device_key *key = priv;

	secmod_close(key->m);
	free(key);
}

const struct key_backend secmod_backend = {
	.scheme = "secmod",
	.open = open_key,
	.sign = sign,
	.sign_message = sign_message,
	.restricted = restricted,
	.close = close_key,
};
