// SPDX-License-Identifier: GPL-2.0-only
/* /dev/secmodN: the only file that meets userspace memory. */
#include <linux/capability.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/uaccess.h>

#include "secmod.h"

/* Returns a copy of @len bytes, or an ERR_PTR. */
static void *copy_in(struct secmod *sm, u64 from, u32 len, u32 max, const char *what)
{
	void *data;

	if (!len || len > max)
		return ERR_PTR(refuse(&sm->why, len ? -E2BIG : -EINVAL,
				      "%s: %u bytes, must be 1 to %u", what, len, max));
	data = memdup_user(u64_to_user_ptr(from), len);
	if (IS_ERR(data))
		refuse(&sm->why, PTR_ERR(data), "%s: cannot be read", what);
	return data;
}

static int nonzero(struct secmod *sm, u64 reserved)
{
	return reserved ? refuse(&sm->why, -EOPNOTSUPP, "a reserved field is not zero") : 0;
}

static int do_info(struct secmod_file *f, void *data)
{
	struct secmod *sm = f->sm;
	struct secmod_info *arg = data;

	*arg = (struct secmod_info){
		.size = arg->size,
		.abi_version = SECMOD_ABI_VERSION,
		.state = sm->state,
		.generation = sm->generation,
		.epoch = sm->epoch,
	};
	memcpy(arg->uid, sm->uid, sizeof(arg->uid));
	memcpy(arg->serial, sm->serial, sizeof(arg->serial));
	if (sm->record)
		arg->personalized_at = sm->record->personalized_at;
	f->seen = sm->generation;
	return 0;
}

static int do_reason(struct secmod_file *f, void *data)
{
	struct secmod_reason *arg = data;

	arg->error = f->why.error;
	memset(arg->text, 0, sizeof(arg->text));
	strscpy(arg->text, f->why.text, sizeof(arg->text));
	return 0;
}

