/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_keep.c - slots with fds in them.
 * From: reconcile_vhost.c.  To: close(2).
 * Invariants: an fd is in one slot or closed.  Thread: the daemon's only one. */
#include "config/vhost_keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct vhost_keep *vhost_keep_create(void)
{
	struct vhost_keep *k = calloc(1, sizeof(*k));

	if (k != NULL)
		memset(k->fd, 0xff, sizeof(k->fd)); /* -1 */
	return k;
}

int vhost_keep_put(struct vhost_keep *k, uint32_t slot, int fd)
{
	bool is_all = slot == VHOST_SLOT_N && fd < 0;

	if (slot >= VHOST_SLOT_N && !is_all) {
		if (fd >= 0)
			close(fd);
		return -EPROTO;
	}
	for (uint32_t i = is_all ? 0 : slot; i < VHOST_SLOT_N && (is_all || i == slot); i++) {
		if (k->fd[i] >= 0)
			close(k->fd[i]);
		k->fd[i] = fd;
	}
	return 0;
}

void vhost_keep_destroy(struct vhost_keep *k)
{
	if (k == NULL)
		return;
	if (vhost_keep_put(k, VHOST_SLOT_N, -1) == 0)
		free(k);
}
