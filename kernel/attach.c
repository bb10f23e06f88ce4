// SPDX-License-Identifier: GPL-2.0-only
/* What a module is after boot: looks into the TPM, then into the attached vault. */

#include "secmod.h"

static void probe_info(struct secmod *sm)
{
	t2_get_property(&sm->tpm, T2_PT_MANUFACTURER, &sm->tpm_info.manufacturer);
	t2_get_property(&sm->tpm, T2_PT_FIRMWARE_VERSION_1, &sm->tpm_info.firmware[0]);
	t2_get_property(&sm->tpm, T2_PT_FIRMWARE_VERSION_2, &sm->tpm_info.firmware[1]);
}

/* Both counters under one guard, which ends with the second. */
static int read_both_counters(struct secmod *sm)
{
	struct t2_session guard = {};
	int rc = secmod_guard_begin(sm, &guard);

	if (rc)
		return rc;
	rc = secmod_nv_read_counter(sm, sm->handles.epoch, &sm->epoch);
	secmod_guard_last(&guard);
	rc = rc ?: secmod_nv_read_counter(sm, sm->handles.vault, &sm->vault_counter);
	secmod_guard_end(sm, &guard);
	return rc;
}

/* Everything the driver must know of a complete module before its vault comes. */
static int probe_module(struct secmod *sm)
{
	int rc = secmod_srk_find(sm);

	rc = rc ?: secmod_root_read(sm);
	rc = rc ?: secmod_root_lock(sm);
	rc = rc ?: secmod_identity_find(sm);
	return rc ?: read_both_counters(sm);
}

/**
 * secmod_probe() - find out what the TPM holds
 *
 * Sets the state: virgin, detached or failed (with the reason in last_error).
 * Return: 0, or an errno when the TPM could not be asked.
 */
int secmod_probe(struct secmod *sm)
{
	int rc;

	mutex_lock(&sm->lock);
	rc = secmod_tpm_begin(sm);
	if (rc)
		goto out_unlock;
	probe_info(sm);
	rc = secmod_nv_probe(sm);
	if (rc == -ENOENT || rc == -EEXIST) {
		/* Virgin, or an interrupted initialization, which begins again;
		 * a foreign object is refused when it is in the way.
		 */
		sm->state = SECMOD_STATE_VIRGIN;
	} else {
		rc = rc ?: probe_module(sm);
		if (rc)
			secmod_root_bar(sm);
		sm->state = rc ? SECMOD_STATE_FAILED : SECMOD_STATE_DETACHED;
	}
	rc = 0;
	secmod_tpm_end(sm);
out_unlock:
	sm->last_error = sm->why;
	memset(&sm->why, 0, sizeof(sm->why));
	mutex_unlock(&sm->lock);
	return rc;
}

/* Public key, UID and serial number against what the TPM holds. */
static int check_identity(struct secmod *sm, const struct record *r)
{
	struct t2_ecc_template t;
	struct t2_point point;
	struct cert *c = kzalloc(sizeof(*c), GFP_KERNEL);
	int rc;

	if (!c)
		return -ENOMEM;
	rc = cert_parse(c, r->identity.der, r->identity.len, "identity certificate", &sm->why);
	rc = rc ?: t2_public_parse_ecc(&sm->identity, &t, &point);
	if (!rc && memcmp(c->point, &point, sizeof(point)))
		rc = refuse(&sm->why, -EKEYREJECTED,
			    "identity certificate: it is over another key");
	if (!rc)
		strscpy_pad(sm->serial, c->serial, sizeof(sm->serial));
	kfree(c);
	return rc;
}

static int check_record(struct secmod *sm, const struct record *r)
{
	if (memcmp(r->srk_name, sm->srk_name.data, sizeof(r->srk_name)))
		return refuse(&sm->why, -EKEYREJECTED,
			      "the storage root key is not the one of the initialization: another TPM, or somebody on its bus: see srk=");
	if (r->epoch != sm->epoch && r->epoch + 1 != sm->epoch)
		return refuse(&sm->why, -ESTALE,
			      "vault: epoch %llu, module: %llu: secmod reset --fresh-vault",
			      r->epoch, sm->epoch);
	return check_identity(sm, r);
}

