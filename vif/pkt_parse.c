/* SPDX-License-Identifier: Apache-2.0 */
/* pkt_parse.c - turns the bytes of a hostile frame into offsets that later stages may trust.
 *
 * From: vif rx, by vswitch/pipeline.c.  To: bridge/guard.c.
 * Theory: one walk from the Ethernet header inwards, each header asked for with its length, all in
 * the linear part of the mbuf.  What the frame says about itself (lengths, header sizes) is believed
 * only as far as the frame reaches.  A frame whose IP layer does not add up is still a good
 * Ethernet frame: it is flagged PKT_MALFORMED and bridged without being looked at again.  Offload
 * metadata is another matter: it makes others write into the frame or cut it up, so it fails
 * closed.  It must name exactly the checksum that our own walk found, else the frame is dropped.
 * Invariants: after this stage csum_start + csum_offset + 2 <= linear length; gso_type is not
 * PKT_GSO_NONE only with hdr_len < len and gso_size >= PKT_GSO_SIZE_MIN; csum and GSO fields are 0
 * when unused.
 * Thread: worker; no state. */
#include "vif/pkt_parse.h"

#include <rte_prefetch.h>

#include <endian.h>
#include <string.h>

#define ETH_HDR_LEN 14
#define VLAN_TAG_LEN 4
#define IP4_HDR_MIN 20
#define IP6_HDR_LEN 40
#define UDP_HDR_LEN 8
#define ARP_LEN 28

enum {
	ETHER_IP4 = 0x0800,
	ETHER_ARP = 0x0806,
	ETHER_VLAN = 0x8100,
	ETHER_IP6 = 0x86dd,
	ETHER_QINQ = 0x88a8,
	ETHER_TEB = 0x6558, /* Ethernet in GRE */
};

enum {
	PROTO_HOPOPTS = 0,
	PROTO_ICMP = 1,
	PROTO_IP4 = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_IP6 = 41,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_GRE = 47,
	PROTO_AH = 51,
	PROTO_ICMP6 = 58,
	PROTO_DSTOPTS = 60,
	PROTO_SCTP = 132,
	PROTO_MOBILITY = 135,
};

/* What a walk over one IP packet found; of the frame itself, or of one inside a tunnel. */
struct walk {
	uint32_t end; /* first byte behind the IP packet */
	uint16_t
		flags; /* PKT_IS_IP4, PKT_IS_IP6, PKT_IS_ARP, PKT_IS_FRAG, PKT_HAS_L4, PKT_MALFORMED */
	uint16_t l3_off;
	uint16_t l4_off; /* behind the last IP header walked; 0: not reached */
	uint16_t l4_len; /* with PKT_HAS_L4 */
	uint8_t proto;
};

static uint16_t load_be16(const uint8_t *at)
{
	be16 v;

	memcpy(&v, at, sizeof(v));
	return be16toh(v);
}

int pkt_csum_offset_of(uint8_t ip_proto)
{
	switch (ip_proto) {
	case PROTO_TCP: return 16;
	case PROTO_UDP: return 6;
	case PROTO_ICMP6: return 2;
	case PROTO_SCTP: return 8; /* CRC32c; see pkt_edit.c */
	default: return -1;
	}
}

static void walk_l4(const struct pkt *p, struct walk *w)
{
	uint32_t len = UDP_HDR_LEN;
	const uint8_t *h;

	if (w->proto == PROTO_TCP) {
		h = pkt_hdr(p, w->l4_off, 20);
		if (h == NULL)
			return;
		/* RFC 9293 §3.1: data offset counts 32-bit words, at least 5. */
		len = (h[12] >> 4) * 4u;
		if (len < 20)
			return;
	} else if (w->proto == PROTO_SCTP) {
		len = 12;
	} else if (w->proto != PROTO_UDP && w->proto != PROTO_ICMP && w->proto != PROTO_ICMP6) {
		return;
	}
	if (w->l4_off + len > w->end || pkt_hdr(p, w->l4_off, len) == NULL)
		return;
	w->l4_len = (uint16_t)len;
	w->flags |= PKT_HAS_L4;
}

