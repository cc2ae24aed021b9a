/* SPDX-License-Identifier: Apache-2.0 */
/* guard_source.c - MAC addresses, IP addresses, ARP, ND, and who may be a server.
 *
 * From: bridge/guard.c, for vifs with a guard.
 * Theory: a rule for each thing by which a guest can say that it is another, in the order from outside
 * in; each says what may pass, so what is not understood does not.  First goes what could hide the
 * rest from these rules but not from a receiver (LLC and SNAP headers, broken or endless chains, a first
 * fragment without its ports): receivers put together what we cannot see.
 * Link-local IPv6 addresses count as a guest's own when they are made of its MAC (RFC 4291 appendix A)
 * or bound; the unspecified address is anybody's who has none yet.
 * Invariants: reads the linear part of the mbuf only, and the snapshot; no state.
 * Thread: worker. */
#include "bridge/guard_source.h"

#include "bridge/fib.h"
#include "vif/pkt_parse.h"

#include <endian.h>
#include <string.h>

#define EXT_CHAIN_MAX 256 /* bytes of extension headers */

enum {
	ETHER_MIN = 0x0600, /* below: a length, with LLC and perhaps SNAP behind it */
	ETHER_IP4 = 0x0800,
	ETHER_ARP = 0x0806,
	ETHER_RARP = 0x8035,
	ETHER_IP6 = 0x86dd,
};

enum {
	PROTO_ICMP = 1,
	PROTO_IGMP = 2,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_IP6 = 41,
	PROTO_FRAGMENT = 44,
	PROTO_ICMP6 = 58,
};

enum {
	MLD_REPORT = 131,
	MLD_DONE = 132,
	ND_RS = 133,
	ND_RA = 134,
	ND_NS = 135,
	ND_NA = 136,
	ND_REDIRECT = 137,
	MLD2_REPORT = 143,
};

static uint16_t load_be16(const uint8_t *at)
{
	be16 v;

	memcpy(&v, at, sizeof(v));
	return be16toh(v);
}

/* What hides. */

/* IEEE 802.1Q-2018 §8.6.3: what bridges talk about among themselves. */
static bool is_bridges_own(const uint8_t *dst)
{
	static const uint8_t group[5] = { 0x01, 0x80, 0xc2, 0x00, 0x00 };

	return memcmp(dst, group, sizeof(group)) == 0 && dst[5] <= 0x0f;
}

static bool has_ports_or_type(uint8_t proto)
{
	return proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_ICMP
		|| proto == PROTO_ICMP6;
}

/* Where the header behind IPv6 and its extensions is, 0: not within what we see; *@proto is it.
 * *@is_later: a fragment other than the first. */
static uint32_t ip6_upper(const struct pkt *p, uint32_t off, uint8_t *proto, bool *is_later)
{
	const uint8_t *h = pkt_hdr(p, off, 40);

	*is_later = false;
	if (h == NULL)
		return 0;
	*proto = h[6];
	off += 40;
	for (unsigned n = 0; n <= PKT_IP6_EXT_MAX; n++) {
		uint32_t len;

		h = pkt_hdr(p, off, 8);
		if (h == NULL)
			return pkt_ip6_ext_len(*proto, (const uint8_t[8]){ 0 }) == 0 ? off : 0;
		len = pkt_ip6_ext_len(*proto, h);
		if (len == 0)
			return off;
		if (*proto == PROTO_FRAGMENT && (load_be16(h + 2) & 0xfff8) != 0)
			*is_later = true;
		*proto = h[0];
		if (*is_later)
			return 0;
		off += len;
	}
	return 0;
}

/* RFC 7112: the first fragment holds the whole chain of headers. */
static bool is_cut_short(const struct pkt *p)
{
	bool is_later;
	uint8_t proto;

	if ((p->flags & PKT_HAS_L4) != 0 || !has_ports_or_type(p->ip_proto))
		return false;
	if (p->flags & PKT_IS_IP4)
		return (load_be16(pkt_bytes(p) + p->l3_off + 6) & 0x1fff) == 0;
	(void)ip6_upper(p, p->l3_off, &proto, &is_later);
	return !is_later;
}

