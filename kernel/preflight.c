// SPDX-License-Identifier: GPL-2.0-only
/* What initialization needs of the TPM, asked before anything in it is changed. */
#include "secmod.h"

#define LIST_MAX 320 /* commands of a TPM: Part 2, 6.5.2 has about 130 */
#define ROOM 2 /* slots that one command takes at most, for keys or sessions */
#define NV_SIZE 64 /* largest index */

struct feature {
	u32 value;
	const char *name;
};

/* For names, policies, sessions, keys and certificates. */
static const struct feature algorithms[] = {
	{ T2_ALG_SHA256, "SHA-256" },	   { T2_ALG_HMAC, "HMAC" }, { T2_ALG_AES, "AES" },
	{ T2_ALG_CFB, "AES in CFB mode" }, { T2_ALG_ECC, "ECC" },   { T2_ALG_ECDSA, "ECDSA" },
	{ T2_ALG_ECDH, "ECDH" },
};

static const struct feature curves[] = { { T2_CURVE_P256, "the curve NIST P-256" } };

static const struct {
	u32 capability;
	const struct feature *features;
	size_t count;
} lists[] = {
	{ T2_CAP_ALGS, algorithms, ARRAY_SIZE(algorithms) },
	{ T2_CAP_ECC_CURVES, curves, ARRAY_SIZE(curves) },
	{ T2_CAP_COMMANDS, NULL, 0 }, /* all that the TPM layer sends */
};

/*
 * @mask: these bits are to be @bits; without a mask the value is to be @least or
 * more. A TPM that lacks the property is not refused for it.
 */
static const struct {
	u32 property;
	u32 mask;
	u32 bits;
	u32 least;
	int error;
	const char *sentence;
} properties[] = {
	{
		.property = T2_PT_STARTUP_CLEAR,
		.mask = T2_SH_ENABLE,
		.bits = T2_SH_ENABLE,
		.error = -EACCES,
		.sentence =
			"the TPM's owner hierarchy is disabled: enable it in the firmware's setup and restart",
	},
	{
		.property = T2_PT_STARTUP_CLEAR,
		.mask = T2_EH_ENABLE,
		.bits = T2_EH_ENABLE,
		.error = -EACCES,
		.sentence =
			"the TPM's endorsement hierarchy is disabled: enable it in the firmware's setup and restart",
	},
	{
		.property = T2_PT_PERMANENT,
		.mask = T2_OWNER_AUTH_SET,
		.error = -EACCES,
		.sentence =
			"the TPM's owner authorization is set: empty it (tpm2_changeauth -c owner -p OLD)",
	},
	{
		.property = T2_PT_PERMANENT,
		.mask = T2_ENDORSEMENT_AUTH_SET,
		.error = -EACCES,
		.sentence =
			"the TPM's endorsement authorization is set: empty it (tpm2_changeauth -c endorsement -p OLD)",
	},
	{
		.property = T2_PT_HR_TRANSIENT_AVAIL,
		.least = ROOM,
		.error = -EBUSY,
		.sentence =
			"the TPM's slots for keys are taken: flush what nobody needs (tpm2_flushcontext -t), or restart",
	},
	{
		.property = T2_PT_HR_LOADED_AVAIL,
		.least = ROOM,
		.error = -EBUSY,
		.sentence =
			"the TPM's slots for sessions are taken: flush what nobody needs (tpm2_flushcontext -l), or restart",
	},
	{
		.property = T2_PT_NV_INDEX_MAX,
		.least = NV_SIZE,
		.error = -EOPNOTSUPP,
		.sentence = "the TPM has no NV index of 64 bytes: another TPM is needed",
	},
	{
		.property = T2_PT_NV_BUFFER_MAX,
		.least = NV_SIZE,
		.error = -EOPNOTSUPP,
		.sentence = "the TPM does not write 64 bytes of NV at once: another TPM is needed",
	},
};

static int refuse_lack(struct secmod *sm, const char *what)
{
	return refuse(&sm->why, -EOPNOTSUPP, "the TPM lacks %s: another TPM is needed", what);
}

