/* SPDX-License-Identifier: Apache-2.0 */
/* ct_state.c - what a packet means for its connection: state, timeout, assurance.
 *
 * From: bridge/router.c for each packet that passes.  To: bridge/ct.c.
 * Theory: the states and times of Linux' nf_conntrack, for TCP without its rarer ones.  What an
 * attacker who does not see the connection can send must not end it: a segment counts only when it
 * is in the windows that were offered (as nf_conntrack has it), and a RST only when its
 * sequence number is exactly what the other side has acknowledged or what was sent last
 * (RFC 5961 §3.2).  Others pass, and whether they end anything is the receiver's to say.
 * Deviation: nf_conntrack drops them.  We may have missed what was said while an engine was replaced.
 * Thread: worker. */
#include "bridge/ct.h"
#include "vswitch/base/clock.h"

#include <endian.h>
#include <string.h>

#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ICMP 1
#define PROTO_ICMP6 58

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define TCP_WIN_MIN 66000u /* of Linux, for who offers less */
#define SCALE_MAX 14 /* RFC 7323 §2.3 */
#define SCALE_NONE 16

/* One TCP header, and how much sequence space it takes. */
struct seg {
	uint32_t seq, ack, len;
	uint16_t win;
	uint8_t flags;
	uint8_t scale; /* of a SYN: as in struct ct_record */
};

static enum ct_timeout timeout_of(uint8_t proto, uint8_t state, bool is_assured)
{
	static const uint8_t tcp[CT_STATE_N] = {
		[CT_TCP_SYN_SENT] = CT_TIMEOUT_TCP_SYN_SENT,
		[CT_TCP_SYN_RECV] = CT_TIMEOUT_TCP_SYN_RECV,
		[CT_TCP_ESTABLISHED] = CT_TIMEOUT_TCP_ESTABLISHED,
		[CT_TCP_FIN_WAIT] = CT_TIMEOUT_TCP_FIN_WAIT,
		[CT_TCP_LAST_ACK] = CT_TIMEOUT_TCP_LAST_ACK,
		[CT_TCP_TIME_WAIT] = CT_TIMEOUT_TCP_TIME_WAIT,
		[CT_TCP_CLOSED] = CT_TIMEOUT_TCP_CLOSE,
	};

	if (proto == PROTO_TCP && state == CT_TCP_ESTABLISHED && !is_assured)
		return CT_TIMEOUT_TCP_UNACKNOWLEDGED;
	if (proto == PROTO_TCP)
		return state >= CT_TCP_SYN_SENT && state < CT_STATE_N ? tcp[state]
								      : CT_TIMEOUT_TCP_CLOSE;
	if (proto == PROTO_UDP)
		return state == CT_REPLIED ? CT_TIMEOUT_UDP_STREAM : CT_TIMEOUT_UDP;
	if (proto == PROTO_ICMP)
		return CT_TIMEOUT_ICMP;
	return proto == PROTO_ICMP6 ? CT_TIMEOUT_ICMPV6 : CT_TIMEOUT_GENERIC;
}

uint64_t ct_timeout_ns(const struct ct *c, uint16_t network_id, const struct ct_age_of *age)
{
	static const uint32_t defaults[] = {
#define X(name, text, seconds) [CT_TIMEOUT_##name] = (seconds),
		CT_TIMEOUTS(X)
#undef X
	};
	enum ct_timeout which = timeout_of(age->proto, age->state, age->is_assured);
	uint32_t own = c != NULL ? c->timeout_s[network_id % NETWORK_ID_MAX][which] : 0;

	static_assert(ARRAY_LEN(defaults) == CT_TIMEOUT_N, "each has a default");
	return (own != 0 ? own : defaults[which]) * NS_PER_SEC;
}

static uint32_t load_be32(const uint8_t *at)
{
	be32 v;

	memcpy(&v, at, sizeof(v));
	return be32toh(v);
}

static uint32_t ip_end(const struct pkt *p)
{
	const uint8_t *ip = pkt_bytes(p) + p->l3_off;

	if (p->flags & PKT_IS_IP6)
		return p->l3_off + 40u + (uint32_t)(ip[4] << 8 | ip[5]);
	return p->l3_off + (uint32_t)(ip[2] << 8 | ip[3]);
}

/* The window scale option (RFC 7323 §2.2) of a SYN, whose header is there as a whole. */
static uint8_t scale_of(const uint8_t *tcp)
{
	unsigned len = (tcp[12] >> 4) * 4u;

	for (unsigned i = 20; i < len && tcp[i] != 0;) {
		if (tcp[i] == 1) {
			i++;
			continue;
		}
		if (i + 1 >= len || tcp[i + 1] < 2 || i + tcp[i + 1] > len)
			break;
		if (tcp[i] == 3 && tcp[i + 1] == 3)
			return (uint8_t)(MIN(tcp[i + 2], SCALE_MAX) + 1);
		i += tcp[i + 1];
	}
	return SCALE_NONE;
}

