// SPDX-License-Identifier: GPL-2.0-only
/* Entry of the driver: parameters, then everything in order and back in reverse. */
#include <linux/fs.h>
#include <linux/module.h>

#include "secmod.h"

#define FDO_BLOCK 0x02 /* 0x8102xxxx: FIDO Device Onboard */

static unsigned int instances = 1;
module_param(instances, uint, 0444);
MODULE_PARM_DESC(instances, "number of security modules on the TPM, 1 to 16 (default 1)");

static unsigned int handles = 0x150000;
module_param(handles, uint, 0444);
MODULE_PARM_DESC(handles,
		 "first of the 8 handles of instance 0, see docs/operations.md (default 0x150000)");

struct class secmod_class = {
	.name = "secmod",
	.dev_groups = secmod_groups,
	.pm = &secmod_pm,
};

static struct secmod *modules[SECMOD_INSTANCES_MAX];
static dev_t first_devt;

static void secmod_free(struct device *dev)
{
	kfree_sensitive(container_of(dev, struct secmod, dev));
}

/* Persistent: owner range. NV: owner range (TCG Registry of Handles, 2.2, 2.3). */
static void set_handles(struct secmod *sm)
{
	u32 base = handles + sm->index * SECMOD_BLOCK;

	sm->handles = (struct secmod_handles){
		.identity = 0x81000000 + base,
		.key = 0x81000001 + base,
		.srk = 0x81000002 + base,
		.epoch = 0x01800000 + base,
		.vault = 0x01800001 + base,
		.root = 0x01800002 + base,
	};
}

static struct secmod *secmod_new(int index)
{
	struct secmod *sm = kzalloc(sizeof(*sm), GFP_KERNEL);

	if (!sm)
		return NULL;
	sm->index = index;
	mutex_init(&sm->lock);
	init_waitqueue_head(&sm->changed);
	txn_init(&sm->txn);
	device_initialize(&sm->dev);
	sm->dev.class = &secmod_class;
	sm->dev.release = secmod_free;
	set_handles(sm);
	return sm;
}

/* Everything but the device node: once that is there, somebody may open it. */
static int secmod_prepare(int index)
{
	struct secmod *sm = secmod_new(index);
	int rc;

	if (!sm)
		return -ENOMEM;
	rc = dev_set_name(&sm->dev, "secmod%d", index);
	rc = rc ?: secmod_tpm_open(sm);
	if (rc)
		goto err_put;
	rc = secmod_probe(sm);
	if (rc)
		goto err_close_tpm;
	modules[index] = sm;
	return 0;

err_close_tpm:
	secmod_tpm_close(sm);
err_put:
	put_device(&sm->dev);
	return rc;
}

static int secmod_publish(int index)
{
	struct device *tpm = secmod_chip_device();
	struct secmod *sm = modules[index];
	int rc = secmod_device_add(sm, first_devt + index);

	if (rc)
		return rc;
	sm->published = true;
	/* Resumed after the TPM, see suspend.c. */
	if (tpm && !device_link_add(&sm->dev, tpm, DL_FLAG_STATELESS))
		dev_warn(&sm->dev, "resume is not ordered after the TPM's\n");
	dev_info(&sm->dev, "%s%s%s\n", state_name(sm->state), sm->last_error.error ? ": " : "",
		 sm->last_error.text);
	return 0;
}

/* Nobody has the device open any more: files hold the module. */
static void secmod_remove(int index)
{
	struct secmod *sm = modules[index];

	if (!sm)
		return;
	modules[index] = NULL;
	if (sm->published) {
		if (secmod_chip_device())
			device_link_remove(&sm->dev, secmod_chip_device());
		/* It holds the device, and so code of ours, until a work item has run. */
		device_link_wait_removal();
		secmod_device_del(sm);
	}
	txn_end(sm);
	secmod_detach(sm);
	secmod_tpm_close(sm);
	put_device(&sm->dev);
}

static int check_parameters(void)
{
	if (instances < 1 || instances > SECMOD_INSTANCES_MAX) {
		pr_err("parameter instances: %u is not 1 to %d\n", instances, SECMOD_INSTANCES_MAX);
		return -EINVAL;
	}
	if (handles % SECMOD_BLOCK || handles < 0x100 || handles > 0x3fff00 ||
	    handles >> 16 == FDO_BLOCK) {
		pr_err("parameter handles: 0x%x is not a multiple of 8 from 0x100 to 0x3fff00, or FIDO's\n",
		       handles);
		return -EINVAL;
	}
	return secmod_srk_parameter();
}

static void remove_all(void)
{
	int i;

	for (i = SECMOD_INSTANCES_MAX - 1; i >= 0; i--)
		secmod_remove(i);
}

static int __init secmod_init(void)
{
	unsigned int i;
	int rc = check_parameters();

	if (rc)
		return rc;
	rc = secmod_chip_get();
	if (rc)
		return rc;
	rc = secmod_crypto_get();
	if (rc)
		goto err_put_chip;
	rc = class_register(&secmod_class);
	if (rc)
		goto err_put_crypto;
	rc = alloc_chrdev_region(&first_devt, 0, SECMOD_INSTANCES_MAX, "secmod");
	if (rc)
		goto err_unregister_class;
	for (i = 0; !rc && i < instances; i++)
		rc = secmod_prepare(i);
	for (i = 0; !rc && i < instances; i++)
		rc = secmod_publish(i);
	if (rc)
		goto err_remove_all;
	return 0;

err_remove_all:
	remove_all();
	unregister_chrdev_region(first_devt, SECMOD_INSTANCES_MAX);
err_unregister_class:
	class_unregister(&secmod_class);
err_put_crypto:
	secmod_crypto_put();
err_put_chip:
	secmod_chip_put();
	return rc;
}
module_init(secmod_init);

static void __exit secmod_exit(void)
{
	remove_all();
	unregister_chrdev_region(first_devt, SECMOD_INSTANCES_MAX);
	class_unregister(&secmod_class);
	secmod_crypto_put();
	secmod_chip_put();
}
module_exit(secmod_exit);

MODULE_DESCRIPTION("Security module on a TPM 2.0");
MODULE_AUTHOR("secmod developers");
MODULE_LICENSE("GPL");
