/* SPDX-License-Identifier: Apache-2.0 */
/* stp_roles.c - which port leads to the root, which ones lead away, which ones are spare.
 *
 * From: bridge/stp.c, whenever a port asks for it (reselect).  To: .selected_role, .updt_heard.
 * Theory: IEEE 802.1D-2004 §17.5 and §17.6 (priority vectors), §17.21.25 updtRolesTree, §17.28.
 * A port with root guard never becomes root port (802.1Q: restrictedRole): as long as it hears a
 * better root than ours it is an alternate port, so discarding.
 * Invariants: afterwards at most one port of a bridge has the role root.
 * Thread: the caller's. */
#include "bridge/stp_machine.h"

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

int stp_vector_compare(const struct stp_vector *a, const struct stp_vector *b)
{
	int c = compare(a->root_id, b->root_id);

	if (c == 0)
		c = compare(a->cost, b->cost);
	if (c == 0)
		c = compare(a->bridge_id, b->bridge_id);
	if (c == 0)
		c = compare(a->port_id, b->port_id);
	return c != 0 ? c : compare(a->rx_port_id, b->rx_port_id);
}

bool stp_times_are_equal(const struct stp_times *a, const struct stp_times *b)
{
	return a->message_age == b->message_age && a->max_age == b->max_age && a->hello == b->hello
		&& a->forward_delay == b->forward_delay;
}

/* The root as @p sees it; false: not through this port. */
static bool root_path(const struct stp_port *p, struct stp_vector *path)
{
	const struct stp_vector *heard = &p->v.port_priority;

	if (p->v.heard_is != STP_HEARD_RECEIVED || p->conf.root_guard
		|| ((heard->bridge_id ^ p->bridge->id) & STP_ADDRESS_MASK) == 0)
		return false;
	*path = *heard;
	path->cost = (uint32_t)MIN((uint64_t)heard->cost + p->conf.path_cost, UINT64_C(0xffffffff));
	path->rx_port_id = stp_port_id(p);
	return true;
}

/* One hop further from the root: a second older, in whole seconds (§17.21.25). */
static struct stp_times aged(const struct stp_times *t)
{
	struct stp_times times = *t;
	uint32_t age = t->message_age + STP_SECOND + STP_SECOND / 2;

	times.message_age = (uint16_t)MIN(age - age % STP_SECOND, 255 * STP_SECOND);
	return times;
}

static const struct stp_port *root_find(struct stp_bridge *b)
{
	const struct stp_port *root_port = NULL;
	struct stp_vector path;

	b->v.root = (struct stp_vector){ .root_id = b->id, .bridge_id = b->id };
	b->v.root_times = (struct stp_times){
		.max_age = (uint16_t)(b->conf.max_age_s * STP_SECOND),
		.hello = (uint16_t)(b->conf.hello_s * STP_SECOND),
		.forward_delay = (uint16_t)(b->conf.forward_delay_s * STP_SECOND),
	};
	stp_foreach_port(p, b)
	{
		if (!root_path(p, &path) || stp_vector_compare(&path, &b->v.root) >= 0)
			continue;
		b->v.root = path;
		root_port = p;
	}
	if (root_port != NULL)
		b->v.root_times = aged(&root_port->v.port_times);
	b->v.root_port_no = root_port != NULL ? root_port->conf.port_no : 0;
	return root_port;
}

/* What @p hears and cannot say better: is it this bridge itself, by another port? */
static enum stp_role spare_role(const struct stp_port *p)
{
	bool is_own = ((p->v.port_priority.bridge_id ^ p->bridge->id) & STP_ADDRESS_MASK) == 0;

	return is_own ? STP_ROLE_BACKUP : STP_ROLE_ALTERNATE;
}

static void role_select(struct stp_port *p, const struct stp_port *root_port)
{
	struct stp_port_vars *v = &p->v;
	bool is_better = stp_vector_compare(&v->designated_priority, &v->port_priority) < 0;

	if (v->heard_is == STP_HEARD_DISABLED) {
		v->selected_role = STP_ROLE_DISABLED;
	} else if (v->heard_is == STP_HEARD_RECEIVED && p == root_port) {
		v->selected_role = STP_ROLE_ROOT;
		v->updt_heard = false;
	} else if (v->heard_is == STP_HEARD_RECEIVED && !is_better) {
		v->selected_role = (uint8_t)spare_role(p);
		v->updt_heard = false;
	} else {
		v->selected_role = STP_ROLE_DESIGNATED;
		if (v->heard_is != STP_HEARD_MINE
			|| stp_vector_compare(&v->designated_priority, &v->port_priority) != 0
			|| !stp_times_are_equal(&v->designated_times, &v->port_times))
			v->updt_heard = true;
	}
}

bool stp_roles_run(struct stp_bridge *b)
{
	const struct stp_port *root_port;
	bool is_asked = false;

	stp_foreach_port(p, b)
	{
		is_asked |= p->v.reselect;
		p->v.reselect = false;
	}
	if (!is_asked)
		return false;
	root_port = root_find(b);
	stp_foreach_port(p, b)
	{
		p->v.designated_priority = (struct stp_vector){
			.root_id = b->v.root.root_id,
			.cost = b->v.root.cost,
			.bridge_id = b->id,
			.port_id = stp_port_id(p),
			.rx_port_id = stp_port_id(p),
		};
		p->v.designated_times = b->v.root_times;
		p->v.designated_times.hello = (uint16_t)(b->conf.hello_s * STP_SECOND);
		role_select(p, root_port);
		p->v.selected = true;
	}
	return true;
}
