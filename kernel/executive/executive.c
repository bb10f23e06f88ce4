// SPDX-License-Identifier: GPL-2.0-only
/* From a command APDU to the function that carries it out, and back. */
#include "application.h"
#include "executive.h"

enum instruction {
	INS_PERFORM_SECURITY_OPERATION = 0x2a,
	INS_INITIALIZE_UPDATE = 0x50,
	INS_AUTHENTICATE = 0x82,
	INS_GET_CHALLENGE = 0x84,
	INS_SELECT = 0xa4,
	INS_GET_RESPONSE = 0xc0,
	INS_GET_DATA = 0xca,
	INS_PUT_KEY = 0xd8,
	INS_STORE_DATA = 0xe2,
	INS_DELETE = 0xe4,
	INS_INSTALL = 0xe6,
	INS_SET_STATUS = 0xf0,
	INS_GET_STATUS = 0xf2,
};

const struct executive_name executive_issuer = {
	{ 0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00 },
	8,
};

static void put_file_control(const struct executive_name *selected, struct apdu_response *r)
{
	/* with the most data of a command: 9F65 */
	static const u8 tail[] = {
		0xa5, 0x05, 0x9f, 0x65, 0x02, APDU_DATA_MAX >> 8, APDU_DATA_MAX & 0xff
	};

	apdu_put_constructed(r, 0x6f, 2 + selected->len + sizeof(tail));
	apdu_put_tlv(r, 0x84, selected->name, selected->len);
	apdu_put(r, tail, sizeof(tail));
}

static bool exists(struct executive *x, const struct apdu *a)
{
	struct app app;

	if (a->len == executive_issuer.len && !memcmp(a->data, executive_issuer.name, a->len))
		return true;
	return a->len && app_find(&x->sm->record->apps, a->data, a->len, &app);
}

/* By name, the first one: ISO/IEC 7816-4, 7.1.1; GlobalPlatform Card 2.3.1, 11.9 */
static u16 select(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	channel_close(x);
	if (a->p1 != 0x04 || a->p2)
		return SW_P1P2;
	if (a->len && !exists(x, a))
		return SW_FILE;
	x->selected = executive_issuer;
	if (a->len) {
		memcpy(x->selected.name, a->data, a->len);
		x->selected.len = a->len;
	}
	put_file_control(&x->selected, r);
	return SW_OK;
}

/* Both are INS 82; the first has secure messaging, the second makes its keys. */
static u16 authenticate(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	if (a->cla & APDU_CLA_SECURE)
		return channel_external_authenticate(x, a, r);
	channel_close(x);
	return agreement_authenticate(x, a, r);
}

#define NONE BIT(CHANNEL_NONE)
#define TRANSPORT BIT(CHANNEL_TRANSPORT)
#define REPLACEMENT BIT(CHANNEL_REPLACEMENT)
#define MASTER BIT(CHANNEL_MASTER)
#define CENTRAL BIT(CHANNEL_CENTRAL)
#define CHANNELS (TRANSPORT | REPLACEMENT | MASTER | CENTRAL)
#define ANYBODY (NONE | CHANNELS)
#define GP APDU_CLA_GP

/*
 * The rules: which channel may do what.
 * @cla: bits of CLA that may be set, beside those of chaining and secure messaging
 * @begins: comes without secure messaging, and ends the channel that there is
 * @channels: where it is allowed
 * @run: carries it out
 */
static const struct rule {
	u8 ins;
	u8 cla;
	bool begins;
	u8 channels;
	executive_command *run;
} rules[] = {
	{ INS_SELECT, 0, true, ANYBODY, select },
	{ INS_INITIALIZE_UPDATE, GP, true, ANYBODY, channel_initialize_update },
	{ INS_AUTHENTICATE, GP | APDU_CLA_SECURE, true, ANYBODY, authenticate },
	{ INS_PERFORM_SECURITY_OPERATION, GP, true, ANYBODY, agreement_certificate },
	{ INS_GET_DATA, GP, false, ANYBODY, information_get },
	{ INS_GET_STATUS, GP, false, CHANNELS, life_get_status },
	{ INS_PUT_KEY, GP, false, TRANSPORT | REPLACEMENT | CENTRAL, keys_put },
	{ INS_DELETE, GP, false, TRANSPORT | MASTER | CENTRAL, keys_delete },
	{ INS_INSTALL, GP, false, TRANSPORT | MASTER, store_install },
	{ INS_STORE_DATA, GP, false, TRANSPORT | MASTER, store_data },
	{ INS_SET_STATUS, GP, false, TRANSPORT | MASTER | CENTRAL, life_set_status },
	{ INS_GET_CHALLENGE, GP, false, CENTRAL, life_challenge },
};

