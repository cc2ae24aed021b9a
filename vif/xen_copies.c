/* SPDX-License-Identifier: Apache-2.0 */
/* xen_copies.c - one batch of grant copies.
 *
 * From: xen_in.c, xen_out.c, xen_ctrl.c.  To: the seam's copy.  Thread: worker. */
#include "vif/xen_ops.h"

void xen_copies_do(struct xen_dom *d, struct xen_copies *c)
{
	if (c->n == 0 || d->ops->copy(d, c->copy, c->n) == 0)
		return;
	for (unsigned i = 0; i < c->n; i++)
		c->copy[i].status = INT16_MIN;
}
