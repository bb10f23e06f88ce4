// SPDX-License-Identifier: MIT
/* The certificate of a TPM's endorsement key: in the TPM, or in a file. */
#include <errno.h>
#include <stdlib.h>

#include "hsm/tpm_key.h"
#include "pki/pki.h"
#include "secmod/cli.h"

int ek_is_rsa(const uint8_t *der, size_t len)
{
	const unsigned char *p = der;
	X509 *cert = d2i_X509(NULL, &p, (long)len);
	int rsa = cert && EVP_PKEY_is_a(X509_get0_pubkey(cert), "RSA");

	X509_free(cert);
	return rsa;
}

int ek_read_tpm(const char *tcti, uint8_t **der, size_t *len, struct error *e)
{
	ESYS_CONTEXT *esys;
	int rc;

	*der = NULL;
	*len = 0;
	rc = tpm_esys_open(tcti, &esys, e);
	if (rc == 0)
		rc = tpm_ek_certificate(esys, der, len, e);
	tpm_esys_close(&esys);
	return rc;
}

int ek_read_file(const char *path, uint8_t **der, size_t *len, struct error *e)
{
	X509 *cert;
	int n;

	*der = NULL;
	if (pki_read_cert(path, &cert, e) == 0) {
		n = i2d_X509(cert, NULL);
		*der = n > 0 ? malloc((size_t)n) : NULL;
		if (*der) {
			unsigned char *p = *der;

			*len = (size_t)i2d_X509(cert, &p);
		}
		X509_free(cert);
		return *der ? 0 : error_set(e, ENOMEM, "out of memory");
	}
	return read_file(path, TPM_EK_CERT_MAX, der, len, e);
}
