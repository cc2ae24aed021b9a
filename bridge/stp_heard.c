/* SPDX-License-Identifier: Apache-2.0 */
/* stp_heard.c - what a port has heard: is it news, is it still true, who says it?
 *
 * From: bridge/stp.c.  To: .reselect, for bridge/stp_roles.c; agreements and proposals for
 * bridge/stp_trans.c.
 * Theory: IEEE 802.1D-2004 §17.23 (port receive), §17.24 (port protocol migration), §17.27 (port
 * information) and their procedures in §17.21.
 * Deviation: a port that hears what it said itself (a cable or a guest that turns frames round) is
 * not in the standard, which would call a stale message of that kind news from the same designated
 * port.  Here it is a dispute: the port discards as long as it goes on.
 * Thread: the caller's. */
#include "bridge/stp_bpdu.h"
#include "bridge/stp_machine.h"

enum migration_state {
	MIGRATION_CHECKING_RSTP,
	MIGRATION_SELECTING_STP,
	MIGRATION_SENSING,
};

/* Of §17.27; the others have no stay. */
enum heard_state {
	HEARD_DISABLED,
	HEARD_AGED,
	HEARD_CURRENT,
};

bool stp_heard_receive(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;

	if (!v->port_enabled) { /* DISCARD */
		if (!v->rcvd_bpdu && v->edge_delay_while == STP_MIGRATE_S)
			return false;
		v->rcvd_bpdu = v->rcvd_rstp = v->rcvd_stp = v->rcvd_msg = false;
		v->edge_delay_while = STP_MIGRATE_S;
		return true;
	}
	if (!v->rcvd_bpdu || v->rcvd_msg)
		return false;
	if (v->msg_is_rst) /* updtBPDUVersion */
		v->rcvd_rstp = true;
	else
		v->rcvd_stp = true;
	v->oper_edge = v->rcvd_bpdu = false;
	v->rcvd_msg = true;
	v->edge_delay_while = STP_MIGRATE_S;
	return true;
}

static bool migration_check(struct stp_port *p)
{
	p->v.migration_state = MIGRATION_CHECKING_RSTP;
	p->v.mcheck = false;
	p->v.send_rstp = stp_is_rstp(p->bridge);
	p->v.mdelay_while = STP_MIGRATE_S;
	return true;
}

static bool migration_sense(struct stp_port *p)
{
	p->v.migration_state = MIGRATION_SENSING;
	p->v.rcvd_rstp = p->v.rcvd_stp = false;
	return true;
}

bool stp_heard_migrate(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;

	switch ((enum migration_state)v->migration_state) {
	case MIGRATION_CHECKING_RSTP:
		if (!v->port_enabled && v->mdelay_while != STP_MIGRATE_S)
			return migration_check(p);
		return v->mdelay_while == 0 && v->port_enabled && migration_sense(p);
	case MIGRATION_SELECTING_STP:
		return (v->mdelay_while == 0 || !v->port_enabled || v->mcheck)
			&& migration_sense(p);
	case MIGRATION_SENSING: break;
	}
	if (!v->port_enabled || v->mcheck
		|| (stp_is_rstp(p->bridge) && !v->send_rstp && v->rcvd_rstp))
		return migration_check(p);
	if (v->send_rstp && v->rcvd_stp) {
		v->migration_state = MIGRATION_SELECTING_STP;
		v->send_rstp = false;
		v->mdelay_while = STP_MIGRATE_S;
		return true;
	}
	return false;
}

/* Does the message replace what @p holds?  §17.6: it is better, or from the same designated port. */
static bool is_superior(const struct stp_port_vars *v)
{
	const struct stp_vector *m = &v->msg_priority, *p = &v->port_priority;
	int c = stp_vector_compare(m, p);

	if (c < 0)
		return true;
	if (c == 0)
		return !stp_times_are_equal(&v->msg_times, &v->port_times);
	return ((m->bridge_id ^ p->bridge_id) & STP_ADDRESS_MASK) == 0
		&& ((m->port_id ^ p->port_id) & STP_PORT_NO_MAX) == 0;
}

/* §17.21.17 setTcFlags */
static void take_tc_flags(struct stp_port_vars *v)
{
	v->rcvd_tc |= (v->msg_flags & STP_FLAG_TC) != 0;
	v->rcvd_tc_ack |= !v->msg_is_rst && (v->msg_flags & STP_FLAG_TC_ACK) != 0;
}

static void take_proposal(struct stp_port_vars *v)
{
	v->proposed |= (v->msg_flags & STP_FLAG_PROPOSAL) != 0;
}