static const struct rule *find_rule(u8 ins)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].ins == ins)
			return &rules[i];
	return NULL;
}

static u16 obey(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	const struct rule *rule = find_rule(a->ins);
	u16 sw;

	if (!rule)
		return SW_INS;
	if (a->cla & ~rule->cla)
		return SW_CLA;
	if (!x->selected.len && a->ins != INS_SELECT)
		return SW_CONDITIONS;
	if (!(rule->channels & BIT(x->channel)))
		return SW_SECURITY;
	/* keys that INITIALIZE UPDATE has derived are for the next command, or for none */
	if (x->initiated && a->ins != INS_AUTHENTICATE)
		channel_close(x);
	sw = rule->run(x, a, r);
	/* it had to let go of its vault, or is reset: the next attach knows what was done */
	return sw == SW_FAILED && x->generation != x->sm->generation ? SW_MEMORY : sw;
}

/*
 * Adds the data of one more part of a chain: ISO/IEC 7816-4, 5.3.3. The last part takes
 * all of them. Returns SW_OK when the command is whole; then @a has all its data.
 */
static u16 link_chain(struct executive *x, struct apdu *a, bool *whole)
{
	struct apdu *chain = &x->chain;
	bool goes_on = a->cla & APDU_CLA_CHAIN;

	a->cla &= ~APDU_CLA_CHAIN;
	*whole = !goes_on;
	if (!chain->ins && !goes_on)
		return SW_OK;
	if (chain->ins && (chain->cla != a->cla || chain->ins != a->ins || chain->p1 != a->p1 ||
			   chain->p2 != a->p2))
		return SW_LAST_OF_CHAIN;
	if (a->len > APDU_DATA_MAX - chain->len)
		return SW_LENGTH;
	*chain = (struct apdu){ a->cla, a->ins, a->p1, a->p2, .len = chain->len };
	if (a->len)
		memcpy(x->chained + chain->len, a->data, a->len);
	chain->len += a->len;
	if (goes_on)
		return SW_OK;
	a->data = x->chained;
	a->len = chain->len;
	return SW_OK;
}

static void end_chain(struct executive *x)
{
	memzero_explicit(x->chained, x->chain.len);
	memset(&x->chain, 0, sizeof(x->chain));
}

static void forget_pending(struct executive *x)
{
	memzero_explicit(x->pending, x->pending_len);
	x->pending_len = 0;
	x->pending_at = 0;
}

static void finish(struct apdu_response *r, u16 sw)
{
	const u8 trailer[] = { sw >> 8, sw };

	memcpy(r->data + r->len, trailer, sizeof(trailer));
	r->len += sizeof(trailer);
}

/* As much of what is pending as is asked for: ISO/IEC 7816-4, 7.6.1 and 5.3.4. */
static void give_pending(struct executive *x, u32 expected, struct apdu_response *r)
{
	size_t left = x->pending_len - x->pending_at;
	size_t n = min_t(size_t, left, expected);

	apdu_put(r, x->pending + x->pending_at, n);
	x->pending_at += n;
	left -= n;
	finish(r, left ? 0x6100 | min_t(size_t, left, 0xff) : SW_OK);
	if (!left)
		forget_pending(x);
}

static bool wants_pending(const struct executive *x, const struct apdu *a)
{
	return a->ins == INS_GET_RESPONSE && x->pending_len && !(a->cla & ~APDU_CLA_GP) && !a->p1 &&
	       !a->p2 && !a->len;
}

/* Classes that exist at all; there is one logical channel: ISO/IEC 7816-4, 5.4.1 */
static u16 class_status(u8 cla)
{
	if (!(cla & ~(APDU_CLA_GP | APDU_CLA_CHAIN | APDU_CLA_SECURE)))
		return SW_OK;
	return cla & 0x60 ? SW_CLA : SW_CHANNEL;
}

/*
 * Takes off what protects a command. One that is not as the channel demands ends it:
 * Amendment D, 6.2.4.
 */
static u16 unprotect(struct executive *x, struct apdu *a, bool *secured)
{
	const struct rule *rule = find_rule(a->ins);

	*secured = false;
	if (a->cla & APDU_CLA_SECURE && a->ins != INS_AUTHENTICATE) {
		if (x->channel == CHANNEL_NONE || scp03_unwrap(&x->scp, a)) {
			channel_close(x);
			return SW_SECURITY;
		}
		a->cla &= ~APDU_CLA_SECURE;
		*secured = true;
	} else if (x->channel != CHANNEL_NONE && !(rule && rule->begins)) {
		channel_close(x);
		return SW_SECURITY;
	}
	return SW_OK;
}

