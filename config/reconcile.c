/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile.c - one run: look, compare, take the missing steps, say how everything is.
 * From: rpc_methods.c (apply), netlink.c, engine_link.c, dnsmasq.c, timers (ask).
 * To: reconcile_vif.c, reconcile_network.c, reconcile_engine.c.
 * Theory: level-triggered.  Causes only ask for a run and many of them end in one; a run never
 * waits for the outside world (the engine's answers apart) and remembers nothing but .actual.  It is
 * put off while the engine does not answer: half a run would leave the two at odds.
 * Invariants: closings before openings; the engine learns of a vif before the snapshot names it.
 * Thread: the daemon's only one. */
#include "config/reconcile.h"

#include "config/netdev_bpf.h"
#include "config/reconcile_state.h"
#include "config/uplink_choice.h"
#include "config/vhost_keep.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define START_WAIT_MS 5000 /* for an engine that starts: verbs answer when it is there */
#define LOOK_AT_NETNS_MS 1000 /* namespaces die without a word */
#define FAILED_WAIT_MS 200
#define UNDO_RETRY_MS 1000

void reconcile_ask_in(struct reconcile *r, uint32_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 }, now, pending;

	if (event_pending(r->run_timer, EV_TIMEOUT, &pending)) {
		struct timeval due;

		event_base_gettimeofday_cached(r->base, &now);
		timeradd(&now, &tv, &due);
		if (!timercmp(&due, &pending, <))
			return;
	}
	evtimer_add(r->run_timer, &tv);
}

void reconcile_ask(struct reconcile *r)
{
	static const struct timeval now = { 0 };

	evtimer_add(r->run_timer, &now);
}

static void run_vifs(struct reconcile *r)
{
	static struct vif_sight sight[VIF_ID_MAX];
	static struct step steps[STEPS_MAX];

	reconcile_vif_look(r, sight);
	unsigned n = actual_diff(&r->wants, &r->actual, sight, steps);
	unsigned i = 0;

	for (; i < n && steps[i].kind == STEP_CLOSE; i++)
		reconcile_vif_close(r, steps[i].vif_id);
	/* Closed ones are closed: what nobody holds or wants now was left behind. */
	reconcile_vif_revert_orphans(r);
	if (!r->is_listed)
		reconcile_stray_delete(r);
	r->is_listed = true;
	for (; i < n; i++) {
		switch (steps[i].kind) {
		case STEP_CLOSE: break; /* they all come first */
		case STEP_OPEN: reconcile_vif_open(r, steps[i].vif_id); break;
		case STEP_ADJUST: reconcile_vif_adjust(r, steps[i].vif_id); break;
		}
	}
}

static void forget_unwanted(struct reconcile *r)
{
	for (unsigned id = 1; id < VIF_ID_MAX; id++)
		if (r->wants.vif[id].id == VIF_ID_NONE && !r->actual.vif[id].is_open)
			memset(&r->actual.vif[id], 0, sizeof(r->actual.vif[id]));
}

/* When must the next run come, if nothing happens? */
static void plan_next(struct reconcile *r)
{
	uint64_t now = clock_now_ns();

	if (r->undo != NULL && undo_is_unsaved(r->undo))
		reconcile_ask_in(r, UNDO_RETRY_MS);
	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		const struct vif_want *want = &r->wants.vif[id];
		const struct vif_slot *slot = &r->actual.vif[id];

		if (want->id == VIF_ID_NONE)
			continue;
		if (want->netns[0] != '\0')
			reconcile_ask_in(r, LOOK_AT_NETNS_MS);
		if (!slot->is_open && slot->retry.at_ns > now)
			reconcile_ask_in(r, (uint32_t)((slot->retry.at_ns - now) / NS_PER_MS) + 1);
	}
}

/* Programs that are loaded from now on look into the segments of this engine. */
static void use_segments(const struct reconcile *r)
{
	const struct segments *s = &r->segments;

	netdev_bpf_use(s->are_maps ? s->fd : NULL);
}

static void run(struct reconcile *r)
{
	if (r->model == NULL || r->is_running || engine_link_is_mute(r->link))
		return; /* on_back or on_down ask again */
	r->is_running = true;
	if (r->netlink != NULL) {
		netlink_sync(r->netlink);
		undo_retry(r->undo);
		use_segments(r);
		run_vifs(r);
		reconcile_network_run(r);
	}
	reconcile_guest_addresses(r);
	forget_unwanted(r);
	reconcile_engine_run(r);
	reconcile_vhost_run(r);
	reconcile_xen_run(r);
	r->is_running = false;
	plan_next(r);
}

static void on_run_timer(int, short, void *arg)
{
	run(arg);
}

static void on_cause(void *arg)
{
	reconcile_ask(arg);
}

/* A netdev that was missing may be there, one that failed may be another now: events shorten every
 * wait.  Not to nothing for those that failed, whose own attempts cause events. */