static void walk_ip4(const struct pkt *p, struct walk *w)
{
	const uint8_t *h = pkt_hdr(p, w->l3_off, IP4_HDR_MIN);
	uint32_t hdr_len, total_len;
	uint16_t frag;

	w->flags |= PKT_MALFORMED;
	if (h == NULL || h[0] >> 4 != 4)
		return;
	hdr_len = (h[0] & 0xfu) * 4u;
	total_len = load_be16(h + 2);
	if (hdr_len < IP4_HDR_MIN || pkt_hdr(p, w->l3_off, hdr_len) == NULL || total_len < hdr_len)
		return;
	if (total_len > p->len - w->l3_off)
		return;
	w->flags = (uint16_t)((w->flags & ~PKT_MALFORMED) | PKT_IS_IP4);
	w->end = w->l3_off + total_len;
	w->proto = h[9];
	w->l4_off = (uint16_t)(w->l3_off + hdr_len);
	frag = load_be16(h + 6);
	if (frag & 0x3fff) /* MF or an offset */
		w->flags |= PKT_IS_FRAG;
	if (frag & 0x1fff)
		w->l4_off = 0; /* not the first: there is no L4 header */
	else
		walk_l4(p, w);
}

uint32_t pkt_ip6_ext_len(uint8_t proto, const uint8_t *h)
{
	switch (proto) {
	case PROTO_HOPOPTS:
	case PROTO_ROUTING:
	case PROTO_DSTOPTS:
	case PROTO_MOBILITY: return (h[1] + 1u) * 8u;
	case PROTO_FRAGMENT: return 8;
	case PROTO_AH: return (h[1] + 2u) * 4u; /* RFC 4302 §2.2 */
	default: return 0;
	}
}

static bool ip6_is_ext(uint8_t proto)
{
	static const uint8_t any[8];

	return pkt_ip6_ext_len(proto, any) != 0;
}

/* Walk the extension headers; false when the chain does not end inside the packet. */
static bool walk_ip6_exts(const struct pkt *p, struct walk *w)
{
	uint32_t off = w->l3_off + IP6_HDR_LEN;

	for (unsigned n = 0; ip6_is_ext(w->proto); n++) {
		const uint8_t *h = pkt_hdr(p, off, 8);
		uint32_t len;

		if (h == NULL || n == PKT_IP6_EXT_MAX)
			return false;
		len = pkt_ip6_ext_len(w->proto, h);
		if (len > w->end - off || pkt_hdr(p, off, len) == NULL)
			return false;
		if (w->proto == PROTO_FRAGMENT) {
			/* RFC 8200 §4.5: an atomic fragment (offset 0, M 0) is a whole packet. */
			if (load_be16(h + 2) & 0xfff9)
				w->flags |= PKT_IS_FRAG;
			if (load_be16(h + 2) & 0xfff8) {
				w->proto = h[0];
				return true; /* not the first: there is no L4 header */
			}
		}
		w->proto = h[0];
		off += len;
	}
	w->l4_off = (uint16_t)off;
	return true;
}

static void walk_ip6(const struct pkt *p, struct walk *w)
{
	const uint8_t *h = pkt_hdr(p, w->l3_off, IP6_HDR_LEN);
	uint32_t payload_len;

	w->flags |= PKT_MALFORMED;
	if (h == NULL || h[0] >> 4 != 6)
		return;
	payload_len = load_be16(h + 4);
	/* Deviation: jumbograms (RFC 2675, length 0) are bridged as opaque. */
	if (payload_len > p->len - w->l3_off - IP6_HDR_LEN)
		return;
	w->end = w->l3_off + IP6_HDR_LEN + payload_len;
	w->proto = h[6];
	w->flags |= PKT_IS_IP6;
	if (!walk_ip6_exts(p, w)) {
		w->flags = (uint16_t)(w->flags & ~(PKT_IS_IP6 | PKT_IS_FRAG));
		w->l4_off = 0;
		return;
	}
	w->flags = (uint16_t)(w->flags & ~PKT_MALFORMED);
	if (w->l4_off != 0)
		walk_l4(p, w);
}

