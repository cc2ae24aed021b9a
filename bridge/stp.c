/* SPDX-License-Identifier: Apache-2.0 */
/* stp.c - runs the state machines of a spanning tree bridge until they rest; see stp.h.
 *
 * From: bridge/stp_run.c, which knows vifs and time.  To: bridge/stp_roles.c, stp_heard.c, stp_trans.c,
 * stp_tc.c: the machines; struct stp_ops: what comes out.
 * Theory: IEEE 802.1D-2004 clause 17.  Something happens (a BPDU, a second, a link, an administrator),
 * then every machine of every port is asked in turn until none moves.  Transmission comes last, so
 * that a BPDU tells the outcome and not a step on the way; that also spares the hold count.
 * Invariants: a BPDU that is refused changes counters only; between two calls no machine can move.
 * Thread: the caller's. */
#include "bridge/stp.h"

#include "bridge/stp_bpdu.h"
#include "bridge/stp_machine.h"
#include "vswitch/base/clock.h"

#include <string.h>

#define ROUNDS_MAX 200 /* more than any sequence of events needs */
#define CATCH_UP_S 64 /* longer than all timers but tc_while */

static bool round_run(struct stp_bridge *b)
{
	bool has_moved = stp_roles_run(b);

	stp_foreach_port(p, b)
	{
		has_moved |= stp_heard_receive(p);
		has_moved |= stp_heard_migrate(p);
		has_moved |= stp_tc_edge(p);
		has_moved |= stp_heard_run(p);
		has_moved |= stp_trans_run(p);
		has_moved |= stp_trans_state(p);
		has_moved |= stp_tc_run(p);
	}
	return has_moved;
}

static void run(struct stp_bridge *b)
{
	for (unsigned i = 0; i < ROUNDS_MAX; i++) {
		bool has_moved = round_run(b);

		if (has_moved)
			continue;
		stp_foreach_port(p, b) has_moved |= stp_tc_transmit(p);
		if (!has_moved)
			return;
	}
	b->n_overruns++;
}

static void reselect(struct stp_bridge *b)
{
	stp_foreach_port(p, b) p->v.reselect = true;
}

static uint64_t bridge_id(const struct stp_bridge_conf *conf)
{
	uint64_t id = conf->priority;

	for (unsigned i = 0; i < sizeof(conf->address); i++)
		id = id << 8 | conf->address[i];
	return id;
}

/* BEGIN of every machine of @p; what it has counted stays. */
static void port_begin(struct stp_port *p)
{
	const struct stp_port_vars old = p->v;
	const struct stp_bridge_conf *conf = &p->bridge->conf;

	p->v = (struct stp_port_vars){
		.n_rx = old.n_rx,
		.n_tx = old.n_tx,
		.n_rx_tcn = old.n_rx_tcn,
		.n_tx_tcn = old.n_tx_tcn,
		.n_malformed = old.n_malformed,
		.n_transitions = old.n_transitions,
		.is_guarded = old.is_guarded,
		.designated_times = {
			.max_age = (uint16_t)(conf->max_age_s * STP_SECOND),
			.hello = (uint16_t)(conf->hello_s * STP_SECOND),
			.forward_delay = (uint16_t)(conf->forward_delay_s * STP_SECOND),
		},
	};
	p->v.port_times = p->v.designated_times;
	stp_heard_begin(p);
	stp_trans_begin(p);
	stp_tc_begin(p);
	p->v.port_enabled = p->has_link && !p->v.is_guarded;
}

void stp_bridge_init(struct stp_bridge *b, const struct stp_bridge_conf *conf,
	const struct stp_ops *ops, void *arg, uint64_t now_ns)
{
	*b = (struct stp_bridge){
		.ops = ops,
		.arg = arg,
		.conf = *conf,
		.id = bridge_id(conf),
		.now_ns = now_ns,
	};
	b->v.tick_ns = now_ns;
	b->v.root = (struct stp_vector){ .root_id = b->id, .bridge_id = b->id };
}