/* The command has been carried out: that nothing has changed must not be said. */
static u16 protect(struct executive *x, struct apdu_response *all, u16 sw)
{
	if (!scp03_wrap(&x->scp, all, sw))
		return sw;
	channel_close(x);
	all->len = 0;
	return SW_MEMORY;
}

static u16 carry_out(struct executive *x, struct apdu *a, struct apdu_response *all)
{
	bool secured, whole = true;
	u16 sw = unprotect(x, a, &secured);

	if (sw == SW_OK)
		sw = link_chain(x, a, &whole);
	if (sw == SW_OK && whole)
		sw = obey(x, a, all);
	if (sw != SW_OK || whole)
		end_chain(x);
	if (all->full)
		sw = SW_MEMORY;
	if (sw != SW_OK)
		all->len = 0;
	if (secured)
		sw = protect(x, all, sw);
	if (x->closing)
		channel_close(x);
	return sw;
}

static void answer(struct executive *x, struct apdu *a, struct apdu_response *r)
{
	struct apdu_response all = { .data = x->pending };
	u16 sw;

	if (wants_pending(x, a)) {
		/* without Le it would ask for nothing: hosts mean what they were told */
		give_pending(x, a->expected ?: APDU_SHORT_MAX, r);
		return;
	}
	forget_pending(x);
	sw = class_status(a->cla);
	if (sw == SW_OK)
		sw = carry_out(x, a, &all);
	if (sw == SW_OK && all.len) {
		x->pending_len = all.len;
		give_pending(x, a->expected, r);
	} else {
		finish(r, sw);
	}
}

/* A change of state ends what was selected and authenticated before it. */
static void begin_anew(struct executive *x, struct secmod *sm)
{
	struct hlist_node link = x->link;

	store_forget(x);
	memzero_explicit(x, sizeof(*x));
	x->link = link;
	x->sm = sm;
	x->generation = sm->generation;
}

/* What was opened with a keyset ends with it. */
static void follow_keysets(struct executive *x)
{
	if (x->keysets != x->sm->keysets_changed &&
	    (x->initiated || (x->channel != CHANNEL_NONE && x->channel != CHANNEL_CENTRAL)))
		channel_close(x);
}

static void follow(struct executive *x)
{
	if (x->generation != x->sm->generation)
		begin_anew(x, x->sm);
	follow_keysets(x);
}

void executive_follow_all(struct secmod *sm)
{
	struct executive *x;

	lockdep_assert_held(&sm->lock);
	hlist_for_each_entry(x, &sm->executives, link)
		if (x != sm->acting)
			follow(x);
}

int executive_run(struct secmod_file *f, u8 *command, size_t len, struct apdu_response *r)
{
	struct secmod *sm = f->sm;
	struct executive *x = f->executive;
	struct apdu a;

	lockdep_assert_held(&sm->lock);
	if (!x) {
		x = kzalloc(sizeof(*x), GFP_KERNEL);
		if (!x)
			return -ENOMEM;
		f->executive = x;
		begin_anew(x, sm);
		hlist_add_head(&x->link, &sm->executives);
	}
	follow(x);
	sm->acting = x;
	if (apdu_parse(&a, command, len))
		answer(x, &a, r);
	else
		finish(r, SW_LENGTH);
	sm->acting = NULL;
	return 0;
}

void executive_free(struct executive *x)
{
	if (!x)
		return;
	hlist_del(&x->link);
	store_forget(x);
	kfree_sensitive(x);
}

struct record *executive_copy(struct executive *x)
{
	struct record *next = record_alloc();

	if (next)
		*next = *x->sm->record;
	return next;
}

u16 executive_commit(struct executive *x, struct record *next)
{
	if (!secmod_vault_commit(x->sm, next))
		return SW_OK;
	record_free(next);
	return SW_FAILED;
}

u16 executive_commit_keys(struct executive *x, struct record *next)
{
	struct secmod *sm = x->sm;
	u16 sw = executive_commit(x, next);

	if (sw == SW_OK) {
		memset(sm->keyset_wait, 0, sizeof(sm->keyset_wait));
		x->keysets = ++sm->keysets_changed;
		executive_follow_all(sm);
	}
	return sw;
}