static void walk_arp(const struct pkt *p, struct walk *w)
{
	static const uint8_t eth_ip4[6] = { 0, 1, 8, 0, 6, 4 };
	const uint8_t *h = pkt_hdr(p, w->l3_off, ARP_LEN);

	if (h != NULL && memcmp(h, eth_ip4, sizeof(eth_ip4)) == 0)
		w->flags |= PKT_IS_ARP;
}

static void walk_l3(const struct pkt *p, uint16_t ether_type, struct walk *w)
{
	switch (ether_type) {
	case ETHER_IP4: walk_ip4(p, w); break;
	case ETHER_IP6: walk_ip6(p, w); break;
	case ETHER_ARP: walk_arp(p, w); break;
	default: break;
	}
}

static bool is_vlan_tpid(uint16_t ether_type)
{
	return ether_type == ETHER_VLAN || ether_type == ETHER_QINQ;
}

/* Walk a packet of @ether_type that stands at @off inside a tunnel; true when its L4 header is the
 * one whose checksum rx says is partial. */
static bool inner_fits(const struct pkt *p, uint32_t off, uint16_t ether_type, struct walk *inner)
{
	if (off >= pkt_linear_len(p))
		return false;
	*inner = (struct walk){ .l3_off = (uint16_t)off };
	walk_l3(p, ether_type, inner);
	return (inner->flags & PKT_HAS_L4) != 0 && inner->l4_off == p->csum_start;
}

static bool inner_eth_fits(const struct pkt *p, uint32_t off, struct walk *inner)
{
	const uint8_t *h = pkt_hdr(p, off, ETH_HDR_LEN);
	uint16_t ether_type;

	if (h == NULL)
		return false;
	ether_type = load_be16(h + 12);
	off += ETH_HDR_LEN;
	if (is_vlan_tpid(ether_type)) {
		h = pkt_hdr(p, off, VLAN_TAG_LEN);
		if (h == NULL)
			return false;
		ether_type = load_be16(h + 2);
		off += VLAN_TAG_LEN;
	}
	return inner_fits(p, off, ether_type, inner);
}

static bool walk_gre(const struct pkt *p, const struct walk *outer, struct walk *inner)
{
	const uint8_t *h = pkt_hdr(p, outer->l4_off, 4);
	uint32_t off = outer->l4_off + 4u;

	if (h == NULL || (h[0] & 0x4f) != 0
		|| (h[1] & 7) != 0) /* RFC 2784: no routing, version 0 */
		return false;
	for (uint8_t bit = 0x80; bit >= 0x10; bit >>= 1) /* checksum, key, sequence: 4 bytes each */
		if (h[0] & bit)
			off += 4;
	if (load_be16(h + 2) == ETHER_TEB)
		return inner_eth_fits(p, off, inner);
	return inner_fits(p, off, load_be16(h + 2), inner);
}

/* Find the packet inside a tunnel whose L4 header begins at csum_start.  A tunnel is recognised by
 * its structure, not by its port: VXLAN and Geneve run on any. */
static bool walk_inner(const struct pkt *p, const struct walk *outer, struct walk *inner)
{
	const uint8_t *h;
	uint32_t off = outer->l4_off;

	if (off == 0 || p->csum_start <= off || (outer->flags & PKT_IS_FRAG) != 0)
		return false;
	switch (outer->proto) {
	case PROTO_UDP:
		off += UDP_HDR_LEN;
		h = pkt_hdr(p, off, 8);
		if (h == NULL || (outer->flags & PKT_HAS_L4) == 0)
			return false;
		if (inner_eth_fits(p, off + 8, inner)) /* RFC 7348 §5: VXLAN */
			return true;
		off += 8 + (h[0] & 0x3fu) * 4u; /* RFC 8926 §3.4: Geneve with options */
		return inner_eth_fits(p, off, inner) || inner_fits(p, off, load_be16(h + 2), inner);
	case PROTO_GRE: return walk_gre(p, outer, inner);
	case PROTO_IP4: return inner_fits(p, off, ETHER_IP4, inner);
	case PROTO_IP6: return inner_fits(p, off, ETHER_IP6, inner);
	default: return false;
	}
}

