// SPDX-License-Identifier: GPL-2.0-only
/* /dev/secmodN: meets userspace memory, as messages.c does, and nothing else. */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/uaccess.h>

#include "call.h"
#include "executive/executive.h"

#define NO_FLAGS_FIELD (~0u)

/* A pointer in an argument and its length. */
struct input {
	u16 pointer; /* offset of the __aligned_u64 */
	u16 len; /* offset of the __u32 */
	u32 max; /* bytes, 0: no such input */
	const char *what;
};

#define INPUT(type, pointer, len, max, what)                                          \
	{                                                                             \
		offsetof(struct type, pointer), offsetof(struct type, len), max, what \
	}
#define TWO_CERTS(type)                                                                         \
	INPUT(type, checking_cert, checking_cert_len, SECMOD_CERT_MAX, "checking certificate"), \
		INPUT(type, identity_cert, identity_cert_len, SECMOD_CERT_MAX,                  \
		      "identity certificate")

/*
 * @size, @min_size: of the argument now, and in ABI version 1
 * @flags: known bits of the flags that follow size, or NO_FLAGS_FIELD
 * @out: the argument goes back to the caller
 * @unlocked: does not wait for the module's lock, and so never for the TPM
 */
static const struct {
	u16 size;
	u16 min_size;
	u32 flags;
	bool out;
	bool unlocked;
	int (*handler)(struct secmod_call *c);
	struct input in[CALL_INPUTS];
} ioctls[CMD_COUNT] = {
#define ROW(type, last, flags, out, handler, ...)                                                \
	{                                                                                        \
		sizeof(struct type), offsetofend(struct type, last), flags, out, false, handler, \
		{                                                                                \
			__VA_ARGS__                                                              \
		}                                                                                \
	}
#define UNLOCKED_ROW(type, last, flags, out, handler)                                          \
	{                                                                                      \
		sizeof(struct type), offsetofend(struct type, last), flags, out, true, handler \
	}
	[CMD_INFO] = ROW(secmod_info, personalized_at, NO_FLAGS_FIELD, true, call_info),
	[CMD_REASON] = UNLOCKED_ROW(secmod_reason, text, NO_FLAGS_FIELD, true, call_reason),
	[CMD_ATTACH] = ROW(secmod_attach, reserved, 0, false, call_attach),
	[CMD_INIT_BEGIN] = ROW(secmod_init_begin, identity_public,
			       SECMOD_INIT_DISCARD | SECMOD_INIT_EK_RSA, true, call_init_begin),
	[CMD_INIT_ACTIVATE] = ROW(secmod_init_activate, info, 0, true, call_init_activate),
	[CMD_INIT_COMPLETE] = ROW(secmod_init_complete, reserved, 0, false, call_init_complete,
				  TWO_CERTS(secmod_init_complete)),
	[CMD_PERSO_BEGIN] = ROW(secmod_perso_begin, attest, 0, true, call_perso_begin,
				INPUT(secmod_perso_begin, signer_cert, signer_cert_len,
				      SECMOD_CERT_MAX, "signing certificate")),
	[CMD_PERSO_COMPLETE] =
		ROW(secmod_perso_complete, reserved, 0, false, call_perso_complete,
		    INPUT(secmod_perso_complete, bundle, bundle_len, SECMOD_BUNDLE_MAX, "bundle")),
	[CMD_ATTEST] = ROW(secmod_attestation, attest, 0, true, call_attest),
	[CMD_RESET] = ROW(secmod_reset, attest, SECMOD_RESET_FRESH_VAULT, true, call_reset,
			  TWO_CERTS(secmod_reset)),
	[CMD_GET_CERT] = ROW(secmod_get_cert, data, NO_FLAGS_FIELD, true, call_get_cert),
	[CMD_SIGN] = ROW(secmod_sign, signature, NO_FLAGS_FIELD, true, call_sign,
			 INPUT(secmod_sign, data, len, T2_MAX_HASH_DATA, "data to sign")),
	[CMD_DETACH] = ROW(secmod_detach, flags, 0, false, call_detach),
	[CMD_APDU] = ROW(secmod_apdu, response_len, 0, true, call_apdu,
			 INPUT(secmod_apdu, command, command_len, SECMOD_APDU_MAX, "command")),
	[CMD_SEAL] = UNLOCKED_ROW(secmod_messages, kvn, 0, false, call_seal),
	[CMD_OPEN] = UNLOCKED_ROW(secmod_messages, kvn, 0, false, call_open),
	[CMD_KEYS] = ROW(secmod_keys, max_messages, 0, true, call_keys),
	[CMD_USE_KEY] = ROW(secmod_use_key, out_len, 0, true, call_use_key,
			    INPUT(secmod_use_key, in, in_len, SECMOD_USE_MAX, "data")),
#undef ROW
#undef UNLOCKED_ROW
};

static u32 flags_of(u32 nr, const void *arg)
{
	const u32 *words = arg;

	return ioctls[nr].flags == NO_FLAGS_FIELD ? 0 : words[1];
}

