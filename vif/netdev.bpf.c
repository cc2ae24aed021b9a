/* SPDX-License-Identifier: Apache-2.0 */
/* netdev.bpf.c - the programs on every kernel netdev that is a vif.
 *
 * Purpose: what a guest sends belongs to the switch alone.  The engine's packet socket has had its
 * copy when clsact runs (taps of packet sockets come first in the receive path), so a frame is shot
 * there and the host's own stack, its bridges and its routing never see it.
 * Why not nftables: a netdev-family chain follows the name and opens on rename, and somebody's
 * `nft flush ruleset` removes it; a clsact filter is bound to the device.
 * Fast path: two programs a device.  saklar_choose filters the engine's packet socket: it looks for
 * a verdict of the pipeline (vswitch/abi/verdicts.h) that holds for this very frame, writes it into
 * its CPU's slot and keeps the frame from the engine.  saklar_netdev runs next, on the same CPU, for
 * the same frame, with no other between: it carries out what the slot says, or shoots.  Nothing is
 * decided here: a frame without a verdict is the engine's.  Without an engine and a daemon there is no
 * socket and no filter; then the tc program looks for a verdict itself, and flows that have one go on.
 * What is sent to a router's MAC, and belongs to a connection: vif/netdev_flow.h.
 * An uplink that the host shares has programs of its own, saklar_choose_own and saklar_shared: the same
 * for the router's MAC, and for everything else as if they were not there.
 * Theory: the first program reads everything that the pipeline's decision read: way in, both MACs,
 * EtherType, tag, size, and the records of the forwarding table themselves.  Kinds of frames that
 * more than the bridge looks at (ARP, ND, DHCP, fragments, the ends of TCP connections, a TTL that
 * ends, lengths that do not add up) never have a verdict; so a vif's guard, which looks at nothing
 * else but the MAC and the source address, has passed what passes here.  In a network with a spanning
 * tree a verdict holds while both ports forward, which the engine confirms every second: soon after
 * its death the neighbours open other ways, and going on would close a ring.
 * Built by clang for the bpf target into an array; loaded by config/netdev_bpf.c. */
#include "vif/netdev_flow.h"

#define FILTER_PASS 0xffffffffu /* the whole frame, to the engine */
#define FILTER_KEEP 0
#define L4_HDR_MIN 8
#define TCP_FIN_SYN_RST 0x07

/* RFC 2131 §4.1, RFC 8415 §7.2: what DHCP's servers and clients speak from and to. */
static ALWAYS_INLINE int is_dhcp(const uint16_t port[2])
{
	return port[0] == TO_BE16(67) || port[0] == TO_BE16(547) || port[1] == TO_BE16(67)
		|| port[1] == TO_BE16(68) || port[1] == TO_BE16(546) || port[1] == TO_BE16(547);
}

/* Is the segment or datagram at @off, which ends at @end, whole and one of those that only move
 * data?  Sets .hdr_len. */
static ALWAYS_INLINE int is_plain_l4(
	struct __sk_buff *skb, struct flow *f, uint8_t proto, uint32_t off, uint32_t end)
{
	uint8_t tcp[2];
	uint16_t port[2];
	uint32_t len;
	uint8_t icmp;

	if (off + L4_HDR_MIN > end)
		return 0;

	switch (proto) {
	case 6:
		if (load_bytes(skb, off + 12, tcp, sizeof(tcp)) < 0 || (tcp[1] & TCP_FIN_SYN_RST))
			return 0;
		len = (tcp[0] >> 4) * 4u;
		f->hdr_len = (uint16_t)(off + len);
		return len >= 20 && off + len <= end;
	case 17:
		if (load_bytes(skb, off, port, sizeof(port)) < 0)
			return 0;
		/* Of a tunnel's GSO frame these are not all headers, but its small frames must not
		 * overtake it. */
		f->hdr_len = (uint16_t)(off + 8);
		return !is_dhcp(port);
	case 1: return skb->gso_size == 0;
	case 58:
		/* RFC 4861: 133 to 137 */
		return skb->gso_size == 0 && load_bytes(skb, off, &icmp, 1) == 0
			&& (icmp < 133 || icmp > 137);
	default: return 0;
	}
}

/* A super-frame whose IP says another length than its own is none (vif/pkt_parse.c). */
static ALWAYS_INLINE int is_whole_super(struct __sk_buff *skb, uint32_t ip_len)
{
	return !skb->gso_size || ETHER_LEN + ip_len == skb->len;
}

static ALWAYS_INLINE int is_plain_ip4(struct __sk_buff *skb, struct flow *f)
{
	uint8_t ip[20];

	if (load_bytes(skb, ETHER_LEN, ip, sizeof(ip)) < 0 || ip[0] != 0x45 || ip[8] <= 1)
		return 0;
	if ((ip[6] & 0x3f) != 0 || ip[7] != 0) /* a fragment */
		return 0;
	uint32_t end = ETHER_LEN + ((uint32_t)ip[2] << 8 | ip[3]);

	if (end > skb->len || !is_whole_super(skb, end - ETHER_LEN))
		return 0;
	__builtin_memcpy(&f->src_ip4, ip + 12, 4);
	return is_plain_l4(skb, f, ip[9], ETHER_LEN + sizeof(ip), end);
}

