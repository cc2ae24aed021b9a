/* SPDX-License-Identifier: Apache-2.0 */
/* saklar_run.c - let Saklar's dataplane answer scenarios, with mem vifs, in profile plain.
 *
 * Usage: saklar_run BURST [cached] <SCENARIOS >ANSWERS, BURST the packets the pipeline gets at once;
 *        cached: they are datagrams, and what the kernel's programs can pass on they do.
 * From: tests/conformance/scenarios.  To: stdout, in the oracle's form.
 * Thread: one. */
#include "tests/conformance/scenario.h"
#include "tests/lib/bed.h"
#include "vswitch/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define NETWORK 1

static struct snap_port *port_of(struct bed *b, unsigned id)
{
	for (unsigned i = 0; i < b->n_ports; i++)
		if (b->port[i].vif_id == id)
			return &b->port[i];
	return bed_port(b, (uint16_t)id, NETWORK);
}

static void set_port(struct bed *b, const struct step *st)
{
	static const struct {
		uint32_t word, flag;
		bool is_reverse;
	} flags[] = {
		{ PORT_ISOLATED, SNAP_PORT_ISOLATED, false },
		{ PORT_HAIRPIN, SNAP_PORT_HAIRPIN, false },
		{ PORT_NOFLOOD, SNAP_PORT_FLOOD, true },
		{ PORT_NOMCAST, SNAP_PORT_MCAST_FLOOD, true },
		{ PORT_NOBCAST, SNAP_PORT_BCAST_FLOOD, true },
		{ PORT_NOLEARN, SNAP_PORT_LEARN, true },
		{ PORT_DOWN, SNAP_PORT_UP, true },
		{ PORT_ACCESS, SNAP_PORT_ACCESS, false },
		{ PORT_LOCKED, SNAP_PORT_LOCKED, false },
	};
	struct snap_port *p = port_of(b, st->port);

	for (unsigned i = 0; i < ARRAY_LEN(flags); i++) {
		p->flags &= ~flags[i].flag;
		if (((st->words & flags[i].word) != 0) != flags[i].is_reverse)
			p->flags |= flags[i].flag;
	}
	p->mtu = (uint16_t)(st->mtu != 0 ? st->mtu : 1500);
	p->group_fwd = st->fwd;
	bed_no_vlans(b, (uint16_t)st->port);
	for (unsigned i = 0; b->network[0].vlan != SNAP_VLAN_NONE && i < st->n_ranges; i++)
		bed_vlan(b, (uint16_t)st->port, st->range[i].first, st->range[i].last,
			(st->range[i].is_pvid ? SNAP_VLAN_PVID : 0)
				| (st->range[i].is_untagged ? SNAP_VLAN_UNTAGGED : 0));
}

static void multicast(struct bed *b, const struct scenario *s)
{
	struct snap_mcast *r;

	if (!s->is_snooping)
		return;
	r = bed_mcast(b, NETWORK);
	r->flags = (uint8_t)((s->igmp == 3 ? SNAP_MCAST_IGMP3 : 0)
		| (s->mld == 2 ? SNAP_MCAST_MLD2 : 0) | (s->is_querier ? SNAP_MCAST_QUERIER : 0));
	if (s->membership_ms != 0)
		r->network.membership_ms = s->membership_ms;
	if (s->last_member_ms != 0)
		r->network.last_member_ms = s->last_member_ms;
	if (s->is_querier)
		r->network.response_ms = 100;
}

static void multicast_port(struct bed *b, const struct step *st)
{
	static const uint8_t router[]
		= { SNAP_MCAST_ROUTER_OFF, SNAP_MCAST_ROUTER_AUTO, SNAP_MCAST_ROUTER_ALWAYS };
	uint8_t flags = st->words & PORT_FASTLEAVE ? SNAP_MCAST_FAST_LEAVE : 0;
	struct snap_mcast *r = NULL;

	for (unsigned i = 0; i < b->n_mcasts && r == NULL; i++)
		if (b->mcast[i].kind == SNAP_MCAST_VIF && b->mcast[i].vif.vif_id == st->port)
			r = &b->mcast[i];
	if (r == NULL) {
		bed_mcast_vif(b, (uint16_t)st->port, 0);
		r = &b->mcast[b->n_mcasts - 1];
	}
	r->flags = flags;
	r->vif.router = router[st->router];
}

