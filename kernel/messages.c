// SPDX-License-Identifier: GPL-2.0-only
/* SEAL and OPEN: messages from user memory to the transaction keys and back, in batches. */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "call.h"

#define SHORT 256 /* bytes */
#define ROOM 16384 /* bytes for messages, or as many as the longest takes */

/* Messages of a call that are in the kernel at a time: memory is cleared when it is got. */
#define PART 64

/**
 * struct batch - a part of the messages of one call
 * @c: the call
 * @sealing: or opening
 * @user: this part of the caller's array, copied
 * @m: the same messages on their way through @room
 * @first: number of the first one in the call
 * @count: of both
 * @room: kernel memory for as many messages as fit
 * @size: bytes of it
 */
struct batch {
	struct secmod_call *c;
	bool sealing;
	struct secmod_message *user;
	struct txn_message *m;
	u32 first;
	u32 count;
	u8 *room;
	size_t size;
};

static size_t stretch(const struct txn_message *m)
{
	return ALIGN(m->aad_len + m->len + SECMOD_SEAL_OVERHEAD, 16);
}

/* What of a message is never right, before a sequence number is spent on it. */
static int check_lengths(const struct batch *b, struct secmod_message *user, struct txn_message *m)
{
	u32 in_len = user->in_len, room = user->out_len, out_len;

	user->out_len = 0;
	if (!b->sealing && in_len < SECMOD_SEAL_OVERHEAD)
		return -EBADMSG;
	m->len = b->sealing ? in_len : in_len - SECMOD_SEAL_OVERHEAD;
	m->aad_len = user->aad_len;
	if (m->len > SECMOD_SEAL_DATA_MAX || m->aad_len > SECMOD_SEAL_AAD_MAX)
		return -E2BIG;
	out_len = b->sealing ? in_len + SECMOD_SEAL_OVERHEAD : m->len;
	user->out_len = out_len;
	return room < out_len ? -ENOSPC : 0;
}

/* What was sealed lies there sealed. */
static void free_room(struct batch *b)
{
	if (b->sealing && !b->c->early.error)
		kvfree(b->room);
	else
		kvfree_sensitive(b->room, b->size);
	b->room = NULL;
	b->size = 0;
}

/* When some have been done the others fail one by one: the caller has to know which. */
static int fail(struct batch *b, u32 first, int rc)
{
	u32 i;

	if (rc == -EINTR || !(b->first + first))
		return rc;
	for (i = first; i < b->count; i++)
		if (!b->m[i].result)
			b->m[i].result = rc;
	return 0;
}

/* Room for all messages of the part, or for ROOM of them. */
static int make_room(struct batch *b)
{
	size_t all = 0, longest = ROOM, size;
	u32 i;

	for (i = 0; i < b->count; i++) {
		b->m[i].result = check_lengths(b, &b->user[i], &b->m[i]);
		if (b->m[i].result)
			continue;
		all += stretch(&b->m[i]);
		longest = max(longest, stretch(&b->m[i]));
	}
	size = min(all, longest);
	if (size <= b->size)
		return 0;
	free_room(b);
	b->room = kvmalloc(size, GFP_KERNEL);
	if (!b->room)
		return fail(b, 0, -ENOMEM);
	b->size = size;
	return 0;
}

