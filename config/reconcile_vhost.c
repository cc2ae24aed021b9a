/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_vhost.c - vhost-user vifs: their sockets, what the engine deposits, and how they are.
 * From: reconcile.c, reconcile_vif.c, reconcile_engine.c.  To: vhost_socket.c, vhost_keep.c, engine_link.c.
 * Theory: the engine accepts VMMs by itself, so that they come and go while no daemon runs; the daemon
 * makes the socket, keeps what the engine is handed, and shows what the engine tells.  A client's
 * connection is made here, since the engine knows no paths: first after TRY_MIN_MS, then after twice as
 * long each time, up to TRY_MAX_MS; what was long enough for rings to work begins anew.
 * A vif that is set down is not open at all: its socket is gone, its VMM is hung up on and takes the
 * carrier away from its guest, and connects again when the socket is back.
 * Thread: the daemon's only one. */
#include "config/memfd.h"
#include "config/reconcile_state.h"
#include "config/vhost_keep.h"
#include "config/vhost_socket.h"
#include "vswitch/base/clock.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

LOG_MODULE("reconcile_vhost");

#define TRY_MIN_MS 10
#define TRY_MAX_MS 1000
#define LOOK_MS 1000 /* after sockets that somebody removed */

void reconcile_vhost_path(const struct reconcile *r, const struct vif_want *want, char *out)
{
	if (want->socket[0] != '\0')
		snprintf(out, VHOST_PATH_LEN, "%s", want->socket);
	else
		snprintf(out, VHOST_PATH_LEN, "%s/vhost/%s", r->paths.run_dir, want->name);
}

static bool has_flag(const struct vif_slot *slot, uint32_t flag)
{
	return (slot->vhost->state.flags & flag) != 0;
}

static void show_down(const struct reconcile *r, struct vif_slot *slot)
{
	const struct vhost_keep *k = slot->vhost;
	char path[VHOST_PATH_LEN], text[256];

	reconcile_vhost_path(r, &slot->as, path);
	if (k->state.why[0] != '\0' && !has_flag(slot, VHOST_STATE_LIVE)) {
		snprintf(text, sizeof(text), "the VMM was hung up on: %s", k->state.why);
		actual_set_vif(slot, STATE_FAILED, text);
	} else if (has_flag(slot, VHOST_STATE_CONNECTED)) {
		actual_set_vif(slot, STATE_WAITING,
			"a VMM is connected; its guest has not started the device yet");
	} else if (slot->as.is_client) {
		snprintf(text, sizeof(text), "%.230s",
			k->why[0] != '\0' ? k->why : "the VMM is not reached yet");
		actual_set_vif(slot, STATE_WAITING, text);
	} else {
		snprintf(text, sizeof(text),
			"no VMM is connected to %.100s: start it with what 'saklar vif "
			"qemu-args %s' prints",
			path, slot->as.name);
		actual_set_vif(slot, STATE_WAITING, text);
	}
}

static void show_state(const struct reconcile *r, struct vif_slot *slot)
{
	slot->has_carrier = has_flag(slot, VHOST_STATE_LIVE);
	slot->mtu = slot->as.mtu;
	if (slot->as.network_id == NETWORK_ID_NONE && !slot->as.gets_copies)
		actual_set_vif(slot, STATE_WAITING,
			"not attached to a network; saklar vif set NAME --network NETWORK");
	else if (has_flag(slot, VHOST_STATE_BROKEN))
		actual_set_vif(slot, STATE_FAILED, slot->vhost->state.why);
	else if (slot->has_carrier)
		actual_set_vif(slot, STATE_UP, "");
	else
		show_down(r, slot);
}

bool reconcile_vhost_is_present(const struct reconcile *r, uint16_t id)
{
	const struct vif_want *want = &r->wants.vif[id];
	const struct vif_slot *slot = &r->actual.vif[id];
	const struct vhost_keep *k = slot->vhost;
	char path[VHOST_PATH_LEN];

	if (want->is_down)
		return false;
	/* without its path nobody can come, but who is there may stay */
	if ((slot->fds.flags & MSG_VIF_CLIENT) != 0 || has_flag(slot, VHOST_STATE_CONNECTED))
		return true;
	reconcile_vhost_path(r, want, path);
	return vhost_socket_is_there(path, k->path_dev, k->path_ino);
}

static int open_fds(const struct reconcile *r, const struct vif_want *want, struct vif_slot *slot,
	struct err *e)
{
	char path[VHOST_PATH_LEN];
	const struct vhost_socket_spec spec = { .path = path,
		.has_owner = want->has_owner,
		.uid = want->owner_uid,
		.has_group = want->has_socket_group,
		.gid = want->socket_gid,
		.mode = want->socket_mode != 0 ? want->socket_mode : SOCKET_MODE_DEFAULT,
		.makes_dir = want->socket[0] == '\0' };
	int fd = memfd_create_sealed("saklar-vhost", NULL, 0, VHOST_STATE_SIZE, false);

