/* SPDX-License-Identifier: Apache-2.0 */
/* ctl_xen.c - what the daemon says about rings of Xen guests.
 *
 * From: ctl_apply.c.  To: vif_xen.c, worker.c.
 * Theory: the daemon speaks to xenstore and to the hypervisor; here come fds, and offsets at which a
 * gntdev has pages that were granted to it.  Nothing here can ask for other pages.
 * Thread: control. */
#include "vif/vif_xen.h"
#include "vswitch/base/clock.h"
#include "vswitch/ctl_state.h"

#include <errno.h>
#include <string.h>

int ctl_xen_open(struct ctl *c, struct ctl_request *r, struct err *e)
{
	static const struct xen_dom seam = { .ops = &xen_gntdev_ops };
	const struct msg_xen_vif *m = r->body;
	struct vif *v;

	if (m->vif.type != VIF_TYPE_NETFRONT)
		return err_set(e, -EINVAL, "vif.type", "rings are a netfront's");
	v = vif_xen_open(m, &seam, r->fd, r->n_fds, e);
	for (unsigned i = 0; i < r->n_fds; i++)
		r->fd[i] = -1;
	return v ? ctl_vif_add(c, v, &m->vif, e) : e->code;
}

int ctl_xen_tell_held(struct ctl *c, const struct vif *v)
{
	struct msg_xen_vif m = *vif_xen_message(v);
	int fds[XEN_FDS_MAX];
	unsigned n = vif_xen_fds(v, fds);

	m.vif = c->vif_msg[v->id]; /* as it was last changed */
	return ctl_answer(c, ENGINE_MSG_HELD_XEN, &m, sizeof(m), fds, n);
}

struct question {
	const struct vif *vif;
	struct msg_xen_counts *counts;
};

static void call_counts(struct worker *, void *arg)
{
	const struct question *q = arg;

	vif_xen_counts(q->vif, clock_now_ns(), q->counts);
}

int ctl_xen_stats(struct ctl *c, struct ctl_request *r, struct err *e)
{
	const struct msg_vif_close *m = r->body;
	const struct vif *v = m->vif_id < VIF_ID_MAX ? c->config->vifs->by_id[m->vif_id] : NULL;
	struct question q = { .vif = v, .counts = &c->xen_counts };

	if (v == NULL || v->type != VIF_TYPE_NETFRONT)
		return err_set(e, -ENOENT, "vif.id", "vif %u is no netfront", m->vif_id);
	/* the words of other workers' queues may be a burst old */
	worker_run_call(c->params.workers[0], call_counts, &q);
	return ctl_answer(c, ENGINE_MSG_XEN_COUNTS, &c->xen_counts, sizeof(c->xen_counts), NULL, 0);
}
