/* SPDX-License-Identifier: Apache-2.0 */
/* stp_tc.c - topology changes told and heard, edge ports found, BPDUs written.
 *
 * From: bridge/stp.c.  To: struct stp_ops: frames to send, addresses to forget.
 * Theory: IEEE 802.1D-2004 §17.31 (topology change), §17.25 (bridge detection), §17.26 (port transmit).
 * What was learned is forgotten at once, in the old version too, where the standard shortens the ageing
 * time instead: the effect is the same, and nothing has to be put back.
 * Thread: the caller's. */
#include "bridge/stp_bpdu.h"
#include "bridge/stp_machine.h"

/* Of §17.31; the others have no stay. */
enum tc_state {
	TC_INACTIVE,
	TC_LEARNING,
	TC_ACTIVE,
};

static bool is_root_or_designated(const struct stp_port_vars *v)
{
	return v->role == STP_ROLE_ROOT || v->role == STP_ROLE_DESIGNATED;
}

static void flush(struct stp_port *p)
{
	p->bridge->ops->flush(p->bridge->arg, p);
}

/* §17.21.7 newTcWhile */
static void tc_while_start(struct stp_port *p)
{
	const struct stp_times *t = &p->bridge->v.root_times;

	if (p->v.tc_while != 0)
		return;
	if (p->v.send_rstp) {
		p->v.tc_while = (uint8_t)(stp_hello_s(p) + 1);
		p->v.new_info = true;
	} else {
		p->v.tc_while = (uint8_t)(stp_seconds(t->max_age) + stp_seconds(t->forward_delay));
	}
}

/* §17.21.18 setTcPropTree */
static void tc_propagate(struct stp_port *self)
{
	struct stp_bridge *b = self->bridge;

	b->v.n_changes++;
	b->v.changed_ns = b->now_ns;
	stp_foreach_port(p, b) if (p != self) p->v.tc_prop = true;
}

static bool has_heard(const struct stp_port_vars *v)
{
	return v->rcvd_tc || v->rcvd_tcn || v->rcvd_tc_ack || v->tc_prop;
}

static void learning_enter(struct stp_port_vars *v)
{
	v->tc_state = TC_LEARNING;
	v->rcvd_tc = v->rcvd_tcn = v->rcvd_tc_ack = v->tc_prop = false;
}

static void inactive_enter(struct stp_port *p)
{
	p->v.tc_state = TC_INACTIVE;
	p->v.tc_while = 0;
	p->v.tc_ack = false;
	flush(p);
}

static bool run_learning(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;

	if (is_root_or_designated(v) && v->forward && !v->oper_edge) { /* DETECTED */
		tc_while_start(p);
		tc_propagate(p);
		v->new_info = true;
		v->tc_state = TC_ACTIVE;
		return true;
	}
	if (has_heard(v)) {
		learning_enter(v);
		return true;
	}
	if (is_root_or_designated(v) || v->learn || v->learning)
		return false;
	inactive_enter(p);
	return true;
}

static bool run_active(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;

	if (!is_root_or_designated(v) || v->oper_edge) {
		learning_enter(v);
	} else if (v->rcvd_tcn || v->rcvd_tc) { /* NOTIFIED_TCN, NOTIFIED_TC */
		if (v->rcvd_tcn)
			tc_while_start(p);
		v->rcvd_tcn = v->rcvd_tc = false;
		if (v->role == STP_ROLE_DESIGNATED)
			v->tc_ack = true;
		tc_propagate(p);
	} else if (v->tc_prop) { /* PROPAGATING */
		tc_while_start(p);
		v->tc_prop = false;
		flush(p);
	} else if (v->rcvd_tc_ack) { /* ACKNOWLEDGED */
		v->tc_while = 0;
		v->rcvd_tc_ack = false;
	} else {
		return false;
	}
	return true;
}

