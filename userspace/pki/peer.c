// SPDX-License-Identifier: MIT
/* TLS between units. */
#include <errno.h>

#include "pki/peer.h"

#define UNIT_DAYS 2

static SSL_CTX *server_ctx(X509 *cert, EVP_PKEY *key, X509 *issuer,
			   struct error *e)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	int is_root = X509_self_signed(issuer, 0) == 1;
	SSL_CTX *ctx = NULL;

	if (chain && (is_root || sk_X509_push(chain, issuer)))
		ctx = channel_ctx(1, cert, key, chain, e);
	sk_X509_free(chain);
	return ctx;
}

int pki_unit_ctx(const char *name, X509 *issuer, EVP_PKEY *issuer_key,
		 SSL_CTX **ctx, struct error *e)
{
	struct pki_request req = {
		.role = PKI_ROLE_UNIT_TLS,
		.common_name = name,
		.days = UNIT_DAYS,
	};
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert;
	int ret;

	*ctx = NULL;
	if (!key)
		return error_set_ssl(e, EIO, "cannot make a key");
	ret = pki_issue(&req, key, issuer, issuer_key, &cert, e);
	if (!ret) {
		*ctx = server_ctx(cert, key, issuer, e);
		ret = *ctx ? 0 : -EIO;
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	return ret;
}

int pki_peer_manufacturer(void *root, X509 *leaf, STACK_OF(X509) *sent,
			  struct error *e)
{
	(void)sent;
	return pki_check_chain(leaf, PKI_ROLE_UNIT_TLS, NULL, root, time(NULL),
			       e);
}

int pki_peer_unit(void *root, X509 *leaf, STACK_OF(X509) *sent, struct error *e)
{
	if (sk_X509_num(sent) != 1)
		return error_set(
			e, EKEYREJECTED,
			"the unit sent %d certificates beside its own, not the signer's alone",
			sk_X509_num(sent));
	return pki_check_chain(leaf, PKI_ROLE_UNIT_TLS, sk_X509_value(sent, 0),
			       root, time(NULL), e);
}

int pki_peer_identity(void *root, X509 *leaf, STACK_OF(X509) *sent,
		      struct error *e)
{
	(void)sent;
	return pki_check_chain(leaf, PKI_ROLE_IDENTITY, NULL, root, time(NULL),
			       e);
}
