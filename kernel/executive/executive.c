// SPDX-License-Identifier: GPL-2.0-only
/* From a command APDU to the function that carries it out, and back. */
#include "executive.h"

enum instruction {
	INS_SELECT = 0xa4,
	INS_GET_RESPONSE = 0xc0,
	INS_GET_DATA = 0xca,
};

/* Issuer security domain: GlobalPlatform Card 2.3.1, H.2 */
static const u8 issuer_domain[] = { 0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00 };

static void put_file_control(struct apdu_response *r)
{
	/* with the most data of a command: 9F65 */
	static const u8 tail[] = {
		0xa5, 0x05, 0x9f, 0x65, 0x02, APDU_DATA_MAX >> 8, APDU_DATA_MAX & 0xff
	};
	static const u8 head[] = { 0x6f, 2 + sizeof(issuer_domain) + sizeof(tail), 0x84,
				   sizeof(issuer_domain) };

	apdu_put(r, head, sizeof(head));
	apdu_put(r, issuer_domain, sizeof(issuer_domain));
	apdu_put(r, tail, sizeof(tail));
}

/* By name, the first one: ISO/IEC 7816-4, 7.1.1; GlobalPlatform Card 2.3.1, 11.9 */
static u16 select(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	if (a->p1 != 0x04 || a->p2)
		return SW_P1P2;
	if (a->len && (a->len != sizeof(issuer_domain) || memcmp(a->data, issuer_domain, a->len)))
		return SW_FILE;
	x->selected = true;
	put_file_control(r);
	return SW_OK;
}

/* GlobalPlatform Card 2.3.1, 11.3 */
static u16 get_data(struct executive *x, const struct apdu *a, struct apdu_response *r)
{
	return executive_get_data(x, a->p1 << 8 | a->p2, r);
}

#define ANYBODY BIT(CHANNEL_NONE)

/* The rules: which channel may do what. */
static const struct rule {
	u8 ins;
	u8 cla; /* bits of CLA that may be set, beside those of chaining and channel */
	u32 channels;
	u16 (*run)(struct executive *x, const struct apdu *a, struct apdu_response *r);
} rules[] = {
	{ INS_SELECT, 0, ANYBODY, select },
	{ INS_GET_DATA, APDU_CLA_GP, ANYBODY, get_data },
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

	if (!rule)
		return SW_INS;
	if (a->cla & ~rule->cla)
		return SW_CLA;
	if (!x->selected && a->ins != INS_SELECT)
		return SW_CONDITIONS;
	if (!(rule->channels & BIT(x->channel)))
		return SW_SECURITY;
	return rule->run(x, a, r);
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

static void answer(struct executive *x, struct apdu *a, struct apdu_response *r)
{
	struct apdu_response all = { .data = x->pending };
	bool whole = true;
	u16 sw;

	if (wants_pending(x, a)) {
		give_pending(x, a->expected, r);
		return;
	}
	forget_pending(x);
	sw = class_status(a->cla);
	if (sw == SW_OK)
		sw = link_chain(x, a, &whole);
	if (sw == SW_OK && whole)
		sw = obey(x, a, &all);
	if (sw != SW_OK || whole)
		end_chain(x);
	if (all.full)
		sw = SW_MEMORY;
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
	memzero_explicit(x, sizeof(*x));
	x->sm = sm;
	x->generation = sm->generation;
}

int executive_run(struct secmod_file *f, u8 *command, size_t len, struct apdu_response *r)
{
	struct secmod *sm = f->sm;
	struct apdu a;

	lockdep_assert_held(&sm->lock);
	if (!f->executive) {
		f->executive = kmalloc(sizeof(*f->executive), GFP_KERNEL);
		if (!f->executive)
			return -ENOMEM;
		begin_anew(f->executive, sm);
	}
	if (f->executive->generation != sm->generation)
		begin_anew(f->executive, sm);
	if (apdu_parse(&a, command, len))
		answer(f->executive, &a, r);
	else
		finish(r, SW_LENGTH);
	return 0;
}

void executive_free(struct executive *x)
{
	kfree_sensitive(x);
}