static void on_netlink(void *arg)
{
	struct reconcile *r = arg;
	uint64_t soon = clock_now_ns() + FAILED_WAIT_MS * NS_PER_MS;

	/* What is sent to a guest in its first moment is lost until the engine knows its carrier. */
	if (r->model != NULL && r->is_listed && !r->is_running && !engine_link_is_mute(r->link)
		&& reconcile_vif_follow_carriers(r))
		reconcile_engine_run(r);

	for (unsigned id = 1; id < VIF_ID_MAX; id++) {
		struct vif_slot *slot = &r->actual.vif[id];

		if (slot->state != STATE_FAILED)
			slot->retry.at_ns = 0;
		else
			slot->retry.at_ns = MIN(slot->retry.at_ns, soon);
	}
	reconcile_ask(r);
}

static void on_netns(int fd, short, void *arg)
{
	_Alignas(struct inotify_event) char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
	on_netlink(arg);
	/* `ip netns add` makes the name first and mounts a moment later. */
	reconcile_ask_in(arg, 50);
}

void reconcile_apply(struct reconcile *r, const struct model *m)
{
	r->model = m;
	vif_wants_build(m, &r->wants);
	for (unsigned id = 1; id < VIF_ID_MAX; id++)
		retry_clear(&r->actual.vif[id].retry); /* asked for: try at once */
	if (!engine_link_is_mute(r->link))
		engine_link_wait(r->link, START_WAIT_MS);
	run(r);
}

/* What is pending because nothing is done at the moment says so. */
static void say_mute(const struct reconcile *r, enum object_state state, char *why, size_t size)
{
	struct engine_actual engine;

	if (state != STATE_PENDING || why[0] != '\0')
		return;
	engine_link_actual(r->link, &engine);
	if (engine.is_mute)
		snprintf(why, size, "%.200s", engine.why);
}

/* An uplink that is up but not in use says which one is. */
static void say_standby(const struct reconcile *r, uint16_t vif_id, struct vif_actual *out)
{
	const struct vif_cfg *other;

	if (r->model == NULL || out->state != STATE_UP
		|| !uplink_stands_by(r->model, &r->actual, vif_id))
		return;
	other = model_vif_by_id(r->model, r->actual.uplink_in_use[r->wants.vif[vif_id].network_id]);
	snprintf(out->why, sizeof(out->why), "stands by for %s", other != NULL ? other->name : "-");
}

void reconcile_vif_actual(const struct reconcile *r, uint16_t vif_id, struct vif_actual *out)
{
	memset(out, 0, sizeof(*out));
	if (vif_id == VIF_ID_NONE || vif_id >= VIF_ID_MAX)
		return;
	const struct vif_slot *slot = &r->actual.vif[vif_id];
	const struct vif_want *want = &r->wants.vif[vif_id];

	out->state = slot->state;
	snprintf(out->why, sizeof(out->why), "%s", slot->why);
	say_mute(r, out->state, out->why, sizeof(out->why));
	if (slot->state == STATE_UP && !slot->is_in_engine) {
		out->state = STATE_WAITING;
		snprintf(out->why, sizeof(out->why), "the engine does not run yet");
	}
	say_standby(r, vif_id, out);
	snprintf(out->ifname, sizeof(out->ifname), "%s", slot->ifname);
	out->ifindex = slot->is_open ? slot->fds.ifindex : 0;
	out->has_carrier = slot->is_open && slot->has_carrier;
	out->mtu = slot->is_open ? slot->mtu : want->mtu;
	out->has_mac = want->has_mac;
	out->mac = want->mac;
	/* A tap of several queues is one device with one socket; a front end asks for what it likes. */
	out->queues
		= slot->is_open && slot->xen != NULL ? (uint8_t)(slot->fds.n - 1) : want->queues;
	if (want->type == VIF_TYPE_VHOST)
		reconcile_vhost_path(r, want, out->socket);
	if (slot->vhost != NULL)
		out->vhost = slot->vhost->state;
}

void reconcile_network_actual(
	const struct reconcile *r, uint16_t network_id, struct network_actual *out)
{
	memset(out, 0, sizeof(*out));
	if (network_id == NETWORK_ID_NONE || network_id >= NETWORK_ID_MAX)
		return;
	out->state = r->actual.network[network_id].state;
	snprintf(out->why, sizeof(out->why), "%s", r->actual.network[network_id].why);
	say_mute(r, out->state, out->why, sizeof(out->why));
	out->dnsmasq_pid = r->dnsmasq != NULL ? dnsmasq_pid(r->dnsmasq, network_id) : 0;
}

void reconcile_engine_actual(const struct reconcile *r, struct engine_actual *out)
{
	engine_link_actual(r->link, out);
	out->generation = r->snapshot != NULL ? r->model_generation : 0;
}