static struct seg seg_of(const struct pkt *p)
{
	const uint8_t *tcp = pkt_bytes(p) + p->l4_off;
	struct seg s = { .seq = load_be32(tcp + 4),
		.ack = load_be32(tcp + 8),
		.win = (uint16_t)(tcp[14] << 8 | tcp[15]),
		.flags = tcp[13] };

	if (s.flags & TCP_SYN)
		s.scale = scale_of(tcp);
	s.len = ip_end(p) - p->l4_off - (tcp[12] >> 4) * 4u;
	s.len += (s.flags & TCP_SYN) != 0;
	s.len += (s.flags & TCP_FIN) != 0;
	return s;
}

uint8_t ct_first_state(const struct pkt *p, bool is_strict)
{
	uint8_t flags;

	if (p->ip_proto != PROTO_TCP)
		return CT_NEW;
	if ((p->flags & PKT_HAS_L4) == 0) /* a later fragment */
		return 0;
	flags = pkt_bytes(p)[p->l4_off + 13] & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
	if (flags == TCP_SYN)
		return CT_TCP_SYN_SENT;
	/* Linux' tcp_loose: taken up in the middle, after a cold start. */
	if (!is_strict && flags == TCP_ACK)
		return CT_TCP_ESTABLISHED;
	return 0;
}

static bool is_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* @mine has sent @s, @other is the other way. */
static bool rst_is_exact(
	const struct ct_record *mine, const struct ct_record *other, const struct seg *s)
{
	if (!other->has_tcp) /* the answer to a SYN */
		return true;
	if (!mine->has_tcp)
		return (s->flags & TCP_ACK) != 0 && s->ack == other->tcp_end;
	return s->seq == other->tcp_ack || s->seq == mine->tcp_end;
}

/* nf_conntrack's test of windows: what both sides have said bounds what comes next. */
static bool seg_fits(
	const struct ct_record *mine, const struct ct_record *other, const struct seg *s)
{
	uint32_t theirs = MAX(other->tcp_win, TCP_WIN_MIN), ours = MAX(mine->tcp_win, TCP_WIN_MIN);

	if (!mine->has_tcp || !other->has_tcp || mine->tcp_win == 0 || other->tcp_win == 0)
		return true;
	if (is_after(s->seq, other->tcp_ack + theirs)
		|| is_after(mine->tcp_end - theirs, s->seq + s->len))
		return false;
	return (s->flags & TCP_ACK) == 0
		|| (!is_after(s->ack, other->tcp_end) && !is_after(other->tcp_end - ours, s->ack));
}

/* How far the windows of @mine are shifted: RFC 7323 §2.2, both must have offered to. */
static unsigned shift_of(const struct ct_record *mine, const struct ct_record *other)
{
	if (mine->tcp_scale == 0 || other->tcp_scale == 0)
		return SCALE_MAX;
	return mine->tcp_scale == SCALE_NONE || other->tcp_scale == SCALE_NONE
		? 0
		: (mine->tcp_scale - 1u) % (SCALE_MAX + 1u);
}

static void win_note(struct ct_record *mine, const struct ct_record *other, const struct seg *s)
{
	uint32_t win = s->win;

	if (s->flags & TCP_SYN)
		mine->tcp_scale = s->scale;
	else
		win <<= shift_of(mine, other);
	mine->tcp_win = MAX(mine->tcp_win, win);
}

static void seg_note(struct ct_record *mine, const struct ct_record *other, const struct seg *s)
{
	uint32_t end = s->seq + s->len;

	win_note(mine, other, s);
	if (!mine->has_tcp || is_after(end, mine->tcp_end))
		mine->tcp_end = end;
	if ((s->flags & TCP_ACK) != 0 && (!mine->has_tcp || is_after(s->ack, mine->tcp_ack)))
		mine->tcp_ack = s->ack;
	if (s->flags & TCP_FIN) {
		mine->has_fin = 1;
		mine->tcp_fin = end;
	}
	mine->has_tcp = 1;
}

/* Has the FIN of @fin been acknowledged by @by? */
static bool fin_is_acked(const struct ct_record *fin, const struct ct_record *by)
{
	return fin->has_fin && by->has_tcp && !is_after(fin->tcp_fin, by->tcp_ack);
}

static uint8_t tcp_next(uint8_t state, bool is_orig, const struct seg *s,
	const struct ct_record *mine, const struct ct_record *other)
{
	if (s->flags & TCP_SYN) {
		/* of who began: the other side's SYN crossed its own (RFC 9293 figure 8) */
		if ((s->flags & TCP_ACK) != 0)
			return state == CT_TCP_SYN_SENT && (!is_orig || other->has_tcp)
				? CT_TCP_SYN_RECV
				: state;
		/* the port is used again */
		return state >= CT_TCP_TIME_WAIT && is_orig ? CT_TCP_SYN_SENT : state;
	}
	if (state == CT_TCP_SYN_RECV && is_orig && (s->flags & TCP_ACK) != 0)
		state = CT_TCP_ESTABLISHED;
	if (state < CT_TCP_ESTABLISHED || state > CT_TCP_LAST_ACK)
		return state;
	if (mine->has_fin && other->has_fin)
		return fin_is_acked(mine, other) && fin_is_acked(other, mine) ? CT_TCP_TIME_WAIT
									      : CT_TCP_LAST_ACK;
	return mine->has_fin || other->has_fin ? CT_TCP_FIN_WAIT : state;
}

