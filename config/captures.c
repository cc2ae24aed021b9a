/* SPDX-License-Identifier: Apache-2.0 */
/* captures.c - rings and wake-up sockets of running captures.
 * From: reconcile_engine.c.  To: memfd.c.
 * Theory: the daemon writes the ring's header before the size is sealed and never looks into the
 * ring again; engine and reader both treat it as hostile.  Thread: the daemon's only one. */
#include "config/captures.h"

#include "config/memfd.h"
#include "vswitch/base/check.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct capture_session *find_free(struct captures *c)
{
	for (unsigned i = 0; i < CAPTURE_SESSIONS_MAX; i++)
		if (c->session[i].id == 0)
			return &c->session[i];
	return NULL;
}

struct capture_session *captures_add(
	struct captures *c, struct msg_capture *m, uint32_t data_size, struct err *e)
{
	struct capture_ring ring = { .magic = CAPTURE_MAGIC, .data_size = data_size };
	struct capture_session *s = find_free(c);

	CHECK(data_size >= CAPTURE_DATA_SIZE_MIN && data_size <= CAPTURE_DATA_SIZE_MAX
		&& (data_size & (data_size - 1)) == 0 && m->n_insns <= CAPTURE_FILTER_MAX);
	if (s == NULL) {
		err_set(e, -EBUSY, "", "%u captures run already, which is the most; end one",
			CAPTURE_SESSIONS_MAX);
		return NULL;
	}
	int ring_fd = memfd_create_sealed(
		"saklar-capture", &ring, sizeof(ring), sizeof(ring) + data_size, false);
	int event[2];

	if (ring_fd < 0
		|| socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, event) < 0) {
		err_set(e, -ENOMEM, "", "no memory for the capture's ring");
		if (ring_fd >= 0)
			close(ring_fd);
		return NULL;
	}
	if (++c->last_id == 0)
		c->last_id = 1;
	m->capture_id = c->last_id;
	*s = (struct capture_session){
		.id = m->capture_id,
		.ring_fd = ring_fd,
		.event_fd = event[0],
		.reader_fd = event[1],
		.msg = *m,
	};
	return s;
}

void captures_del(struct captures *c, uint32_t id)
{
	for (unsigned i = 0; i < CAPTURE_SESSIONS_MAX; i++) {
		struct capture_session *s = &c->session[i];

		if (id == 0 || s->id != id)
			continue;
		close(s->ring_fd);
		close(s->event_fd);
		close(s->reader_fd);
		s->id = 0;
	}
}
