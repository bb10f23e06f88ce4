// SPDX-License-Identifier: GPL-2.0-only
/* /sys/class/secmod/secmodN: one value a file, see docs/ABI/sysfs-class-secmod. */
#include <linux/sysfs.h>

#include "secmod.h"

static struct secmod *to_secmod(struct device *dev)
{
	return container_of(dev, struct secmod, dev);
}

/* Runs @show under the lock, which no shower takes itself. */
static ssize_t locked(struct device *dev, char *buf, ssize_t (*show)(struct secmod *, char *))
{
	struct secmod *sm = to_secmod(dev);
	ssize_t n;

	if (mutex_lock_interruptible(&sm->lock))
		return -ERESTARTSYS;
	n = show(sm, buf);
	mutex_unlock(&sm->lock);
	return n;
}

/* A file whose value is read under the lock. */
#define LOCKED_ATTR(_name)                                                                     \
	static ssize_t _name##_show(struct device *dev, struct device_attribute *a, char *buf) \
	{                                                                                      \
		return locked(dev, buf, show_##_name);                                         \
	}                                                                                      \
	static DEVICE_ATTR_RO(_name)

static ssize_t state_show(struct device *dev, struct device_attribute *a, char *buf)
{
	return sysfs_emit(buf, "%s\n", state_name(READ_ONCE(to_secmod(dev)->state)));
}
static DEVICE_ATTR_RO(state);

static ssize_t show_uid(struct secmod *sm, char *buf)
{
	if (sm->state == SECMOD_STATE_VIRGIN)
		return sysfs_emit(buf, "\n");
	return sysfs_emit(buf, "%*phN\n", SECMOD_UID_SIZE, sm->uid);
}
LOCKED_ATTR(uid);

static ssize_t show_serial(struct secmod *sm, char *buf)
{
	return sysfs_emit(buf, "%s\n", sm->serial);
}
LOCKED_ATTR(serial);

static ssize_t show_epoch(struct secmod *sm, char *buf)
{
	return sysfs_emit(buf, "%llu\n", sm->epoch);
}
LOCKED_ATTR(epoch);

static ssize_t show_personalized_at(struct secmod *sm, char *buf)
{
	return sysfs_emit(buf, "%llu\n", sm->record ? sm->record->personalized_at : 0);
}
LOCKED_ATTR(personalized_at);

/* The digest of a TPM name: what tpm2_readpublic prints after 000b. */
static ssize_t emit_name(char *buf, bool there, const u8 *name)
{
	if (!there)
		return sysfs_emit(buf, "\n");
	return sysfs_emit(buf, "%*phN\n", T2_DIGEST_SIZE, name + 2);
}

static ssize_t show_module_key(struct secmod *sm, char *buf)
{
	return emit_name(buf, sm->state == SECMOD_STATE_OPERATING,
			 sm->record ? sm->record->key_name : NULL);
}
LOCKED_ATTR(module_key);

static ssize_t show_identity_key(struct secmod *sm, char *buf)
{
	return emit_name(buf, sm->identity_name.len && sm->state != SECMOD_STATE_VIRGIN,
			 sm->identity_name.data);
}
LOCKED_ATTR(identity_key);

/* SHA-256 of the certificate: its fingerprint in every tool. */
static ssize_t emit_cert(char *buf, const struct record_cert *c)
{
	u8 digest[T2_DIGEST_SIZE];
	struct t2_vec in;

	if (!c || !c->len)
		return sysfs_emit(buf, "\n");
	in = (struct t2_vec){ c->der, c->len };
	if (t2_sha256(&in, 1, digest))
		return -EIO;
	return sysfs_emit(buf, "%*phN\n", T2_DIGEST_SIZE, digest);
}

static ssize_t show_signer(struct secmod *sm, char *buf)
{
	return emit_cert(buf, sm->record ? &sm->record->signer : NULL);
}
LOCKED_ATTR(signer);

static ssize_t show_central(struct secmod *sm, char *buf)
{
	return emit_cert(buf, sm->record ? &sm->record->central[0] : NULL);
}
LOCKED_ATTR(central);

static ssize_t show_last_error(struct secmod *sm, char *buf)
{
	if (!sm->last_error.error)
		return sysfs_emit(buf, "\n");
	return sysfs_emit(buf, "%s\n", sm->last_error.text);
}
LOCKED_ATTR(last_error);

static struct attribute *secmod_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_uid.attr,
	&dev_attr_serial.attr,
	&dev_attr_epoch.attr,
	&dev_attr_personalized_at.attr,
	&dev_attr_module_key.attr,
	&dev_attr_identity_key.attr,
	&dev_attr_signer.attr,
	&dev_attr_central.attr,
	&dev_attr_last_error.attr,
	NULL,
};

static const struct attribute_group secmod_group = { .attrs = secmod_attrs };

static ssize_t manufacturer_show(struct device *dev, struct device_attribute *a, char *buf)
{
	__be32 id = cpu_to_be32(to_secmod(dev)->tpm_info.manufacturer);

	return sysfs_emit(buf, "%.4s\n", (const char *)&id);
}
static DEVICE_ATTR_RO(manufacturer);

static ssize_t firmware_show(struct device *dev, struct device_attribute *a, char *buf)
{
	const u32 *fw = to_secmod(dev)->tpm_info.firmware;

	return sysfs_emit(buf, "%08x%08x\n", fw[0], fw[1]);
}
static DEVICE_ATTR_RO(firmware);

