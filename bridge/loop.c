/* SPDX-License-Identifier: Apache-2.0 */
/* loop.c - tell a loop behind vifs from stations that move, and from forgers; see loop.h.
 *
 * From: bridge/stp_run.c, for floods that bridge/fdb.c has marked.
 * Theory: in a loop through a guest every flood comes back, by one of its vifs after the other and with
 * its sender's address: the address moves with each round.  That alone says nothing of who is at fault:
 * whoever forges an address makes it move as well, and its owner's next frame moves it back.  So what
 * counts is the same flood once more, by another vif than the one that brought it first; what the
 * owner says is new.  A guest's own MAC, where its vif was given one, never counts.  Two guests that
 * share an address (VRRP, a bond) say different things, and a bond that sends each frame by two vifs says
 * them twice only.  Known unicast does not go round.  Of those in the loop the first to reach the limit
 * is blocked, which cuts it.
 * Memory: a flood that is remembered stays until it was not heard of for a second, and keeps others
 * away: nobody makes us forget.  Digests need no secret: who makes two frames alike might as well send
 * the same one twice.
 * Deviation: Linux has nothing of the kind, so this is on in profile tenant only.
 * Invariants: n_blocked is the number of vifs with .until_ns.
 * Thread: one worker. */
#include "bridge/loop.h"

#include "vswitch/base/clock.h"
#include "vswitch/base/siphash.h"

#include <string.h>

#define LOOP_FRAMES 32 /* in a window; fewer are no storm */
#define LOOP_WINDOW_NS (NS_PER_SEC / 2)
#define LOOP_BLOCK_NS (10 * NS_PER_SEC)
#define LOOP_TIMES 3 /* a bond says it twice */
#define LOOP_MEMORY_NS NS_PER_SEC

#define MACS_LEN 12
#define SAMPLE_LEN (PKT_HEADERS_MIN - 4 * PKT_VLAN_TAGS_MAX)
#define PROTO_TCP 6
#define PROTO_UDP 17

/* Write zeros where the L4 checksum is: some vifs get it complete, others do not. */
static void blank_csum(const struct pkt *p, uint32_t tags_len, uint8_t sample[SAMPLE_LEN])
{
	uint32_t at = p->l4_off - tags_len;

	if ((p->flags & PKT_HAS_L4) == 0 || (p->ip_proto != PROTO_TCP && p->ip_proto != PROTO_UDP))
		return;
	at += p->ip_proto == PROTO_TCP ? 16 : 6;
	if (at <= SAMPLE_LEN - 2)
		memset(sample + at, 0, 2);
}

/* Of what a guest's bridge leaves alone: tags may be taken off, short frames be made longer. */
static uint64_t digest(const struct pkt *p)
{
	const struct sipkey key = { p->network_id, p->vlan & 0xfff };
	uint32_t linear = pkt_linear_len(p), tags_len = 4u * p->n_vlan;
	uint8_t sample[SAMPLE_LEN] = { 0 };

	memcpy(sample, pkt_bytes(p), MACS_LEN);
	if (linear > MACS_LEN + tags_len)
		memcpy(sample + MACS_LEN, pkt_bytes(p) + MACS_LEN + tags_len,
			MIN(linear - MACS_LEN - tags_len, (uint32_t)SAMPLE_LEN - MACS_LEN));
	blank_csum(p, tags_len, sample);
	return siphash13(&key, sample, sizeof(sample));
}

uint16_t loop_comes_back(struct loop *l, const struct pkt *p, bool is_own, uint64_t now_ns)
{
	uint64_t d = digest(p);
	struct loop_flood *f = &l->flood[d % LOOP_FLOODS];

	if (f->n == 0 || now_ns - f->seen_ns >= LOOP_MEMORY_NS)
		*f = (struct loop_flood){ .digest = d, .vif_id = p->in_vif };
	if (f->digest != d)
		return VIF_ID_NONE;
	f->seen_ns = now_ns;
	if (f->n < LOOP_TIMES)
		f->n++;
	if (is_own)
		f->vif_id = p->in_vif;
	return f->n == LOOP_TIMES && f->vif_id != p->in_vif ? f->vif_id : VIF_ID_NONE;
}

bool loop_hear(struct loop *l, uint16_t vif_id, uint64_t now_ns)
{
	struct loop_vif *v = &l->vif[vif_id];

	if (now_ns - v->since_ns >= LOOP_WINDOW_NS) {
		v->since_ns = now_ns;
		v->n = 0;
	}
	if (++v->n < LOOP_FRAMES || v->until_ns != 0)
		return false;
	v->until_ns = now_ns + LOOP_BLOCK_NS;
	l->n_blocked++;
	return true;
}

bool loop_forget(struct loop *l, uint16_t vif_id)
{
	bool has_counted = l->vif[vif_id].n != 0;

	l->vif[vif_id].n = 0;
	return has_counted;
}

bool loop_is_blocked(const struct loop *l, uint16_t vif_id)
{
	return l->vif[vif_id].until_ns != 0;
}

uint64_t loop_due_ns(const struct loop *l)
{
	uint64_t due_ns = 0;

	for (unsigned id = 1; l->n_blocked > 0 && id < VIF_ID_MAX; id++)
		if (l->vif[id].until_ns != 0)
			due_ns = due_ns == 0 ? l->vif[id].until_ns
					     : MIN(due_ns, l->vif[id].until_ns);
	return due_ns;
}

void loop_release(struct loop *l, uint16_t vif_id)
{
	if (l->vif[vif_id].until_ns == 0)
		return;
	l->vif[vif_id].until_ns = 0;
	l->n_blocked--;
}