static ALWAYS_INLINE int is_plain_ip6(struct __sk_buff *skb, struct flow *f)
{
	uint8_t ip[8];

	if (load_bytes(skb, ETHER_LEN, ip, sizeof(ip)) < 0 || ip[0] >> 4 != 6 || ip[7] <= 1
		|| !is_whole_super(skb, 40 + ((uint32_t)ip[4] << 8 | ip[5])))
		return 0;
	uint32_t end = ETHER_LEN + 40 + ((uint32_t)ip[4] << 8 | ip[5]);

	return end <= skb->len && is_plain_l4(skb, f, ip[6], ETHER_LEN + 40, end);
}

/* May there be a verdict about this frame at all? */
static ALWAYS_INLINE int is_plain(struct __sk_buff *skb, struct flow *f)
{
	if (skb->vlan_present || load_bytes(skb, 0, f, ETHER_LEN) < 0 || (f->macs[0] & 1) != 0)
		return 0;
	if (f->ether_type == ETHER_IP4)
		return is_plain_ip4(skb, f);
	return f->ether_type == ETHER_IP6 && is_plain_ip6(skb, f);
}

static ALWAYS_INLINE int are_same_macs(const uint8_t *a, const uint8_t *b)
{
	uint64_t a_head, b_head;
	uint32_t a_tail, b_tail;

	__builtin_memcpy(&a_head, a, 8);
	__builtin_memcpy(&b_head, b, 8);
	__builtin_memcpy(&a_tail, a + 8, 4);
	__builtin_memcpy(&b_tail, b + 8, 4);
	return a_head == b_head && a_tail == b_tail;
}

static ALWAYS_INLINE int is_for(
	const struct verdict *v, const struct flow *f, uint32_t in_ifindex, uint32_t generation)
{
	return READ(v->generation) == generation && READ(v->in_ifindex) == in_ifindex
		&& READ(v->ether_type) == f->ether_type && are_same_macs(v->macs, f->macs)
		&& (READ(v->src_ip4) == 0 || READ(v->src_ip4) == f->src_ip4);
}

/* Is the destination still where @v says? */
static ALWAYS_INLINE int dst_holds(
	const struct flow *f, const struct verdict *v, uint32_t wire, uint64_t now)
{
	struct verdict_station *dst = station(v->dst_record, f->macs, v->network_id, v->out_vif);

	return wire <= v->wire_max && dst && !has_aged(dst, v->ageing_ns, now);
}

/* Does @v still hold?  Then slot (and edit) are filled, and the source has been heard. */
static ALWAYS_INLINE int apply(struct __sk_buff *skb, const struct flow *f, const struct verdict *v,
	struct verdict_slot *slot, struct verdict_edit *edit)
{
	uint32_t seq = READ(v->seq);
	struct verdict copy = *v;
	uint32_t wire = skb->gso_size ? f->hdr_len + skb->gso_size : skb->len;
	struct verdict_station *src = 0;
	uint64_t now = now_ns();

	if (seq == 0 || (seq & 1) || READ(v->seq) != seq)
		return 0;
	if ((copy.flags & VERDICT_WATCHED) && !may_forward(copy.in_vif, now))
		return 0;
	if (copy.src_record != 0) {
		src = station(copy.src_record, f->macs + 6, copy.network_id, copy.in_vif);
		if (!src)
			return 0;
	}
	slot->in_vif = copy.in_vif;
	if (copy.out_vif == VERDICT_ROUTER) {
		if (!flow_choose(skb, f, copy.network_id, slot, edit))
			return 0;
	} else {
		if (!dst_holds(f, &copy, wire, now)
			|| ((copy.flags & VERDICT_WATCHED) && !may_forward(copy.out_vif, now)))
			return 0;
		slot->out_vif = copy.out_vif;
	}
	if (src)
		src->last_seen_ns = now;
	return slot->out_vif != 0;
}

static ALWAYS_INLINE int choose(
	struct __sk_buff *skb, struct verdict_slot *slot, struct verdict_edit *edit)
{
	const struct verdict_control *control = elem(VERDICTS_CONTROL);
	struct flow f = { { 0 }, 0, 0, 0 };

	if (!control || READ(control->generation) == 0 || !is_plain(skb, &f))
		return 0;
	uint32_t generation = READ(control->generation);
	uint32_t first = VERDICTS_FIRST
		+ verdict_set(control, f.macs, skb->ifindex, f.ether_type) * VERDICT_WAYS;