	if (fd < 0)
		return err_set(e, fd, "vif", "the daemon has no file descriptors left");
	slot->fds = (struct netdev_fds){ .n = 1, .fd = { fd } };
	if (want->must_be_sealed)
		slot->fds.flags |= MSG_VIF_MUST_BE_SEALED;
	if (want->is_client) {
		slot->fds.flags |= MSG_VIF_CLIENT;
		return 0;
	}
	reconcile_vhost_path(r, want, path);
	fd = vhost_socket_listen(&spec, &slot->vhost->path_dev, &slot->vhost->path_ino, e);
	if (fd < 0) {
		netdev_close(&slot->fds);
		return fd;
	}
	slot->fds.fd[slot->fds.n++] = fd;
	return 0;
}

void reconcile_vhost_open(struct reconcile *r, uint16_t id)
{
	const struct vif_want *want = &r->wants.vif[id];
	struct vif_slot *slot = &r->actual.vif[id];
	struct err e = ERR_NONE;
	int rc;

	slot->as = *want;
	if (want->is_down) {
		actual_set_vif(slot, STATE_DOWN, "");
		return;
	}
	if (!retry_is_due(&slot->retry))
		return;
	slot->vhost = vhost_keep_create();
	rc = slot->vhost != NULL ? open_fds(r, want, slot, &e)
				 : err_set(&e, -ENOMEM, "", "out of memory");
	if (rc < 0) {
		vhost_keep_destroy(slot->vhost);
		slot->vhost = NULL;
		retry_later(&slot->retry);
		actual_set_vif(slot, STATE_FAILED, e.msg);
		return;
	}
	retry_clear(&slot->retry);
	slot->is_open = true;
	slot->is_in_engine = false;
	slot->has_taken = false;
	slot->ifname[0] = '\0';
	slot->cookie = vif_want_cookie(want, 1);
	show_state(r, slot);
}

void reconcile_vhost_adjust(struct reconcile *r, uint16_t id)
{
	struct vif_slot *slot = &r->actual.vif[id];

	slot->as = r->wants.vif[id];
	slot->has_taken = false;
	show_state(r, slot);
}

void reconcile_vhost_release(struct reconcile *r, struct vif_slot *slot)
{
	char path[VHOST_PATH_LEN];

	reconcile_vhost_path(r, &slot->as, path);
	if ((slot->fds.flags & MSG_VIF_CLIENT) == 0)
		vhost_socket_remove(path, slot->vhost->path_dev, slot->vhost->path_ino);
	netdev_close(&slot->fds);
	vhost_keep_destroy(slot->vhost);
	slot->vhost = NULL;
	slot->is_open = false;
	slot->has_taken = false;
	slot->has_carrier = false;
}

static int tell(struct reconcile *r, uint32_t type, const void *body, size_t len, int fd)
{
	struct err e = ERR_NONE;
	const struct engine_request req
		= { .type = type, .body = body, .body_len = len, .fds = &fd, .n_fds = fd >= 0 };
	int rc = engine_link_request(r->link, &req, &e);

	if (rc < 0)
		LOG_WARN("event=vhost_refused type=%u error=\"%s\"", type, e.msg);
	return rc;
}

/* What the engine before this one had deposited. */
void reconcile_vhost_give(struct reconcile *r, uint16_t id)
{
	const struct vif_slot *slot = &r->actual.vif[id];
	const struct msg_vif_close resume = { .vif_id = id };
	int fds[VHOST_SLOT_N];
	unsigned n = 0;

	/* a copy: what the engine gives up meanwhile is closed behind our back */
	for (uint32_t i = 0; i < VHOST_SLOT_N; i++) {
		const struct msg_vhost_fd m = { .vif_id = id, .slot = i };

		memcpy(fds, slot->vhost->fd, sizeof(fds));
		if (fds[i] < 0)
			continue;
		n++;
		if (tell(r, ENGINE_MSG_VHOST_GIVE, &m, sizeof(m), fds[i]) == -ENOTCONN)
			return;
	}
	if (n > 0)
		(void)tell(r, ENGINE_MSG_VHOST_RESUME, &resume, sizeof(resume), -1);
}

bool reconcile_vhost_take(struct vif_slot *slot, const struct msg_vif *v)
{
	unsigned n_fds = (v->flags & MSG_VIF_CLIENT) != 0 ? 1 : 2;
	struct sockaddr_un addr = { 0 };
	socklen_t len = sizeof(addr) - 1;

	if (v->n_queues == 0 || v->n_queues > VIF_QUEUES_MAX || slot->fds.n != n_fds)
		return false;
	slot->as.queues = v->n_queues;
	if (n_fds == 2 && getsockname(slot->fds.fd[1], (struct sockaddr *)&addr, &len) == 0)
		snprintf(slot->as.socket, sizeof(slot->as.socket), "%.107s", addr.sun_path);
	slot->vhost = vhost_keep_create();
	return slot->vhost != NULL;
}