static int do_attach(struct secmod_file *f, void *data)
{
	struct secmod_attach *arg = data;
	struct secmod *sm = f->sm;
	struct file *file;
	int rc = nonzero(sm, arg->reserved);

	if (rc)
		return rc;
	file = secmod_vault_get(sm, arg->fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	rc = secmod_attach(sm, file);
	fput(file);
	return rc;
}

static int do_detach(struct secmod_file *f, void *data)
{
	struct secmod *sm = f->sm;

	if (sm->session)
		return refuse(&sm->why, -EBUSY, "a session is open: end it first");
	secmod_detach(sm);
	secmod_set_state(sm, EVENT_DETACH);
	return 0;
}

static int do_init_begin(struct secmod_file *f, void *data)
{
	struct secmod_init_begin *arg = data;

	return nonzero(f->sm, arg->reserved) ?: secmod_init_begin(f, arg);
}

static int do_init_activate(struct secmod_file *f, void *data)
{
	struct secmod_init_activate *arg = data;

	return nonzero(f->sm, arg->reserved) ?: secmod_init_activate(f, arg);
}

/* The two certificates and the vault that INIT_COMPLETE and RESET bring. */
struct certs_in {
	u8 *checking;
	u8 *identity;
	struct file *file;
};

static void certs_put(struct certs_in *in)
{
	if (!IS_ERR_OR_NULL(in->checking))
		kfree(in->checking);
	if (!IS_ERR_OR_NULL(in->identity))
		kfree(in->identity);
	if (!IS_ERR_OR_NULL(in->file))
		fput(in->file);
}

static int certs_get(struct secmod *sm, struct certs_in *in, u64 checking, u32 checking_len,
		     u64 identity, u32 identity_len, int fd)
{
	int rc;

	in->checking = copy_in(sm, checking, checking_len, SECMOD_CERT_MAX, "checking certificate");
	in->identity = copy_in(sm, identity, identity_len, SECMOD_CERT_MAX, "identity certificate");
	in->file = secmod_vault_get(sm, fd);
	rc = PTR_ERR_OR_ZERO(in->checking) ?: PTR_ERR_OR_ZERO(in->identity);
	rc = rc ?: PTR_ERR_OR_ZERO(in->file);
	if (rc)
		certs_put(in);
	return rc;
}

static int do_init_complete(struct secmod_file *f, void *data)
{
	struct secmod_init_complete *arg = data;
	struct certs_in in;
	int rc = nonzero(f->sm, arg->reserved);

	rc = rc	   ?:
		     certs_get(f->sm, &in, arg->checking_cert, arg->checking_cert_len,
			       arg->identity_cert, arg->identity_cert_len, arg->fd);
	if (rc)
		return rc;
	rc = secmod_init_complete(f, in.checking, arg->checking_cert_len, in.identity,
				  arg->identity_cert_len, in.file);
	certs_put(&in);
	return rc;
}

static int do_perso_begin(struct secmod_file *f, void *data)
{
	struct secmod_perso_begin *arg = data;
	u8 *signer;
	int rc = nonzero(f->sm, arg->reserved | arg->reserved2);

	if (rc)
		return rc;
	signer = copy_in(f->sm, arg->signer_cert, arg->signer_cert_len, SECMOD_CERT_MAX,
			 "signing certificate");
	if (IS_ERR(signer))
		return PTR_ERR(signer);
	rc = secmod_perso_begin(f, signer, arg->signer_cert_len, arg);
	kfree(signer);
	return rc;
}

static int do_perso_complete(struct secmod_file *f, void *data)
{
	struct secmod_perso_complete *arg = data;
	u8 *bundle;
	int rc = nonzero(f->sm, arg->reserved);

	if (rc)
		return rc;
	bundle = copy_in(f->sm, arg->bundle, arg->bundle_len, SECMOD_BUNDLE_MAX, "bundle");
	if (IS_ERR(bundle))
		return PTR_ERR(bundle);
	rc = secmod_perso_complete(f, bundle, arg->bundle_len);
	kfree(bundle);
	return rc;
}

static int do_attest(struct secmod_file *f, void *data)
{
	return secmod_attest(f->sm, data);
}

static int do_reset(struct secmod_file *f, void *data)
{
	struct secmod_reset *arg = data;
	struct certs_in in = {};
	int rc = nonzero(f->sm, arg->reserved | arg->reserved2);

	if (!rc && arg->flags & SECMOD_RESET_FRESH_VAULT)
		rc = certs_get(f->sm, &in, arg->checking_cert, arg->checking_cert_len,
			       arg->identity_cert, arg->identity_cert_len, arg->fd);
	if (rc)
		return rc;
	rc = secmod_reset(f->sm, arg, in.checking, arg->checking_cert_len, in.identity,
			  arg->identity_cert_len, in.file);
	certs_put(&in);
	return rc;
}

static const struct record_cert *find_cert(const struct record *r, u32 kind, u32 index)
{
	if (kind == SECMOD_CERT_CENTRAL && index < SECMOD_CENTRAL_MAX)
		return &r->central[index];
	if (index)
		return NULL;
	switch (kind) {
	case SECMOD_CERT_CHECKING:
		return &r->checking;
	case SECMOD_CERT_IDENTITY:
		return &r->identity;
	case SECMOD_CERT_SIGNER:
		return &r->signer;
	case SECMOD_CERT_MODULE:
		return &r->module;
	}
	return NULL;
}

static int do_get_cert(struct secmod_file *f, void *data)
{
	struct secmod_get_cert *arg = data;
	struct secmod *sm = f->sm;
	const struct record_cert *c = find_cert(sm->record, arg->kind, arg->index);
	u32 room = arg->len;

	if (!c || !c->len)
		return refuse(&sm->why, -ENOENT, "certificate %u/%u: there is none", arg->kind,
			      arg->index);
	arg->len = c->len;
	if (room < c->len)
		return refuse(&sm->why, -ENOSPC, "certificate %u/%u: needs %u bytes", arg->kind,
			      arg->index, c->len);
	if (copy_to_user(u64_to_user_ptr(arg->data), c->der, c->len))
		return refuse(&sm->why, -EFAULT, "certificate: cannot be written");
	return 0;
}

static int do_sign(struct secmod_file *f, void *data)
{
	struct secmod_sign *arg = data;
	u8 *msg;
	int rc;

	if (arg->hash > 0xffff)
		return refuse(&f->sm->why, -EOPNOTSUPP, "SIGN: hash 0x%x is unknown", arg->hash);
	msg = copy_in(f->sm, arg->data, arg->len, T2_MAX_HASH_DATA, "data to sign");
	if (IS_ERR(msg))
		return PTR_ERR(msg);
	rc = secmod_sign(f->sm, arg->key, arg->hash, msg, arg->len, arg->signature);
	kfree(msg);
	return rc;
}

#define NO_FLAGS_FIELD (~0u)

/*
 * @size, @min_size: of the argument now, and in ABI version 1
 * @flags: known bits of the flags that follow size, or NO_FLAGS_FIELD
 * @out: the argument goes back to the caller
 */
static const struct {
	u16 size;
	u16 min_size;
	u32 flags;
	bool out;
	int (*handler)(struct secmod_file *f, void *data);
} ioctls[CMD_COUNT] = {
#define ROW(type, last, flags, out, handler)                                             \
	{                                                                                \
		sizeof(struct type), offsetofend(struct type, last), flags, out, handler \
	}
	[CMD_INFO] = ROW(secmod_info, personalized_at, NO_FLAGS_FIELD, true, do_info),
	[CMD_REASON] = ROW(secmod_reason, text, NO_FLAGS_FIELD, true, do_reason),
	[CMD_ATTACH] = ROW(secmod_attach, reserved, 0, false, do_attach),
	[CMD_INIT_BEGIN] = ROW(secmod_init_begin, identity_public,
			       SECMOD_INIT_DISCARD | SECMOD_INIT_EK_RSA, true, do_init_begin),
	[CMD_INIT_ACTIVATE] = ROW(secmod_init_activate, info, 0, true, do_init_activate),
	[CMD_INIT_COMPLETE] = ROW(secmod_init_complete, reserved, 0, false, do_init_complete),
	[CMD_PERSO_BEGIN] = ROW(secmod_perso_begin, attest, 0, true, do_perso_begin),
	[CMD_PERSO_COMPLETE] = ROW(secmod_perso_complete, reserved, 0, false, do_perso_complete),
	[CMD_ATTEST] = ROW(secmod_attestation, attest, 0, true, do_attest),
	[CMD_RESET] = ROW(secmod_reset, attest, SECMOD_RESET_FRESH_VAULT, true, do_reset),
	[CMD_GET_CERT] = ROW(secmod_get_cert, data, NO_FLAGS_FIELD, true, do_get_cert),
	[CMD_SIGN] = ROW(secmod_sign, signature, NO_FLAGS_FIELD, true, do_sign),
	[CMD_DETACH] = ROW(secmod_detach, flags, 0, false, do_detach),
#undef ROW
};

static u32 flags_of(u32 nr, const void *arg)
{
	const u32 *words = arg;

	return ioctls[nr].flags == NO_FLAGS_FIELD ? 0 : words[1];
}

static int run_command(struct secmod_file *f, u32 nr, void *arg)
{
	struct secmod *sm = f->sm;
	u32 flags = flags_of(nr, arg);
	int rc;

	if (command_is_admin(nr) && !capable(CAP_SYS_ADMIN))
		return refuse(&sm->why, -EPERM, "%s: CAP_SYS_ADMIN is missing", command_name(nr));
	if (flags & ~ioctls[nr].flags)
		return refuse(&sm->why, -EOPNOTSUPP, "%s: unknown flags 0x%x", command_name(nr),
			      flags & ~ioctls[nr].flags);
	rc = state_allows(sm->state, nr, flags, &sm->why);
	return rc ?: ioctls[nr].handler(f, arg);
}

/* One command under the lock, with its reason kept where it can be read. */
static int locked_command(struct secmod_file *f, u32 nr, void *arg)
{
	struct secmod *sm = f->sm;
	int rc;

	if (mutex_lock_killable(&sm->lock))
		return -EINTR;
	memset(&sm->why, 0, sizeof(sm->why));
	rc = run_command(f, nr, arg);
	if (rc) {
		refuse(&sm->why, rc, "%s: error %d", command_name(nr), -rc);
		f->why = sm->why;
		/* To ask for a certificate that is not there is no fault. */
		if (nr != CMD_GET_CERT)
			sm->last_error = sm->why;
		atomic64_inc(&sm->stats.refusals);
	} else {
		atomic64_inc(&sm->stats.operations);
	}
	mutex_unlock(&sm->lock);
	return rc;
}

static long secmod_ioctl(struct file *file, unsigned int cmd, unsigned long user)
{
	void __user *uarg = (void __user *)user;
	u32 nr = _IOC_NR(cmd), usize;
	void *arg;
	int rc;

	if (_IOC_TYPE(cmd) != SECMOD_IOC_MAGIC || nr >= CMD_COUNT)
		return -ENOTTY;
	if (get_user(usize, (u32 __user *)uarg))
		return -EFAULT;
	if (usize < ioctls[nr].min_size)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	arg = kzalloc(ioctls[nr].size, GFP_KERNEL);
	if (!arg)
		return -ENOMEM;
	rc = copy_struct_from_user(arg, ioctls[nr].size, uarg, usize);
	rc = rc ?: locked_command(file->private_data, nr, arg);
	if ((!rc || rc == -ENOSPC) && ioctls[nr].out &&
	    copy_to_user(uarg, arg, min_t(size_t, usize, ioctls[nr].size)))
		rc = -EFAULT;
	kfree_sensitive(arg);
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
	WRITE_ONCE(sm->generation, sm->generation + 1);
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