void reconcile_vif_counters(const struct reconcile *r, uint16_t vif_id, struct vif_counters *out)
{
	segments_vif_counters(&r->segments, vif_id, out);
}

void reconcile_worker_counters(
	const struct reconcile *r, unsigned worker, struct worker_counters *out)
{
	segments_worker_counters(&r->segments, worker, out);
}

void reconcile_stage_counters(
	const struct reconcile *r, unsigned worker, struct stage_counters *out)
{
	segments_stage_counters(&r->segments, worker, out);
}

void reconcile_fast_path(const struct reconcile *r, struct fast_path_actual *out)
{
	*out = (struct fast_path_actual){ .why = "" };
	if (r->paths.no_fast_path)
		out->why = "saklard was started with --no-fast-path";
	else if (!r->segments.are_maps)
		out->why = "the kernel gives no BPF maps that can be shared";
	for (uint16_t id = 1; id < VIF_ID_MAX; id++)
		out->packets += segments_fast_packets(&r->segments, id);
}

void reconcile_destroy(struct reconcile *r, bool stop_engine)
{
	if (r == NULL)
		return;
	/* The engine first: it must not see its netdevs vanish. */
	engine_link_destroy(r->link, stop_engine);
	if (stop_engine && r->netlink != NULL && r->undo != NULL) {
		reconcile_uplink_remove(r);
		reconcile_vif_remove_all(r);
	}
	for (unsigned id = 1; id < VIF_ID_MAX; id++)
		netdev_close(&r->actual.vif[id].fds);
	for (unsigned id = 1; id < VIF_ID_MAX; id++)
		free(r->actual.vif[id].xen);
	netback_destroy(r->netback);
	for (unsigned i = 0; i < CAPTURE_SESSIONS_MAX; i++)
		if (r->captures.session[i].id != 0)
			captures_del(&r->captures, r->captures.session[i].id);
	if (r->dnsmasq != NULL)
		dnsmasq_set_destroy(r->dnsmasq, stop_engine);
	nft_destroy(r->nft, stop_engine);
	undo_close(r->undo);
	netlink_destroy(r->netlink);
	netdev_bpf_fini();
	segments_close(&r->segments);
	if (r->netns_event != NULL)
		event_free(r->netns_event);
	if (r->netns_watch >= 0)
		close(r->netns_watch);
	reconcile_leases_fini(r);
	if (r->run_timer != NULL)
		event_free(r->run_timer);
	reconcile_vhost_fini(r);
	free(r->snapshot);
	free(r);
}

/* Best effort: without it namespaces are looked at once a second. */
static void watch_netns(struct reconcile *r)
{
	r->netns_watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (r->netns_watch < 0
		|| inotify_add_watch(r->netns_watch, "/run/netns", IN_CREATE | IN_DELETE) < 0)
		return;
	r->netns_event = event_new(r->base, r->netns_watch, EV_READ | EV_PERSIST, on_netns, r);
	if (r->netns_event != NULL)
		event_add(r->netns_event, NULL);
}

static int create_system(struct reconcile *r, struct err *e)
{
	if (r->paths.no_system)
		return 0;
	r->undo = undo_open(r->paths.state_dir, r->paths.run_dir, e);
	if (r->undo == NULL)
		return -EIO;
	r->netlink = netlink_create(r->base, on_netlink, r, e);
	if (r->netlink == NULL)
		return -EIO;
	r->nft = nft_create(r->base, r->paths.run_dir, e);
	if (r->nft == NULL)
		return -EIO;
	r->dnsmasq = dnsmasq_set_create(r->base, r->paths.run_dir, r->paths.state_dir, on_cause, r);
	if (r->dnsmasq == NULL)
		return err_set(e, -ENOMEM, "", "out of memory");
	watch_netns(r);
	if (reconcile_xen_init(r) < 0)
		return err_set(e, -ENOMEM, "", "out of memory");
	return 0;
}

struct reconcile *reconcile_create(
	struct event_base *base, const struct daemon_paths *paths, struct err *e)
{
	struct reconcile *r = calloc(1, sizeof(*r));
	int rc;

	if (r == NULL) {
		err_set(e, -ENOMEM, "", "out of memory");
		return NULL;
	}
	r->base = base;
	r->paths = *paths;
	r->netns_watch = -1;
	r->lease_watch = -1;
	r->run_timer = evtimer_new(base, on_run_timer, r);
	rc = r->run_timer == NULL || reconcile_vhost_init(r) < 0
		? err_set(e, -ENOMEM, "", "out of memory")
		: 0;
	if (rc == 0)
		rc = segments_create(&r->segments, e);
	if (rc == 0)
		rc = create_system(r, e);
	if (rc == 0)
		r->link = engine_link_create(base, &r->paths, &reconcile_engine_ops, r, e);
	if (r->link == NULL) {
		reconcile_destroy(r, false);
		return NULL;
	}
	engine_link_find(r->link, r->paths.is_stopping);
	return r;
}