static void tcp_forget(struct ct_record *r)
{
	r->has_tcp = 0;
	r->has_fin = 0;
	r->tcp_win = 0;
	r->tcp_scale = 0;
}

/* The state that the packet leads to; 0: it does not count. */
static uint8_t tcp_seen(struct ct_record *orig, struct ct_record *mine, struct ct_record *other,
	const struct pkt *p)
{
	struct seg s = seg_of(p);
	bool is_orig = mine == orig;
	uint8_t state;

	if (s.flags & TCP_RST)
		return rst_is_exact(mine, other, &s) ? CT_TCP_CLOSED : 0;
	if ((s.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && is_orig
		&& orig->state >= CT_TCP_TIME_WAIT) {
		tcp_forget(mine);
		tcp_forget(other);
		orig->is_assured = 0;
	}
	/* begins and ends at once: nobody's segment */
	if ((s.flags & (TCP_SYN | TCP_FIN)) == (TCP_SYN | TCP_FIN) || !seg_fits(mine, other, &s))
		return 0;
	seg_note(mine, other, &s);
	state = tcp_next(orig->state, is_orig, &s, mine, other);
	/* One side alone does not make a connection that nobody may evict. */
	if (state == CT_TCP_ESTABLISHED && other->has_tcp)
		orig->is_assured = 1;
	return state;
}

/* States that only end: more of the same does not prolong them. */
static bool state_holds(uint8_t state)
{
	return state == CT_TCP_SYN_SENT || state == CT_TCP_CLOSED;
}

static void count(const struct ct *c, struct ct_record *mine, uint32_t bytes)
{
	if (c->is_shared) {
		__atomic_fetch_add(&mine->packets, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&mine->bytes, bytes, __ATOMIC_RELAXED);
		return;
	}
	mine->packets++;
	mine->bytes += bytes;
}

bool ct_is_steady(const struct ct *c, uint32_t index, uint8_t *state, uint8_t *is_assured)
{
	const struct ct_record *mine = ct_record(c, index), *orig;
	uint32_t partner = ct_partner(c, index);

	if (partner == IXTAB_NONE)
		return false;
	orig = mine->dir == CT_ORIG ? mine : ct_record(c, partner);
	*state = orig->state;
	*is_assured = orig->is_assured;
	switch (mine->tuple.proto) {
	case PROTO_TCP: return orig->state == CT_TCP_ESTABLISHED && orig->is_assured;
	case PROTO_UDP: return orig->state == CT_REPLIED && orig->is_assured;
	case PROTO_ICMP:
	case PROTO_ICMP6: return orig->state == CT_REPLIED;
	default: return false;
	}
}

void ct_seen(struct ct *c, uint32_t index, const struct pkt *p, uint64_t now_ns)
{
	struct ct_record *mine = ixtab_rec_at(&c->tab, index);
	struct ct_record *other = ixtab_rec_at(&c->tab, ct_partner(c, index));
	bool is_first = mine->packets == 0 && other->packets == 0;
	uint32_t orig_index = mine->dir == CT_ORIG ? index : ct_partner(c, index);
	struct ct_record *orig = ixtab_rec_at(&c->tab, orig_index);
	uint8_t before = orig->state, was_assured = orig->is_assured, state = before;

	count(c, mine, ip_end(p) - p->l3_off);
	if (p->ip_proto == PROTO_TCP && (p->flags & PKT_HAS_L4) == 0) {
		return; /* a later fragment: its first has said what there is to say */
	} else if (p->ip_proto == PROTO_TCP) {
		state = tcp_seen(orig, mine, other, p);
	} else if (mine != orig) {
		state = CT_REPLIED;
	}
	/* As in Linux a question and its answer are not worth keeping, nor is any echo. */
	if (p->ip_proto == PROTO_UDP && state == CT_REPLIED && mine->packets + other->packets > 2)
		orig->is_assured = 1;
	if (state == 0)
		return;
	if (state != before || orig->is_assured != was_assured)
		ct_set_state(c, orig_index, state);
	/* The SYN of a flood once more does not make it live longer. */
	if (is_first || (state == before && state_holds(state)))
		return;
	orig->expires_ns = now_ns
		+ ct_timeout_ns(c, ct_guests_of(c, orig_index),
			&(struct ct_age_of){ p->ip_proto, state, orig->is_assured });
}
