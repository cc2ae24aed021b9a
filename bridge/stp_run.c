/* SPDX-License-Identifier: Apache-2.0 */
/* stp_run.c - spanning trees in the pipeline; see stp_run.h.
 *
 * From: vswitch/pipeline.c.  To: bridge/stp.c (the machines), bridge/stp_store.c (what outlives us),
 * bridge/fdb.c (topology changes).
 * Theory: Linux' order.  A BPDU of a network with a spanning tree ends here, whatever the state of its
 * port; another frame is dropped by a port that discards, and teaches its source but goes no further
 * where the port learns.  What the machines want sent waits in a ring until the pipeline asks for it.
 * A vif with BPDU guard in a network without spanning tree has no port, only a state; so has one that
 * bridge/loop.c has found to bring back what others have sent, for ten seconds.  Only those are blocked
 * that are protected; the others are heard too, for what one of these brings back may be theirs.
 * Deviation: link-local frames for the host's ears (01:80:C2:00:00:02 to :0F) are dropped by a port that
 * discards; Linux gives them to the port's own device, which there is none of here.
 * Invariants: state[] of a vif without port is FORWARDING, GUARDED or LOOPED; is_on[] of a network iff its
 * bridge was initialised; a port's number is its vif id.
 * Thread: one worker. */
#include "bridge/stp_run.h"

#include "bridge/stp_run_state.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void event_put(struct stp_run *r, const struct stp_event *e)
{
	if (r->n_events < STP_RUN_EVENTS)
		r->event[(r->first_event + r->n_events++) % STP_RUN_EVENTS] = *e;
}

static void on_send(void *arg, struct stp_port *p, const uint8_t *frame)
{
	struct stp_run *r = arg;
	struct stp_frame *f = &r->frame[(r->first_frame + r->n_frames) % STP_RUN_FRAMES];

	if (r->n_frames == STP_RUN_FRAMES)
		return; /* the next hello says it again */
	r->n_frames++;
	f->vif_id = p->conf.port_no;
	memcpy(f->bytes, frame, STP_FRAME_LEN);
	memcpy(f->bytes + 6, p->bridge->conf.address, 6);
}

static void on_flush(void *arg, struct stp_port *p)
{
	struct stp_run *r = arg;

	if (r->fdb != NULL && !r->is_restoring)
		fdb_flush(r->fdb, stp_run_network(r, p->bridge), p->conf.port_no);
}

static uint8_t state_of(const struct stp_run *r, const struct stp_port *p)
{
	if (p->v.is_guarded)
		return STP_STATE_GUARDED;
	if (UNLIKELY(loop_is_blocked(&r->loop, p->conf.port_no)))
		return STP_STATE_LOOPED;
	if (p->v.forwarding)
		return STP_STATE_FORWARDING;
	return p->v.learning ? STP_STATE_LEARNING : STP_STATE_BLOCKED;
}

/* Other workers ask for states at any time. */
static void state_set(struct stp_run *r, uint16_t id, enum stp_state state)
{
	__atomic_store_n(&r->state[id], (uint8_t)state, __ATOMIC_RELAXED);
}

static void on_changed(void *arg, struct stp_port *p, enum stp_role was)
{
	struct stp_run *r = arg;
	uint16_t id = p->conf.port_no;
	uint8_t state = state_of(r, p);

	if (r->is_restoring || (was == p->v.role && state == r->state[id]))
		return;
	r->has_news |= r->state[id] != state;
	state_set(r, id, state);
	event_put(r,
		&(struct stp_event){
			.vif_id = id,
			.network_id = stp_run_network(r, p->bridge),
			.kind = STP_EVENT_ROLE,
			.was = (uint8_t)was,
			.role = p->v.role,
			.state = state,
		});
}

static const struct stp_ops ops = { on_send, on_flush, on_changed };

struct stp_run *stp_run_create(void)
{
	return calloc(1, sizeof(struct stp_run));
}

void stp_run_destroy(struct stp_run *r)
{
	free(r);
}

