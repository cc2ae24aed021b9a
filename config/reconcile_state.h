/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_state.h - what the files reconcile*.c share; nobody else includes it. */
#pragma once

#include "config/actual.h"
#include "config/captures.h"
#include "config/dnsmasq.h"
#include "config/engine_link.h"
#include "config/netlink.h"
#include "config/nft.h"
#include "config/segments.h"
#include "config/undo.h"

struct event;

struct reconcile {
	struct event_base *base;
	struct daemon_paths paths;
	const struct model *model; /* the caller's; NULL before the first apply */
	struct vif_wants wants; /* of .model */
	struct actual actual;
	struct segments segments;
	uint32_t held_segments; /* by the engine, as it told: bits of enum segment_kind */
	struct captures captures;
	struct engine_link *link;
	struct netlink *netlink; /* NULL with paths.no_system, as the next three */
	struct undo *undo;
	struct nft *nft;
	struct dnsmasq_set *dnsmasq;
	struct netback *netback; /* guests of Xen */
	struct event *run_timer; /* the one event that every cause activates */
	struct event *netns_event;
	struct event *vhost_timer; /* clients that are to reach their VMMs */
	int netns_watch; /* inotify on /run/netns */
	struct event *lease_event;
	int lease_watch; /* inotify on STATE/leases; -1: nobody wants to know */
	bool is_running; /* in a run: causes ask for another one */
	bool is_listed; /* the first run has seen what is held and what was left behind */
	void *snapshot; /* as the engine has it; NULL: none */
	size_t snapshot_len;
	uint64_t snapshot_generation;
	uint64_t model_generation; /* of the snapshot that the engine has */
};

/* Ask for a run, soon. */
void reconcile_ask(struct reconcile *r);
void reconcile_ask_in(struct reconcile *r, uint32_t ms);

/* reconcile_stray.c */
/* The mark of a netdev that this instance made for the vif (or network, or "") @name. */
void reconcile_alias(const struct reconcile *r, const char *name, char alias[LINK_ALIAS_LEN]);
/* Delete taps with our mark that nobody wants. */
void reconcile_stray_delete(struct reconcile *r);

/* reconcile_vif.c */
void reconcile_vif_open(struct reconcile *r, uint16_t id);
void reconcile_vif_close(struct reconcile *r, uint16_t id);
void reconcile_vif_adjust(struct reconcile *r, uint16_t id);
/* Take over the carriers that netlink has told; is one of them another now? */
bool reconcile_vif_follow_carriers(struct reconcile *r);
void reconcile_vif_look(struct reconcile *r, struct vif_sight *sight /* [VIF_ID_MAX] */);
/* Give back netdevs that no vif holds or wants (any longer), as after a kill. */
void reconcile_vif_revert_orphans(struct reconcile *r);
/* Take every netdev back from the engine: at the very end. */
void reconcile_vif_remove_all(struct reconcile *r);
/* May this netdev be a vif?  0 or -errno with what to do. */
[[nodiscard]] int reconcile_netdev_check(
	struct reconcile *r, const struct link *link, enum vif_type type, struct err *e);

/* May the host share this netdev with an uplink? */
[[nodiscard]] int reconcile_uplink_check(
	struct reconcile *r, const struct link *link, struct err *e);

/* Put the program of a shared device there.  0 or -errno: there is none then. */
[[nodiscard]] int reconcile_uplink_share(
	struct reconcile *r, const struct link *link, struct err *e);
/* Let the kernel pass on by itself what comes for @mac; without that the engine does it all. */
void reconcile_uplink_hasten(struct reconcile *r, const struct link *link, const struct mac *mac,
	struct netdev_fds *fds);

/* reconcile_vhost.c: vifs of type vhost-user.  Their slots have .vhost while they are open. */
[[nodiscard]] int reconcile_vhost_init(struct reconcile *r);
void reconcile_vhost_fini(struct reconcile *r);
/* Where the socket is; @out: [VHOST_PATH_LEN]. */
void reconcile_vhost_path(const struct reconcile *r, const struct vif_want *want, char *out);
bool reconcile_vhost_is_present(const struct reconcile *r, uint16_t id);
void reconcile_vhost_open(struct reconcile *r, uint16_t id);
void reconcile_vhost_adjust(struct reconcile *r, uint16_t id);
void reconcile_vhost_release(struct reconcile *r, struct vif_slot *slot);
/* The engine has just been given the vif. */
void reconcile_vhost_give(struct reconcile *r, uint16_t id);
/* A HELD_VIF, whose fds are in @slot; false: nonsense. */
bool reconcile_vhost_take(struct vif_slot *slot, const struct msg_vif *v);
/* VHOST_DEPOSIT, VHOST_STATE.  0 or -EPROTO.  Sends nothing. */
[[nodiscard]] int reconcile_vhost_hear(struct reconcile *r, struct engine_msg *m);
/* Connect clients that are due, and see to it that we are called again. */
void reconcile_vhost_run(struct reconcile *r);

/* reconcile_xen.c: vifs of type netfront. */
[[nodiscard]] int reconcile_xen_init(struct reconcile *r);
uint64_t reconcile_xen_incarnation(const struct reconcile *r, const struct vif_want *want);
void reconcile_xen_open(struct reconcile *r, uint16_t id);
void reconcile_xen_adjust(struct reconcile *r, uint16_t id);
void reconcile_xen_release(struct vif_slot *slot);
/* A HELD_XEN, whose fds are in @slot. */
bool reconcile_xen_take(struct vif_slot *slot, const struct msg_xen_vif *m);
/* Give the engine the rings of an open vif. */
[[nodiscard]] int reconcile_xen_tell(
	struct reconcile *r, uint16_t id, const struct msg_vif *m, struct err *e);
/* The engine says that a vif is dead; sends nothing. */
void reconcile_xen_dead(struct reconcile *r, uint32_t vif_id);
void reconcile_xen_run(struct reconcile *r);

/* reconcile_network.c */
void reconcile_network_run(struct reconcile *r);

/* reconcile_guest.c: the addresses that forwards by vif lead to. */
void reconcile_guest_addresses(struct reconcile *r);

/* reconcile_uplink.c: uplinks of kind host, and the host's own addresses. */
/* The open tap of a network with uplink host, or NULL. */
struct vif_slot *reconcile_transit_slot(struct reconcile *r, const struct network_cfg *n);
/* Choose or find the addresses of its two ends; before the firewall is written. */
[[nodiscard]] int reconcile_uplink_prepare(
	struct reconcile *r, const struct network_cfg *n, struct err *e);
/* Bring the tap up, with addresses and routes; behind the firewall. */
[[nodiscard]] int reconcile_uplink_up(
	struct reconcile *r, const struct network_cfg *n, struct err *e);
/* Rules and forwarding, for all networks together. */
[[nodiscard]] int reconcile_uplink_run(struct reconcile *r, struct err *e);
void reconcile_uplink_remove(struct reconcile *r);
void reconcile_host_addresses(struct reconcile *r);

/* reconcile_leases.c */
/* Take over what DHCP has given, where guards want to know; and hear of changes from now on. */
void reconcile_leases_read(struct reconcile *r);
void reconcile_leases_fini(struct reconcile *r);

/* reconcile_engine.c */
extern const struct engine_link_ops reconcile_engine_ops;
void reconcile_engine_run(struct reconcile *r);
/* What is answered when engine_link_is_mute(). */
int reconcile_mute_error(struct err *e);
void reconcile_engine_close_vif(struct reconcile *r, uint16_t id);