static int run_command(struct secmod_call *c, u32 nr, struct refusal *why)
{
	struct secmod *sm = c->f->sm;
	u32 flags = flags_of(nr, c->arg);
	int rc;

	if (command_is_admin(nr) && !capable(CAP_SYS_ADMIN))
		return refuse(why, -EPERM, "%s: CAP_SYS_ADMIN is missing", command_name(nr));
	if (flags & ~ioctls[nr].flags)
		return refuse(why, -EOPNOTSUPP, "%s: unknown flags 0x%x", command_name(nr),
			      flags & ~ioctls[nr].flags);
	rc = state_allows(READ_ONCE(sm->state), nr, flags, why);
	if (rc)
		return rc;
	if (c->early.error)
		return refuse(why, -c->early.error, "%s", c->early.text);
	return ioctls[nr].handler(c);
}

/*
 * What says something of the module itself. A certificate that is not there, or a
 * command out of place, must not hide the reason for which the module failed.
 */
static bool worth_keeping(u32 nr, int rc)
{
	return nr != CMD_GET_CERT && rc != -EBADFD && rc != -EPERM;
}

static void keep_reason(struct secmod_file *f, const struct refusal *why)
{
	spin_lock(&f->why_lock);
	f->why = *why;
	spin_unlock(&f->why_lock);
}

static int count_result(struct secmod *sm, int rc)
{
	atomic64_inc(rc ? &sm->stats.refusals : &sm->stats.operations);
	return rc;
}

static int unlocked_command(struct secmod_call *c, u32 nr)
{
	int rc = run_command(c, nr, &c->early);

	if (rc)
		refuse(&c->early, rc, "%s: error %d", command_name(nr), -rc);
	if (c->early.error)
		keep_reason(c->f, &c->early);
	return count_result(c->f->sm, rc);
}

/* One command under the lock, with its reason kept where it can be read. */
static int locked_command(struct secmod_call *c, u32 nr)
{
	struct secmod *sm = c->f->sm;
	int rc;

	if (mutex_lock_killable(&sm->lock))
		return -EINTR;
	memset(&sm->why, 0, sizeof(sm->why));
	rc = run_command(c, nr, &sm->why);
	if (rc) {
		refuse(&sm->why, rc, "%s: error %d", command_name(nr), -rc);
		keep_reason(c->f, &sm->why);
		if (worth_keeping(nr, rc))
			sm->last_error = sm->why;
	} else if (sm->why.error) {
		/* the executive's refusals are status words, and may have a reason */
		keep_reason(c->f, &sm->why);
		sm->last_error = sm->why;
	}
	mutex_unlock(&sm->lock);
	return count_result(sm, rc);
}

static void copy_input(struct secmod_call *c, const struct input *in, int which)
{
	u64 from = *(u64 *)(c->arg + in->pointer);
	u32 len = *(u32 *)(c->arg + in->len);
	void *data;

	if (!len)
		return;
	if (len > in->max) {
		refuse(&c->early, -E2BIG, "%s: %u bytes, at most %u", in->what, len, in->max);
		return;
	}
	data = memdup_user(u64_to_user_ptr(from), len);
	if (IS_ERR(data)) {
		refuse(&c->early, PTR_ERR(data), "%s: cannot be read", in->what);
		return;
	}
	c->in[which] = data;
	c->in_len[which] = len;
}

static int copy_output(struct secmod_call *c, u32 nr, void __user *uarg, u32 usize)
{
	if (c->out && copy_to_user(u64_to_user_ptr(c->out_to), c->out, c->out_len))
		return -EFAULT;
	if (ioctls[nr].out && copy_to_user(uarg, c->arg, min_t(size_t, usize, ioctls[nr].size)))
		return -EFAULT;
	return 0;
}

static int do_call(struct secmod_call *c, u32 nr, void __user *uarg, u32 usize)
{
	int i, rc, out;

	rc = copy_struct_from_user(c->arg, ioctls[nr].size, uarg, usize);
	if (rc)
		return rc;
	for (i = 0; i < CALL_INPUTS && ioctls[nr].in[i].max; i++)
		copy_input(c, &ioctls[nr].in[i], i);
	rc = ioctls[nr].unlocked ? unlocked_command(c, nr) : locked_command(c, nr);
	/* ENOSPC tells in the argument what it takes. */
	out = !rc || rc == -ENOSPC ? copy_output(c, nr, uarg, usize) : 0;
	return rc ?: out;
}

/* The number of a known command, or -ENOTTY. Its size may be another version's. */
static int command_of(unsigned int cmd)
{
	u32 nr = _IOC_NR(cmd);

	if (_IOC_TYPE(cmd) != SECMOD_IOC_MAGIC || nr >= CMD_COUNT)
		return -ENOTTY;
	nr = array_index_nospec(nr, CMD_COUNT);
	if (_IOC_DIR(cmd) != (ioctls[nr].out ? _IOC_READ | _IOC_WRITE : _IOC_WRITE))
		return -ENOTTY;
	return nr;
}