	UNROLL
	for (uint32_t way = 0; way < VERDICT_WAYS; way++) {
		const struct verdict *v = elem(first + way);

		if (v && is_for(v, &f, skb->ifindex, generation))
			return apply(skb, &f, v, slot, edit);
	}
	return 0;
}

/* The same, with nothing left in the slot of what was looked at in vain. */
static ALWAYS_INLINE int choose_for(
	struct __sk_buff *skb, struct verdict_slot *slot, struct verdict_edit *edit)
{
	slot->out_vif = 0;
	slot->is_edited = 0;
	if (choose(skb, slot, edit))
		return 1;
	slot->out_vif = 0;
	return 0;
}

static ALWAYS_INLINE uint32_t choose_in_slot(struct __sk_buff *skb)
{
	struct verdict_slot *slot;
	struct verdict_edit *edit;
	uint32_t cpu = cpu_number();

	if (cpu >= VERDICT_CPUS)
		return FILTER_PASS;
	slot = elem(VERDICTS_SLOT + cpu);
	edit = elem(VERDICTS_EDIT + cpu);
	if (!slot || !edit)
		return FILTER_PASS;
	slot->len = skb->len;
	slot->ifindex = skb->ifindex;
	return choose_for(skb, slot, edit) ? FILTER_KEEP : FILTER_PASS;
}

SEC("socket")
int saklar_choose(struct __sk_buff *skb)
{
	return (int)choose_in_slot(skb);
}

/* The sockets of a device that the host shares: groups, and what is for one's own address. */
volatile const uint64_t saklar_own_mac = 0; /* as in memory, then two bytes 0 */

SEC("socket")
int saklar_choose_own(struct __sk_buff *skb)
{
	uint32_t cpu = cpu_number();
	struct verdict_slot *slot;
	uint64_t dst = 0;

	if (cpu >= VERDICT_CPUS || load_bytes(skb, 0, &dst, 6) < 0)
		return FILTER_KEEP;
	slot = elem(VERDICTS_SLOT + cpu);
	if (!slot)
		return FILTER_KEEP;
	if (dst == saklar_own_mac)
		return (int)choose_in_slot(skb);
	/* unless another socket's address has filled it for this frame */
	if (slot->ifindex != skb->ifindex || slot->len != skb->len) {
		slot->len = skb->len;
		slot->ifindex = skb->ifindex;
		slot->out_vif = 0;
	}
	return ((const uint8_t *)&dst)[0] & 1 ? (int)FILTER_PASS : FILTER_KEEP;
}

static ALWAYS_INLINE void count(uint16_t in_vif, uint16_t out_vif, uint32_t len, int is_lost)
{
	struct verdict_counters *in = elem(VERDICTS_VIF + (in_vif & (VIF_ID_MAX - 1)));
	struct verdict_counters *out = elem(VERDICTS_VIF + (out_vif & (VIF_ID_MAX - 1)));

	if (!in || !out)
		return;
	__sync_fetch_and_add(&in->rx_packets, 1);
	__sync_fetch_and_add(&in->rx_bytes, len);
	if (is_lost) {
		__sync_fetch_and_add(&out->tx_lost, 1);
		return;
	}
	__sync_fetch_and_add(&out->tx_packets, 1);
	__sync_fetch_and_add(&out->tx_bytes, len);
}

/* What the slot says, done; @otherwise: for a frame of which it says nothing. */
static ALWAYS_INLINE int carry_out(struct __sk_buff *skb, int otherwise)
{
	uint32_t cpu = cpu_number();
	struct verdict_slot *slot;
	struct verdict_edit *edit;
	uint32_t *ifindex;

	if (cpu >= VERDICT_CPUS)
		return otherwise;
	slot = elem(VERDICTS_SLOT + cpu);
	edit = elem(VERDICTS_EDIT + cpu);
	if (!slot || !edit)
		return otherwise;
	if (slot->ifindex != skb->ifindex || slot->len != skb->len)
		choose_for(
			skb, slot, edit); /* no filter was asked: engine and daemon are dead both */
	slot->ifindex = 0;
	uint32_t vif = slot->out_vif;

	if (vif == 0)
		return otherwise;
	ifindex = map_at(&saklar_ports, &vif);
	if (!ifindex || *ifindex == 0 || (slot->is_edited && !flow_edit(skb, edit))) {
		count(slot->in_vif, (uint16_t)vif, skb->len, 1);
		return TC_ACT_SHOT;
	}
	count(slot->in_vif, (uint16_t)vif, skb->len, 0);
	return (int)redirect(*ifindex, 0);
}

SEC("tc")
int saklar_netdev(struct __sk_buff *skb)
{
	return carry_out(skb, TC_ACT_SHOT);
}

/* On a device that stays the host's: whatever is not ours goes on to it. */
SEC("tc")
int saklar_shared(struct __sk_buff *skb)
{
	return carry_out(skb, TC_ACT_UNSPEC);
}

/* The programs call only helpers that any licence may; theirs is that of the file. */
char saklar_license[] SEC("license") = "Apache-2.0";