void stp_bridge_set(struct stp_bridge *b, const struct stp_bridge_conf *conf, uint64_t now_ns)
{
	bool begins = conf->version != b->conf.version;

	b->now_ns = now_ns;
	b->conf = *conf;
	b->id = bridge_id(conf);
	stp_foreach_port(p, b)
	{
		enum stp_role was = p->v.role;

		if (!begins)
			continue;
		port_begin(p);
		b->ops->changed(b->arg, p, was);
	}
	reselect(b);
	run(b);
}

void stp_port_add(struct stp_bridge *b, struct stp_port *p, const struct stp_port_conf *conf)
{
	struct stp_port **at = &b->first;

	while (*at != NULL && (*at)->conf.port_no < conf->port_no)
		at = &(*at)->next;
	*p = (struct stp_port){ .bridge = b, .next = *at, .conf = *conf };
	*at = p;
	port_begin(p);
	run(b);
}

void stp_port_del(struct stp_port *p, uint64_t now_ns)
{
	struct stp_bridge *b = p->bridge;
	struct stp_port **at = &b->first;

	stp_port_enable(p, false, now_ns);
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	*p = (struct stp_port){ 0 };
	reselect(b);
	run(b);
}

void stp_port_set(struct stp_port *p, const struct stp_port_conf *conf, uint64_t now_ns)
{
	bool is_new_edge = conf->admin_edge && !p->conf.admin_edge;

	p->bridge->now_ns = now_ns;
	p->conf = *conf;
	/* Who says so while nothing has been heard need not take the link down for it. */
	if (is_new_edge && p->v.heard_is != STP_HEARD_RECEIVED)
		p->v.oper_edge = true;
	reselect(p->bridge);
	run(p->bridge);
}

void stp_port_enable(struct stp_port *p, bool has_link, uint64_t now_ns)
{
	p->bridge->now_ns = now_ns;
	p->has_link = has_link;
	if (!has_link)
		p->v.is_guarded = false;
	p->v.port_enabled = has_link && !p->v.is_guarded;
	run(p->bridge);
}

void stp_port_mcheck(struct stp_port *p, uint64_t now_ns)
{
	p->bridge->now_ns = now_ns;
	if (stp_is_rstp(p->bridge))
		p->v.mcheck = true;
	run(p->bridge);
}

static void message_put(struct stp_port *p, const struct stp_bpdu *m)
{
	struct stp_port_vars *v = &p->v;

	v->rcvd_bpdu = true;
	v->msg_is_rst = m->type == STP_BPDU_RST;
	v->msg_flags = m->flags;
	v->n_rx++;
	v->n_rx_tcn += m->type == STP_BPDU_TCN || (m->flags & STP_FLAG_TC) != 0;
	if (m->type == STP_BPDU_TCN) {
		v->rcvd_tcn = true;
		v->msg_role = STP_ROLE_N;
		return;
	}
	/* §9.3.4: an RST BPDU that does not say its role is taken as a config BPDU. */
	if (m->role == STP_ROLE_DISABLED) {
		v->msg_is_rst = false;
		v->msg_flags &= STP_FLAG_TC | STP_FLAG_TC_ACK;
	}
	v->msg_role = m->role == STP_ROLE_DISABLED ? STP_ROLE_DESIGNATED : m->role;
	v->msg_priority = m->vector;
	v->msg_priority.rx_port_id = stp_port_id(p);
	v->msg_times = m->times;
	v->msg_is_self = ((m->vector.bridge_id ^ p->bridge->id) & STP_ADDRESS_MASK) == 0
		&& ((m->vector.port_id ^ p->conf.port_no) & STP_PORT_NO_MAX) == 0;
}

enum stp_rx stp_receive(struct stp_port *p, const uint8_t *frame, size_t len, uint64_t now_ns)
{
	struct stp_bpdu m;

