/* SPDX-License-Identifier: Apache-2.0 */
/* stp_lab.c - see stp_lab.h. */
#include "tests/lib/stp_lab.h"

#include "vswitch/base/check.h"
#include "vswitch/base/clock.h"

#include <string.h>

static struct lab_end end_of(const struct lab *l, const struct stp_port *p)
{
	for (uint8_t i = 0; i < l->n_bridges; i++)
		for (uint8_t k = 0; k < l->bridge[i].n_ports; k++)
			if (&l->bridge[i].port[k].p == p)
				return (struct lab_end){ i, k };
	CHECK(!"a port of the lab");
	return (struct lab_end){ 0 };
}

static struct lab_port *port_of(struct lab *l, const struct stp_port *p)
{
	struct lab_end e = end_of(l, p);

	return &l->bridge[e.bridge].port[e.port];
}

static void on_send(void *arg, struct stp_port *p, const uint8_t *frame)
{
	struct lab *l = arg;
	struct lab_end from = end_of(l, p);
	int id = l->bridge[from.bridge].port[from.port].link;
	struct lab_link *link;
	struct lab_frame *f;
	unsigned side;

	if (id < 0)
		return;
	link = &l->link[id];
	side = link->end[0].bridge != from.bridge || link->end[0].port != from.port;
	if (!link->is_up || link->is_mute[side])
		return;
	if (l->n_frames == LAB_FRAMES) {
		l->n_lost++;
		return;
	}
	f = &l->frame[(l->head + l->n_frames++) % LAB_FRAMES];
	*f = (struct lab_frame){ .at_ns = l->now_ns + LAB_HOP_NS, .link = id, .to = 1 - side };
	memcpy(f->bytes, frame, STP_FRAME_LEN);
	link->n_frames++;
}

static void on_flush(void *arg, struct stp_port *p)
{
	port_of(arg, p)->n_flushes++;
}

static void on_changed(void *arg, struct stp_port *p, enum stp_role)
{
	port_of(arg, p)->n_changes++;
	CHECK(!p->v.forwarding || p->v.learning);
}

static const struct stp_ops ops = { on_send, on_flush, on_changed };

struct stp_bridge_conf lab_bridge_conf(unsigned n)
{
	return (struct stp_bridge_conf){
		.address = { 2, 0, 0, 0, 0, (uint8_t)(n + 1) },
		.priority = 32768,
		.version = STP_VERSION_RSTP,
		.hello_s = 2,
		.max_age_s = 20,
		.forward_delay_s = 15,
	};
}

void lab_init(struct lab *l, unsigned n_bridges)
{
	memset(l, 0, sizeof(*l));
	l->now_ns = 1000 * NS_PER_SEC;
	l->n_bridges = n_bridges;
	for (unsigned i = 0; i < n_bridges; i++) {
		struct stp_bridge_conf conf = lab_bridge_conf(i);

		/* they did not begin to count seconds together */
		stp_bridge_init(
			&l->bridge[i].b, &conf, &ops, l, l->now_ns - (i * 137 % 1000) * NS_PER_MS);
	}
}

void lab_bridge_set(struct lab *l, unsigned n, const struct stp_bridge_conf *conf)
{
	stp_bridge_set(&l->bridge[n].b, conf, l->now_ns);
}

struct stp_port_conf lab_port_conf(const struct lab *l, unsigned bridge, unsigned port)
{
	return l->bridge[bridge].port[port].p.conf;
}

unsigned lab_port_add(struct lab *l, unsigned bridge)
{
	struct lab_bridge *b = &l->bridge[bridge];
	struct stp_port_conf conf = {
		.port_no = (uint16_t)(b->n_ports + 1),
		.priority = 128,
		.auto_edge = true,
		.path_cost = 2000,
	};

	CHECK(b->n_ports < LAB_PORTS);
	b->port[b->n_ports++].link = -1;
	stp_port_add(&b->b, &b->port[b->n_ports - 1].p, &conf);
	return b->n_ports - 1;
}

struct stp_port *lab_port(struct lab *l, int link, unsigned end)
{
	const struct lab_end *e = &l->link[link].end[end];

	return &l->bridge[e->bridge].port[e->port].p;
}

void lab_link_set(struct lab *l, int link, bool is_up)
{
	l->link[link].is_up = is_up;
	stp_port_enable(lab_port(l, link, 0), is_up, l->now_ns);
	stp_port_enable(lab_port(l, link, 1), is_up, l->now_ns);
}