int stp_run_attach(struct stp_run *r, void *segment, size_t size)
{
	r->store = stp_store_attach(segment, size);
	return r->store != NULL ? 0 : -EINVAL;
}

size_t stp_run_segment_size(void)
{
	return SEGMENT_STP_SIZE;
}

static struct stp_bridge_conf bridge_conf(const struct snap_stp *t)
{
	struct stp_bridge_conf conf = {
		.priority = t->priority,
		.version = t->version,
		.hello_s = t->hello_s,
		.max_age_s = t->max_age_s,
		.forward_delay_s = t->forward_delay_s,
	};

	memcpy(conf.address, t->mac, sizeof(conf.address));
	return conf;
}

static struct stp_port_conf port_conf(const struct snapshot *cfg, uint16_t vif_id, bool is_rstp)
{
	static const struct snap_stp_port plain = { .priority = 128, .flags = SNAP_STP_AUTO_EDGE };
	const struct snap_stp_port *p = &cfg->stp->port[vif_id];
	uint32_t cost;

	if (p->vif_id == VIF_ID_NONE)
		p = &plain;
	cost = is_rstp ? STP_COST_RSTP : STP_COST_STP;
	return (struct stp_port_conf){
		.port_no = vif_id,
		.priority = p->priority,
		.admin_edge = (p->flags & SNAP_STP_EDGE) != 0,
		.auto_edge = (p->flags & SNAP_STP_AUTO_EDGE) != 0,
		.bpdu_guard = (p->flags & SNAP_STP_BPDU_GUARD) != 0,
		.root_guard = (p->flags & SNAP_STP_ROOT_GUARD) != 0,
		.path_cost = p->cost != 0 ? p->cost : cost,
	};
}

/* The network in whose tree vif @id is a port, NETWORK_ID_NONE: in none. */
static uint16_t wanted_network(const struct snapshot *cfg, uint16_t id)
{
	const struct snap_port *p = &cfg->port[id];

	if (cfg->stp == NULL || p->vif_id == VIF_ID_NONE || (p->flags & SNAP_PORT_LEG) != 0)
		return NETWORK_ID_NONE;
	return cfg->stp->network[p->network_id].network_id;
}

static void bridges_sync(struct stp_run *r, uint64_t now_ns)
{
	r->n_on = 0;
	for (unsigned id = 1; id < NETWORK_ID_MAX; id++) {
		const struct snap_stp *t = r->cfg->stp != NULL ? &r->cfg->stp->network[id] : NULL;
		struct stp_bridge_conf conf;

		if (t == NULL || t->network_id == NETWORK_ID_NONE) {
			if (r->is_on[id] && r->store != NULL)
				stp_store_clear(r->store, (uint16_t)id);
			r->is_on[id] = false;
			continue;
		}
		r->n_on++;
		conf = bridge_conf(t);
		if (!r->is_on[id])
			stp_bridge_init(&r->bridge[id], &conf, &ops, r, now_ns);
		else if (memcmp(&conf, &r->bridge[id].conf, sizeof(conf)) != 0)
			stp_bridge_set(&r->bridge[id], &conf, now_ns);
	}
}

/* Take out the ports that have no place any more, while their bridges still stand. */
static void ports_del(struct stp_run *r, uint64_t now_ns)
{
	for (uint16_t id = 1; id < VIF_ID_MAX; id++) {
		struct stp_port *p = &r->port[id];

		if (p->bridge == NULL
			|| stp_run_network(r, p->bridge) == wanted_network(r->cfg, id))
			continue;
		stp_port_del(p, now_ns);
		state_set(r, id, STP_STATE_FORWARDING);
		if (r->store != NULL)
			stp_store_clear_port(r->store, id);
	}
}

/* New ports; those of a bridge that another process ran a moment ago go on where they were.  All are
 * there before the first one is asked for anything: a bridge of half its ports is another one. */