	if (!p->v.port_enabled)
		return STP_RX_IGNORED;
	if (p->v.n_rx_second >= STP_RX_PER_S)
		return STP_RX_RATE;
	p->v.n_rx_second++;
	if (!stp_bpdu_decode(frame, len, &m)) {
		p->v.n_malformed++;
		return STP_RX_MALFORMED;
	}
	p->bridge->now_ns = now_ns;
	if (p->conf.bpdu_guard) {
		p->v.n_rx++;
		p->v.is_guarded = true;
		p->v.port_enabled = false;
		run(p->bridge);
		return STP_RX_GUARDED;
	}
	message_put(p, &m);
	run(p->bridge);
	return STP_RX_OK;
}

static void count_down(uint8_t *timer)
{
	*timer = (uint8_t)(*timer - (*timer > 0));
}

/* §17.22 */
static void port_tick(struct stp_port_vars *v)
{
	count_down(&v->hello_when);
	count_down(&v->tc_while);
	count_down(&v->fd_while);
	count_down(&v->rcvd_heard_while);
	count_down(&v->rr_while);
	count_down(&v->rb_while);
	count_down(&v->mdelay_while);
	count_down(&v->edge_delay_while);
	count_down(&v->tx_count);
	v->n_rx_second = 0;
}

void stp_tick(struct stp_bridge *b, uint64_t now_ns)
{
	b->now_ns = now_ns;
	if (now_ns > b->v.tick_ns + CATCH_UP_S * NS_PER_SEC)
		b->v.tick_ns = now_ns - CATCH_UP_S * NS_PER_SEC;
	while (now_ns >= stp_due_ns(b)) {
		b->v.tick_ns += NS_PER_SEC;
		stp_foreach_port(p, b) port_tick(&p->v);
		run(b);
	}
}

uint64_t stp_due_ns(const struct stp_bridge *b)
{
	return b->v.tick_ns + NS_PER_SEC;
}

static bool times_are_sound(const struct stp_times *t)
{
	return t->max_age <= 40 * STP_SECOND && t->hello <= 10 * STP_SECOND
		&& t->forward_delay <= 30 * STP_SECOND && t->message_age <= 255 * STP_SECOND;
}

bool stp_bridge_vars_are_sound(const struct stp_bridge_vars *v, uint64_t now_ns)
{
	return v->tick_ns <= now_ns && v->changed_ns <= now_ns && times_are_sound(&v->root_times)
		&& v->root_port_no <= STP_PORT_NO_MAX;
}

bool stp_port_vars_are_sound(const struct stp_port_vars *v)
{
	const size_t first = offsetof(struct stp_port_vars, agree);
	const size_t last = offsetof(struct stp_port_vars, reserved);
	uint8_t bytes[sizeof(*v)];

	/* Before anything is read as a bool: other values than 0 and 1 are not one. */
	memcpy(bytes, v, sizeof(bytes));
	for (size_t i = first; i < last; i++)
		if (bytes[i] > 1)
			return false;
	if (v->role >= STP_ROLE_N || v->selected_role >= STP_ROLE_N || v->heard_is >= STP_HEARD_N
		|| v->msg_role > STP_ROLE_N || v->migration_state > 2 || v->heard_state > 2
		|| v->tc_state > 2 || !stp_trans_state_is_sound(v->role_state))
		return false;
	if (v->role != STP_ROLE_ROOT && v->role != STP_ROLE_DESIGNATED && (v->learn || v->forward))
		return false;
	return (!v->forwarding || v->learning) && times_are_sound(&v->designated_times)
		&& times_are_sound(&v->port_times) && times_are_sound(&v->msg_times);
}

void stp_port_restore(struct stp_port *p, const struct stp_port_vars *v)
{
	p->v = *v;
	p->has_link = v->port_enabled || v->is_guarded;
	p->v.reselect = true;
}

const char *stp_role_text(enum stp_role role)
{
	static const char *const texts[STP_ROLE_N]
		= { "disabled", "root", "designated", "alternate", "backup" };

	return texts[role];
}
