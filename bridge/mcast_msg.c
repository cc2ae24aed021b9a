/* SPDX-License-Identifier: Apache-2.0 */
/* mcast_msg.c - reads what a frame to a group says about groups.
 *
 * From: bridge/mdb.c.  To: bridge/igmp.c, bridge/mld.c.
 * Theory: a message is checked whole before any of it counts, so that a malformed one changes
 * nothing.  What is not the outermost IP packet (behind further tags) is bytes like others.
 * Invariants: of a message with records, as many as it says are there.
 * Thread: any; no state. */
#include "bridge/mcast_msg.h"

#include "bridge/igmp.h"
#include "bridge/mld.h"

#include <endian.h>
#include <string.h>

static uint16_t load16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

void mcast_addr(const struct mcast_msg *m, const uint8_t *at, uint8_t out[16])
{
	if (!mcast_is_v4(m)) {
		memcpy(out, at, 16);
		return;
	}
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, at, 4);
}

bool mcast_record_next(const struct mcast_msg *m, uint32_t *off, struct mcast_record *out)
{
	uint32_t addr_len = mcast_is_v4(m) ? 4 : 16, left = m->records_len - *off, len;
	const uint8_t *at = m->records + *off;

	if (left < 4 + addr_len)
		return false;
	out->type = at[0];
	out->n_sources = load16(at + 2);
	mcast_addr(m, at + 4, out->group);
	out->sources = at + 4 + addr_len;
	/* RFC 3376 §4.2.11: auxiliary data, in words of 32 bits, is skipped */
	len = 4 + addr_len + out->n_sources * addr_len + at[1] * 4u;
#ifndef SAKLAR_PLANTED_BUG /* with it: a record is believed to be whole */
	if (left < len)
		return false;
#endif
	*off += len;
	return true;
}

bool mcast_records_fit(const struct mcast_msg *m)
{
	struct mcast_record r;
	uint32_t off = 0;

	for (unsigned i = 0; i < m->n_records; i++)
		if (!mcast_record_next(m, &off, &r))
			return false;
	return true;
}

const uint8_t *mcast_bytes(const struct pkt *p, uint32_t off, uint32_t len, uint8_t *room)
{
	if (len > MCAST_ROOM)
		return NULL;
	return rte_pktmbuf_read(p->m, off, len, room);
}

void mcast_refuse(struct mcast_msg *m, enum drop_reason fault)
{
	m->kind = MCAST_BAD;
	m->fault = (uint8_t)fault;
}

uint32_t mcast_float(uint32_t code, unsigned bits)
{
	unsigned mant_bits = bits - 4;
	uint32_t mant = code & ((1u << mant_bits) - 1);

	if (code >> (bits - 1) == 0)
		return code;
	return (mant | 1u << mant_bits) << ((code >> mant_bits & 7) + 3);
}

void mcast_parse(const struct pkt *p, uint32_t l3_off, uint8_t *room, struct mcast_msg *out)
{
	*out = (struct mcast_msg){ .kind = MCAST_DATA, .family = MCAST_L2 };
	switch (be16toh(p->ether_type)) {
	case 0x0800: igmp_parse(p, l3_off, room, out); break;
	case 0x86dd: mld_parse(p, l3_off, room, out); break;
	default:
		out->group[0] = 1; /* neither v4-mapped nor ff00::/8 */
		memcpy(out->group + 10, pkt_bytes(p), 6);
		break;
	}
}