int reconcile_vhost_hear(struct reconcile *r, struct engine_msg *m)
{
	struct msg_vhost_state state;
	struct msg_vhost_fd deposit;
	struct vif_slot *slot;
	uint32_t id;
	int fd;

	memcpy(&id, m->body, sizeof(id)); /* both begin with it */
	slot = id != VIF_ID_NONE && id < VIF_ID_MAX ? &r->actual.vif[id] : NULL;
	if (slot == NULL || slot->vhost == NULL)
		return 0; /* of one that was just closed */
	if (m->type == ENGINE_MSG_VHOST_DEPOSIT) {
		memcpy(&deposit, m->body, sizeof(deposit));
		fd = m->n_fds > 0 ? m->fd[0] : -1;
		m->n_fds = 0;
		return vhost_keep_put(slot->vhost, deposit.slot, fd);
	}
	memcpy(&state, m->body, sizeof(state));
	state.why[sizeof(state.why) - 1] = '\0';
	for (char *c = state.why; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	slot->vhost->state = state;
	if ((state.flags & VHOST_STATE_LIVE) != 0)
		slot->vhost->try_ms = 0;
	if (!slot->has_taken)
		show_state(r, slot);
	reconcile_ask(r);
	return 0;
}

/* A client whose VMM is to be reached. */
static bool is_alone(const struct vif_slot *slot)
{
	return slot->is_open && slot->vhost != NULL && slot->is_in_engine && !slot->has_taken
		&& (slot->fds.flags & MSG_VIF_CLIENT) != 0
		&& !has_flag(slot, VHOST_STATE_CONNECTED);
}

static void try_connect(struct reconcile *r, uint16_t id)
{
	struct vif_slot *slot = &r->actual.vif[id];
	struct vhost_keep *k = slot->vhost;
	const struct msg_vhost_fd m = { .vif_id = id };
	struct err e = ERR_NONE;
	int fd = vhost_socket_connect(slot->as.socket, &e);

	k->try_ms = k->try_ms == 0 ? TRY_MIN_MS : MIN(2 * k->try_ms, (uint32_t)TRY_MAX_MS);
	k->try_at_ns = clock_now_ns() + k->try_ms * NS_PER_MS;
	snprintf(k->why, sizeof(k->why), "%.190s", fd < 0 ? e.msg : "");
	if (fd >= 0) {
		(void)tell(r, ENGINE_MSG_VHOST_ATTACH, &m, sizeof(m), fd);
		close(fd);
	}
	show_state(r, slot);
}

void reconcile_vhost_run(struct reconcile *r)
{
	uint64_t now = clock_now_ns(), next = 0;

	for (uint16_t id = 1; id < VIF_ID_MAX; id++) {
		const struct vif_slot *slot = &r->actual.vif[id];

		if (slot->vhost == NULL)
			continue;
		if (slot->fds.n == 2) {
			if (!slot->has_taken && !reconcile_vhost_is_present(r, id))
				reconcile_ask(r);
			next = next == 0 ? now + LOOK_MS * NS_PER_MS : next;
		}
		if (!engine_link_is_ready(r->link) || !is_alone(slot))
			continue;
		if (slot->vhost->try_at_ns <= now)
			try_connect(r, id);
		if (is_alone(slot) && (next == 0 || slot->vhost->try_at_ns < next))
			next = slot->vhost->try_at_ns;
	}
	if (next != 0) {
		uint64_t us = next > now ? (next - now) / NS_PER_US : 0;
		struct timeval tv = { .tv_sec = (time_t)(us / 1000000),
			.tv_usec = (suseconds_t)(us % 1000000) };

		evtimer_add(r->vhost_timer, &tv);
	}
}

static void on_timer(int, short, void *arg)
{
	struct reconcile *r = arg;

	if (r->model != NULL && !r->is_running && !engine_link_is_mute(r->link))
		reconcile_vhost_run(r); /* else it is run with everything else */
}

int reconcile_vhost_init(struct reconcile *r)
{
	r->vhost_timer = evtimer_new(r->base, on_timer, r);
	return r->vhost_timer != NULL ? 0 : -ENOMEM;
}

void reconcile_vhost_fini(struct reconcile *r)
{
	if (r->vhost_timer != NULL)
		event_free(r->vhost_timer);
	for (unsigned id = 1; id < VIF_ID_MAX; id++)
		vhost_keep_destroy(r->actual.vif[id].vhost);
}
