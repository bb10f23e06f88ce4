// SPDX-License-Identifier: GPL-2.0-only
/* The transport to the in-kernel TPM, and signatures checked by the TPM. */
#include <linux/ktime.h>

#include "compat.h"
#include "secmod.h"

static struct tpm_chip *chip; /* the machine's first TPM, held while loaded */
static struct device *chip_parent; /* held too: the chip lets go of it when it goes */

/* The device whose suspend and resume are the TPM's. NULL: it is software, and has none. */
struct device *secmod_chip_device(void)
{
	return chip_parent;
}

int secmod_chip_get(void)
{
	chip = tpm_default_chip();
	if (!chip) {
		pr_err("there is no TPM, or it does not pass its self-test\n");
		return -ENODEV;
	}
	chip_parent = get_device(chip->dev.parent);
	if (chip->flags & TPM_CHIP_FLAG_TPM2)
		return 0;
	pr_err("%s is a TPM 1.2, a TPM 2.0 is needed\n", dev_name(&chip->dev));
	secmod_chip_put();
	return -ENODEV;
}

void secmod_chip_put(void)
{
	put_device(chip_parent);
	put_device(&chip->dev);
	chip_parent = NULL;
	chip = NULL;
}

/*
 * The commands come ready made: the core's buffer gets the header from its own
 * functions and the rest as bytes, which is stable across kernels.
 */
static int chip_transmit(struct t2 *t, u8 *data, size_t len, size_t size)
{
	struct secmod *sm = t->ctx;
	struct tpm_buf *buf = sm->chip_buf;
	struct t2_reader r;
	u64 start = ktime_get_ns();
	u16 tag;
	u32 cc, total;
	ssize_t rc;

	t2_reader_init(&r, data, len);
	tag = t2_get_u16(&r);
	t2_get_u32(&r);
	cc = t2_get_u32(&r);
	if (r.bad)
		return -EINVAL;
	tpm_buf_reset(buf, tag, cc);
	tpm_buf_append(buf, data + r.pos, len - r.pos);
	/* No phrase: the core would log refusals that are answers to us. */
	rc = tpm_transmit_cmd(chip, buf, 0, NULL);
	atomic64_add(ktime_get_ns() - start, &sm->stats.tpm_ns);
	if (rc < 0) {
		memzero_explicit(buf->data, len);
		/* no answer in time, or the command cancelled (sysfs of the TPM) */
		return rc == -ETIME || rc == -ECANCELED ? -EIO : rc;
	}
	t2_reader_init(&r, buf->data, 10);
	t2_get_u16(&r);
	total = t2_get_u32(&r);
	if (total < 10 || total > size)
		return -EBADMSG;
	memcpy(data, buf->data, total);
	memzero_explicit(buf->data, total);
	return total;
}

int secmod_tpm_open(struct secmod *sm)
{
	sm->chip_buf = compat_tpm_buf_alloc();
	if (!sm->chip_buf)
		return -ENOMEM;
	sm->tpm.transmit = chip_transmit;
	sm->tpm.ctx = sm;
	return 0;
}

void secmod_tpm_close(struct secmod *sm)
{
	compat_tpm_buf_free(sm->chip_buf);
	sm->chip_buf = NULL;
}

/* Holds off every other user of the TPM until secmod_tpm_end(). */
int secmod_tpm_begin(struct secmod *sm)
{
	int rc;

	lockdep_assert_held(&sm->lock);
	rc = tpm_try_get_ops(chip);
	if (rc)
		return refuse(&sm->why, -ENODEV,
			      "the TPM is gone or suspended: resume, or restart the machine");
	return 0;
}

void secmod_tpm_end(struct secmod *sm)
{
	memzero_explicit(sm->tpm.buf, sizeof(sm->tpm.buf));
	tpm_put_ops(chip);
}

