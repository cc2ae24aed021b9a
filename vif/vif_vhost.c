/* SPDX-License-Identifier: Apache-2.0 */
/* vif_vhost.c - a guest behind a VMM's vhost-user socket, as a vif.
 *
 * From: worker.c (rx), vif.c (tx), ctl_vhost.c (sockets).  To: vhost_session.c, vhost_net.c.
 * Theory: queue i of the vif is the pair of rings 2i (the guest receives) and 2i+1 (it sends); the fd
 * that its worker sleeps on is the kick of the sending ring.  A queue that has been empty for ARM_NS asks
 * for kicks and looks once more, so that the worker may let it go cold; the first frame takes that
 * back.  The kick fd is emptied only then: while frames come nobody looks at it, and a worker that never sleeps
 * needs not to know.
 * What the VMM passed for kick and call is an eventfd (vhost_apply.c), and whether it blocks is the VMM's
 * choice at any time: kicks are read by RWF_NOWAIT, calls go by bell.c.
 * A guest that has moved here is announced by a frame that stands in line before those of its ring.
 * Invariants: a worker touches a ring only when .is_live says so, within a burst.
 * Threads: rx, tx, wait_fd worker; the others control. */
#include "vif/vif_vhost.h"

#include "vif/bell.h"
#include "vif/drop.h"
#include "vif/vhost_net.h"
#include "vif/vhost_session.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"

#include <rte_mbuf.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

LOG_MODULE("vif_vhost");

#define ARM_NS (2 * NS_PER_US)
#define F(bit) (UINT64_C(1) << (bit))
/* Those of the VMM's own part of the device, which it keeps only when the back end has them too. */
#define FEATURES_OF_VMM \
	(F(VIRTIO_NET_F_CTRL_VQ) | F(VIRTIO_NET_F_GUEST_ANNOUNCE) | F(VIRTIO_NET_F_MTU))

#define MEMORY_MAX (UINT64_C(1) << 41) /* bytes of one guest: addresses of ours that it may take */
#define ACCEPT_COST 20 /* messages */

struct vhost_vif {
	struct vif *vif;
	struct vhost_session *session;
	struct vhost_saved *saved;
	int saved_fd;
	int listen_fd; /* -1: client */
	uint64_t budget_ns; /* until when what was said is paid for */
	struct msg_vhost_state told;
	/* the workers' */
	_Atomic bool is_armed[VIF_QUEUES_MAX]; /* control sets it to false when rings start */
	_Atomic uint64_t announced; /* MAC in the low bytes, and ANNOUNCE_DUE; 0: nothing to say */
};
#define ANNOUNCE_DUE (UINT64_C(1) << 63)

static struct vif_vhost_hooks hooks;
static struct bell *control_bell;

int vif_vhost_init(const struct vif_vhost_hooks *with)
{
	hooks = *with;
	if (!control_bell)
		control_bell = bell_create();
	return control_bell ? 0 : -ENOMEM;
}

static struct vhost_vif *state_of(const struct vif *v)
{
	return v->type_state;
}

static void on_quiesce(void *)
{
	hooks.pass(hooks.arg);
}

static void on_watch(void *arg, unsigned ring, int kick_fd)
{
	struct vhost_vif *h = arg;

	if (ring % 2 == 0)
		return; /* the guest has made room: found when the next frame is sent */
	h->is_armed[ring / 2] = false; /* not live, or not seen yet by its worker */
	hooks.watch(hooks.arg, h->vif, ring / 2, kick_fd);
}