static ssize_t show_srk_name(struct secmod *sm, char *buf)
{
	return sysfs_emit(buf, "%*phN\n", sm->srk_name.len, sm->srk_name.data);
}
LOCKED_ATTR(srk_name);

/* Reads a property and shows the bits of @mask. */
static ssize_t emit_property(struct secmod *sm, char *buf, u32 property, u32 mask)
{
	u32 value = 0;
	int rc = secmod_tpm_begin(sm);

	if (rc)
		return rc;
	rc = t2_get_property(&sm->tpm, property, &value);
	secmod_tpm_end(sm);
	if (rc)
		return rc;
	return sysfs_emit(buf, "%u\n", (value & mask) >> __ffs(mask));
}

/* Not for everybody: each read is a command to the TPM. */
#define PROPERTY_ATTR(_name, _property, _mask)                                                 \
	static ssize_t show_##_name(struct secmod *sm, char *buf)                              \
	{                                                                                      \
		return emit_property(sm, buf, _property, _mask);                               \
	}                                                                                      \
	static ssize_t _name##_show(struct device *dev, struct device_attribute *a, char *buf) \
	{                                                                                      \
		return locked(dev, buf, show_##_name);                                         \
	}                                                                                      \
	static DEVICE_ATTR_ADMIN_RO(_name)

PROPERTY_ATTR(in_lockout, T2_PT_PERMANENT, T2_IN_LOCKOUT);
PROPERTY_ATTR(lockout_counter, T2_PT_LOCKOUT_COUNTER, U32_MAX);
PROPERTY_ATTR(lockout_max, T2_PT_MAX_AUTH_FAIL, U32_MAX);
PROPERTY_ATTR(lockout_interval, T2_PT_LOCKOUT_INTERVAL, U32_MAX);
PROPERTY_ATTR(lockout_recovery, T2_PT_LOCKOUT_RECOVERY, U32_MAX);

/* Handles and indices of the block, as tpm2-tools take them. */
#define HANDLE_ATTR(_name, _member)                                                          \
	static ssize_t _name##_show(struct device *dev, struct device_attribute *a, char *b) \
	{                                                                                    \
		return sysfs_emit(b, "0x%08x\n", to_secmod(dev)->handles._member);           \
	}                                                                                    \
	static DEVICE_ATTR_RO(_name)

HANDLE_ATTR(identity_handle, identity);
HANDLE_ATTR(module_handle, key);
HANDLE_ATTR(epoch_index, epoch);
HANDLE_ATTR(vault_index, vault);
HANDLE_ATTR(root_index, root);

static struct attribute *tpm_attrs[] = {
	&dev_attr_manufacturer.attr,	 &dev_attr_firmware.attr,
	&dev_attr_in_lockout.attr,	 &dev_attr_lockout_counter.attr,
	&dev_attr_lockout_max.attr,	 &dev_attr_lockout_interval.attr,
	&dev_attr_lockout_recovery.attr, &dev_attr_srk_name.attr,
	&dev_attr_identity_handle.attr,	 &dev_attr_module_handle.attr,
	&dev_attr_epoch_index.attr,	 &dev_attr_vault_index.attr,
	&dev_attr_root_index.attr,	 NULL,
};

static const struct attribute_group tpm_group = { .name = "tpm", .attrs = tpm_attrs };

#define STAT_ATTR(_name)                                                                       \
	static ssize_t _name##_show(struct device *dev, struct device_attribute *a, char *buf) \
	{                                                                                      \
		return sysfs_emit(buf, "%lld\n",                                               \
				  (s64)atomic64_read(&to_secmod(dev)->stats._name));           \
	}                                                                                      \
	static DEVICE_ATTR_RO(_name)

STAT_ATTR(operations);
STAT_ATTR(refusals);
STAT_ATTR(tpm_ns);

static ssize_t show_tpm_commands(struct secmod *sm, char *buf)
{
	return sysfs_emit(buf, "%llu\n", sm->tpm.commands);
}
LOCKED_ATTR(tpm_commands);

static struct attribute *stats_attrs[] = {
	&dev_attr_operations.attr,
	&dev_attr_refusals.attr,
	&dev_attr_tpm_ns.attr,
	&dev_attr_tpm_commands.attr,
	NULL,
};

static const struct attribute_group stats_group = { .name = "stats", .attrs = stats_attrs };

static ssize_t transaction_keys_show(struct device *dev, struct device_attribute *a, char *buf)
{
	return sysfs_emit(buf, "%zu\n", txn_count(to_secmod(dev)));
}
static DEVICE_ATTR_RO(transaction_keys);

static ssize_t show_transaction_keys_max(struct secmod *sm, char *buf)
{
	return sysfs_emit(buf, "%llu\n", sm->record ? sm->record->policy.max_keys : 0);
}
LOCKED_ATTR(transaction_keys_max);

static struct attribute *slots_attrs[] = {
	&dev_attr_transaction_keys.attr,
	&dev_attr_transaction_keys_max.attr,
	NULL,
};

static const struct attribute_group slots_group = { .name = "slots", .attrs = slots_attrs };

const struct attribute_group *secmod_groups[] = {
	&secmod_group, &tpm_group, &slots_group, &stats_group, NULL,
};