/* §17.21.23 updtRcvdInfoWhile */
static void start_ageing(struct stp_port_vars *v)
{
	uint32_t age = v->port_times.message_age + STP_SECOND + STP_SECOND / 2;

	v->rcvd_heard_while = age / STP_SECOND * STP_SECOND <= v->port_times.max_age
		? (uint8_t)(3 * stp_seconds(v->port_times.hello))
		: 0;
}

static void superior_designated(struct stp_port_vars *v)
{
	bool is_as_good = v->heard_is == STP_HEARD_RECEIVED
		&& stp_vector_compare(&v->msg_priority, &v->port_priority) <= 0;

	v->agreed = v->proposing = false;
	take_proposal(v);
	take_tc_flags(v);
	v->agree = v->agree && is_as_good;
	v->port_priority = v->msg_priority;
	v->port_times = v->msg_times;
	start_ageing(v);
	v->heard_is = STP_HEARD_RECEIVED;
	v->reselect = true;
	v->selected = false;
}

/* §17.21.10 recordDispute */
static void dispute(struct stp_port_vars *v)
{
	if (v->msg_is_rst && (v->msg_flags & STP_FLAG_LEARNING) != 0) {
		v->disputed = true;
		v->agreed = false;
	}
}

/* §17.21.9 recordAgreement; every link here is between two. */
static void take_agreement(struct stp_port *p)
{
	p->v.agreed = stp_is_rstp(p->bridge) && (p->v.msg_flags & STP_FLAG_AGREEMENT) != 0;
	if (p->v.agreed)
		p->v.proposing = false;
	take_tc_flags(&p->v);
}

/* §17.21.8 rcvInfo and the states of §17.27 that follow from it. */
static void message_take(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;
	int c = stp_vector_compare(&v->msg_priority, &v->port_priority);

	v->rcvd_msg = false;
	if (v->msg_role == STP_ROLE_N) /* a TCN BPDU says nothing else */
		return;
	if (v->msg_role == STP_ROLE_DESIGNATED) {
		if (!v->msg_is_self && is_superior(v)) {
			superior_designated(v);
		} else if (!v->msg_is_self && c == 0 && v->heard_is == STP_HEARD_RECEIVED) {
			take_proposal(v);
			take_tc_flags(v);
			start_ageing(v);
		} else if (v->msg_is_self || c > 0) {
			dispute(v);
		}
	} else if (c >= 0 && !v->msg_is_self) {
		take_agreement(p);
	}
}

static void heard_update(struct stp_port_vars *v)
{
	bool is_as_good = v->heard_is == STP_HEARD_MINE
		&& stp_vector_compare(&v->designated_priority, &v->port_priority) <= 0;

	v->proposing = v->proposed = false;
	v->agreed = v->agreed && is_as_good;
	v->synced = v->synced && v->agreed;
	v->port_priority = v->designated_priority;
	v->port_times = v->designated_times;
	v->updt_heard = false;
	v->heard_is = STP_HEARD_MINE;
	v->new_info = true;
	v->heard_state = HEARD_CURRENT;
}

static void heard_disable(struct stp_port_vars *v)
{
	v->heard_state = HEARD_DISABLED;
	v->rcvd_msg = v->proposing = v->proposed = v->agree = v->agreed = false;
	v->rcvd_heard_while = 0;
	v->heard_is = STP_HEARD_DISABLED;
	v->reselect = true;
	v->selected = false;
}

static void heard_age(struct stp_port_vars *v)
{
	v->heard_state = HEARD_AGED;
	v->heard_is = STP_HEARD_AGED;
	v->reselect = true;
	v->selected = false;
}

bool stp_heard_run(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;
	bool is_down = !v->port_enabled && v->heard_is != STP_HEARD_DISABLED;
	bool is_odd = v->heard_state == HEARD_DISABLED && v->rcvd_msg;
	bool is_new = v->heard_state == HEARD_DISABLED && v->port_enabled;
	bool is_old = v->heard_state == HEARD_CURRENT && v->heard_is == STP_HEARD_RECEIVED
		&& v->rcvd_heard_while == 0 && !v->updt_heard && !v->rcvd_msg;

	if (is_down || is_odd)
		heard_disable(v);
	else if (v->heard_state != HEARD_DISABLED && v->selected && v->updt_heard)
		heard_update(v);
	else if (is_new || is_old)
		heard_age(v);
	else if (v->heard_state == HEARD_CURRENT && v->rcvd_msg && !v->updt_heard)
		message_take(p);
	else
		return false;
	return true;
}

void stp_heard_begin(struct stp_port *p)
{
	p->v.rcvd_bpdu = true; /* DISCARD is entered */
	p->v.port_enabled = false;
	stp_heard_receive(p);
	migration_check(p);
	heard_disable(&p->v);
}
