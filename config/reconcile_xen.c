/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_xen.c - vifs of type netfront: from a guest that has connected to rings that the engine has.
 *
 * From: reconcile_vif.c, reconcile_engine.c, reconcile.c.  To: netback.c, xen_rings.c, engine_link.c.
 * Theory: such a vif is open while its guest is connected.  The connection's number is a part of the vif's
 * cookie, so a guest that connects anew, or another one under the same name, is another vif to the engine.
 * What the guest sees follows the engine: it is connected once the engine has its rings, and may go only
 * when the engine has let go of them.
 * Invariants: slot->xen is there exactly while a vif of this type is open.
 * Thread: the daemon's only one. */
#include "config/reconcile_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct netback_dev *dev_of(const struct reconcile *r, const char *ifname)
{
	return r->netback != NULL ? netback_find(r->netback, ifname) : NULL;
}

uint64_t reconcile_xen_incarnation(const struct reconcile *r, const struct vif_want *want)
{
	const struct netback_dev *d = dev_of(r, want->ifname);

	return d != NULL ? d->incarnation : 0;
}

static void show_state(struct vif_slot *slot)
{
	if (slot->as.is_down)
		actual_set_vif(slot, STATE_DOWN, "");
	else if (slot->as.network_id == NETWORK_ID_NONE && !slot->as.gets_copies)
		actual_set_vif(slot, STATE_WAITING,
			"not attached to a network; saklar vif set NAME --network NETWORK");
	else
		actual_set_vif(slot, STATE_UP, "");
}

static void wait_for_guest(const struct reconcile *r, struct vif_slot *slot)
{
	const struct netback_dev *d = dev_of(r, slot->as.ifname);
	const char *why = r->netback != NULL ? netback_why(r->netback) : "";
	char text[256];

	if (why[0] != '\0') {
		actual_set_vif(slot, STATE_WAITING, why);
	} else if (d == NULL) {
		snprintf(text, sizeof(text),
			"no guest has a vif %s yet: vifname=%s in its configuration, or "
			"vifDOMAIN.NUMBER",
			slot->as.ifname, slot->as.ifname);
		actual_set_vif(slot, STATE_WAITING, text);
	} else {
		actual_set_vif(slot, d->is_refused ? STATE_FAILED : STATE_WAITING,
			d->why[0] != '\0' ? d->why : "waits for the guest's network driver");
	}
}

void reconcile_xen_open(struct reconcile *r, uint16_t id)
{
	const struct vif_want *want = &r->wants.vif[id];
	const struct netback_dev *d = dev_of(r, want->ifname);
	struct vif_slot *slot = &r->actual.vif[id];
	struct err e = ERR_NONE;
	int rc;

	if (d == NULL || !d->is_ready) {
		wait_for_guest(r, slot);
		return;
	}
	slot->xen = calloc(1, sizeof(*slot->xen));
	if (slot->xen == NULL)
		return;
	rc = xen_rings_open(&d->front, slot->fds.fd, &slot->xen->msg, &e);
	if (rc < 0) {
		free(slot->xen);
		slot->xen = NULL;
		retry_later(&slot->retry);
		actual_set_vif(slot, STATE_FAILED, e.msg);
		return;
	}
	retry_clear(&slot->retry);
	slot->fds.n = d->front.n_queues + 1u;
	slot->fds.ifindex = 0;
	slot->fds.flags = 0;
	slot->is_open = true;
	slot->is_in_engine = false;
	slot->has_taken = false;
	slot->cookie = vif_want_cookie(want, d->incarnation);
	reconcile_xen_adjust(r, id);
}

void reconcile_xen_adjust(struct reconcile *r, uint16_t id)
{
	struct vif_slot *slot = &r->actual.vif[id];

	slot->as = r->wants.vif[id];
	slot->has_taken = false;
	memcpy(slot->ifname, slot->as.ifname, sizeof(slot->ifname));
	slot->has_carrier = !slot->as.is_down;
	slot->mtu = slot->as.mtu;
	show_state(slot);
}

void reconcile_xen_release(struct vif_slot *slot)
{
	netdev_close(&slot->fds);
	free(slot->xen);
	slot->xen = NULL;
	slot->is_open = false;
	slot->has_taken = false;
	slot->has_carrier = false;
	slot->ifname[0] = '\0';
}

bool reconcile_xen_take(struct vif_slot *slot, const struct msg_xen_vif *m)
{
	slot->xen = calloc(1, sizeof(*slot->xen));
	if (slot->xen == NULL)
		return false;
	slot->xen->msg = *m;
	slot->xen->was_told = true;
	return true;
}