bool stp_tc_run(struct stp_port *p)
{
	switch ((enum tc_state)p->v.tc_state) {
	case TC_INACTIVE:
		if (!p->v.learn)
			return false;
		learning_enter(&p->v);
		return true;
	case TC_LEARNING: return run_learning(p);
	case TC_ACTIVE: return run_active(p);
	}
	return false;
}

bool stp_tc_edge(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;
	bool is_edge = v->oper_edge;

	if (!v->port_enabled)
		is_edge = p->conf.admin_edge;
	else if (v->edge_delay_while == 0 && p->conf.auto_edge && v->send_rstp && v->proposing)
		is_edge = true;
	if (is_edge == v->oper_edge)
		return false;
	v->oper_edge = is_edge;
	return true;
}

static void send_bpdu(struct stp_port *p, struct stp_bpdu *m)
{
	uint8_t frame[STP_FRAME_LEN];

	if (p->v.tc_while != 0 && m->type != STP_BPDU_TCN)
		m->flags |= STP_FLAG_TC;
	p->v.n_tx++;
	p->v.n_tx_tcn += m->type == STP_BPDU_TCN || (m->flags & STP_FLAG_TC) != 0;
	p->v.new_info = false;
	p->v.tx_count++;
	stp_bpdu_encode(m, frame);
	p->bridge->ops->send(p->bridge->arg, p, frame);
}

/* §17.21.19 txConfig and §17.21.21 txTcn */
static void send_stp(struct stp_port *p)
{
	struct stp_bpdu m = {
		.type = p->v.role == STP_ROLE_ROOT ? STP_BPDU_TCN : STP_BPDU_CONFIG,
		.vector = p->v.designated_priority,
		.times = p->v.designated_times,
	};

	if (m.type == STP_BPDU_CONFIG && p->v.tc_ack)
		m.flags = STP_FLAG_TC_ACK;
	send_bpdu(p, &m);
	if (m.type == STP_BPDU_CONFIG)
		p->v.tc_ack = false;
}

/* §17.21.20 txRstp */
static void send_rst(struct stp_port *p)
{
	const struct stp_port_vars *v = &p->v;
	struct stp_bpdu m = {
		.type = STP_BPDU_RST,
		.role = v->role,
		.vector = v->designated_priority,
		.times = v->designated_times,
	};

	m.flags = (uint8_t)((v->agree ? STP_FLAG_AGREEMENT : 0u)
		| (v->proposing ? STP_FLAG_PROPOSAL : 0u) | (v->learning ? STP_FLAG_LEARNING : 0u)
		| (v->forwarding ? STP_FLAG_FORWARDING : 0u));
	/* §17.21.20: a designated port never agrees, the others never propose. */
	m.flags &= (uint8_t)(v->role == STP_ROLE_DESIGNATED ? ~STP_FLAG_AGREEMENT
							    : ~STP_FLAG_PROPOSAL);
	send_bpdu(p, &m);
	p->v.tc_ack = false;
}

bool stp_tc_transmit(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;

	if (!v->selected || v->updt_heard || !v->port_enabled)
		return false;
	if (v->hello_when == 0) { /* TRANSMIT_PERIODIC */
		v->new_info |= v->role == STP_ROLE_DESIGNATED
			|| (v->role == STP_ROLE_ROOT && v->tc_while != 0);
		v->hello_when = stp_hello_s(p);
		return true;
	}
	if (!v->new_info || v->tx_count >= STP_TX_HOLD || v->role == STP_ROLE_DISABLED)
		return false;
	if (v->send_rstp)
		send_rst(p);
	else if (is_root_or_designated(v))
		send_stp(p);
	else
		return false;
	v->hello_when = stp_hello_s(p); /* IDLE */
	return true;
}

void stp_tc_begin(struct stp_port *p)
{
	inactive_enter(p);
	p->v.oper_edge = p->conf.admin_edge;
	p->v.new_info = true;
	p->v.tx_count = 0;
	p->v.hello_when = stp_hello_s(p);
}