/* Word by word: what goes before a copy of any length takes longer than a short message. */
static int copy_short_in(u8 *to, const u8 __user *from, size_t len)
{
	unsigned long word;

	if (!user_read_access_begin(from, len))
		return -EFAULT;
	for (; len >= sizeof(word); len -= sizeof(word)) {
		unsafe_get_user(word, (const unsigned long __user *)from, fault);
		memcpy(to, &word, sizeof(word));
		to += sizeof(word);
		from += sizeof(word);
	}
	for (; len; len--)
		unsafe_get_user(*to++, from++, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static int copy_from(u8 *to, u64 from, size_t len)
{
	if (len <= SHORT)
		return copy_short_in(to, u64_to_user_ptr(from), len);
	return copy_from_user(to, u64_to_user_ptr(from), len) ? -EFAULT : 0;
}

static int copy_in(const struct batch *b, const struct secmod_message *user, struct txn_message *m)
{
	u8 *text = m->at + m->aad_len + (b->sealing ? SECMOD_SEAL_HEADER : 0);

	if (m->aad_len && copy_from(m->at, user->aad, m->aad_len))
		return -EFAULT;
	return copy_from(text, user->in, user->in_len);
}

/* Likewise */
static int copy_short_out(void __user *to, const u8 *from, size_t len)
{
	if (!user_access_begin(to, len))
		return -EFAULT;
	unsafe_copy_to_user(to, from, len, fault);
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

static int copy_out(const struct batch *b, const struct secmod_message *user, struct txn_message *m)
{
	u8 *text = m->at + m->aad_len + (b->sealing ? 0 : SECMOD_SEAL_HEADER);

	if (user->out_len <= SHORT)
		return copy_short_out(u64_to_user_ptr(user->out), text, user->out_len);
	return copy_to_user(u64_to_user_ptr(user->out), text, user->out_len) ? -EFAULT : 0;
}

/* From message @first on as many as there is room for. Returns what follows them. */
static u32 fill(struct batch *b, u32 first)
{
	size_t used = 0;
	u32 i;

	for (i = first; i < b->count; i++) {
		if (b->m[i].result)
			continue;
		if (stretch(&b->m[i]) > b->size - used)
			break;
		b->m[i].at = b->room + used;
		used += stretch(&b->m[i]);
		b->m[i].result = copy_in(b, &b->user[i], &b->m[i]);
	}
	return i;
}

static void empty(struct batch *b, u32 first, u32 end)
{
	u32 i;

	for (i = first; i < end; i++)
		if (!b->m[i].result)
			b->m[i].result = copy_out(b, &b->user[i], &b->m[i]);
}

static int run_batches(struct batch *b)
{
	const struct secmod_messages *arg = b->c->arg;
	struct secmod *sm = b->c->f->sm;
	u32 first, end;
	int rc;

	for (first = 0; first < b->count; first = end) {
		end = fill(b, first);
		rc = txn_run(sm, b->sealing, arg->kvn, b->m + first, end - first);
		if (rc)
			return fail(b, first, rc);
		empty(b, first, end);
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static const char *text_of(int rc)
{
	static const struct {
		int rc;
		const char *text;
	} texts[] = {
		{ -ENOENT, "there is no such transaction key" },
		{ -EKEYEXPIRED, "the transaction key has expired or is used up" },
		{ -EACCES, "the transaction key is not for this direction" },
		{ -EBADMSG, "not sealed with this key and these associated data" },
		{ -ESTALE, "opened before, or too old" },
		{ -E2BIG, "too long" },
		{ -ENOSPC, "too little room for the result" },
		{ -EFAULT, "a pointer cannot be read or written" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].rc == rc)
			return texts[i].text;
	return "failed";
}

static void judge(struct batch *b)
{
	u32 i;

	for (i = 0; i < b->count; i++) {
		int rc = b->m[i].result;

		if (!rc)
			continue;
		if (rc != -ENOSPC)
			b->user[i].out_len = 0;
		refuse(&b->c->early, rc, "message %u: %s", b->first + i, text_of(rc));
	}
}

static int tell_results(const struct batch *b, struct secmod_message __user *array)
{
	u32 i;

	if (!user_access_begin(array, b->count * sizeof(*array)))
		return -EFAULT;
	for (i = 0; i < b->count; i++) {
		unsafe_put_user(b->user[i].out_len, &array[i].out_len, fault);
		unsafe_put_user(-b->m[i].result, &array[i].result, fault);
	}
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

static int run_part(struct batch *b, struct secmod_message __user *array)
{
	struct refusal *why = &b->c->early;
	int rc;

	if (copy_from_user(b->user, array, b->count * sizeof(*array)))
		return refuse(why, -EFAULT, "messages: cannot be read");
	rc = make_room(b) ?: run_batches(b);
	if (rc)
		return refuse(why, rc, "messages: error %d", -rc);
	judge(b);
	if (tell_results(b, array))
		return refuse(why, -EFAULT, "messages: cannot be written");
	return 0;
}

static int run(struct batch *b)
{
	const struct secmod_messages *arg = b->c->arg;
	struct secmod_message __user *array = u64_to_user_ptr(arg->messages);
	int rc = 0;

	for (b->first = 0; !rc && b->first < arg->count; b->first += b->count) {
		b->count = min_t(u32, arg->count - b->first, PART);
		rc = run_part(b, array + b->first);
	}
	free_room(b);
	return rc;
}

static int check_argument(const struct secmod_messages *arg, bool sealing, struct refusal *why)
{
	if (!arg->count)
		return refuse(why, -EINVAL, "messages: missing");
	if (arg->count > SECMOD_SEAL_COUNT_MAX)
		return refuse(why, -E2BIG, "%u messages, at most %u", arg->count,
			      SECMOD_SEAL_COUNT_MAX);
	if (arg->kvn > (sealing ? 0xff : 0))
		return refuse(why, sealing ? -EINVAL : -EOPNOTSUPP,
			      sealing ? "KVN %u is none" : "KVN %u: a message names its own",
			      arg->kvn);
	return 0;
}

static int call_messages(struct secmod_call *c, bool sealing)
{
	const struct secmod_messages *arg = c->arg;
	struct batch b = { .c = c, .sealing = sealing };
	int rc = check_argument(arg, sealing, &c->early);
	size_t part;

	if (rc)
		return rc;
	part = min_t(u32, arg->count, PART);
	b.user = kmalloc_array(part, sizeof(*b.user), GFP_KERNEL);
	b.m = kmalloc_array(part, sizeof(*b.m), GFP_KERNEL);
	rc = b.user && b.m ? run(&b) : -ENOMEM;
	kfree(b.m);
	kfree(b.user);
	return rc;
}

int call_seal(struct secmod_call *c)
{
	return call_messages(c, true);
}

int call_open(struct secmod_call *c)
{
	return call_messages(c, false);
}
