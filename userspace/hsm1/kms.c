// SPDX-License-Identifier: MIT
/* Asks the key management server for the recovery key's part (B6), in the network process. */
#include <errno.h>
#include <string.h>

#include <tss2/tss2_mu.h>

#include "common/channel.h"
#include "common/endpoint.h"
#include "hsm1/internal.h"

#define TIMEOUT_MS 60000 /* a peer before us may say nothing for half of it */

static int is_server(void *arg, X509 *leaf, STACK_OF(X509) *sent,
		     struct error *e)
{
	(void)sent;
	return X509_cmp(arg, leaf) ?
		       error_set(
			       e, EKEYREJECTED,
			       "the key management server has another certificate") :
		       0;
}

static int open_channel(const struct hsm1_kms *kms, struct channel **ch,
			struct error *e)
{
	SSL_CTX *ctx = channel_ctx(0, kms->cert, kms->key, NULL, e);
	int fd, ret;

	if (!ctx)
		return -EIO;
	fd = endpoint_connect(kms->endpoint, TIMEOUT_MS, e);
	ret = fd < 0 ? fd :
		       channel_open(fd, 0, ctx, is_server, kms->server,
				    TIMEOUT_MS, ch, e);
	SSL_CTX_free(ctx);
	return ret;
}

static int send_request(struct channel *ch, const char *hsm,
			unsigned int version, const uint8_t *uid,
			const uint8_t *point, struct error *e)
{
	struct message *m = message_new(MSG_RECOVER_REQUEST);
	struct wire_recover_request *q = m ? m->u.recover_request : NULL;
	int ret;

	if (!m || wire_set_text(q->hsm, hsm) ||
	    wire_set_octets(q->uid, uid, HSM1_UID_SIZE) ||
	    wire_set_octets(q->point, point, 65)) {
		message_free(m);
		return error_set(e, ENOMEM, "out of memory");
	}
	q->version = 1;
	q->recovery = version;
	ret = channel_send(ch, m, e);
	message_free(m);
	return ret;
}

static int take(const struct wire_credential *got, struct hsm1_credential *out,
		struct error *e)
{
	TPM2B_ENCRYPTED_SECRET secret = { 0 };
	TPM2B_ID_OBJECT blob = { 0 };
	size_t at = 0, end = 0;

	if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(ASN1_STRING_get0_data(got->blob),
					      ASN1_STRING_length(got->blob),
					      &at, &blob) != TSS2_RC_SUCCESS ||
	    Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(
		    ASN1_STRING_get0_data(got->secret),
		    ASN1_STRING_length(got->secret), &end,
		    &secret) != TSS2_RC_SUCCESS ||
	    blob.size > sizeof(out->blob) || secret.size > sizeof(out->secret))
		return error_set(
			e, EPROTO,
			"the key management server sent no credential");
	out->blob_len = blob.size;
	out->secret_len = secret.size;
	memcpy(out->blob, blob.credential, blob.size);
	memcpy(out->secret, secret.secret, secret.size);
	return 0;
}

int hsm1_kms_recover(const struct hsm1_kms *kms, unsigned int version,
		     const uint8_t uid[HSM1_UID_SIZE], const uint8_t point[65],
		     struct hsm1_credential *out, struct error *e)
{
	struct channel *ch = NULL;
	struct message *m;
	int ret = open_channel(kms, &ch, e);

	if (ret)
		return ret;
	ret = send_request(ch, kms->hsm, version, uid, point, e);
	if (!ret)
		ret = channel_expect(ch, MSG_CREDENTIAL, &m, e);
	if (!ret) {
		ret = take(m->u.credential, out, e);
		message_free(m);
	}
	channel_close(ch);
	return ret;
}