static int check_list(struct secmod *sm, size_t row, u32 *list)
{
	size_t count = LIST_MAX, i;
	u32 missing;
	int rc;

	rc = t2_get_list(&sm->tpm, lists[row].capability, 0, list, &count);
	if (rc)
		return secmod_tpm_refuse(sm, rc, "asking what the TPM can");
	for (i = 0; i < lists[row].count; i++)
		if (!t2_listed(list, count, lists[row].features[i].value))
			return refuse_lack(sm, lists[row].features[i].name);
	missing = lists[row].features ? 0 : t2_missing_command(list, count);
	return missing ? refuse_lack(sm, t2_cc_name(missing)) : 0;
}

static int check_features(struct secmod *sm, bool rsa)
{
	u32 *list = kmalloc_array(LIST_MAX, sizeof(*list), GFP_KERNEL);
	size_t count = 1, i;
	int rc = list ? 0 : -ENOMEM;

	for (i = 0; !rc && i < ARRAY_SIZE(lists); i++)
		rc = check_list(sm, i, list);
	if (!rc && rsa) {
		rc = t2_get_list(&sm->tpm, T2_CAP_ALGS, T2_ALG_RSA, list, &count);
		if (rc)
			secmod_tpm_refuse(sm, rc, "asking what the TPM can");
		else if (!t2_listed(list, count, T2_ALG_RSA))
			rc = refuse_lack(sm, "RSA, which the endorsement key's certificate wants");
	}
	kfree(list);
	return rc;
}

static int check_properties(struct secmod *sm)
{
	size_t i;
	u32 value;
	bool good;
	int rc;

	for (i = 0; i < ARRAY_SIZE(properties); i++) {
		rc = t2_get_property(&sm->tpm, properties[i].property, &value);
		if (rc == -ENOENT)
			continue;
		if (rc)
			return secmod_tpm_refuse(sm, rc, "asking for a property of the TPM");
		good = properties[i].mask ? (value & properties[i].mask) == properties[i].bits :
					    value >= properties[i].least;
		if (!good)
			return refuse(&sm->why, properties[i].error, "%s", properties[i].sentence);
	}
	return 0;
}

/* What of the module stands there is removed first, and leaves its room. */
static int check_room(struct secmod *sm, u32 property, u32 needed, u32 ours, const char *what)
{
	u32 free;
	int rc = t2_get_property(&sm->tpm, property, &free);

	if (rc == -ENOENT)
		return 0;
	if (rc)
		return secmod_tpm_refuse(sm, rc, "asking for a property of the TPM");
	if (free + ours >= needed)
		return 0;
	return refuse(&sm->why, -ENOSPC,
		      "the TPM's NV space has room for %u %s, the module needs %u: remove what nobody needs (tpm2_getcap, tpm2_evictcontrol, tpm2_nvundefine)",
		      free + ours, what, needed);
}

/**
 * secmod_preflight() - can this TPM hold a module, as it stands?
 * @sm: the module
 * @rsa: the endorsement key will be the RSA one
 *
 * Changes nothing. The chip is held. A TPM or somebody on its bus that gives false answers
 * gains nothing: what was to be found here is found later, and taken back.
 *
 * Return: 0, or an errno with the refusal's sentence in sm->why
 */
int secmod_preflight(struct secmod *sm, bool rsa)
{
	u32 keys, counters, srk;
	int rc;

	rc = check_features(sm, rsa);
	rc = rc ?: check_properties(sm);
	rc = rc ?: secmod_foreign(sm, &keys);
	rc = rc ?: secmod_nv_foreign(sm, &counters);
	rc = rc ?: secmod_pcr_bank(sm);
	rc = rc ?: secmod_srk_missing(sm, &srk);
	rc = rc ?: check_room(sm, T2_PT_HR_PERSISTENT_AVAIL, 2 + srk, keys, "persistent keys");
	return rc ?: check_room(sm, T2_PT_NV_COUNTERS_AVAIL, 2, counters, "counters");
}