static void on_announce(void *arg, const uint8_t mac[6])
{
	struct vhost_vif *h = arg;
	const struct vhost_ring *r = &h->session->ring[1];
	uint64_t value = ANNOUNCE_DUE;

	memcpy(&value, mac, 6); /* the sixteen bits above stay */
	atomic_store(&h->announced, value);
	if (r->is_watched) /* makes its worker look */
		hooks.watch(hooks.arg, h->vif, 0, r->kick_fd);
	LOG_INFO("event=guest_moved vif=%s mac=%02x:%02x:%02x:%02x:%02x:%02x", h->vif->name, mac[0],
		mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void on_deposit(void *arg, unsigned slot, int fd)
{
	const struct vhost_vif *h = arg;

	hooks.deposit(hooks.arg, h->vif, slot, fd);
}

static const struct vhost_session_ops session_ops = {
	.quiesce = on_quiesce, .watch = on_watch, .announce = on_announce, .deposit = on_deposit
};

/* The memfd of the daemon's: nobody can shrink it under our mapping. */
static int saved_map(struct vhost_vif *h, struct err *e)
{
	int seals = fcntl(h->saved_fd, F_GET_SEALS);
	struct stat st;
	void *at;

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(h->saved_fd, &st) < 0
		|| st.st_size != VHOST_STATE_SIZE)
		return err_set(e, -EINVAL, h->vif->name, "its memfd is not what it must be");
	at = mmap(NULL, VHOST_STATE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, h->saved_fd, 0);
	if (at == MAP_FAILED)
		return err_set(e, -errno, h->vif->name, "cannot map its memfd");
	h->saved = at;
	return 0;
}

static int listen_check(const struct vhost_vif *h, struct err *e)
{
	int listens = 0;
	socklen_t len = sizeof(listens);

	if (h->listen_fd < 0)
		return 0;
	if (getsockopt(h->listen_fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0 || !listens)
		return err_set(e, -EINVAL, h->vif->name, "its second fd is no socket that listens");
	return 0;
}

static int vhost_open(struct vif *v, struct err *e)
{
	struct vhost_vif *h = calloc(1, sizeof(*h));
	struct vhost_session_config config = {
		.name = v->name,
		.features
		= vhost_net_features | FEATURES_OF_VMM | (v->n_queues > 1 ? F(VIRTIO_NET_F_MQ) : 0),
		.n_pairs = v->n_queues,
		.mtu_max = UINT16_MAX,
		.limits = { .bytes_max = MEMORY_MAX,
			.must_be_sealed = (v->flags & MSG_VIF_MUST_BE_SEALED) != 0 },
		.bell = control_bell,
		.ops = &session_ops,
		.arg = h,
	};
	int rc;

	if (!h)
		return err_set(e, -ENOMEM, v->name, "out of memory");
	v->type_state = h;
	h->vif = v;
	h->saved_fd = v->queue[0].fd;
	h->listen_fd = v->queue[1].fd;
	v->queue[0].fd = v->queue[1].fd = -1;
	rc = listen_check(h, e);
	if (rc == 0)
		rc = saved_map(h, e);
	if (rc < 0)
		return rc;
	config.saved = h->saved;
	h->session = vhost_session_create(&config, e);
	return h->session ? 0 : e->code;
}

static void vhost_close(struct vif *v)
{
	struct vhost_vif *h = state_of(v);

	if (!h)
		return;
	vhost_session_destroy(h->session);
	if (h->saved)
		munmap(h->saved, VHOST_STATE_SIZE);
	close(h->saved_fd);
	if (h->listen_fd >= 0)
		close(h->listen_fd);
	free(h);
	v->type_state = NULL;
}

bool vif_is_vhost(const struct vif *v)
{
	return v->type == VIF_TYPE_VHOST;
}

int vif_vhost_listen_fd(const struct vif *v)
{
	return state_of(v)->listen_fd;
}

int vif_vhost_conn_fd(const struct vif *v)
{
	return state_of(v)->session->fd;
}

unsigned vif_vhost_fds(const struct vif *v, int fds[VIF_QUEUES_MAX])
{
	fds[0] = state_of(v)->saved_fd;
	fds[1] = state_of(v)->listen_fd;
	return fds[1] < 0 ? 1 : 2;
}

struct vhost_session *vif_vhost_session(const struct vif *v)
{
	return state_of(v)->session;
}

uint64_t vif_vhost_wait_ns(const struct vif *v, uint64_t now_ns)
{
	const uint64_t burst_ns = VHOST_MESSAGES_BURST * (NS_PER_SEC / VHOST_MESSAGES_S);
	uint64_t paid_ns = state_of(v)->budget_ns;

	return paid_ns > now_ns + burst_ns ? paid_ns - now_ns - burst_ns : 0;
}

static void budget_take(struct vhost_vif *h, uint64_t n, uint64_t now_ns)
{
	h->budget_ns = MAX(h->budget_ns, now_ns) + n * (NS_PER_SEC / VHOST_MESSAGES_S);
}

int vif_vhost_accept(struct vif *v)
{
	struct vhost_vif *h = state_of(v);
	int fd;

	if (h->session->fd >= 0 || h->listen_fd < 0)
		return 0;
	fd = accept4(h->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return 0;
	LOG_INFO("event=vmm_connected vif=%s", v->name);
	budget_take(h, ACCEPT_COST, clock_now_ns());
	vhost_session_attach(h->session, fd);
	return 1;
}

int vif_vhost_attach(struct vif *v, int fd, struct err *e)
{
	struct vhost_vif *h = state_of(v);

	if (h->session->fd >= 0) {
		close(fd);
		return err_set(e, -EBUSY, v->name, "it has a connection");
	}
	LOG_INFO("event=vmm_reached vif=%s", v->name);
	vhost_session_attach(h->session, fd);
	return 0;
}

int vif_vhost_serve(struct vif *v, uint64_t now_ns, struct err *e)
{
	struct vhost_vif *h = state_of(v);
	uint64_t before = h->session->n_messages;
	int rc = vhost_session_serve(h->session, e);

	budget_take(h, h->session->n_messages - before, now_ns);
	return rc;
}

static bool is_live(const struct vhost_session *s, unsigned pair)
{
	return atomic_load(&s->ring[2 * pair].is_live)
		&& atomic_load(&s->ring[2 * pair + 1].is_live);
}

/* Why a ring is broken; NULL: none is. */
static const char *broken_text(const struct vhost_session *s)
{
	for (unsigned i = 0; i < VHOST_RINGS_MAX; i++)
		if (atomic_load(&s->ring[i].is_live) && s->ring[i].queue.broken != VHOST_FINE)
			return vhost_broken_texts[s->ring[i].queue.broken];
	return NULL;
}

bool vif_vhost_state(const struct vif *v, bool is_asked, struct msg_vhost_state *out)
{
	struct vhost_vif *h = state_of(v);
	const struct vhost_session *s = h->session;
	const char *broken = broken_text(s);

	memset(out, 0, sizeof(*out));
	out->vif_id = v->id;
	out->features = s->features;
	out->flags = (s->fd >= 0 ? VHOST_STATE_CONNECTED : 0u)
		| (is_live(s, 0) ? VHOST_STATE_LIVE : 0u) | (broken ? VHOST_STATE_BROKEN : 0u)
		| (s->mem && s->mem->is_sealed ? VHOST_STATE_SEALED : 0u);
	out->n_regions = s->mem ? s->mem->n : 0;
	for (unsigned i = 0; i < v->n_queues; i++)
		out->n_pairs = (uint16_t)(out->n_pairs + is_live(s, i));
	snprintf(out->why, sizeof(out->why), "%s", broken ? broken : s->why);
	if (!is_asked && memcmp(out, &h->told, sizeof(*out)) == 0)
		return false;
	h->told = *out;
	return true;
}

void vif_vhost_look(struct vif *v)
{
	struct vhost_session *s = state_of(v)->session;

	for (unsigned i = 0; i < VHOST_RINGS_MAX; i++) {
		struct vhost_ring *r = &s->ring[i];
		uint8_t broken = r->is_live ? r->queue.broken : VHOST_FINE;

		if (broken == VHOST_FINE)
			continue;
		LOG_WARN("event=ring_broken vif=%s ring=%u reason=\"%s\"", v->name, i,
			vhost_broken_texts[broken]);
		if (broken == VHOST_MEMORY_GONE) {
			vhost_session_close(s, vhost_broken_texts[broken]);
			return;
		}
		if (r->err_fd >= 0)
			bell_ring(control_bell, r->err_fd);
	}
}

/* Worker. */

static void ring_call(struct vhost_ring *r, const struct vif_io *io)
{
	if (!r->queue.should_call)
		return;
	r->queue.should_call = false;
	if (r->call_fd >= 0)
		bell_ring(io->bell, r->call_fd);
}

static void kick_drain(const struct vhost_ring *r)
{
	uint64_t n;
	struct iovec iov = { .iov_base = &n, .iov_len = sizeof(n) };

	if (preadv2(r->kick_fd, &iov, 1, -1, RWF_NOWAIT) < 0 && errno != EAGAIN)
		n = 0; /* an eventfd cannot fail; nothing waits for it but this */
}

static struct vhost_ring *ring_live(struct vhost_vif *h, unsigned i)
{
	struct vhost_ring *r = &h->session->ring[i];

	return atomic_load_explicit(&r->is_live, memory_order_acquire) ? r : NULL;
}

#define RARP_LEN 60

/* RARP that says where the guest is now, as a VMM's own announcement does: RFC 903, "reverse request". */
static uint16_t announce(struct vhost_vif *h, struct vif_io *io, struct pkt *out)
{
	static const uint8_t head[10]
		= { 0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3 }; /* from EtherType on */
	uint64_t value = atomic_exchange(&h->announced, 0);
	struct rte_mbuf *m = value != 0 ? rte_pktmbuf_alloc(io->small_pool) : NULL;
	void *room = m ? rte_pktmbuf_append(m, RARP_LEN) : NULL;
	uint8_t frame[RARP_LEN] = { 0 }, mac[6];

	if (!room) {
		rte_pktmbuf_free(m);
		return 0;
	}
	memcpy(mac, &value, sizeof(mac));
	memset(frame, 0xff, 6);
	memcpy(frame + 6, mac, sizeof(mac));
	memcpy(frame + 12, head, sizeof(head));
	memcpy(frame + 22, mac, sizeof(mac));
	memcpy(frame + 32, mac, sizeof(mac));
	memcpy(room, frame, sizeof(frame));
	*out = (struct pkt){ .m = m, .len = RARP_LEN, .in_vif = h->vif->id };
	return 1;
}

static uint16_t vhost_rx(
	struct vif *v, struct vif_queue *q, struct vif_io *io, struct pkt *pkts, uint16_t max)
{
	struct vhost_vif *h = state_of(v);
	struct vhost_ring *r = ring_live(h, 2u * q->index + 1);
	_Atomic bool *is_armed = &h->is_armed[q->index];
	uint16_t n;

	if (UNLIKELY(atomic_load_explicit(&h->announced, memory_order_relaxed) != 0) && max > 0
		&& announce(h, io, pkts) == 1)
		return 1;
	if (!r || vif_queue_is_dead(q))
		return 0;
	n = vhost_net_rx(&r->queue, io, v->id, pkts, max);
	if (n == 0 && io->now_ns - q->last_busy_ns >= ARM_NS && !(io->polls && *is_armed)) {
		kick_drain(r);
		if (!*is_armed && vhost_queue_arm(&r->queue))
			n = vhost_net_rx(&r->queue, io, v->id, pkts, max);
		*is_armed = true;
	}
	if (n > 0 && *is_armed) {
		vhost_queue_disarm(&r->queue);
		*is_armed = false;
	}
	ring_call(r, io);
	if (UNLIKELY(r->queue.broken != VHOST_FINE)) {
		vif_queue_die(q);
		io->saw_dead = true;
	}
	return n;
}

static struct vhost_ring *ring_to_send(
	struct vhost_vif *h, const struct vif *v, const struct vif_io *io, unsigned *pair)
{
	for (unsigned i = 0; i < v->n_queues; i++) {
		struct vhost_ring *r;

		*pair = (io->worker + i) % v->n_queues;
		r = ring_live(h, 2 * *pair);
		if (r)
			return r;
	}
	return NULL;
}

static void vhost_tx(
	struct vif *v, struct vif_io *io, struct burst *b, struct tx_item *items, uint32_t n)
{
	struct vhost_vif *h = state_of(v);
	unsigned pair;
	struct vhost_ring *r = ring_to_send(h, v, io, &pair);
	bool is_broken;

	for (uint32_t i = 0; !r && i < n; i++)
		if (!items[i].drop)
			items[i].drop = DROP_TX_LINK_DOWN;
	if (!r)
		return;
	spin_lock(&v->queue[pair].tx_lock); /* another worker may have something for this ring */
	vhost_net_tx(&r->queue, io, v->id, b, items, n);
	ring_call(r, io);
	is_broken = r->queue.broken != VHOST_FINE;
	spin_unlock(&v->queue[pair].tx_lock);
	if (UNLIKELY(is_broken)) {
		vif_queue_die(&v->queue[pair]);
		io->saw_dead = true;
	}
}

static void vhost_tx_soon(struct vif *v, const struct vif_io *io, uint32_t n)
{
	unsigned pair;
	const struct vhost_ring *r = ring_to_send(state_of(v), v, io, &pair);

	if (r)
		vhost_queue_prefetch(&r->queue, n);
}

static int vhost_wait_fd(const struct vif_queue *q)
{
	return vif_queue_is_dead(q) ? -1 : q->fd;
}

const struct vif_ops vif_vhost_ops = {
	.name = "vhost-user",
	.open = vhost_open,
	.close = vhost_close,
	.rx = vhost_rx,
	.tx = vhost_tx,
	.tx_soon = vhost_tx_soon,
	.wait_fd = vhost_wait_fd,
};