int reconcile_xen_tell(struct reconcile *r, uint16_t id, const struct msg_vif *m, struct err *e)
{
	struct vif_slot *slot = &r->actual.vif[id];
	const struct netback_dev *d = dev_of(r, slot->as.ifname);
	struct engine_request req = { .type = ENGINE_MSG_XEN_OPEN,
		.body = &slot->xen->msg,
		.body_len = sizeof(slot->xen->msg),
		.fds = slot->fds.fd,
		.n_fds = slot->fds.n };
	int rc = 0;

	if (d == NULL || !d->is_ready)
		return err_set(e, -ENODEV, "", "the guest has gone");
	/* An engine before this one had the pages: they go with it. */
	if (slot->xen->was_told)
		rc = xen_rings_reopen(&d->front, slot->fds.fd, &slot->xen->msg, e);
	slot->xen->msg.vif = *m;
	slot->xen->was_told = true;
	if (rc == 0)
		rc = engine_link_request(r->link, &req, e);
	if (rc < 0 && rc != -ENOTCONN)
		netback_refuse(r->netback, slot->as.ifname, e->msg);
	return rc;
}

void reconcile_xen_dead(struct reconcile *r, uint32_t vif_id)
{
	if (vif_id < VIF_ID_MAX && r->actual.vif[vif_id].xen != NULL)
		r->actual.vif[vif_id].xen->is_dead = true;
}

struct question {
	struct msg_xen_counts *counts;
	uint32_t vif_id;
};

static int on_counts(void *arg, struct engine_msg *m)
{
	const struct question *q = arg;

	if (m->type != ENGINE_MSG_XEN_COUNTS)
		return -EPROTO;
	memcpy(q->counts, m->body, sizeof(*q->counts));
	q->counts->failure[XEN_FAILURE_LEN - 1] = '\0';
	for (char *c = q->counts->failure; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return q->counts->vif_id == q->vif_id && q->counts->n_queues <= VIF_QUEUES_MAX ? 0
										       : -EPROTO;
}

static bool counts_ask(struct reconcile *r, uint16_t id, struct msg_xen_counts *out)
{
	struct msg_vif_close m = { .vif_id = id };
	struct question q = { .counts = out, .vif_id = id };
	struct engine_request req = { .type = ENGINE_MSG_XEN_STATS,
		.body = &m,
		.body_len = sizeof(m),
		.on_answer = on_counts,
		.arg = &q };

	memset(out, 0, sizeof(*out));
	return r->actual.vif[id].is_in_engine && engine_link_is_ready(r->link)
		&& engine_link_request(r->link, &req, NULL) == 0;
}

/* Guests that broke the protocol. */
static void refuse_dead(struct reconcile *r, uint16_t id)
{
	struct vif_slot *slot = &r->actual.vif[id];
	struct msg_xen_counts counts;
	char why[200];

	slot->xen->is_dead = false;
	if (!counts_ask(r, id, &counts))
		return;
	snprintf(why, sizeof(why),
		"the guest broke the protocol: %s; it has to connect again (reboot it, or detach "
		"and "
		"attach its vif)",
		counts.failure[0] != '\0' ? counts.failure : "without a reason");
	netback_refuse(r->netback, slot->as.ifname, why);
}

/* At the end of a run. */
void reconcile_xen_run(struct reconcile *r)
{
	if (r->netback == NULL)
		return;
	netback_begin(r->netback);
	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		const struct vif_want *want = &r->wants.vif[id];
		struct vif_slot *slot = &r->actual.vif[id];

		if (want->id != VIF_ID_NONE && want->type == VIF_TYPE_NETFRONT)
			netback_claim(r->netback, want->ifname, want->queues);
		if (slot->xen == NULL)
			continue;
		if (slot->is_in_engine)
			netback_serve(r->netback, slot->xen->msg.domid, slot->xen->msg.devid);
		if (slot->xen->is_dead)
			refuse_dead(r, (uint16_t)id);
	}
	netback_end(r->netback);
	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		const struct vif_want *want = &r->wants.vif[id];

		if (want->id != VIF_ID_NONE && want->type == VIF_TYPE_NETFRONT
			&& !r->actual.vif[id].is_open && r->actual.vif[id].retry.at_ns == 0)
			wait_for_guest(r, &r->actual.vif[id]);
	}
}

bool reconcile_xen_view(struct reconcile *r, uint16_t vif_id, struct xen_view *out)
{
	const struct vif_want *want;
	const struct netback_dev *d;

	memset(out, 0, sizeof(*out));
	if (vif_id == VIF_ID_NONE || vif_id >= VIF_ID_MAX)
		return false;
	want = &r->wants.vif[vif_id];
	d = want->type == VIF_TYPE_NETFRONT ? dev_of(r, want->ifname) : NULL;
	if (d == NULL)
		return false;
	out->dev = *d;
	out->has_counts = r->actual.vif[vif_id].xen != NULL && !engine_link_is_mute(r->link)
		&& counts_ask(r, vif_id, &out->counts);
	return true;
}

static void on_change(void *arg)
{
	reconcile_ask(arg);
}

int reconcile_xen_init(struct reconcile *r)
{
	r->netback = netback_create(r->base, on_change, r);
	return r->netback != NULL ? 0 : -ENOMEM;
}
