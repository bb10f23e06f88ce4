// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vault: one file with two slots (slot.h), written alternately.
 *
 * Commit: write the other slot with counter + 1, fsync, raise the TPM's counter. The
 * raise is the commit point. The first commit of a boot comes after two of what is there.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/vmalloc.h>

#include "secmod.h"

struct record *record_alloc(void)
{
	return kvzalloc(sizeof(struct record), GFP_KERNEL);
}

void record_free(struct record *r)
{
	kvfree_sensitive(r, sizeof(*r));
}

/*
 * The same file, opened for the driver alone: what userspace does to the flags of its own
 * descriptor (fcntl(), O_APPEND, O_DIRECT) does not decide where a slot is written.
 */
static struct file *reopen(struct secmod *sm, struct file *file)
{
	struct file *own = dentry_open(&file->f_path, O_RDWR | O_LARGEFILE, current_cred());

	if (IS_ERR(own))
		refuse(&sm->why, PTR_ERR(own), "vault: cannot be opened again (error %ld)",
		       -PTR_ERR(own));
	return own;
}

/**
 * secmod_vault_get() - opens the file behind a descriptor of userspace
 *
 * Return: the file, or an ERR_PTR: -EBADF no such descriptor; -EINVAL not a regular
 * file open for reading and writing, or more than one name links to it, so that
 * removing the known one would not remove it.
 */
struct file *secmod_vault_get(struct secmod *sm, int fd)
{
	struct file *own, *file = fget(fd);
	int rc = 0;

	if (!file)
		return ERR_PTR(refuse(&sm->why, -EBADF, "vault: descriptor %d is not open", fd));
	if (!S_ISREG(file_inode(file)->i_mode))
		rc = refuse(&sm->why, -EINVAL, "vault: not a regular file");
	else if (!(file->f_mode & FMODE_READ) || !(file->f_mode & FMODE_WRITE))
		rc = refuse(&sm->why, -EINVAL, "vault: open it for reading and writing");
	else if (file_inode(file)->i_nlink != 1)
		rc = refuse(&sm->why, -EINVAL, "vault: it has %u links, must have one",
			    file_inode(file)->i_nlink);
	own = rc ? ERR_PTR(rc) : reopen(sm, file);
	fput(file);
	return own;
}

/* Whose vault is which inode: two instances would overwrite each other's slots. */
static struct inode *claimed[SECMOD_INSTANCES_MAX];
static DEFINE_MUTEX(claimed_lock); /* of claimed[]; innermost */

/* Keeps a reference on @file in place of the old; -EBUSY: another instance's vault. */
int secmod_vault_take(struct secmod *sm, struct file *file)
{
	struct inode *inode = file_inode(file);
	int i, rc = 0;

	mutex_lock(&claimed_lock);
	for (i = 0; i < SECMOD_INSTANCES_MAX; i++)
		if (i != sm->index && claimed[i] == inode)
			rc = refuse(&sm->why, -EBUSY, "vault: it is the vault of secmod%d", i);
	if (!rc)
		claimed[sm->index] = inode;
	mutex_unlock(&claimed_lock);
	if (rc)
		return rc;
	if (sm->vault)
		fput(sm->vault);
	sm->vault = get_file(file);
	return 0;
}

void secmod_vault_release(struct secmod *sm)
{
	mutex_lock(&claimed_lock);
	claimed[sm->index] = NULL;
	mutex_unlock(&claimed_lock);
	if (sm->vault)
		fput(sm->vault);
	sm->vault = NULL;
}

static struct slot_owner slot_owner(struct secmod *sm, u64 counter)
{
	return (struct slot_owner){ .root = sm->root, .uid = sm->uid, .counter = counter };
}

static int write_all(struct file *file, const u8 *data, size_t len, loff_t pos)
{
	while (len) {
		ssize_t n = kernel_write(file, data, len, &pos);

		if (n <= 0)
			return n ? n : -EIO;
		data += n;
		len -= n;
	}
	return 0;
}

/* Writes the slot for counter + 1 and makes it durable; nothing is committed yet. */
int secmod_vault_write(struct secmod *sm, struct file *file, const struct record *r)
{
	struct slot_owner owner = slot_owner(sm, sm->vault_counter + 1);
	int len, rc;
	u8 *slot;

	/* What nobody could attach after a restart must not become what is valid. */
	if (!file_inode(file)->i_nlink)
		return refuse(&sm->why, -ENOENT,
			      "vault: its file was removed: detach and attach a copy, or secmod reset --fresh-vault");
	slot = kzalloc(SLOT_USED, GFP_KERNEL | __GFP_RETRY_MAYFAIL);
	if (!slot)
		return -ENOMEM;
	len = slot_seal(&owner, r, slot);
	if (len < 0) {
		rc = refuse(&sm->why, len,
			    len == -E2BIG ? "vault: the record does not fit" :
					    "vault: cannot encrypt");
		goto out_free;
	}
	rc = write_all(file, slot, len, (owner.counter & 1) * SLOT_SIZE);
	rc = rc ?: vfs_fsync(file, 0);
	if (rc)
		rc = refuse(&sm->why, rc == -ENOSPC ? -ENOSPC : -EIO,
			    "vault: writing failed with error %d: free space or repair the file system, then try again",
			    -rc);
out_free:
	kfree_sensitive(slot);
	return rc;
}