int lab_link_add(struct lab *l, unsigned a, unsigned b)
{
	int id = (int)l->n_links++;
	struct lab_link *link = &l->link[id];

	CHECK(l->n_links <= LAB_LINKS);
	link->end[0] = (struct lab_end){ (uint8_t)a, (uint8_t)lab_port_add(l, a) };
	link->end[1] = (struct lab_end){ (uint8_t)b, (uint8_t)lab_port_add(l, b) };
	l->bridge[a].port[link->end[0].port].link = id;
	l->bridge[b].port[link->end[1].port].link = id;
	lab_link_set(l, id, true);
	return id;
}

unsigned lab_station_add(struct lab *l, unsigned bridge)
{
	unsigned port = lab_port_add(l, bridge);

	stp_port_enable(&l->bridge[bridge].port[port].p, true, l->now_ns);
	return port;
}

static bool is_up(const struct lab_link *link)
{
	return link->is_up;
}

static bool is_open(const struct lab *l, const struct lab_link *link)
{
	for (unsigned i = 0; i < 2; i++)
		if (!l->bridge[link->end[i].bridge].port[link->end[i].port].p.v.forwarding)
			return false;
	return link->is_up;
}

/* Group bridges by the links that are up, or open; returns whether a link closed a ring. */
static bool groups(const struct lab *l, bool only_open, uint8_t group[LAB_BRIDGES])
{
	bool has_ring = false;

	CHECK(l->n_bridges <= LAB_BRIDGES);
	for (uint8_t i = 0; i < l->n_bridges; i++)
		group[i] = i;
	for (unsigned i = 0; i < l->n_links; i++) {
		const struct lab_link *link = &l->link[i];
		uint8_t a = group[link->end[0].bridge], b = group[link->end[1].bridge];

		if (only_open ? !is_open(l, link) : !is_up(link))
			continue;
		has_ring |= a == b;
		for (unsigned k = 0; k < l->n_bridges; k++)
			if (group[k] == b)
				group[k] = a;
	}
	return has_ring;
}

bool lab_has_ring(const struct lab *l)
{
	uint8_t group[LAB_BRIDGES];

	return groups(l, true, group);
}

bool lab_is_tree(const struct lab *l)
{
	uint8_t by_link[LAB_BRIDGES], by_open[LAB_BRIDGES];

	groups(l, false, by_link);
	if (groups(l, true, by_open))
		return false;
	for (unsigned i = 0; i < l->n_bridges; i++)
		for (unsigned k = 0; k < i; k++)
			if (by_link[i] == by_link[k]
				&& (by_open[i] != by_open[k]
					|| l->bridge[i].b.v.root.root_id
						!= l->bridge[k].b.v.root.root_id))
				return false;
	return true;
}

static void watch_rings(struct lab *l)
{
	if (!lab_has_ring(l)) {
		l->ring_since_ns = 0;
		return;
	}
	if (l->ring_since_ns == 0)
		l->ring_since_ns = l->now_ns;
	l->ring_ns_seen = MAX(l->ring_ns_seen, l->now_ns - l->ring_since_ns);
	CHECK(l->ring_ns_max > 0 && l->ring_ns_seen <= l->ring_ns_max);
}

/* The time of the next event. */
static uint64_t next_ns(const struct lab *l)
{
	uint64_t at = l->n_frames > 0 ? l->frame[l->head].at_ns : UINT64_MAX;

	for (unsigned i = 0; i < l->n_bridges; i++)
		at = MIN(at, stp_due_ns(&l->bridge[i].b));
	return at;
}

static void step(struct lab *l, uint64_t at_ns)
{
	l->now_ns = at_ns;
	while (l->n_frames > 0 && l->frame[l->head].at_ns <= at_ns) {
		struct lab_frame f = l->frame[l->head];

		l->head = (l->head + 1) % LAB_FRAMES;
		l->n_frames--;
		if (l->link[f.link].is_up)
			stp_receive(lab_port(l, f.link, f.to), f.bytes + 12, STP_FRAME_LEN - 12,
				l->now_ns);
		watch_rings(l);
	}
	for (unsigned i = 0; i < l->n_bridges; i++) {
		stp_tick(&l->bridge[i].b, at_ns);
		watch_rings(l);
		CHECK(l->bridge[i].b.n_overruns == 0);
	}
}

void lab_run(struct lab *l, uint64_t ns)
{
	uint64_t end_ns = l->now_ns + ns;

	for (uint64_t at = next_ns(l); at <= end_ns; at = next_ns(l))
		step(l, at);
	l->now_ns = end_ns;
}

uint64_t lab_settle(struct lab *l, uint64_t max_ns)
{
	uint64_t begin_ns = l->now_ns;

	while (!lab_is_tree(l)) {
		uint64_t at = next_ns(l);

		if (at > begin_ns + max_ns)
			return UINT64_MAX;
		step(l, at);
	}
	return l->now_ns - begin_ns;
}