static void ports_add(struct stp_run *r, uint64_t now_ns)
{
	bool is_new[VIF_ID_MAX] = { false };

	r->is_restoring = true;
	for (uint16_t id = 1; id < VIF_ID_MAX; id++) {
		uint16_t network = wanted_network(r->cfg, id);
		struct stp_port_conf conf;

		if (network == NETWORK_ID_NONE || r->port[id].bridge != NULL)
			continue;
		conf = port_conf(r->cfg, id, r->bridge[network].conf.version >= STP_VERSION_RSTP);
		stp_port_add(&r->bridge[network], &r->port[id], &conf);
		state_set(r, id, STP_STATE_BLOCKED);
		is_new[id] = true;
	}
	for (uint16_t id = 1; id < NETWORK_ID_MAX; id++)
		if (r->cfg->stp->network[id].network_id != NETWORK_ID_NONE && !r->is_on[id]) {
			r->is_on[id] = true;
			if (r->store != NULL)
				stp_store_restore(r->store, &r->bridge[id], id, now_ns);
		}
	r->is_restoring = false;
	for (uint16_t id = 1; id < VIF_ID_MAX; id++)
		if (is_new[id])
			state_set(r, id, state_of(r, &r->port[id]));
}

static void ports_sync(struct stp_run *r, uint64_t now_ns)
{
	for (uint16_t id = 1; id < VIF_ID_MAX; id++) {
		struct stp_port *p = &r->port[id];
		bool has_link = (r->cfg->port[id].flags & SNAP_PORT_UP) != 0;
		struct stp_port_conf conf;

		if (p->bridge == NULL)
			continue;
		conf = port_conf(r->cfg, id, p->bridge->conf.version >= STP_VERSION_RSTP);
		if (memcmp(&conf, &p->conf, sizeof(conf)) != 0)
			stp_port_set(p, &conf, now_ns);
		if (has_link != p->has_link)
			stp_port_enable(p, has_link, now_ns);
		state_set(r, id, state_of(r, p));
	}
}

static bool protects(const struct stp_run *r, uint16_t id)
{
	return r->cfg->stp != NULL && (r->cfg->stp->port[id].flags & SNAP_STP_LOOP_PROTECT) != 0;
}

/* A vif that was down may have lost its loop, one that is not protected any more is let go. */
static void loops_sync(struct stp_run *r)
{
	memset(r->is_protected, 0, sizeof(r->is_protected));
	for (uint16_t id = 1; id < VIF_ID_MAX; id++) {
		r->is_protected[r->cfg->port[id].network_id] |= protects(r, id);
		if (!protects(r, id) || (r->cfg->port[id].flags & SNAP_PORT_UP) == 0)
			loop_release(&r->loop, id);
	}
}

/* Vifs that are not in a tree: BPDU guard lasts until the link was down. */
static void guards_sync(struct stp_run *r)
{
	for (uint16_t id = 1; id < VIF_ID_MAX; id++) {
		if (r->port[id].bridge != NULL)
			continue;
		if ((r->cfg->port[id].flags & SNAPSHOT_PORT_WATCHED) == 0
			|| (r->cfg->port[id].flags & SNAP_PORT_UP) == 0
			|| r->state[id] != STP_STATE_GUARDED)
			state_set(r, id,
				loop_is_blocked(&r->loop, id) ? STP_STATE_LOOPED
							      : STP_STATE_FORWARDING);
		if (r->store != NULL)
			stp_store_guard(r->store, id, r->state[id] == STP_STATE_GUARDED);
	}
}

/* When the next second of any bridge is over, or at once when frames wait. */
static void due_update(struct stp_run *r)
{
	r->due_ns = 0;
	for (unsigned id = 1; r->n_on > 0 && id < NETWORK_ID_MAX; id++)
		if (r->is_on[id])
			r->due_ns = r->due_ns == 0 ? stp_due_ns(&r->bridge[id])
						   : MIN(r->due_ns, stp_due_ns(&r->bridge[id]));
	if (UNLIKELY(r->loop.n_blocked > 0))
		r->due_ns = r->due_ns == 0 ? loop_due_ns(&r->loop)
					   : MIN(r->due_ns, loop_due_ns(&r->loop));
	if (r->n_frames > 0)
		r->due_ns = 1;
}