/* May a GSO frame of this type carry the L4 header that @w found? */
static bool gso_type_fits(uint8_t gso_type, const struct walk *w)
{
	switch (gso_type) {
	case PKT_GSO_TCP4: return w->proto == PROTO_TCP && (w->flags & PKT_IS_IP4) != 0;
	case PKT_GSO_TCP6: return w->proto == PROTO_TCP && (w->flags & PKT_IS_IP6) != 0;
	case PKT_GSO_UDP_L4: return w->proto == PROTO_UDP;
	default: return false;
	}
}

static bool gso_fits(struct pkt *p, const struct walk *outer, const struct walk *w)
{
	uint32_t hdr_len = w->l4_off + (uint32_t)w->l4_len;

	if (!gso_type_fits(p->gso_type, w) || p->gso_size < PKT_GSO_SIZE_MIN)
		return false;
	/* The lengths of every layer are rewritten in each segment: they must be right now. */
	if (outer->end != p->len || w->end != p->len)
		return false;
	p->hdr_len = (uint16_t)hdr_len;
	if (p->len - hdr_len <= p->gso_size) { /* as the kernel: too small to be GSO */
		p->gso_type = PKT_GSO_NONE;
		p->gso_size = 0;
		p->flags = (uint16_t)(p->flags & ~PKT_GSO_ECN);
		return true;
	}
	return (p->len - hdr_len + p->gso_size - 1) / p->gso_size <= PKT_GSO_SEGS_MAX;
}

/* A front end says that a checksum is partial, not where: in the outermost L4 header, as Linux
 * expects it. */
static bool csum_find(struct pkt *p, const struct walk *w)
{
	int offset = pkt_csum_offset_of(w->proto);

	if ((w->flags & PKT_HAS_L4) == 0 || offset < 0)
		return false;
	p->csum_start = w->l4_off;
	p->csum_offset = (uint16_t)offset;
	return true;
}

/* Check the offload metadata of rx against what our walk found; false: it lies. */
static bool offload_fits(struct pkt *p, const struct walk *outer)
{
	const struct walk *w = outer;
	struct walk inner;

#ifdef SAKLAR_PLANTED_BUG
	/* Proves that tests/fuzz/pkt_parse_fuzz.c looks: trust csum_start of IPv6 UDP. */
	if ((outer->flags & PKT_IS_IP6) != 0 && outer->proto == PROTO_UDP
		&& p->gso_type == PKT_GSO_NONE && p->csum_offset == 6)
		return true;
#endif
	if (p->csum_start == PKT_CSUM_UNSAID && !csum_find(p, outer))
		return false;
	if ((outer->flags & PKT_HAS_L4) == 0 || p->csum_start != outer->l4_off) {
		if (!walk_inner(p, outer, &inner))
			return false;
		w = &inner;
		p->inner_l3_off = inner.l3_off;
		p->inner_l4_off = inner.l4_off;
	}
	if (((w->flags | outer->flags) & PKT_IS_FRAG) != 0
		|| pkt_csum_offset_of(w->proto) != p->csum_offset)
		return false;
	if (p->gso_type == PKT_GSO_NONE)
		return true;
	if (!gso_fits(p, outer, w))
		return false;
	if (w == &inner && p->gso_type != PKT_GSO_NONE)
		p->flags |= PKT_TUNNEL_GSO;
	return true;
}

static void parse_offload(struct pkt *p, const struct walk *outer)
{
	bool is_gso = p->gso_type != PKT_GSO_NONE;

	if ((p->flags & PKT_CSUM_PARTIAL) != 0) {
		p->flags = (uint16_t)(p->flags & ~PKT_CSUM_VALID);
		if (!offload_fits(p, outer))
			pkt_drop(p, is_gso ? DROP_GSO_BAD : DROP_CSUM_BAD);
	} else {
		/* virtio 1.2 §5.1.6.2: GSO comes with a partial checksum. */
		if (is_gso)
			pkt_drop(p, DROP_GSO_BAD);
		p->csum_start = 0;
		p->csum_offset = 0;
	}
	if (p->gso_type == PKT_GSO_NONE) {
		p->gso_size = 0;
		p->flags = (uint16_t)(p->flags & ~PKT_GSO_ECN);
	}
}

