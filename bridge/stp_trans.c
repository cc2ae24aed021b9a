/* SPDX-License-Identifier: Apache-2.0 */
/* stp_trans.c - from the role a port was given to the state it may be in, without a loop on the way.
 *
 * From: bridge/stp.c.  To: .learning and .forwarding, told by struct stp_ops.
 * Theory: IEEE 802.1D-2004 §17.29 (port role transitions) and §17.30 (port state transition).  A root
 * port forwards at once when no other port was root recently (reRoot); a designated one when its
 * neighbour has agreed, which the neighbour does when it has made its own designated ports discard
 * (sync); where there is nobody to agree, time does it.
 * Deviation: with ForceVersion 0 a port listens for forward delay, as 802.1D-1998 and Linux do, not for
 * max age.
 * Invariants: an alternate, backup or disabled port neither learns nor forwards once it is in its
 * state; every transition waits until the role it is about is settled (selected and not updtInfo).
 * Thread: the caller's. */
#include "bridge/stp_machine.h"

/* Of §17.29; the others have no stay. */
enum role_state {
	ROLE_DISABLE_PORT,
	ROLE_DISABLED_PORT,
	ROLE_ROOT_PORT,
	ROLE_DESIGNATED_PORT,
	ROLE_BLOCK_PORT,
	ROLE_ALTERNATE_PORT,
	ROLE_STATE_N
};

static void tell(struct stp_port *p, enum stp_role was)
{
	p->bridge->ops->changed(p->bridge->arg, p, was);
}

static uint8_t listening_s(const struct stp_port *p)
{
	return stp_is_rstp(p->bridge) ? stp_max_age_s(p) : stp_fwd_delay_s(p);
}

/* §17.20.3 allSynced */
static bool all_synced(const struct stp_bridge *b)
{
	stp_foreach_port(p, b) if (!p->v.selected || p->v.role != p->v.selected_role
		|| p->v.updt_heard || (!p->v.synced && p->v.role != STP_ROLE_ROOT)) return false;
	return true;
}

/* §17.20.10 reRooted */
static bool re_rooted(const struct stp_port *self)
{
	stp_foreach_port(p, self->bridge) if (p != self && p->v.rr_while != 0) return false;
	return true;
}

static void sync_tree(const struct stp_bridge *b)
{
	stp_foreach_port(p, b) p->v.sync = true;
}

static void re_root_tree(const struct stp_bridge *b)
{
	stp_foreach_port(p, b) p->v.re_root = true;
}

static void role_enter(struct stp_port *p)
{
	static const uint8_t state_of[STP_ROLE_N] = {
		[STP_ROLE_DISABLED] = ROLE_DISABLE_PORT,
		[STP_ROLE_ROOT] = ROLE_ROOT_PORT,
		[STP_ROLE_DESIGNATED] = ROLE_DESIGNATED_PORT,
		[STP_ROLE_ALTERNATE] = ROLE_BLOCK_PORT,
		[STP_ROLE_BACKUP] = ROLE_BLOCK_PORT,
	};
	enum stp_role was = p->v.role;

	p->v.role = p->v.selected_role;
	p->v.role_state = state_of[p->v.role];
	if (p->v.role == STP_ROLE_ROOT)
		p->v.rr_while = stp_fwd_delay_s(p);
	else if (p->v.role != STP_ROLE_DESIGNATED)
		p->v.learn = p->v.forward = false;
	tell(p, was);
}

/* Not (or no longer) forwarding: nothing to wait for. */
static void settle(struct stp_port *p, uint8_t fd_while)
{
	p->v.fd_while = fd_while;
	p->v.synced = true;
	p->v.rr_while = 0;
	p->v.sync = p->v.re_root = false;
}

static bool run_disabled(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;

	if (v->role_state == ROLE_DISABLE_PORT) {
		if (v->learning || v->forwarding)
			return false;
		v->role_state = ROLE_DISABLED_PORT;
	} else if (v->fd_while == listening_s(p) && !v->sync && !v->re_root && v->synced) {
		return false;
	}
	settle(p, listening_s(p));
	return true;
}

/* States that a proposal and its agreement need, at a root, alternate or backup port. */
static bool run_agreement(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;

	if (v->proposed && !v->agree) { /* ROOT_PROPOSED, ALTERNATE_PROPOSED */
		sync_tree(p->bridge);
		v->proposed = false;
		return true;
	}
	if ((v->agree || !all_synced(p->bridge)) && !(v->proposed && v->agree))
		return false;
	v->proposed = false; /* ROOT_AGREED, ALTERNATE_AGREED */
	if (v->role == STP_ROLE_ROOT)
		v->sync = false;
	v->agree = v->new_info = true;
	return true;
}