static void save(struct stp_run *r)
{
	for (uint16_t id = 1; id < NETWORK_ID_MAX; id++) {
		if (!r->is_dirty[id])
			continue;
		r->is_dirty[id] = false;
		if (r->store != NULL && r->is_on[id])
			stp_store_save(r->store, &r->bridge[id], id);
	}
	r->has_dirty = false;
	due_update(r);
}

void stp_run_sync(struct stp_run *r, const struct snapshot *cfg, struct fdb *fdb, uint64_t now_ns)
{
	bool was_on = r->is_watching;

	r->cfg = cfg;
	r->fdb = fdb;
	r->is_watching = cfg->stp != NULL;
	if (!was_on && !r->is_watching)
		return;
	if (r->store != NULL && !was_on)
		for (uint16_t id = 1; id < VIF_ID_MAX; id++)
			if (stp_store_is_guarded(r->store, id))
				state_set(r, id, STP_STATE_GUARDED);
	loops_sync(r);
	ports_del(r, now_ns);
	bridges_sync(r, now_ns);
	if (cfg->stp != NULL)
		ports_add(r, now_ns);
	if (cfg->stp != NULL)
		ports_sync(r, now_ns);
	guards_sync(r);
	r->is_asked = r->n_on > 0;
	for (unsigned id = 1; id < VIF_ID_MAX && cfg->stp != NULL; id++)
		r->is_asked |= (cfg->stp->port[id].flags & SNAP_STP_BPDU_GUARD) != 0;
	if (r->n_on == 0)
		r->n_frames = 0;
	memcpy(r->is_dirty, r->is_on, sizeof(r->is_dirty));
	save(r);
	r->has_news = true;
}

bool stp_run_is_on(const struct stp_run *r)
{
	return r->is_asked || r->loop.n_blocked > 0;
}

bool stp_run_take_news(struct stp_run *r)
{
	bool has_news = r->has_news;

	r->has_news = false;
	return has_news;
}

uint64_t stp_run_forwards_until_ns(const struct stp_run *r, uint16_t vif_id)
{
	const struct stp_bridge *b = r->port[vif_id].bridge;

	if (r->state[vif_id] != STP_STATE_FORWARDING)
		return 0;
	/* Of the three hellos one may have passed when the last second was counted. */
	return b != NULL ? b->v.tick_ns + 2 * b->conf.hello_s * NS_PER_SEC : UINT64_MAX;
}

const uint8_t *stp_run_states(const struct stp_run *r)
{
	return r->state;
}

static bool is_guarded_vif(const struct stp_run *r, uint16_t id)
{
	return (r->cfg->stp->port[id].flags & SNAP_STP_BPDU_GUARD) != 0;
}

static void guard_strike(struct stp_run *r, uint16_t id)
{
	state_set(r, id, STP_STATE_GUARDED);
	r->has_news = true;
	if (r->port[id].bridge == NULL && r->store != NULL)
		stp_store_guard(r->store, id, true);
	event_put(r,
		&(struct stp_event){
			.vif_id = id,
			.network_id = r->cfg->port[id].network_id,
			.kind = STP_EVENT_GUARD,
			.state = STP_STATE_GUARDED,
		});
}

static enum drop_reason drop_of(uint8_t state)
{
	if (state == STP_STATE_LOOPED)
		return DROP_LOOP;
	return state == STP_STATE_GUARDED ? DROP_BPDU_GUARD : DROP_BRIDGE_INGRESS_STP_STATE;
}

