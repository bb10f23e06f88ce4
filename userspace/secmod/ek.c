// SPDX-License-Identifier: MIT
/*
 * The certificate of the TPM's endorsement key, which its maker put there: the
 * manufacturer of the module checks with it that the TPM is genuine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "pki/pki.h"
#include "secmod/cli.h"

/* TCG EK Credential Profile 2.5, 2.2.1.4: certificates of templates L-2 and L-1 */
#define EK_CERT_INDEX_ECC 0x01c0000a
#define EK_CERT_INDEX_RSA 0x01c00002
#define EK_CERT_MAX 4096 /* of the protocol */
#define NV_BLOCK 512 /* every TPM reads so much at a time */

static int fail_tss(struct error *e, const char *what, TSS2_RC rc)
{
	return error_set(e, EIO, "%s: %s", what, Tss2_RC_Decode(rc));
}

/* -ENOENT: the index does not exist. */
static int nv_open(ESYS_CONTEXT *esys, TPM2_HANDLE handle, ESYS_TR *index,
		   size_t *size, struct error *e)
{
	TPM2B_NV_PUBLIC *public = NULL;
	TSS2_RC rc;

	rc = Esys_TR_FromTPMPublic(esys, handle, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, index);
	if (rc)
		return -ENOENT;
	rc = Esys_NV_ReadPublic(esys, *index, ESYS_TR_NONE, ESYS_TR_NONE,
				ESYS_TR_NONE, &public, NULL);
	if (rc)
		return fail_tss(e, "reading the EK certificate", rc);
	*size = public->nvPublic.dataSize;
	Esys_Free(public);
	return 0;
}

static int nv_read(ESYS_CONTEXT *esys, ESYS_TR index, uint8_t *data,
		   size_t size, struct error *e)
{
	TPM2B_MAX_NV_BUFFER *block;
	size_t at, n;
	TSS2_RC rc;

	for (at = 0; at < size; at += n) {
		n = size - at < NV_BLOCK ? size - at : NV_BLOCK;
		rc = Esys_NV_Read(esys, index, index, ESYS_TR_PASSWORD,
				  ESYS_TR_NONE, ESYS_TR_NONE, (UINT16)n,
				  (UINT16)at, &block);
		if (rc)
			return fail_tss(e, "reading the EK certificate", rc);
		n = block->size;
		memcpy(data + at, block->buffer, n);
		Esys_Free(block);
		if (n == 0)
			return error_set(
				e, EIO,
				"reading the EK certificate: the TPM gave nothing");
	}
	return 0;
}

/* An index may be longer than the certificate in it. */
static int trim(const uint8_t *data, size_t size, size_t *len, struct error *e)
{
	const unsigned char *p = data;
	X509 *cert = d2i_X509(NULL, &p, (long)size);

	if (!cert)
		return error_set_ssl(
			e, EBADMSG,
			"the EK certificate in the TPM is malformed");
	X509_free(cert);
	*len = (size_t)(p - data);
	return 0;
}

static int read_index(ESYS_CONTEXT *esys, TPM2_HANDLE handle, uint8_t **der,
		      size_t *len, struct error *e)
{
	ESYS_TR index;
	size_t size = 0;
	int rc = nv_open(esys, handle, &index, &size, e);

	if (rc == -ENOENT)
		return 0;
	if (rc == 0 && size > EK_CERT_MAX)
		rc = error_set(e, EFBIG,
			       "the EK certificate in the TPM is too long");
	if (rc)
		return rc;
	*der = calloc(1, size ? size : 1);
	if (!*der)
		return error_set(e, ENOMEM, "out of memory");
	rc = nv_read(esys, index, *der, size, e);
	if (rc == 0)
		rc = trim(*der, size, len, e);
	if (rc) {
		free(*der);
		*der = NULL;
	}
	return rc;
}

/* The P-256 key's certificate if there is one, else the RSA key's. */
static int read_either(ESYS_CONTEXT *esys, uint8_t **der, size_t *len,
		       struct error *e)
{
	int rc = read_index(esys, EK_CERT_INDEX_ECC, der, len, e);

	if (rc || *der)
		return rc;
	return read_index(esys, EK_CERT_INDEX_RSA, der, len, e);
}

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
	TSS2_TCTI_CONTEXT *transport = NULL;
	ESYS_CONTEXT *esys = NULL;
	TSS2_RC trc;
	int rc;

	*der = NULL;
	*len = 0;
	/* The library logs what is an answer to us, an absent index, as errors. */
	setenv("TSS2_LOG", "all+none", 0);
	trc = Tss2_TctiLdr_Initialize(tcti, &transport);
	if (trc)
		return fail_tss(e, tcti, trc);
	trc = Esys_Initialize(&esys, transport, NULL);
	rc = trc ? fail_tss(e, tcti, trc) : read_either(esys, der, len, e);
	Esys_Finalize(&esys);
	Tss2_TctiLdr_Finalize(&transport);
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
	return read_file(path, EK_CERT_MAX, der, len, e);
}