/* Is the key in the TPM the one of this name? */
int secmod_key_check(struct secmod *sm, const u8 key_name[RECORD_NAME_SIZE])
{
	struct t2_public *pub = kzalloc(sizeof(*pub), GFP_KERNEL);
	struct t2_name name = {};
	int rc;

	if (!pub)
		return -ENOMEM;
	rc = t2_read_public(&sm->tpm, sm->handles.key, pub, &name);
	kfree(pub);
	if (!rc && !memcmp(name.data, key_name, RECORD_NAME_SIZE))
		return 0;
	if (rc && rc != -ENOENT)
		return secmod_tpm_refuse(sm, rc, "reading the module key");
	return refuse(&sm->why, -ENOENT,
		      "the module key is missing at 0x%08x: secmod reset --fresh-vault",
		      sm->handles.key);
}

/*
 * Leftovers of a cut personalization or reset go away. They are dead keys: when the owner
 * has an authorization now they stay until the next personalization, which needs it empty.
 */
static int tidy(struct secmod *sm)
{
	int rc = secmod_evict(sm, sm->handles.key);

	if (rc != -EACCES)
		return rc;
	memset(&sm->why, 0, sizeof(sm->why));
	return 0;
}

/* TPM part of an attach. */
static int settle(struct secmod *sm, struct record *r, bool *unfinished)
{
	int rc = secmod_tpm_begin(sm);

	if (rc)
		return rc;
	*unfinished = r->epoch != sm->epoch;
	if (r->state == SECMOD_STATE_OPERATING && !*unfinished)
		rc = secmod_key_check(sm, r->key_name);
	else
		rc = tidy(sm);
	secmod_tpm_end(sm);
	return rc;
}

/* The power failed between the raise of the epoch and the vault's commit. */
static int finish_reset(struct secmod *sm)
{
	struct record *next = record_alloc();
	int rc;

	if (!next)
		return -ENOMEM;
	*next = *sm->record;
	record_forget_key(next);
	next->epoch = sm->epoch;
	rc = secmod_vault_commit(sm, next);
	if (rc)
		record_free(next);
	return rc;
}

/* Where the counters stand now: after a cut or an error nobody else knows. */
static int read_counters(struct secmod *sm)
{
	int rc = secmod_tpm_begin(sm);

	if (rc)
		return rc;
	rc = read_both_counters(sm);
	secmod_tpm_end(sm);
	return rc;
}

/**
 * secmod_attach() - take the vault and go on where the module was
 *
 * Takes its own reference on @file.
 */
int secmod_attach(struct secmod *sm, struct file *file)
{
	struct record *r = NULL;
	bool unfinished = false;
	int rc;

	rc = read_counters(sm);
	rc = rc ?: secmod_vault_load(sm, file, &r);
	if (rc)
		return rc;
	rc = check_record(sm, r);
	rc = rc ?: settle(sm, r, &unfinished);
	if (rc) {
		memset(sm->serial, 0, sizeof(sm->serial));
		record_free(r);
		return rc;
	}
	sm->record = r;
	sm->vault_doubtful = true;
	rc = secmod_vault_take(sm, file);
	if (!rc && unfinished)
		rc = finish_reset(sm);
	if (rc) {
		secmod_detach(sm);
		return rc;
	}
	secmod_set_state(sm, sm->record->state == SECMOD_STATE_OPERATING ?
				     EVENT_ATTACH_OPERATING :
				     EVENT_ATTACH_PERSONALIZATION);
	return 0;
}

/* Forgets the vault and what it held; a personalization does not outlive it. */
void secmod_detach(struct secmod *sm)
{
	txn_wipe_all(sm);
	secmod_perso_forget(sm);
	record_free(sm->record);
	sm->record = NULL;
	secmod_vault_release(sm);
	memset(sm->serial, 0, sizeof(sm->serial));
}
