/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile.h - make the actual state equal the desired one, again and again.
 *
 * Level-triggered: every event (a verb, netlink, an engine's death, a timer) only asks for another
 * run; a run compares the model with what exists (kernel links, fds, engine, nftables, dnsmasq) and
 * takes the missing steps, deletions first.  A step that fails is written into the object's state
 * and tried again; nothing waits for anything else.
 *
 * Life: reconcile_create() finds a running engine and takes it over, or starts one; the caller runs
 * the libevent loop; reconcile_destroy() leaves engine, taps and dnsmasq running (the next daemon
 * adopts them) unless @stop_engine.
 * Thread: the daemon's only one. */
#pragma once

#include "config/model.h"
#include "config/netback.h"
#include "vswitch/abi/counters.h"
#include "vswitch/abi/engine_msg.h"
#include "vswitch/abi/snapshot_msg.h"

struct event_base;
struct reconcile;

struct daemon_paths {
	const char *run_dir; /* absolute */
	const char *state_dir; /* absolute */
	const char *engine; /* absolute path of saklar-vswitch */
	const char *engine_user; /* name or number; NULL: saklar, else nobody */
	const char *hugepages; /* "auto", "on", "off" */
	bool no_fast_path; /* nothing passes by the kernel's programs alone */
	bool polls; /* --poll */
	const char *workers; /* processors to forward on, as --workers says; NULL: any one */
	bool is_stopping; /* saklard --stop: no requests to serve meanwhile */
	bool no_system; /* tests without root: no netlink, nft, dnsmasq, only the engine link */
};

enum object_state {
	STATE_PENDING, /* not tried yet */
	STATE_UP, /* works */
	STATE_DOWN, /* administratively down */
	STATE_WAITING, /* something outside is missing: .why says what (netdev gone, netns gone...) */
	STATE_FAILED, /* a step was refused: .why says what to do */
};
const char *object_state_name(
	enum object_state s); /* "pending", "up", "down", "waiting", "failed" */

/* Longer than the path of a socket may be, which is refused with a reason. */
#define VHOST_PATH_LEN 256
/* What is known about a vif (host legs included, under the network's leg_vif_id). */
struct vif_actual {
	enum object_state state;
	char why[256]; /* "" when up */
	char ifname[SAKLAR_NAME_LEN]; /* of the kernel netdev, "" when there is none */
	int ifindex; /* 0: none */
	bool has_carrier;
	uint16_t mtu; /* in force */
	bool has_mac;
	struct mac mac; /* the guest's where known */
	uint8_t queues;
	char socket[VHOST_PATH_LEN]; /* type vhost-user: its path, else "" */
	struct msg_vhost_state vhost; /* type vhost-user: as the engine told; zeros: nothing yet */
};
struct network_actual {
	enum object_state state;
	char why[256];
	int dnsmasq_pid; /* 0: none */
};
enum engine_state {
	ENGINE_STOPPED,
	ENGINE_STARTING,
	ENGINE_RUNNING,
	ENGINE_FAILED, /* does not start: .why; tried again with growing delay */
};
const char *engine_state_name(enum engine_state s);
struct engine_actual {
	enum engine_state state;
	char why[256];
	int pid;
	bool has_hugepages;
	uint32_t restarts; /* since the daemon started */
	uint64_t started_ns;
	uint64_t generation; /* of the snapshot it runs */
	uint32_t n_workers;
	bool was_taken_over;
	bool is_mute; /* it does not answer at the moment */
};
struct problem {
	char object[48]; /* "network lab", "vif web0", "engine", "host" */
	char text[256]; /* what is wrong */
	char cure[256]; /* what to do */
};

struct reconcile *reconcile_create(
	struct event_base *base, const struct daemon_paths *paths, struct err *e);
void reconcile_destroy(struct reconcile *r, bool stop_engine);

struct fast_path_actual {
	const char *why; /* why there is none; "": there is */
	uint64_t packets; /* that the kernel passed on by itself, of vifs that are there */
};
void reconcile_fast_path(const struct reconcile *r, struct fast_path_actual *out);

/* The desired state is now @m (kept by the caller until the next call).  Runs at once; when it
 * returns, steps that need no outside event have been done and the engine has acknowledged. */
void reconcile_apply(struct reconcile *r, const struct model *m);

/* Would this new or changed object clash with the host right now (subnet that the host routes,
 * netdev with addresses, in use by a bridge or another instance, netns that is no netns)?  Called
 * before a verb is committed; 0 or -errno with what to do.  A device that does not exist yet is
 * no error: the vif waits for it. */
[[nodiscard]] int reconcile_check_network(
	struct reconcile *r, const struct network_cfg *n, struct err *e);
/* Is the port of a forward of a network with uplink host taken by a program of the host? */
[[nodiscard]] int reconcile_check_forward(struct reconcile *r, const struct network_cfg *n,
	const struct forward_cfg *f, struct err *e);
[[nodiscard]] int reconcile_check_vif(struct reconcile *r, const struct vif_cfg *v, struct err *e);

void reconcile_vif_actual(const struct reconcile *r, uint16_t vif_id, struct vif_actual *out);
/* What is known about the guest of a netfront vif; false: there is none. */
struct xen_view {
	struct netback_dev dev;
	bool has_counts;
	struct msg_xen_counts counts;
};
bool reconcile_xen_view(struct reconcile *r, uint16_t vif_id, struct xen_view *out);
/* The file of @n's leases, into @buf; NULL: there is no DHCP. */
const char *reconcile_lease_path(
	const struct reconcile *r, const struct network_cfg *n, char *buf, size_t size);
/* Where a forward leads now; false: nobody knows the guest's address yet. */
bool reconcile_forward_target(
	const struct reconcile *r, const struct forward_cfg *f, struct ipaddr *out);
void reconcile_network_actual(
	const struct reconcile *r, uint16_t network_id, struct network_actual *out);
void reconcile_engine_actual(const struct reconcile *r, struct engine_actual *out);
/* Problems of the host and of objects right now; returns how many were written. */
unsigned reconcile_problems(const struct reconcile *r, struct problem *out, unsigned max);

/* Sum over the workers; zeros when there is no segment.  Read-only mapping, relaxed loads. */
void reconcile_vif_counters(const struct reconcile *r, uint16_t vif_id, struct vif_counters *out);
void reconcile_worker_counters(
	const struct reconcile *r, unsigned worker, struct worker_counters *out);

/* Of the time in which reconcile_measure() was in force. */
void reconcile_stage_counters(
	const struct reconcile *r, unsigned worker, struct stage_counters *out);
/* Have cycles counted by stage for @ms from now on.  0 or -errno with @e. */
[[nodiscard]] int reconcile_measure(struct reconcile *r, uint32_t ms, struct err *e);

/* All FDB entries of a network (0: all).  *out is malloc'ed.  0 or -errno with @e. */
[[nodiscard]] int reconcile_fdb_list(struct reconcile *r, uint16_t network_id,
	struct msg_fdb_entry **out, size_t *n, struct err *e);
[[nodiscard]] int reconcile_fdb_flush(
	struct reconcile *r, const struct msg_fdb_flush *what, struct err *e);

/* Neighbours of all router ports; connections by network and vif (0: all).  As above. */
[[nodiscard]] int reconcile_mdb_list(struct reconcile *r, uint16_t network_id,
	struct msg_mdb_entry **out, size_t *n, struct err *e);
[[nodiscard]] int reconcile_neigh_list(
	struct reconcile *r, struct msg_neigh_entry **out, size_t *n, struct err *e);
/* Spanning trees of a network, 0: of all; to be freed. */
[[nodiscard]] int reconcile_stp_list(struct reconcile *r, uint16_t network_id,
	struct msg_stp_entry **out, size_t *n, struct err *e);
[[nodiscard]] int reconcile_neigh_flush(struct reconcile *r, uint16_t network_id, struct err *e);
[[nodiscard]] int reconcile_ct_list(struct reconcile *r, uint16_t network_id, uint16_t vif_id,
	struct msg_ct_entry **out, size_t *n, struct err *e);
[[nodiscard]] int reconcile_ct_flush(
	struct reconcile *r, uint16_t network_id, uint16_t vif_id, struct err *e);
/* Routes that the engine has; how many were written. */
unsigned reconcile_routes(const struct reconcile *r, struct snap_route *out, unsigned max);

/* Start a capture: makes ring and sockets, validates the program's size, tells the engine.  On
 * success fds[0] is the ring's memfd and fds[1] the wake-up socket, both for the reader (caller closes
 * after passing them on).  Survives restarts of the engine.  @m->capture_id is filled in. */
[[nodiscard]] int reconcile_capture_open(
	struct reconcile *r, struct msg_capture *m, uint32_t data_size, int fds[2], struct err *e);
void reconcile_capture_close(struct reconcile *r, uint32_t capture_id);
