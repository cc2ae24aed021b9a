/* SPDX-License-Identifier: Apache-2.0 */
/* netdev_flow.h - the part of netdev.bpf.c that knows of connections: what is sent to a router's MAC.
 *
 * From: vif/netdev.bpf.c alone.
 * Theory: as there: nothing is decided.  flow_choose() finds what the pipeline noted about the
 * connection (struct verdict_flow) and looks whether all it rests on still says so: both records of
 * the connection, the neighbour's, and the forwarding table's for the neighbour's MAC.  flow_edit()
 * does what bridge/router.c did with the packets before, and keeps the connection as bridge/ct_state.c
 * does: its time, its counters, and what TCP has said, against which a RST is held later.
 * Invariants: whatever has to be checked in a packet before a router may touch it (RFC 1812 §5.2.2,
 * lengths) is checked, or the engine gets the packet. */
#pragma once

#include "vif/netdev_maps.h"

#define IP4_LEN 20
#define IP6_LEN 40
#define TCP_LEN 20
#define TCP_ACK_FLAG 0x10
#define TCP_WIN_LEAST 66000u /* bridge/ct_state.c */
#define TCP_SCALE_MAX 14
#define TCP_SCALE_NONE 16

/* What a packet of a connection says. */
struct routed {
	uint64_t tuple[5]; /* struct ct_tuple */
	uint32_t l4_off;
	uint32_t ip_len; /* bytes of IP */
	uint32_t seq, ack, len; /* of TCP */
	uint16_t win;
	uint8_t tcp_flags;
	uint8_t proto;
};

static ALWAYS_INLINE uint32_t read_be16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static ALWAYS_INLINE uint32_t read_be32(const uint8_t *at)
{
	return read_be16(at) << 16 | read_be16(at + 2);
}

static ALWAYS_INLINE uint64_t read_word(const uint8_t *at)
{
	uint64_t v;

	__builtin_memcpy(&v, at, sizeof(v));
	return v;
}