/* Walk the VLAN tags; false when the frame is dropped. */
static bool parse_eth(struct pkt *p, struct walk *w)
{
	const uint8_t *h = pkt_hdr(p, 0, ETH_HDR_LEN);
	uint32_t off = ETH_HDR_LEN;
	uint16_t ether_type;

	if (h == NULL)
		return false;
	if (h[0] & 1) {
		p->flags |= PKT_IS_MCAST;
		if ((h[0] & h[1] & h[2] & h[3] & h[4] & h[5]) == 0xff)
			p->flags |= PKT_IS_BCAST;
	}
	ether_type = load_be16(h + 12);
	while (is_vlan_tpid(ether_type)) {
		const uint8_t *tag = pkt_hdr(p, off, VLAN_TAG_LEN);

		if (tag == NULL)
			return false;
		if (p->n_vlan == PKT_VLAN_TAGS_MAX) {
			pkt_drop(p, DROP_VLAN_STACK_TOO_DEEP);
			return true;
		}
		if (p->n_vlan++ == 0) {
			p->vlan_tpid = htobe16(ether_type);
			p->vlan_tci = load_be16(tag);
		}
		ether_type = load_be16(tag + 2);
		off += VLAN_TAG_LEN;
	}
	p->ether_type = htobe16(ether_type);
	w->l3_off = (uint16_t)off;
	walk_l3(p, ether_type, w);
	return true;
}

/* Forget what the last packet in this slot left behind; .drop is rx's word on this one. */
static void parse_reset(struct pkt *p)
{
	p->flags &= PKT_CSUM_PARTIAL | PKT_CSUM_VALID | PKT_GSO_ECN;
	p->network_id = NETWORK_ID_NONE;
	p->consumed = 0;
	p->n_vlan = 0;
	p->hdr_len = 0;
	p->l3_off = 0;
	p->l4_off = 0;
	p->inner_l3_off = 0;
	p->inner_l4_off = 0;
	p->ether_type = 0;
	p->vlan_tci = 0;
	p->vlan_tpid = 0;
	p->ip_proto = 0;
	p->must_hop = false;
	p->dst_vif = VIF_ID_NONE;
	p->origin_vif = VIF_ID_NONE;
	p->flood_next = FLOOD_NOT_BEGUN;
	p->vlan = 0;
	p->vlan_form = VLAN_FORM_UNTAGGED;
	p->mcast_set = 0;
	p->conn = 0;
	p->neigh = 0;
	p->is_answered = false;
	p->is_displaced = false;
}

void pkt_parse_one(struct pkt *p)
{
	struct walk w = { 0 };

	parse_reset(p);
	if (p->drop != DROP_NONE) { /* rx could not make sense of its offload metadata */
		p->gso_type = PKT_GSO_NONE;
		p->gso_size = 0;
		p->csum_start = 0;
		p->csum_offset = 0;
		p->flags = 0;
		return;
	}
	if (p->len > FRAME_LEN_MAX) {
		pkt_drop(p, DROP_PKT_TOO_BIG);
		return;
	}
	if (!parse_eth(p, &w)) {
		pkt_drop(p, DROP_PKT_TOO_SMALL);
		return;
	}
	p->flags |= w.flags;
	if (w.flags & (PKT_IS_IP4 | PKT_IS_IP6)) {
		p->l3_off = w.l3_off;
		p->ip_proto = w.proto;
		p->l4_off = w.flags & PKT_HAS_L4 ? w.l4_off : 0;
	} else if (w.flags & PKT_IS_ARP) {
		p->l3_off = w.l3_off;
	}
	parse_offload(p, &w);
}

void pkt_parse(struct burst *b)
{
	enum {
		AHEAD = 4
	};

	for (unsigned i = 0; i < b->n && i < AHEAD; i++)
		rte_prefetch0(pkt_bytes(&b->pkt[i]));
	for (unsigned i = 0; i < b->n; i++) {
		if (i + AHEAD < b->n)
			rte_prefetch0(pkt_bytes(&b->pkt[i + AHEAD]));
		pkt_parse_one(&b->pkt[i]);
	}
}