/* Give a BPDU to its port; what is left of it is freed as one that has arrived. */
static void bpdu_take(struct stp_run *r, struct pkt *p, uint64_t now_ns)
{
	struct stp_port *port = &r->port[p->in_vif];
	uint32_t len = MIN(MIN(p->len, pkt_linear_len(p)), (uint32_t)PKT_HEADERS_MIN);

	p->flags |= PKT_ENDS_HERE;
	if (r->state[p->in_vif] == STP_STATE_GUARDED) {
		pkt_drop(p, DROP_BPDU_GUARD);
		return;
	}
	if (port->bridge == NULL) {
		guard_strike(r, p->in_vif);
		pkt_drop(p, DROP_BPDU_GUARD);
		return;
	}
	r->is_dirty[stp_run_network(r, port->bridge)] = true;
	r->has_dirty = true;
	switch (stp_receive(port, pkt_bytes(p) + 12, len - 12, now_ns)) {
	case STP_RX_OK: break;
	case STP_RX_IGNORED: pkt_drop(p, DROP_BRIDGE_INGRESS_STP_STATE); break;
	case STP_RX_MALFORMED: pkt_drop(p, DROP_BPDU_MALFORMED); break;
	case STP_RX_RATE: pkt_drop(p, DROP_BPDU_RATE); break;
	case STP_RX_GUARDED:
		guard_strike(r, p->in_vif);
		pkt_drop(p, DROP_BPDU_GUARD);
		break;
	}
}

/* Is @p a BPDU that is ours to take? */
static bool is_ours(const struct stp_run *r, const struct pkt *p)
{
	return stp_run_is_bpdu(p)
		&& (r->port[p->in_vif].bridge != NULL || is_guarded_vif(r, p->in_vif));
}

static bool is_watched(const struct stp_run *r, const struct pkt *p)
{
	return p->drop == DROP_NONE && (p->flags & PKT_ENDS_HERE) == 0
		&& (r->cfg->port[p->in_vif].flags & SNAPSHOT_PORT_WATCHED) != 0;
}

void stp_run_ingress(struct stp_run *r, struct burst *b, uint64_t now_ns)
{
	burst_foreach(p, b) {
		uint8_t state = r->state[p->in_vif];

		if (!is_watched(r, p) || state == STP_STATE_FORWARDING
			|| state == STP_STATE_LEARNING)
			continue;
		if (is_ours(r, p))
			bpdu_take(r, p, now_ns);
		else
			pkt_drop(p, drop_of(state));
	}
}

void stp_run_learned(struct stp_run *r, struct burst *b, uint64_t now_ns)
{
	burst_foreach(p, b) {
		if (!is_watched(r, p))
			continue;
		if (is_ours(r, p))
			bpdu_take(r, p, now_ns);
		else if (r->state[p->in_vif] != STP_STATE_FORWARDING)
			pkt_drop(p, drop_of(r->state[p->in_vif]));
	}
	if (r->has_dirty)
		save(r);
}

static void loop_tell(struct stp_run *r, uint16_t id, enum stp_event_kind kind)
{
	event_put(r,
		&(struct stp_event){
			.vif_id = id,
			.network_id = r->cfg->port[id].network_id,
			.kind = (uint8_t)kind,
			.state = r->state[id],
		});
}

/* What was learned by those that the loop goes through was others' addresses, most of it. */
static void loop_strike(struct stp_run *r, uint16_t id, uint16_t first_id)
{
	const struct snapshot_network *n = &r->cfg->network[r->cfg->port[id].network_id];

	state_set(r, id, STP_STATE_LOOPED);
	r->has_news = true;
	for (unsigned i = 0; i < n->n_ports; i++)
		if ((loop_forget(&r->loop, n->ports[i]) || n->ports[i] == first_id)
			&& r->fdb != NULL)
			fdb_flush(r->fdb, n->conf.network_id, n->ports[i]);
	loop_tell(r, id, STP_EVENT_LOOP);
}