static void static_group(struct bed *b, const struct step *st)
{
	char group[SCENARIO_WORDS_LEN], *source;

	snprintf(group, sizeof(group), "%s", st->text);
	source = strchr(group, ' ');
	if (source != NULL)
		*source++ = '\0';
	bed_mcast_entry(b, (uint16_t)st->port, group, source);
}

static void hear_all(struct bed *b, struct scenario *s)
{
	bed_run(b);
	for (unsigned i = 0; i < b->vifs.n; i++) {
		struct mem_frame f;

		while (vif_mem_take(b->vif[b->vifs.ids[i]], &f)) {
			scenario_came_out(s, b->vifs.ids[i], f.bytes, f.len);
			free(f.bytes);
		}
	}
}

static void change_entry(struct bed *b, const struct step *st)
{
	if (st->kind == STEP_FDB)
		bed_fdb(b, (uint16_t)st->port, st->mac, st->vid,
			st->is_sticky ? SNAP_FDB_STICKY : 0);
	else
		bed_no_fdb(b, st->mac, st->vid);
}

static void carry_out(struct bed *b, struct scenario *s)
{
	static struct frame f;
	struct snap_network *net = bed_network(b, NETWORK);

	multicast(b, s);
	net->group_fwd_lo = (uint8_t)s->fwd;
	net->group_fwd_hi = (uint8_t)(s->fwd >> 8);
	if (s->is_ageless)
		net->ageing_s = 0;
	if (s->filtering != 0)
		net->vlan = s->filtering == 0x88a8 ? SNAP_VLAN_8021AD : SNAP_VLAN_8021Q;
	for (unsigned i = 0; i < s->n_steps; i++) {
		const struct step *st = &s->step[i];

		if (st->kind == STEP_PORT) {
			hear_all(b, s);
			set_port(b, st);
			if (s->is_snooping)
				multicast_port(b, st);
			bed_apply(b);
			bed_tick(b);
		} else if (st->kind == STEP_FDB || st->kind == STEP_NO_FDB) {
			hear_all(b, s);
			change_entry(b, st);
			bed_apply(b);
		} else if (st->kind == STEP_MDB) {
			hear_all(b, s);
			static_group(b, st);
			bed_apply(b);
		} else if (st->kind == STEP_WAIT) {
			hear_all(b, s);
			bed_warp(b, st->ms * NS_PER_MS);
			bed_tick(b);
		} else if (st->kind == STEP_SEND) {
			memset(&f.offload, 0, sizeof(f.offload));
			f.len = scenario_frame(st, f.bytes);
			bed_send(b, (uint16_t)st->port, &f);
		}
	}
	hear_all(b, s);
}

int main(int argc, char **argv)
{
	static struct scenario s;
	bool is_cached = argc == 4 && strcmp(argv[3], "cached") == 0;
	unsigned burst = argc == 3 || is_cached ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	unsigned workers = burst != 0 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	uint64_t n_cached = 0;

	if (burst == 0 || burst > BURST_RX_MAX || workers == 0 || workers > BED_WORKERS_MAX) {
		fprintf(stderr, "usage: saklar_run BURST WORKERS [cached] <SCENARIOS\n");
		return 2;
	}
	while (scenario_read(stdin, &s)) {
		struct bed *b
			= bed_create(burst | BED_WORKERS(workers) | (is_cached ? BED_CACHED : 0));

		if (is_cached)
			scenario_send_ip4(&s);
		carry_out(b, &s);
		n_cached += b->n_cached;
		scenario_print(&s);
		bed_destroy(b);
	}
	printf("# cached %llu\n", (unsigned long long)n_cached);
	return 0;
}