static enum drop_reason check_hidden(const struct pkt *p)
{
	uint16_t type = be16toh(p->ether_type);
	const uint16_t is_ip = PKT_IS_IP4 | PKT_IS_IP6;

	if ((p->flags & PKT_IS_MCAST) != 0 && is_bridges_own(pkt_bytes(p)))
		return DROP_LINK_LOCAL;
	if (type < ETHER_MIN || (p->flags & PKT_MALFORMED) != 0)
		return DROP_GUARD_HIDDEN;
	if (type == ETHER_ARP && (p->flags & PKT_IS_ARP) == 0)
		return DROP_GUARD_HIDDEN;
	if ((p->flags & is_ip) != 0 && is_cut_short(p))
		return DROP_GUARD_HIDDEN;
	if ((p->flags & PKT_IS_IP6) != 0 && p->l4_off > p->l3_off + 40 + EXT_CHAIN_MAX)
		return DROP_GUARD_HIDDEN;
	return DROP_NONE;
}

/* Servers and routers. */

/* RFC 2131 §4.1, RFC 8415 §7.2: servers send from 67 and 547, clients hear at 68 and 546. */
static bool is_dhcp_server(const uint8_t *udp)
{
	uint16_t src = load_be16(udp), dst = load_be16(udp + 2);

	return src == 67 || src == 547 || dst == 68 || dst == 546;
}

/* Is the header @h of @proto what only a server or a router says, which @port is not? */
static bool is_forbidden(const struct snap_port *port, uint8_t proto, const uint8_t *h)
{
	if (proto == PROTO_UDP)
		return (port->guard & SNAP_GUARD_NO_DHCP) != 0 && is_dhcp_server(h);
	return proto == PROTO_ICMP6 && (port->guard & SNAP_GUARD_NO_RA) != 0
		&& (h[0] == ND_RA || h[0] == ND_REDIRECT);
}

/* IPv6 inside of @p at @off: does a server speak there, or can we not tell? */
static bool inner_is_forbidden(const struct snap_port *port, const struct pkt *p, uint32_t off)
{
	const uint8_t *h;
	bool is_later;
	uint8_t proto;
	uint32_t upper = ip6_upper(p, off, &proto, &is_later);

	if (is_later)
		return proto == PROTO_ICMP6; /* RFC 6980: ND is never in fragments */
	h = upper != 0 ? pkt_hdr(p, upper, 4) : NULL;
	return h == NULL || proto == PROTO_IP6 || is_forbidden(port, proto, h);
}

static enum drop_reason check_servers(const struct snap_port *port, const struct pkt *p)
{
	const uint8_t *l3 = pkt_bytes(p) + p->l3_off;
	bool is_wrong = false;

	if ((p->flags & (PKT_IS_IP4 | PKT_IS_IP6)) == 0)
		return DROP_NONE;
	if (p->ip_proto == PROTO_IP6) {
		uint32_t inner = p->l3_off + (l3[0] & 0xfu) * 4u;
		bool is_later = false;
		uint8_t proto;

		if (p->flags & PKT_IS_IP6)
			inner = ip6_upper(p, p->l3_off, &proto, &is_later);
		else
			is_later = (load_be16(l3 + 6) & 0x1fff) != 0;
		is_wrong = !is_later && inner_is_forbidden(port, p, inner);
	} else if (p->flags & PKT_HAS_L4) {
		is_wrong = is_forbidden(port, p->ip_proto, pkt_bytes(p) + p->l4_off);
	}
	return is_wrong ? DROP_GUARD_SERVER : DROP_NONE;
}

/* MAC addresses. */