/* Returns 0 when @next is what the vault holds; the TPM's counter may have been raised else. */
static int commit(struct secmod *sm, const struct record *next)
{
	u64 value = 0;
	int rc;

	sm->vault_doubtful = true;
	rc = secmod_vault_write(sm, sm->vault, next);
	if (rc)
		return rc;
	rc = secmod_tpm_begin(sm);
	if (rc)
		return rc;
	rc = secmod_nv_increment(sm, sm->handles.vault, &value);
	secmod_tpm_end(sm);
	if (!rc && value != sm->vault_counter + 1)
		rc = refuse(&sm->why, -ESTALE,
			    "vault: its counter was raised by someone else to %llu: secmod reset --fresh-vault",
			    value);
	if (rc) {
		secmod_detach(sm);
		secmod_set_state(sm, EVENT_DETACH);
		return rc;
	}
	sm->vault_counter = value;
	sm->vault_doubtful = false;
	return 0;
}

/*
 * A write that was never committed, in this life or in one before, is authentic content
 * for the counter's next value: put in place of what is committed under that value it
 * would undo it. So what is there is committed again, twice: the first time under that
 * value, where the other could only be what was about to follow anyway. What is of an
 * epoch before needs none of it: the reset is finished whatever comes.
 */
static int renew(struct secmod *sm)
{
	int rc;

	if (!sm->vault_doubtful || !sm->record || sm->record->epoch != sm->epoch)
		return 0;
	rc = commit(sm, sm->record);
	return rc ?: commit(sm, sm->record);
}

/**
 * secmod_vault_commit() - make @next what the module remembers
 *
 * Takes over @next on success; the old record is freed. On an error before the commit
 * point nothing has changed. When the TPM does not tell whether the counter was raised,
 * the module lets go of its vault: the next attach finds out.
 */
int secmod_vault_commit(struct secmod *sm, struct record *next)
{
	int rc = renew(sm);

	rc = rc ?: commit(sm, next);
	if (rc)
		return rc;
	record_free(sm->record);
	sm->record = next;
	return 0;
}

static enum slot_verdict read_slot(struct secmod *sm, struct file *file, int which, u8 *slot,
				   u64 *counter, struct record *out)
{
	struct slot_owner owner = slot_owner(sm, sm->vault_counter);
	loff_t pos = which * SLOT_SIZE;
	ssize_t n = kernel_read(file, slot, SLOT_USED, &pos);

	return n < 0 ? SLOT_UNREADABLE : slot_open(&owner, slot, n, counter, out);
}

static int explain(struct secmod *sm, enum slot_verdict worst, u64 newest)
{
	switch (worst) {
	case SLOT_OLD:
	case SLOT_AHEAD:
		return refuse(&sm->why, -ESTALE,
			      "vault: it holds content %llu, the module is at %llu: attach the newest copy, or secmod reset --fresh-vault",
			      newest, sm->vault_counter);
	case SLOT_FOREIGN:
		return refuse(&sm->why, -EBADMSG,
			      "vault: it belongs to another module: attach this one's, or secmod reset --fresh-vault");
	case SLOT_DAMAGED:
		return refuse(&sm->why, -EBADMSG,
			      "vault: damaged: attach an undamaged copy, or secmod reset --fresh-vault");
	case SLOT_UNREADABLE:
		return refuse(&sm->why, -EIO,
			      "vault: cannot be read or decrypted at the moment: try again");
	default:
		return refuse(&sm->why, -EBADMSG,
			      "vault: the file is no vault: attach the module's, or secmod reset --fresh-vault");
	}
}

/* Reads the slot that the TPM's counter names. */
int secmod_vault_load(struct secmod *sm, struct file *file, struct record **out)
{
	enum slot_verdict verdict, worst = SLOT_EMPTY;
	struct record *r = record_alloc();
	u8 *slot = kzalloc(SLOT_USED, GFP_KERNEL | __GFP_RETRY_MAYFAIL);
	u64 counter = 0, newest = 0;
	int i, rc = 0;

	if (!r || !slot) {
		rc = -ENOMEM;
		goto out_free;
	}
	for (i = 0; i < 2; i++) {
		verdict = read_slot(sm, file, i, slot, &counter, r);
		if (verdict == SLOT_GOOD) {
			*out = r;
			r = NULL;
			goto out_free;
		}
		worst = max(worst, verdict);
		if (verdict == SLOT_OLD || verdict == SLOT_AHEAD)
			newest = max(newest, counter);
	}
	rc = explain(sm, worst, newest);
out_free:
	kfree_sensitive(slot);
	record_free(r);
	return rc;
}
