/* SPDX-License-Identifier: Apache-2.0 */
/* mdb_fuzz.c - hostile IGMP, MLD and other group frames, whole pipeline.
 *
 * Input: records of {how, length, bytes of a frame}.  how: bits 0..2 the vif, bit 3: put checksums
 * right, bit 4: a second passes before, bit 5: two minutes do, bits 6 and 7: another configuration.
 * Planted bug (SAKLAR_PLANTED_BUG): records of reports are believed to be whole.
 * Claims: no crash; no buffer is lost; counts are those of the records; no limit is passed; nothing is
 * left when all vifs are gone. */
#include "bridge/mdb_state.h"
#include "tests/lib/bed.h"
#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"

#include <string.h>

#define VIFS 8
#define LIMIT_NET 40
#define LIMIT_VIF 12

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct frame F;

static void configure(struct bed *b, unsigned how)
{
	b->n_mcasts = 0;
	bed_mcast(b, 1)->flags = how & 1 ? SNAP_MCAST_IGMP3 | SNAP_MCAST_MLD2 : SNAP_MCAST_QUERIER;
	b->mcast[0].network.limit = LIMIT_NET;
	for (uint16_t id = 1; id < VIFS; id++)
		bed_mcast_vif(b, id, id % 2 ? SNAP_MCAST_FAST_LEAVE : 0)->limit = LIMIT_VIF;
	if (how & 2) {
		bed_mcast_entry(b, 3, "239.1.1.1", NULL);
		bed_mcast_entry(b, 4, "ff1e::1", "fd00::1");
	}
	bed_apply(b);
}

static struct bed *bed_once(void)
{
	static struct bed *b;

	if (b != NULL)
		return b;
	b = bed_create(32);
	bed_network(b, 1);
	for (uint16_t id = 1; id <= VIFS; id++)
		bed_port(b, id, 1);
	bed_leg(b, VIFS);
	return b;
}

static uint16_t sum_of(const uint8_t *at, uint32_t len, uint32_t from)
{
	for (uint32_t i = 0; i < len; i++)
		from += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return (uint16_t)~from;
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* Of IGMP over IPv4, and of ICMPv6 behind a hop-by-hop header. */
static void fix_csum(void)
{
	uint8_t *ip = F.bytes + 14;
	uint32_t len, hdr;

	F.bytes[0] |= 1;
	if (F.len >= 42 && F.bytes[12] == 8 && F.bytes[13] == 0 && ip[0] >> 4 == 4) {
		hdr = (ip[0] & 15u) * 4u;
		len = (uint32_t)(ip[2] << 8 | ip[3]);
		if (len < hdr + 4 || len > F.len - 14)
			return;
		len -= hdr;
		put16(ip + hdr + 2, 0);
		put16(ip + hdr + 2, sum_of(ip + hdr, len, 0));
	} else if (F.len >= 66 && F.bytes[12] == 0x86 && F.bytes[13] == 0xdd) {
		len = (uint32_t)(ip[4] << 8 | ip[5]);
		if (len < 8 + 4 || 40 + len > F.len - 14)
			return;
		len -= 8;
		put16(ip + 50, 0);
		put16(ip + 50, sum_of(ip + 48, len, (uint16_t)~sum_of(ip + 8, 32, len + 58)));
	}
}

static void check_counts(const struct mdb *m)
{
	uint32_t n_vif[VIF_ID_MAX] = { 0 }, n_net = 0;

	for (uint32_t i = 1; i <= m->members.n_high; i++) {
		const struct mdb_member *mb = &m->member[i];
		uint32_t n = 0;

		if (mb->group == MDB_NONE)
			continue;
		CHECK(m->group[mb->group].network_id == 1);
		for (uint32_t k = mb->first_source; k != MDB_NONE; k = m->source[k].next)
			n++;
		CHECK(n == mb->n_sources && n <= MDB_GROUP_SOURCES_MAX);
		CHECK(mb->is_static || mb->is_dynamic || n > 0);
		n_vif[mb->vif_id] += 1 + n;
		n_net += n;
	}
	for (uint32_t i = 1; i <= m->groups.n_high; i++)
		n_net += m->group[i].network_id != NETWORK_ID_NONE;
	CHECK(n_net == m->network[1].n && n_net <= LIMIT_NET + 4);
	for (uint16_t id = 1; id < VIFS; id++)
		CHECK(n_vif[id] == m->vif[id].n && n_vif[id] <= LIMIT_VIF + 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct bed *b = bed_once();
	const struct mdb *m = pipeline_mdb(b->pipeline);

	configure(b, 0);
	bed_tick(b);
	bed_clear(b);
	for (unsigned n = 0; n < 64 && size >= 3; n++) {
		uint8_t how = bytes[0];
		uint32_t len = MIN((uint32_t)(bytes[1] << 8 | bytes[2]), (uint32_t)(size - 3));

		len = MIN(len, 3000u);
		memset(F.bytes, 0, 64);
		memcpy(F.bytes, bytes + 3, len);
		F.len = len;
		F.offload = (struct mem_offload){ 0 };
		bytes += 3 + len;
		size -= 3 + len;
		if (how & (16 | 32)) {
			bed_run(b);
			bed_warp(b, how & 32 ? 120 * NS_PER_SEC : NS_PER_SEC);
			bed_tick(b);
		}
		if (how & (64 | 128)) {
			bed_run(b);
			configure(b, how >> 6);
		}
		if (how & 8)
			fix_csum();
		bed_send(b, (uint16_t)((how & 7) + 1), &F);
	}
	bed_run(b);
	bed_clear(b);
	check_counts(m);
	for (unsigned i = 0; i < b->n_ports; i++)
		b->port[i].flags &= ~(uint32_t)SNAP_PORT_UP;
	b->n_mcasts = 1;
	bed_apply(b);
	CHECK(m->network[1].n == 0);
	bed_clear(b);
	/* applied by the next input: a snapshot costs more than many frames */
	for (unsigned i = 0; i < b->n_ports; i++)
		b->port[i].flags |= SNAP_PORT_UP;
	return 0;
}