static bool run_root(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;
	bool may_pass;

	if (run_agreement(p))
		return true;
	if (!v->forward && !v->re_root) { /* REROOT */
		re_root_tree(p->bridge);
		return true;
	}
	may_pass = v->fd_while == 0 || (stp_is_rstp(p->bridge) && v->rb_while == 0 && re_rooted(p));
	if (may_pass && !v->learn) { /* ROOT_LEARN */
		v->fd_while = stp_forward_delay_s(p);
		v->learn = true;
	} else if (may_pass && !v->forward) { /* ROOT_FORWARD */
		v->fd_while = 0;
		v->forward = true;
	} else if (v->re_root && v->forward) { /* REROOTED */
		v->re_root = false;
	} else if (v->rr_while != stp_fwd_delay_s(p)) {
		v->rr_while = stp_fwd_delay_s(p);
	} else {
		return false;
	}
	return true;
}

static bool run_designated(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;
	bool may_pass;

	if (!v->forward && !v->agreed && !v->proposing && !v->oper_edge) { /* DESIGNATED_PROPOSE */
		v->proposing = v->new_info = true;
		v->edge_delay_while = STP_MIGRATE_S;
		return true;
	}
	if ((!v->learning && !v->forwarding && !v->synced) || (v->agreed && !v->synced)
		|| (v->oper_edge && !v->synced) || (v->sync && v->synced)) { /* DESIGNATED_SYNCED */
		v->rr_while = 0;
		v->synced = true;
		v->sync = false;
		return true;
	}
	if (v->rr_while == 0 && v->re_root) { /* DESIGNATED_RETIRED */
		v->re_root = false;
		return true;
	}
	if (((v->sync && !v->synced) || (v->re_root && v->rr_while != 0) || v->disputed)
		&& !v->oper_edge && (v->learn || v->forward)) { /* DESIGNATED_DISCARD */
		v->learn = v->forward = v->disputed = false;
		v->fd_while = stp_forward_delay_s(p);
		return true;
	}
	may_pass = (v->fd_while == 0 || v->agreed || v->oper_edge)
		&& (v->rr_while == 0 || !v->re_root) && !v->sync;
	if (may_pass && !v->learn) { /* DESIGNATED_LEARN */
		v->learn = true;
		v->fd_while = stp_forward_delay_s(p);
		return true;
	}
	if (may_pass && !v->forward) { /* DESIGNATED_FORWARD */
		v->forward = true;
		v->fd_while = 0;
		v->agreed = v->send_rstp;
		return true;
	}
	return false;
}

static bool run_alternate(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;

	if (v->role_state == ROLE_BLOCK_PORT) {
		if (v->learning || v->forwarding)
			return false;
		v->role_state = ROLE_ALTERNATE_PORT;
		settle(p, stp_forward_delay_s(p));
		return true;
	}
	if (run_agreement(p))
		return true;
	if (v->role == STP_ROLE_BACKUP && v->rb_while != 2 * stp_hello_s(p)) { /* BACKUP_PORT */
		v->rb_while = (uint8_t)(2 * stp_hello_s(p));
		return true;
	}
	if (v->fd_while == stp_forward_delay_s(p) && !v->sync && !v->re_root && v->synced)
		return false;
	settle(p, stp_forward_delay_s(p));
	return true;
}

bool stp_trans_state(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;

	if ((v->learning && !v->learn) || (v->forwarding && !v->forward)) {
		v->learning = v->forwarding = false;
	} else if (v->learn && !v->learning) {
		v->learning = true;
	} else if (v->forward && v->learning && !v->forwarding) {
		v->forwarding = true;
		v->n_transitions++;
	} else {
		return false;
	}
	tell(p, v->role);
	return true;
}

bool stp_trans_state_is_sound(uint8_t state)
{
	return state < ROLE_STATE_N;
}

void stp_trans_begin(struct stp_port *p)
{
	struct stp_port_vars *v = &p->v;

	v->role = v->selected_role = STP_ROLE_DISABLED; /* INIT_PORT, DISABLE_PORT */
	v->role_state = ROLE_DISABLE_PORT;
	v->learn = v->forward = v->learning = v->forwarding = v->synced = false;
	v->sync = v->re_root = true;
	v->rr_while = stp_fwd_delay_s(p);
	v->fd_while = listening_s(p);
	v->rb_while = 0;
}

bool stp_trans_run(struct stp_port *p)
{
	if (!p->v.selected || p->v.updt_heard)
		return false;
	if (p->v.role != p->v.selected_role) {
		role_enter(p);
		return true;
	}
	switch ((enum stp_role)p->v.role) {
	case STP_ROLE_DISABLED: return run_disabled(p);
	case STP_ROLE_ROOT: return run_root(p);
	case STP_ROLE_DESIGNATED: return run_designated(p);
	case STP_ROLE_ALTERNATE:
	case STP_ROLE_BACKUP: return run_alternate(p);
	case STP_ROLE_N: break;
	}
	return false;
}