/* RFC 1071 over the 20 bytes of an IPv4 header without options: 0xffff when it is right. */
static ALWAYS_INLINE uint32_t ip4_sum(const uint8_t *ip)
{
	uint32_t sum = 0;

	UNROLL
	for (int i = 0; i < IP4_LEN; i += 2)
		sum += read_be16(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The last word of struct ct_tuple, from its parts as they stand in memory. */
static ALWAYS_INLINE uint64_t tuple_tail(
	uint16_t sport, uint16_t dport, uint16_t network_id, uint8_t proto, uint8_t is_v6)
{
	return (uint64_t)sport | (uint64_t)dport << 16 | (uint64_t)network_id << 32
		| (uint64_t)proto << 48 | (uint64_t)is_v6 << 56;
}

/* Ports, or an echo's id in the place of the port of who asked; 0: not one that has a flow. */
static ALWAYS_INLINE int read_l4(
	struct __sk_buff *skb, struct routed *r, uint16_t network_id, uint8_t is_v6)
{
	uint32_t room = r->ip_len - (r->l4_off - ETHER_LEN);
	uint16_t port[2] = { 0 };
	uint8_t l4[TCP_LEN] = { 0 };

	if (r->proto == 6) {
		uint32_t hdr_len;

		if (room < TCP_LEN || load_bytes(skb, r->l4_off, l4, TCP_LEN) < 0)
			return 0;
		hdr_len = (uint32_t)(l4[12] >> 4) * 4;
		if (hdr_len < TCP_LEN || hdr_len > room)
			return 0;
		r->seq = read_be32(l4 + 4);
		r->ack = read_be32(l4 + 8);
		r->win = (uint16_t)read_be16(l4 + 14);
		r->tcp_flags = l4[13];
		r->len = room - hdr_len;
	} else {
		if (room < 8 || load_bytes(skb, r->l4_off, l4, 8) < 0)
			return 0;
	}
	if (r->proto == 17 && !skb->gso_size && (read_be16(l4 + 4) < 8 || read_be16(l4 + 4) > room))
		return 0;
	__builtin_memcpy(port, l4, sizeof(port));
	if (r->proto == 1 || r->proto == 58) {
		uint8_t ask = r->proto == 1 ? 8 : 128, answer = r->proto == 1 ? 0 : 129;
		uint16_t id;

		__builtin_memcpy(&id, l4 + 4, 2);
		if (l4[0] != ask && l4[0] != answer)
			return 0;
		port[0] = l4[0] == ask ? id : 0;
		port[1] = l4[0] == ask ? 0 : id;
	}
	r->tuple[4] = tuple_tail(port[0], port[1], network_id, r->proto, is_v6);
	return 1;
}

/* Fill @r from a frame for which is_plain() holds; 0: the engine's. */
static ALWAYS_INLINE int read_routed(
	struct __sk_buff *skb, struct routed *r, uint16_t ether_type, uint16_t network_id)
{
	uint8_t ip[IP6_LEN] = { 0 };

	if (ether_type == ETHER_IP4) {
		if (load_bytes(skb, ETHER_LEN, ip, IP4_LEN) < 0 || ip4_sum(ip) != 0xffff)
			return 0;
		r->proto = ip[9];
		r->ip_len = read_be16(ip + 2);
		r->l4_off = ETHER_LEN + IP4_LEN;
		/* as struct ct_tuple has IPv4: mapped */
		r->tuple[0] = r->tuple[2] = 0;
		r->tuple[1] = UINT64_C(0xffff0000) | read_word(ip + 12) << 32;
		r->tuple[3] = UINT64_C(0xffff0000) | (read_word(ip + 12) >> 32) << 32;
		if (r->ip_len < IP4_LEN || r->proto == 58)
			return 0;
	} else {
		if (load_bytes(skb, ETHER_LEN, ip, IP6_LEN) < 0)
			return 0;
		r->proto = ip[6];
		r->ip_len = IP6_LEN + read_be16(ip + 4);
		r->l4_off = ETHER_LEN + IP6_LEN;
		r->tuple[0] = read_word(ip + 8);
		r->tuple[1] = read_word(ip + 16);
		r->tuple[2] = read_word(ip + 24);
		r->tuple[3] = read_word(ip + 32);
		if (r->proto == 1)
			return 0;
	}
	if (ETHER_LEN + r->ip_len > skb->len)
		return 0;
	return read_l4(skb, r, network_id, ether_type == ETHER_IP6);
}

static ALWAYS_INLINE int is_same_tuple(const struct verdict_conn *c, const uint64_t *tuple)
{
	return READ(c->tuple[0]) == tuple[0] && READ(c->tuple[1]) == tuple[1]
		&& READ(c->tuple[2]) == tuple[2] && READ(c->tuple[3]) == tuple[3]
		&& READ(c->tuple[4]) == tuple[4];
}

static ALWAYS_INLINE struct verdict_conn *conn_at(uint32_t record)
{
	uint32_t index = VERDICT_CT_ELEM(record);

	return map_at(&saklar_ct, &index);
}

static ALWAYS_INLINE struct verdict_conn_hot *conn_hot_at(uint32_t record)
{
	uint32_t index = VERDICT_CT_ELEM(record) + 1;

	return map_at(&saklar_ct, &index);
}

static ALWAYS_INLINE int is_whole(uint32_t seq)
{
	return seq != 0 && (seq & 1) == 0;
}

/* Does the connection still stand as it did?  Then @edit has what its packets become. */
static ALWAYS_INLINE int conn_holds(const struct verdict_flow *f, const uint64_t *tuple,
	uint64_t now, struct verdict_edit *edit)
{
	struct verdict_conn *mine = conn_at(f->conn), *other;
	struct verdict_conn_hot *hot = conn_hot_at(f->conn), *other_hot, *orig;
	uint32_t partner, seq, other_seq;

	if (!mine || !hot)
		return 0;
	seq = READ(mine->seq);
	partner = READ(hot->partner);
	other = conn_at(partner);
	other_hot = conn_hot_at(partner);
	if (!other || !other_hot || !is_whole(seq) || !is_same_tuple(mine, tuple))
		return 0;
	other_seq = READ(other->seq);
	orig = READ(hot->dir) == VERDICT_DIR_ORIG ? hot : other_hot;
	if (!is_whole(other_seq) || READ(orig->expires_ns) <= now || READ(orig->state) != f->state
		|| READ(orig->is_assured) != f->is_assured)
		return 0;
	edit->conn = f->conn;
	edit->partner = partner;
	edit->timeout_s = f->timeout_s;
	edit->tuple[0] = READ(other->tuple[0]);
	edit->tuple[1] = READ(other->tuple[1]);
	edit->tuple[2] = READ(other->tuple[2]);
	edit->tuple[3] = READ(other->tuple[3]);
	edit->tuple[4] = READ(other->tuple[4]);
	return READ(mine->seq) == seq && READ(other->seq) == other_seq;
}

/* Is the neighbour known to hear us under this MAC? */
static ALWAYS_INLINE int neigh_holds(
	const struct verdict_flow *f, uint64_t now, struct verdict_edit *edit)
{
	uint32_t index = f->neigh;
	struct verdict_neigh *n = map_at(&saklar_neigh, &index);
	uint32_t seq;

	if (!n || index == 0)
		return 0;
	seq = READ(n->seq);
	if (!is_whole(seq) || READ(n->check) != f->neigh_check
		|| READ(n->reachable_until_ns) <= now)
		return 0;
	__builtin_memcpy(edit->macs, n->mac, 6);
	__builtin_memcpy(edit->macs + 6, f->src_mac, 6);
	return READ(n->seq) == seq;
}

/* Does @at still hold?  Then slot and edit are filled. */
static ALWAYS_INLINE int flow_apply(uint32_t wire, const uint64_t *tuple,
	const struct verdict_flow *at, struct verdict_slot *slot, struct verdict_edit *edit)
{
	uint32_t seq = READ(at->seq);
	struct verdict_flow f = *at;
	uint64_t now = now_ns();

	if (!is_whole(seq) || READ(at->seq) != seq || wire > f.wire_max
		|| !conn_holds(&f, tuple, now, edit) || !neigh_holds(&f, now, edit))
		return 0;
	struct verdict_station *dst = station(f.dst_record, edit->macs, f.out_network, f.out_vif);

	if (!dst || has_aged(dst, f.ageing_s * UINT64_C(1000000000), now)
		|| ((f.flags & VERDICT_WATCHED) && !may_forward(f.out_vif, now)))
		return 0;
	slot->out_vif = f.out_vif;
	slot->is_edited = 1;
	return f.out_vif != 0 && f.out_vif != VERDICT_ROUTER;
}

/* A frame for a router: what becomes of its connection's packets? */
static ALWAYS_INLINE int flow_choose(struct __sk_buff *skb, const struct flow *f,
	uint16_t network_id, struct verdict_slot *slot, struct verdict_edit *edit)
{
	const struct verdict_control *control = elem(VERDICTS_CONTROL);
	uint32_t wire = skb->gso_size ? f->hdr_len + skb->gso_size : skb->len;
	struct routed r = { { 0 }, 0, 0, 0, 0, 0, 0, 0, 0 };

	if (!control || !read_routed(skb, &r, f->ether_type, network_id))
		return 0;
	uint64_t hash = verdict_flow_hash(control, r.tuple);
	uint32_t generation = READ(control->generation), tag = (uint32_t)(hash >> 32);
	uint32_t first = VERDICTS_FLOW + ((uint32_t)hash & (VERDICT_FLOW_SETS - 1)) * VERDICT_WAYS;

	UNROLL
	for (uint32_t way = 0; way < VERDICT_WAYS; way++) {
		const struct verdict_flow *at = elem(first + way);

		if (at && READ(at->generation) == generation && READ(at->tag) == tag)
			return flow_apply(wire, r.tuple, at, slot, edit);
	}
	return 0;
}

static ALWAYS_INLINE int is_behind(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static ALWAYS_INLINE uint32_t larger_of(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* bridge/ct_state.c seg_fits() */
static ALWAYS_INLINE int seg_fits(const struct verdict_conn_hot *mine,
	const struct verdict_conn_hot *other, const struct routed *r)
{
	uint32_t their_win = READ(other->tcp_win), my_win = READ(mine->tcp_win);
	uint32_t theirs = larger_of(their_win, TCP_WIN_LEAST);
	uint32_t ours = larger_of(my_win, TCP_WIN_LEAST);

	if (!mine->has_tcp || !other->has_tcp || my_win == 0 || their_win == 0)
		return 1;
	if (is_behind(r->seq, READ(other->tcp_ack) + theirs)
		|| is_behind(READ(mine->tcp_end) - theirs, r->seq + r->len))
		return 0;
	return (r->tcp_flags & TCP_ACK_FLAG) == 0
		|| (!is_behind(r->ack, READ(other->tcp_end))
			&& !is_behind(READ(other->tcp_end) - ours, r->ack));
}

/* bridge/ct_state.c seg_note(), for what is neither SYN nor FIN. */
static ALWAYS_INLINE void seg_note(
	struct verdict_conn_hot *mine, const struct verdict_conn_hot *other, const struct routed *r)
{
	uint32_t end = r->seq + r->len, win = r->win, shift = 0;

	if (mine->tcp_scale == 0 || other->tcp_scale == 0)
		shift = TCP_SCALE_MAX;
	else if (mine->tcp_scale != TCP_SCALE_NONE && other->tcp_scale != TCP_SCALE_NONE)
		shift = (mine->tcp_scale - 1u) % (TCP_SCALE_MAX + 1u);
	win <<= shift & 15;
	if (win > READ(mine->tcp_win))
		mine->tcp_win = win;
	if (!mine->has_tcp || is_behind(end, READ(mine->tcp_end)))
		mine->tcp_end = end;
	if ((r->tcp_flags & TCP_ACK_FLAG)
		&& (!mine->has_tcp || is_behind(r->ack, READ(mine->tcp_ack))))
		mine->tcp_ack = r->ack;
	mine->has_tcp = 1;
}

/* bridge/ct_state.c ct_seen(). */
static ALWAYS_INLINE void flow_seen(const struct verdict_edit *edit, const struct routed *r)
{
	struct verdict_conn_hot *mine = conn_hot_at(edit->conn),
				*other = conn_hot_at(edit->partner);
	struct verdict_conn_hot *orig;

	if (!mine || !other)
		return;
	orig = mine->dir == VERDICT_DIR_ORIG ? mine : other;
	__sync_fetch_and_add(&mine->packets, 1);
	__sync_fetch_and_add(&mine->bytes, r->ip_len);
	if (r->proto == 6) {
		if (!seg_fits(mine, other, r))
			return;
		seg_note(mine, other, r);
	}
	orig->expires_ns = now_ns() + edit->timeout_s * UINT64_C(1000000000);
}

/* New addresses for the headers at @head, those before are left in @old. */
static ALWAYS_INLINE void write_addrs(
	uint8_t *head, uint8_t *old, uint8_t *new, const uint64_t *tuple, int is_v6)
{
	uint64_t src[2] = { tuple[2], tuple[3] }, dst[2] = { tuple[0], tuple[1] };

	if (is_v6) {
		__builtin_memcpy(old, head + ETHER_LEN + 8, 32);
		__builtin_memcpy(new, src, 16);
		__builtin_memcpy(new + 16, dst, 16);
		__builtin_memcpy(head + ETHER_LEN + 8, new, 32);
		head[ETHER_LEN + 7]--;
		return;
	}
	uint64_t addrs = src[1] >> 32 | (dst[1] >> 32) << 32;

	__builtin_memcpy(old, head + ETHER_LEN + 12, 8);
	__builtin_memcpy(new, &addrs, 8);
	__builtin_memcpy(head + ETHER_LEN + 12, new, 8);
	head[ETHER_LEN + 8]--;
	head[ETHER_LEN + 10] = head[ETHER_LEN + 11] = 0;
	uint32_t sum = ~ip4_sum(head + ETHER_LEN) & 0xffff;

	head[ETHER_LEN + 10] = (uint8_t)(sum >> 8);
	head[ETHER_LEN + 11] = (uint8_t)sum;
}

/* Ports or id, and the checksum over them and over addresses whose change is @change. */
static ALWAYS_INLINE long write_l4(
	struct __sk_buff *skb, const struct routed *r, uint64_t tail, uint32_t change)
{
	uint16_t was[2] = { (uint16_t)r->tuple[4], (uint16_t)(r->tuple[4] >> 16) };
	uint16_t is[2] = { (uint16_t)(tail >> 16), (uint16_t)tail }; /* turned round */
	uint32_t at = r->l4_off + (r->proto == 6 ? 16 : r->proto == 17 ? 6 : 2);
	uint64_t udp = r->proto == 17 ? BPF_F_MARK_MANGLED_0 : 0;
	long rc = 0;

	if (r->proto != 1)
		rc |= l4_csum(skb, at, 0, change, BPF_F_PSEUDO_HDR | udp);
	if (r->proto == 6 || r->proto == 17) {
		uint32_t old, new;

		__builtin_memcpy(&old, was, 4);
		__builtin_memcpy(&new, is, 4);
		rc |= l4_csum(skb, at, old, new, 4 | udp);
		rc |= store_bytes(skb, r->l4_off, is, 4, 0);
		return rc;
	}
	uint16_t old_id = was[0] ? was[0] : was[1], id = is[0] ? is[0] : is[1];

	rc |= l4_csum(skb, at, old_id, id, 2);
	rc |= store_bytes(skb, r->l4_off + 4, &id, 2, 0);
	return rc;
}

/* Make the packet what the slot's edit says; 0: it could not be done, and the packet is lost. */
static ALWAYS_INLINE int flow_edit(struct __sk_buff *skb, const struct verdict_edit *edit)
{
	uint8_t head[ETHER_LEN + IP6_LEN] = { 0 }, old[32] = { 0 }, new[32] = { 0 };
	struct routed r = { { 0 }, 0, 0, 0, 0, 0, 0, 0, 0 };
	uint16_t ether_type;
	uint32_t change;
	long rc;

	if (load_bytes(skb, 0, head, ETHER_LEN + IP4_LEN) < 0)
		return 0;
	__builtin_memcpy(&ether_type, head + 12, 2);
	int is_v6 = ether_type == ETHER_IP6;

	if (is_v6 && load_bytes(skb, 0, head, sizeof(head)) < 0)
		return 0;
	if (!read_routed(skb, &r, ether_type, 0))
		return 0;
	flow_seen(edit, &r);
	__builtin_memcpy(head, edit->macs, 12);
	write_addrs(head, old, new, edit->tuple, is_v6);
	change = (uint32_t)csum_diff(old, sizeof(old), new, sizeof(new), 0);
	rc = write_l4(skb, &r, edit->tuple[4], change);
	if (!is_v6)
		return (rc | store_bytes(skb, 0, head, ETHER_LEN + IP4_LEN, 0)) == 0;
	/* A NIC may have summed up the packet: nothing in IPv6's header makes up for the hop limit. */
	rc |= store_bytes(skb, 0, head, ETHER_LEN, 0);
	rc |= store_bytes(skb, ETHER_LEN, head + ETHER_LEN, 8, BPF_F_RECOMPUTE_CSUM);
	rc |= store_bytes(skb, ETHER_LEN + 8, head + ETHER_LEN + 8, IP6_LEN - 8, 0);
	return rc == 0;
}
