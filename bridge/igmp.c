/* SPDX-License-Identifier: Apache-2.0 */
/* igmp.c - reads IGMP, and the PIM and router discovery messages that tell of routers.
 *
 * From: bridge/mcast_msg.c.  To: the same.
 * Theory: what counts as malformed is what the Linux bridge takes for it: IP that does not add up,
 * a wrong checksum, a message shorter than its type, a general query not sent to 224.0.0.1.
 * Thread: any; no state. */
#include "bridge/igmp.h"

#include "vif/pkt_edit.h"
#include "vswitch/base/clock.h"

#include <string.h>

#define PROTO_IGMP 2
#define PROTO_PIM 103
#define IGMP_LEN 8 /* of version 1 and 2, and the head of reports of version 3 */
#define IGMP3_QUERY_LEN 12
#define DELAY_DEFAULT_NS (10 * NS_PER_SEC) /* RFC 2236 §4: queries of version 1 */

enum {
	TYPE_QUERY = 0x11,
	TYPE_REPORT1 = 0x12,
	TYPE_REPORT2 = 0x16,
	TYPE_LEAVE = 0x17,
	TYPE_REPORT3 = 0x22,
	TYPE_ROUTER = 0x30, /* RFC 4286 §5.1 */
};

static const uint8_t all_hosts[4] = { 224, 0, 0, 1 };
static const uint8_t all_pim_routers[4] = { 224, 0, 0, 13 };
static const uint8_t all_snoopers[4] = { 224, 0, 0, 106 };

static uint16_t load16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool is_zero4(const uint8_t *at)
{
	return (at[0] | at[1] | at[2] | at[3]) == 0;
}

static void read_query(const uint8_t *at, uint32_t len, const uint8_t *ip, struct mcast_msg *m)
{
	uint64_t tenths;

	if ((len != IGMP_LEN && len < IGMP3_QUERY_LEN)
		|| (is_zero4(at + 4) && memcmp(ip + 16, all_hosts, 4) != 0)) {
		mcast_refuse(m, DROP_IGMP_MALFORMED);
		return;
	}
	m->kind = MCAST_QUERY;
	m->is_general = is_zero4(at + 4);
	if (len == IGMP_LEN) {
		m->max_delay_ns = at[1] * (NS_PER_SEC / 10);
		if (at[1] == 0) { /* version 1 knows neither delays nor groups */
			m->max_delay_ns = DELAY_DEFAULT_NS;
			m->is_general = true;
		}
		return;
	}
	m->is_suppressed = (at[8] & 8) != 0;
	m->n_sources = load16(at + 10);
	tenths = mcast_float(at[1], 8);
	m->max_delay_ns = tenths != 0 ? tenths * (NS_PER_SEC / 10) : NS_PER_MS;
}

static void read_message(const uint8_t *at, uint32_t len, const uint8_t *ip, struct mcast_msg *m)
{
	switch (at[0]) {
	case TYPE_REPORT1:
	case TYPE_REPORT2:
		m->kind = MCAST_JOIN;
		m->is_for_members = true;
		break;
	case TYPE_LEAVE:
		m->kind = MCAST_LEAVE;
		m->is_for_members = false;
		break;
	case TYPE_REPORT3:
		m->kind = MCAST_RECORDS;
		m->is_for_members = false;
		m->n_records = load16(at + 6);
		m->records = at + IGMP_LEN;
		m->records_len = len - IGMP_LEN;
		if (!mcast_records_fit(m))
			mcast_refuse(m, DROP_IGMP_MALFORMED);
		return;
	case TYPE_QUERY:
		m->is_for_members = false;
		read_query(at, len, ip, m);
		break;
	case TYPE_ROUTER:
		if (memcmp(ip + 16, all_snoopers, 4) == 0)
			m->kind = MCAST_ROUTER;
		return;
	default: return;
	}
	mcast_addr(m, at + 4, m->group);
}

void igmp_parse(const struct pkt *p, uint32_t l3_off, uint8_t *room, struct mcast_msg *out)
{
	const uint8_t *ip = pkt_hdr(p, l3_off, 20), *at;
	uint32_t hdr_len, len;

	out->family = MCAST_IP4;
	if (ip == NULL || (p->flags & PKT_IS_IP4) == 0) {
		mcast_refuse(out, DROP_IP_MALFORMED);
		return;
	}
	hdr_len = (ip[0] & 0xfu) * 4u;
	len = load16(ip + 2) - hdr_len;
	mcast_addr(out, ip + 12, out->source);
	mcast_addr(out, ip + 16, out->group);
	/* RFC 4541 §2.1.2: 224.0.0.X goes everywhere */
	out->is_for_members = ip[16] != 224 || ip[17] != 0 || ip[18] != 0;
	if (LIKELY(p->ip_proto != PROTO_IGMP && p->ip_proto != PROTO_PIM))
		return;
	if (p->ip_proto == PROTO_PIM) {
		at = mcast_bytes(p, l3_off + hdr_len, MIN(len, 4u), room);
		/* RFC 7761 §4.9: version 2, type 0, a hello */
		if (at != NULL && len >= 4 && memcmp(ip + 16, all_pim_routers, 4) == 0
			&& at[0] == 0x20 && (p->flags & PKT_IS_FRAG) == 0)
			out->kind = MCAST_ROUTER;
		return;
	}
	at = len >= IGMP_LEN ? mcast_bytes(p, l3_off + hdr_len, len, room) : NULL;
	if (at == NULL || (p->flags & PKT_IS_FRAG) != 0
		|| pkt_sum_fold(pkt_sum_bytes(at, len, 0)) != 0xffff) {
		mcast_refuse(out, DROP_IGMP_MALFORMED);
		return;
	}
	read_message(at, len, ip, out);
}