/* Block the vif of @p if that is the last straw. */
static bool loop_take(struct stp_run *r, const struct pkt *p, uint64_t now_ns)
{
	bool is_own = memcmp(pkt_bytes(p) + 6, r->cfg->port[p->in_vif].mac, 6) == 0;
	uint16_t first_id;

	if (!p->is_displaced || p->dst_vif != VIF_ID_NONE || !r->is_protected[p->network_id])
		return false;
	first_id = loop_comes_back(&r->loop, p, is_own, now_ns);
	if (first_id == VIF_ID_NONE || !protects(r, p->in_vif)
		|| !loop_hear(&r->loop, p->in_vif, now_ns))
		return false;
	loop_strike(r, p->in_vif, first_id);
	return true;
}

void stp_run_loops(struct stp_run *r, struct burst *b, uint64_t now_ns)
{
	bool has_struck = false;

	burst_foreach(p, b) {
		if (p->drop != DROP_NONE || (p->flags & PKT_ENDS_HERE) != 0)
			continue;
		/* One cuts a loop: what else is on its way is not held against the others. */
		has_struck = has_struck || loop_take(r, p, now_ns);
		if (r->state[p->in_vif] == STP_STATE_LOOPED)
			pkt_drop(p, DROP_LOOP);
	}
	if (has_struck)
		due_update(r);
}

/* Let go those whose time is over: if the loop is still there, it will show. */
static void loops_tick(struct stp_run *r, uint64_t now_ns)
{
	for (uint16_t id = 1; r->loop.n_blocked > 0 && id < VIF_ID_MAX; id++) {
		if (!loop_is_blocked(&r->loop, id) || now_ns < r->loop.vif[id].until_ns)
			continue;
		loop_release(&r->loop, id);
		if (r->port[id].bridge != NULL)
			state_set(r, id, state_of(r, &r->port[id]));
		else if (r->state[id] == STP_STATE_LOOPED)
			state_set(r, id, STP_STATE_FORWARDING);
		r->has_news = true;
		loop_tell(r, id, STP_EVENT_LOOP_OVER);
	}
}

void stp_run_tick(struct stp_run *r, uint64_t now_ns)
{
	loops_tick(r, now_ns);
	for (unsigned id = 1; r->n_on > 0 && id < NETWORK_ID_MAX; id++) {
		if (!r->is_on[id] || now_ns < stp_due_ns(&r->bridge[id]))
			continue;
		stp_tick(&r->bridge[id], now_ns);
		r->is_dirty[id] = true;
		r->has_news = true;
	}
	save(r);
}

uint64_t stp_run_due_ns(const struct stp_run *r)
{
	return r->due_ns;
}

void stp_run_take(
	struct stp_run *r, struct rte_mempool *pool, struct burst *b, struct tx_items *out)
{
	while (r->n_frames > 0 && b->n < BURST_MAX) {
		const struct stp_frame *f = &r->frame[r->first_frame];
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		char *bytes = m != NULL ? rte_pktmbuf_append(m, STP_FRAME_LEN) : NULL;

		if (bytes == NULL) {
			rte_pktmbuf_free(m);
			break; /* in the next turn */
		}
		memcpy(bytes, f->bytes, STP_FRAME_LEN);
		b->pkt[b->n] = (struct pkt){
			.m = m,
			.len = STP_FRAME_LEN,
			.network_id = r->cfg->port[f->vif_id].network_id,
			.flags = PKT_IS_MCAST,
			.origin_vif = f->vif_id,
			.dst_vif = f->vif_id,
		};
		out->item[out->n++] = (struct tx_item){ .pkt = b->n++, .out_vif = f->vif_id };
		r->first_frame = (r->first_frame + 1) % STP_RUN_FRAMES;
		r->n_frames--;
	}
	due_update(r);
}

bool stp_run_has_event(const struct stp_run *r)
{
	return r->n_events > 0;
}

bool stp_run_take_event(struct stp_run *r, struct stp_event *out)
{
	if (r->n_events == 0)
		return false;
	*out = r->event[r->first_event];
	r->first_event = (r->first_event + 1) % STP_RUN_EVENTS;
	r->n_events--;
	return true;
}
