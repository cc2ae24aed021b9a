/* SPDX-License-Identifier: Apache-2.0 */
/* mld.c - reads MLD, and the router discovery messages that tell of routers.
 *
 * From: bridge/mcast_msg.c.  To: the same.
 * Theory: RFC 2710 §3, RFC 3810 §5: MLD is ICMPv6 behind a hop-by-hop header; what comes without
 * one is none.  What counts as malformed is what the Linux bridge takes for it: IP that does not add
 * up, a wrong checksum, a message shorter than its type, a query from elsewhere than the link, a
 * general one not sent to ff02::1.
 * Thread: any; no state. */
#include "bridge/mld.h"

#include "vif/pkt_edit.h"
#include "vswitch/base/clock.h"

#include <endian.h>
#include <string.h>

#define IP6_HDR_LEN 40
#define PROTO_HOPOPTS 0
#define PROTO_ICMP6 58
#define MLD_LEN 24
#define MLD2_QUERY_LEN 28
#define MLD2_REPORT_LEN 8

enum {
	TYPE_QUERY = 130,
	TYPE_REPORT1 = 131,
	TYPE_DONE = 132,
	TYPE_REPORT2 = 143,
	TYPE_ROUTER = 151, /* RFC 4286 §5.1 */
};

static const uint8_t zeros[16];
static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };
static const uint8_t all_snoopers[16] = { 0xff, 2, [15] = 0x6a };

static uint16_t load16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool is_link_local(const uint8_t *addr)
{
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

static bool is_csum_right(const struct pkt *p, const uint8_t *ip, uint32_t len)
{
	be32 tail[2] = { htobe32(len), htobe32(PROTO_ICMP6) };
	uint32_t sum = pkt_sum_bytes(ip + 8, 32, pkt_sum_bytes(tail, sizeof(tail), 0));

	if (p->flags & PKT_CSUM_PARTIAL) /* of the pseudo-header only: as good as its sender */
		return true;
	return pkt_sum_fold(pkt_sum(p->m, p->l4_off, len, sum)) == 0xffff;
}

static void read_query(const uint8_t *at, uint32_t len, const uint8_t *ip, struct mcast_msg *m)
{
	m->is_general = memcmp(at + 8, zeros, 16) == 0;
	if (!is_link_local(ip + 8) || (len != MLD_LEN && len < MLD2_QUERY_LEN)
		|| (m->is_general && memcmp(ip + 24, all_nodes, 16) != 0)) {
		mcast_refuse(m, DROP_MLD_MALFORMED);
		return;
	}
	m->kind = MCAST_QUERY;
	m->max_delay_ns = load16(at + 4) * NS_PER_MS;
	if (len == MLD_LEN)
		return;
	m->is_suppressed = (at[24] & 8) != 0;
	m->n_sources = load16(at + 26);
	m->max_delay_ns = MAX(mcast_float(load16(at + 4), 16), 1u) * NS_PER_MS;
}

static void read_message(const uint8_t *at, uint32_t len, const uint8_t *ip, struct mcast_msg *m)
{
	switch (at[0]) {
	case TYPE_REPORT1:
		m->kind = MCAST_JOIN;
		m->is_for_members = true;
		break;
	case TYPE_DONE:
		m->kind = MCAST_LEAVE;
		m->is_for_members = false;
		break;
	case TYPE_REPORT2:
		m->kind = MCAST_RECORDS;
		m->is_for_members = false;
		m->n_records = load16(at + 6);
		m->records = at + MLD2_REPORT_LEN;
		m->records_len = len - MLD2_REPORT_LEN;
		if (!mcast_records_fit(m))
			mcast_refuse(m, DROP_MLD_MALFORMED);
		return;
	case TYPE_QUERY:
		m->is_for_members = false;
		read_query(at, len, ip, m);
		break;
	case TYPE_ROUTER:
		if (memcmp(ip + 24, all_snoopers, 16) == 0)
			m->kind = MCAST_ROUTER;
		return;
	default: return;
	}
	memcpy(m->group, at + 8, 16);
}

void mld_parse(const struct pkt *p, uint32_t l3_off, uint8_t *room, struct mcast_msg *out)
{
	const uint8_t *ip = pkt_hdr(p, l3_off, IP6_HDR_LEN), *at;
	uint32_t payload_len, len;

	out->family = MCAST_IP6;
	payload_len = ip != NULL ? load16(ip + 4) : 0;
	if (ip == NULL || ip[0] >> 4 != 6 || payload_len == 0
		|| payload_len > p->len - l3_off - IP6_HDR_LEN
		|| ((p->flags & PKT_MALFORMED) != 0 && ip[6] == PROTO_HOPOPTS)) {
		mcast_refuse(out, DROP_IP_MALFORMED);
		return;
	}
	memcpy(out->source, ip + 8, 16);
	memcpy(out->group, ip + 24, 16);
	out->is_for_members = memcmp(out->group, all_nodes, 16) != 0;
	if (LIKELY(ip[6] != PROTO_HOPOPTS || p->ip_proto != PROTO_ICMP6))
		return;
	if ((p->flags & (PKT_HAS_L4 | PKT_IS_FRAG)) == PKT_IS_FRAG)
		return; /* not the first fragment: nobody knows what it is */
	len = IP6_HDR_LEN + payload_len - (p->l4_off - l3_off);
	if ((p->flags & PKT_HAS_L4) == 0 || (p->flags & PKT_IS_FRAG) != 0
		|| !is_csum_right(p, ip, len)) {
		mcast_refuse(out, DROP_MLD_MALFORMED);
		return;
	}
	if (len < MLD_LEN)
		return; /* another ICMPv6 message */
	at = mcast_bytes(p, p->l4_off, len, room);
	if (at != NULL)
		read_message(at, len, ip, out);
	else if (pkt_bytes(p)[p->l4_off] == TYPE_REPORT2)
		mcast_refuse(out, DROP_MLD_MALFORMED);
}
