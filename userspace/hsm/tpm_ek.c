// SPDX-License-Identifier: MIT
/*
 * The certificate of the TPM's endorsement key, which its maker put there: who
 * certifies keys of this TPM checks with it that the TPM is genuine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "hsm/tpm_key.h"

/* TCG EK Credential Profile 2.5, 2.2.1.4: certificates of templates L-2 and L-1 */
#define EK_CERT_INDEX_ECC 0x01c0000a
#define EK_CERT_INDEX_RSA 0x01c00002
#define NV_BLOCK 512 /* every TPM reads so much at a time */

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
		return tpm_esys_error(rc, "reading the EK certificate", e);
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
			return tpm_esys_error(rc, "reading the EK certificate",
					      e);
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
	if (rc == 0 && size > TPM_EK_CERT_MAX)
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
int tpm_ek_certificate(ESYS_CONTEXT *esys, uint8_t **der, size_t *len,
		       struct error *e)
{
	int rc;

	*der = NULL;
	*len = 0;
	rc = read_index(esys, EK_CERT_INDEX_ECC, der, len, e);
	if (rc || *der)
		return rc;
	return read_index(esys, EK_CERT_INDEX_RSA, der, len, e);
}