/* Do the options of a neighbour discovery message name another MAC?  RFC 4861 §4.6.1. */
static bool options_lie(const struct pkt *p, uint32_t off, const uint8_t *mac)
{
	uint32_t end = p->l3_off + 40u + load_be16(pkt_bytes(p) + p->l3_off + 4);

	while (off < end) {
		const uint8_t *o = pkt_hdr(p, off, 8);

#ifdef SAKLAR_PLANTED_BUG
		/* Proves that tests/fuzz/guard_fuzz.c looks: options may end where they like. */
		o = o != NULL ? o : pkt_bytes(p) + off;
#endif
		if (o == NULL || o[1] == 0)
			return true;
		if ((o[0] == 1 || o[0] == 2) && (o[1] != 1 || memcmp(o + 2, mac, 6) != 0))
			return true;
		off += o[1] * 8u;
	}
	return false;
}

static uint32_t nd_header_len(uint8_t type)
{
	return type == ND_RS ? 8 : type == ND_RA ? 16 : type == ND_REDIRECT ? 40 : 24;
}

static bool is_nd(const struct pkt *p)
{
	const uint16_t want = PKT_IS_IP6 | PKT_HAS_L4;

	return (p->flags & want) == want && p->ip_proto == PROTO_ICMP6
		&& pkt_bytes(p)[p->l4_off] >= ND_RS && pkt_bytes(p)[p->l4_off] <= ND_REDIRECT;
}

/* Does a DHCP client ask for another MAC?  RFC 2131 §2: chaddr is at 28, the lease is bound to it. */
static bool asks_for_another(const struct snap_port *port, const struct pkt *p)
{
	const uint16_t want = PKT_IS_IP4 | PKT_HAS_L4;
	const uint8_t *l4 = pkt_bytes(p) + p->l4_off, *chaddr;

	if ((p->flags & want) != want || p->ip_proto != PROTO_UDP || load_be16(l4 + 2) != 67)
		return false;
	chaddr = pkt_hdr(p, p->l4_off + 8u + 28u, 6);
	return chaddr == NULL || memcmp(chaddr, port->mac, 6) != 0;
}

static enum drop_reason check_macs(const struct snap_port *port, const struct pkt *p)
{
	const uint8_t *eth = pkt_bytes(p);

	if (memcmp(eth + 6, port->mac, 6) != 0 || asks_for_another(port, p))
		return DROP_GUARD_MAC;
	if ((p->flags & PKT_IS_ARP) != 0 && memcmp(eth + p->l3_off + 8, port->mac, 6) != 0)
		return DROP_GUARD_ARP;
	if (is_nd(p)) {
		uint32_t options = p->l4_off + nd_header_len(eth[p->l4_off]);

		/* RFC 6980 §5: no fragments.  RFC 4861 §6.1, §7.1: they came from this link. */
		if ((p->flags & PKT_IS_FRAG) != 0 || eth[p->l3_off + 7] != 255
			|| options_lie(p, options, port->mac))
			return DROP_GUARD_ND;
	}
	return DROP_NONE;
}

/* IP addresses. */

static bool is_bound(
	const struct snapshot *cfg, const struct snap_port *port, const uint8_t addr[16])
{
	const struct snapshot_bindings *b = &cfg->bindings[port->vif_id];

	for (uint16_t i = 0; i < b->n; i++)
		if (fib_prefix_has(b->at[i].addr, b->at[i].len, addr))
			return true;
	return false;
}

static bool is_own4(const struct snapshot *cfg, const struct snap_port *port, const uint8_t *ip4)
{
	uint8_t addr[16] = { [10] = 0xff, [11] = 0xff };

	memcpy(addr + 12, ip4, 4);
	return is_bound(cfg, port, addr);
}

