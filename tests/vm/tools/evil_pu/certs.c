// SPDX-License-Identifier: MIT
/* Cases that spoil one certificate in a bundle; its signer and signature are right. */
#include <linux/secmod.h>

#include "evil_pu.h"

static void module_uid(struct evil *e, struct pki_request *req)
{
	static uint8_t uid[16];

	evil_wrong(uid, e->uid, sizeof(uid));
	req->uid = uid;
}

static void module_nonce(struct evil *e, struct pki_request *req)
{
	static uint8_t nonce[32];

	evil_wrong(nonce, e->module_nonce, sizeof(nonce));
	req->nonce = nonce;
}

static void module_salt(struct evil *e, struct pki_request *req)
{
	static uint8_t salt[32];

	evil_wrong(salt, e->salt, sizeof(salt));
	req->salt = salt;
}

static void module_epoch(struct evil *e, struct pki_request *req)
{
	req->epoch = e->epoch + 1;
}

static void module_key(struct evil *e, X509 *cert)
{
	EVP_PKEY *key = evil_key();

	(void)e;
	X509_set_pubkey(cert, key);
	EVP_PKEY_free(key);
}

#define SPOIL_MODULE(name, ...)                               \
	static void module_##name(struct evil *e, X509 *cert) \
	{                                                     \
		(void)e;                                      \
		__VA_ARGS__;                                  \
	}

SPOIL_MODULE(role_identity, evil_set_role(cert, ROLE(1)))
SPOIL_MODULE(role_signer, evil_set_role(cert, ROLE(2)))
SPOIL_MODULE(role_central, evil_set_role(cert, ROLE(4)))
SPOIL_MODULE(two_roles, evil_set_role(cert, ROLE(3) "," ROLE(4)))
SPOIL_MODULE(ca, evil_set_ext(cert, "basicConstraints", "critical,CA:TRUE"))
SPOIL_MODULE(usage, evil_set_ext(cert, "keyUsage", "critical,keyAgreement"))
SPOIL_MODULE(critical, evil_set_ext(cert, "1.2.3.4", "critical,DER:0500"))
SPOIL_MODULE(no_nonce, evil_set_ext(cert, SECMOD_OID_ARC_TEXT ".2.1", NULL))
SPOIL_MODULE(expired, evil_expire(cert))
SPOIL_MODULE(not_yet, evil_delay(cert))

static void central_foreign(struct evil *e, X509 *cert)
{
	EVP_PKEY *key = evil_key();
	X509 *signer;

	/* another unit of the same manufacturer, which is a signer all right */
	signer = evil_issue(PKI_ROLE_SIGNER, "another unit", key, e->root,
			    e->root_key);
	X509_set_issuer_name(cert, X509_get_subject_name(signer));
	evil_sign(cert, key);
	X509_free(signer);
	EVP_PKEY_free(key);
}

static void central_signature(struct evil *e, X509 *cert)
{
	EVP_PKEY *key = evil_key();

	(void)e;
	evil_sign(cert, key);
	EVP_PKEY_free(key);
}

static void central_role(struct evil *e, X509 *cert)
{
	evil_set_role(cert, ROLE(5));
	evil_sign(cert, e->key);
}

static void central_expired(struct evil *e, X509 *cert)
{
	evil_expire(cert);
	evil_sign(cert, e->key);
}

static void central_ca(struct evil *e, X509 *cert)
{
	evil_set_ext(cert, "basicConstraints", "critical,CA:TRUE");
	evil_sign(cert, e->key);
}

const struct evil_case evil_certs_cases[] = {
	{ "module-uid", "the module certificate has another UID",
	  .request = module_uid },
	{ "module-nonce", "the module certificate has another nonce",
	  .request = module_nonce },
	{ "module-salt", "the module certificate has another salt",
	  .request = module_salt },
	{ "module-epoch", "the module certificate has another epoch",
	  .request = module_epoch },
	{ "module-key", "the module certificate is over another key",
	  .module = module_key },
	{ "module-role-identity", "the module certificate's role is identity",
	  .module = module_role_identity },
	{ "module-role-signer", "the module certificate's role is signer",
	  .module = module_role_signer },
	{ "module-role-central", "the module certificate's role is central",
	  .module = module_role_central },
	{ "module-two-roles", "the module certificate has two roles",
	  .module = module_two_roles },
	{ "module-ca", "the module certificate is a CA", .module = module_ca },
	{ "module-usage", "the module certificate may not sign",
	  .module = module_usage },
	{ "module-critical",
	  "the module certificate: unknown critical extension",
	  .module = module_critical },
	{ "module-no-nonce", "the module certificate has no nonce",
	  .module = module_no_nonce },
	{ "module-expired", "the module certificate has expired",
	  .module = module_expired },
	{ "module-not-yet", "the module certificate is not valid yet",
	  .module = module_not_yet },
	{ "central-foreign", "the central certificate is by another signer",
	  .central = central_foreign },
	{ "central-signature", "the central certificate: wrong signature",
	  .central = central_signature },
	{ "central-role", "the central certificate's role is unit-tls",
	  .central = central_role },
	{ "central-expired", "the central certificate has expired",
	  .central = central_expired },
	{ "central-ca", "the central certificate is a CA",
	  .central = central_ca },
	{ 0 },
};