static long secmod_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	void __user *uarg = (void __user *)user;
	struct secmod_call *c;
	int i, rc = -ENOMEM, nr = command_of(cmd);
	u32 usize;

	if (nr < 0)
		return nr;
	if (get_user(usize, (u32 __user *)uarg))
		return -EFAULT;
	if (usize < ioctls[nr].min_size)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return -ENOMEM;
	c->f = file->private_data;
	c->arg = kzalloc(ioctls[nr].size, GFP_KERNEL);
	if (c->arg)
		rc = do_call(c, nr, uarg, usize);
	for (i = 0; i < CALL_INPUTS; i++)
		kfree_sensitive(c->in[i]);
	kfree_sensitive(c->out);
	kfree_sensitive(c->arg);
	kfree(c);
	return rc;
}

static __poll_t secmod_poll(struct file *file, struct poll_table_struct *wait)
{
	struct secmod_file *f = file->private_data;

	poll_wait(file, &f->sm->changed, wait);
	return READ_ONCE(f->sm->generation) != READ_ONCE(f->seen) ? EPOLLIN | EPOLLPRI : 0;
}

static int secmod_open(struct inode *inode, struct file *file)
{
	struct secmod_file *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	spin_lock_init(&f->why_lock);
	f->sm = container_of(inode->i_cdev, struct secmod, cdev);
	f->seen = READ_ONCE(f->sm->generation);
	file->private_data = f;
	return stream_open(inode, file);
}

/* The lock is waited for without end: a session must not outlive its file. */
static int secmod_release(struct inode *inode, struct file *file)
{
	struct secmod_file *f = file->private_data;
	struct secmod *sm = f->sm;

	mutex_lock(&sm->lock);
	memset(&sm->why, 0, sizeof(sm->why));
	if (sm->session == f && sm->init)
		secmod_init_abort(sm);
	else if (sm->session == f && sm->perso)
		secmod_perso_close(sm);
	executive_free(f->executive);
	mutex_unlock(&sm->lock);
	kfree(f);
	return 0;
}

static const struct file_operations secmod_fops = {
	.owner = THIS_MODULE,
	.open = secmod_open,
	.release = secmod_release,
	.unlocked_ioctl = secmod_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = secmod_poll,
	.llseek = noop_llseek,
};

/* Every change of state goes through here: poll(), sysfs and udev learn of it. */
void secmod_set_state(struct secmod *sm, u32 event)
{
	int next = state_next(sm->state, event);
	char text[40];
	char *env[2] = {};

	lockdep_assert_held(&sm->lock);
	if (next < 0 || next == sm->state)
		return;
	WRITE_ONCE(sm->state, next);
	txn_wipe_all(sm);
	WRITE_ONCE(sm->generation, sm->generation + 1);
	executive_follow_all(sm);
	wake_up_interruptible(&sm->changed);
	snprintf(text, sizeof(text), "SECMOD_STATE=%s", state_name(next));
	env[0] = text;
	kobject_uevent_env(&sm->dev.kobj, KOBJ_CHANGE, env);
	sysfs_notify(&sm->dev.kobj, NULL, "state");
}

/* No struct of the ABI has a hole, on any architecture. */
static void check_abi(void)
{
	BUILD_BUG_ON(sizeof(struct secmod_info) != 88);
	BUILD_BUG_ON(sizeof(struct secmod_reason) != 264);
	BUILD_BUG_ON(sizeof(struct secmod_attach) != 16);
	BUILD_BUG_ON(sizeof(struct secmod_init_begin) != 1312);
	BUILD_BUG_ON(sizeof(struct secmod_init_activate) != 848);
	BUILD_BUG_ON(sizeof(struct secmod_init_complete) != 40);
	BUILD_BUG_ON(sizeof(struct secmod_perso_begin) != 1872);
	BUILD_BUG_ON(sizeof(struct secmod_perso_complete) != 24);
	BUILD_BUG_ON(sizeof(struct secmod_attestation) != 792);
	BUILD_BUG_ON(sizeof(struct secmod_reset) != 1432);
	BUILD_BUG_ON(sizeof(struct secmod_get_cert) != 24);
	BUILD_BUG_ON(sizeof(struct secmod_sign) != 88);
	BUILD_BUG_ON(sizeof(struct secmod_detach) != 8);
	BUILD_BUG_ON(sizeof(struct secmod_apdu) != 32);
	BUILD_BUG_ON(sizeof(struct secmod_message) != 40);
	BUILD_BUG_ON(sizeof(struct secmod_messages) != 24);
	BUILD_BUG_ON(sizeof(struct secmod_keys) != 40);
	BUILD_BUG_ON(sizeof(struct secmod_use_key) != 72);
	BUILD_BUG_ON(sizeof(struct secmod_txn_key) != 24);
	BUILD_BUG_ON(sizeof(struct secmod_perso_statement) != 144);
	BUILD_BUG_ON(sizeof(struct secmod_attest_statement) != 104);
}

int secmod_device_add(struct secmod *sm, dev_t devt)
{
	check_abi();
	cdev_init(&sm->cdev, &secmod_fops);
	sm->cdev.owner = THIS_MODULE;
	sm->dev.devt = devt;
	return cdev_device_add(&sm->cdev, &sm->dev);
}

void secmod_device_del(struct secmod *sm)
{
	cdev_device_del(&sm->cdev, &sm->dev);
}