static bool is_own6(const struct snapshot *cfg, const struct snap_port *port, const uint8_t *ip6)
{
	const uint8_t *m = port->mac;
	const uint8_t of_mac[16] = { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff, 0xfe,
		m[3], m[4], m[5] };

	return memcmp(ip6, of_mac, 16) == 0 || is_bound(cfg, port, ip6);
}

static bool is_zero(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != 0)
			return false;
	return true;
}

/* May a guest without an address say this?  RFC 2131 §4.1; IGMP as RFC 4541 §2.1.1 has it. */
static bool may_be_from_nobody4(const struct pkt *p)
{
	const uint8_t *l4 = pkt_bytes(p) + p->l4_off;

	if (p->ip_proto == PROTO_IGMP)
		return true;
	return p->ip_proto == PROTO_UDP && (p->flags & PKT_HAS_L4) != 0 && load_be16(l4) == 68
		&& load_be16(l4 + 2) == 67;
}

/* RFC 4861 §4.1 and §4.3, RFC 3590. */
static bool may_be_from_nobody6(const struct pkt *p)
{
	uint8_t type = pkt_bytes(p)[p->l4_off];

	return p->ip_proto == PROTO_ICMP6 && (p->flags & PKT_HAS_L4) != 0
		&& (type == ND_RS || type == ND_NS || type == MLD_REPORT || type == MLD_DONE
			|| type == MLD2_REPORT);
}

static enum drop_reason check_ip6(
	const struct snapshot *cfg, const struct snap_port *port, const struct pkt *p)
{
	const uint8_t *src = pkt_bytes(p) + p->l3_off + 8;
	bool is_nobody = is_zero(src, 16);
	const uint8_t *nd;

	if (is_nobody ? !may_be_from_nobody6(p) : !is_own6(cfg, port, src))
		return DROP_GUARD_IP;
	if (!is_nd(p))
		return DROP_NONE;
	nd = pkt_hdr(p, p->l4_off, 24);
	/* RFC 4862 §5.4: who has no address yet asks for the one it wants to have. */
	if (pkt_bytes(p)[p->l4_off] == ND_NA || (pkt_bytes(p)[p->l4_off] == ND_NS && is_nobody))
		return nd != NULL && is_own6(cfg, port, nd + 8) ? DROP_NONE : DROP_GUARD_ND;
	return DROP_NONE;
}

static enum drop_reason check_addresses(
	const struct snapshot *cfg, const struct snap_port *port, const struct pkt *p)
{
	const uint8_t *l3 = pkt_bytes(p) + p->l3_off;

	if (p->flags & PKT_IS_IP4) {
		if (is_zero(l3 + 12, 4) ? may_be_from_nobody4(p) : is_own4(cfg, port, l3 + 12))
			return DROP_NONE;
		return DROP_GUARD_IP;
	}
	if (p->flags & PKT_IS_IP6)
		return check_ip6(cfg, port, p);
	if (p->flags & PKT_IS_ARP) /* RFC 5227 §2.1.1: a probe is from 0.0.0.0 */
		return is_zero(l3 + 14, 4) || is_own4(cfg, port, l3 + 14) ? DROP_NONE
									  : DROP_GUARD_ARP;
	return be16toh(p->ether_type) == ETHER_RARP ? DROP_NONE : DROP_GUARD_IP;
}

enum drop_reason guard_source(
	const struct snapshot *cfg, const struct snap_port *port, const struct pkt *p)
{
	enum drop_reason reason = DROP_NONE;

	if (port->guard & SNAP_GUARD_HIDDEN)
		reason = check_hidden(p);
	if (reason == DROP_NONE && (port->guard & (SNAP_GUARD_NO_DHCP | SNAP_GUARD_NO_RA)))
		reason = check_servers(port, p);
	if (reason == DROP_NONE && (port->guard & SNAP_GUARD_MAC))
		reason = check_macs(port, p);
	if (reason == DROP_NONE && (port->guard & SNAP_GUARD_IP))
		reason = check_addresses(cfg, port, p);
	return reason;
}