/* The way out, where the code tells it, for some together with the command. */
static const struct {
	u32 rc;
	bool owner_only;
	const char *text;
} ways_out[] = {
	{
		.rc = T2_RC_BAD_AUTH,
		.owner_only = true,
		.text = ": is the TPM's owner authorization set? The driver needs it empty",
	},
	{
		.rc = T2_RC_FAILURE,
		.text = ": the TPM is in failure mode: turn the machine off and on",
	},
	{
		.rc = T2_RC_NV_SPACE,
		.text = ": the TPM's NV space is full: remove what nobody needs (tpm2_getcap)",
	},
	{
		.rc = T2_RC_OBJECT_MEMORY,
		.text = ": no slot is free: flush others' keys (tpm2_flushcontext -t), or restart",
	},
	{
		.rc = T2_RC_SESSION_MEMORY,
		.text = ": no slot is free: flush sessions (tpm2_flushcontext -l), or restart",
	},
};

static const char *way_out(u32 cc, u32 rc)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ways_out); i++)
		if (ways_out[i].rc == t2_rc_base(rc) &&
		    (!ways_out[i].owner_only || t2_cc_by_owner(cc)))
			return ways_out[i].text;
	return "";
}

int secmod_tpm_refuse(struct secmod *sm, int rc, const char *doing)
{
	char text[96];

	/* All our objects have noDA: not meant to happen, but chips differ here. */
	if (sm->tpm.rc == T2_RC_LOCKOUT)
		return refuse(&sm->why, rc,
			      "%s: the TPM is in dictionary attack lockout (%s): wait tpm/lockout_interval seconds, or tpm2_dictionarylockout --clear-lockout",
			      doing, t2_rc_text(sm->tpm.cc, sm->tpm.rc, text, sizeof(text)));
	if (sm->tpm.rc)
		return refuse(&sm->why, rc, "%s: %s%s", doing,
			      t2_rc_text(sm->tpm.cc, sm->tpm.rc, text, sizeof(text)),
			      way_out(sm->tpm.cc, sm->tpm.rc));
	if (rc == -ENOMEM)
		return refuse(&sm->why, rc, "%s: no memory", doing);
	return refuse(&sm->why, rc, "%s: no valid answer to %s (error %d)", doing,
		      t2_cc_name(sm->tpm.cc), -rc);
}

/* Under a salted session: nobody between here and the TPM can say "valid" for it. */
static int guarded_verify(struct secmod *sm, const struct t2_public *pub,
			  const u8 digest[T2_DIGEST_SIZE], const struct t2_signature *sig)
{
	struct t2_session s = {};
	int rc = secmod_guard_begin(sm, &s);

	if (rc)
		return rc;
	rc = t2_verify(&sm->tpm, pub, digest, T2_DIGEST_SIZE, sig);
	/* A point that is not on the curve is the certificate's fault, says the TPM. */
	if (rc == -EINVAL && sm->tpm.rc)
		rc = -EKEYREJECTED;
	if (rc && rc != -EKEYREJECTED)
		secmod_tpm_refuse(sm, rc, "checking a signature");
	secmod_guard_end(sm, &s);
	return rc;
}

int secmod_tpm_verify(void *ctx, const u8 point[CERT_POINT_SIZE], const void *data, size_t len,
		      const u8 sig[SECMOD_SIG_SIZE])
{
	const struct t2_ecc_template template = {
		.attributes = T2_OBJ_SIGN | T2_OBJ_USER_WITH_AUTH,
		.scheme = T2_ALG_NULL,
	};
	struct t2_vec in = { data, len };
	struct secmod *sm = ctx;
	struct t2_signature ts = { .hash = T2_ALG_SHA256 };
	struct t2_public pub;
	struct t2_point p;
	u8 digest[T2_DIGEST_SIZE];
	int rc;

	memcpy(&p, point, sizeof(p));
	memcpy(ts.r, sig, sizeof(ts.r));
	memcpy(ts.s, sig + sizeof(ts.r), sizeof(ts.s));
	rc = t2_sha256(&in, 1, digest);
	rc = rc ?: t2_public_ecc(&pub, &template, &p);
	if (rc)
		return refuse(&sm->why, rc, "checking a signature: no SHA-256");
	return guarded_verify(sm, &pub, digest, &ts);
}

struct cert_verifier secmod_verifier(struct secmod *sm)
{
	return (struct cert_verifier){
		.verify = secmod_tpm_verify,
		.ctx = sm,
		.now = ktime_get_real_seconds(),
		.why = &sm->why,
	};
}
