/* SPDX-License-Identifier: Apache-2.0 */
/* stp_dump.c - show spanning trees.
 *
 * From: vswitch/ctl_stp.c, in a call of the worker.  To: whoever asks.
 * Theory: bridges first, then ports, by a cursor, so that an answer has a bounded size.
 * Thread: one worker. */
#include "bridge/stp_run_state.h"
#include "vswitch/base/clock.h"

static void dump_bridge(const struct stp_run *r, uint16_t id, struct msg_stp_entry *out)
{
	const struct stp_bridge *b = &r->bridge[id];
	uint64_t age_ns = b->v.tick_ns > b->v.changed_ns ? b->v.tick_ns - b->v.changed_ns : 0;

	*out = (struct msg_stp_entry){
		.root_id = b->v.root.root_id,
		.bridge_id = b->id,
		.root_cost = b->v.root.cost,
		.n_transitions = b->v.n_changes,
		.changed_s = b->v.changed_ns != 0 ? (uint32_t)(age_ns / NS_PER_SEC) : 0,
		.network_id = id,
		.port_id = b->v.root_port_no,
		.flags = b->conf.version >= STP_VERSION_RSTP ? MSG_STP_RSTP : 0,
		.hello_s = b->conf.hello_s,
		.max_age_s = b->conf.max_age_s,
		.forward_delay_s = b->conf.forward_delay_s,
	};
}

static uint8_t port_flags(const struct stp_port *p)
{
	bool is_barred = p->conf.root_guard && p->v.role == STP_ROLE_ALTERNATE;

	return (uint8_t)((p->v.oper_edge ? MSG_STP_EDGE : 0u) | (p->v.send_rstp ? MSG_STP_RSTP : 0u)
		| (p->v.is_guarded ? MSG_STP_GUARDED : 0u) | (is_barred ? MSG_STP_ROOT_GUARDED : 0u)
		| (p->has_link ? MSG_STP_LINK : 0u));
}

static void dump_port(const struct stp_run *r, uint16_t vif_id, struct msg_stp_entry *out)
{
	const struct stp_port *p = &r->port[vif_id];
	const struct stp_vector *pri = &p->v.port_priority;

	*out = (struct msg_stp_entry){
		.root_id = pri->root_id,
		.bridge_id = pri->bridge_id,
		.n_rx = p->v.n_rx,
		.n_tx = p->v.n_tx,
		.root_cost = pri->cost,
		.cost = p->conf.path_cost,
		.n_rx_tc = p->v.n_rx_tcn,
		.n_tx_tc = p->v.n_tx_tcn,
		.n_malformed = p->v.n_malformed,
		.n_transitions = p->v.n_transitions,
		.network_id = stp_run_network(r, p->bridge),
		.vif_id = vif_id,
		.port_id = (uint16_t)(p->conf.priority << 8 | p->conf.port_no),
		.designated_port_id = pri->port_id,
		.role = p->v.role,
		.state = r->state[vif_id],
		.flags = port_flags(p),
		.hello_s = (uint8_t)(p->v.port_times.hello / 256),
		.max_age_s = (uint8_t)(p->v.port_times.max_age / 256),
		.forward_delay_s = (uint8_t)(p->v.port_times.forward_delay / 256),
		.forward_while = p->v.fd_while,
		.heard_while = p->v.rcvd_heard_while,
	};
}

uint32_t stp_run_dump(const struct stp_run *r, uint16_t network_id, uint32_t *cursor,
	struct msg_stp_entry *out, uint32_t max)
{
	uint32_t n = 0;

	/* The cursor runs through bridges first, then through vifs. */
	for (uint32_t i = *cursor + 1; i < NETWORK_ID_MAX + VIF_ID_MAX; i++) {
		uint16_t vif = (uint16_t)(i > NETWORK_ID_MAX ? i - NETWORK_ID_MAX : 0);
		bool is_port = vif != 0 && r->port[vif].bridge != NULL;
		uint16_t network = is_port ? stp_run_network(r, r->port[vif].bridge) : 0;

		if (i < NETWORK_ID_MAX && r->is_on[i])
			network = (uint16_t)i;
		if (network == 0 || (network_id != 0 && network != network_id))
			continue;
		if (n == max) {
			*cursor = i - 1;
			return n;
		}
		if (is_port)
			dump_port(r, vif, &out[n++]);
		else
			dump_bridge(r, network, &out[n++]);
	}
	*cursor = 0;
	return n;
}
