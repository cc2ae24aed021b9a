/* SPDX-License-Identifier: Apache-2.0 */
/* actual.h - what exists: the fds that are held, what the engine was told, how each object is.
 * Indexed by the ids of the model.  Thread: the daemon's only one. */
#pragma once

#include "config/netdev_open.h"
#include "config/reconcile.h"
#include "config/vif_want.h"
#include "config/xen_rings.h"

struct vhost_keep;

/* Growing delay between attempts that failed. */
struct retry {
	uint32_t n;
	uint64_t at_ns; /* 0: now */
};
void retry_later(struct retry *r);
void retry_clear(struct retry *r);
bool retry_is_due(const struct retry *r);

/* Of an open vif of type netfront. */
struct xen_keep {
	struct msg_xen_vif msg; /* as the engine was told; .vif apart */
	bool was_told;
	bool is_dead; /* the engine says so, and why was not asked yet */
};

struct vif_slot {
	bool is_open;
	struct netdev_fds fds;
	struct vif_want as; /* what it was made as */
	uint64_t cookie;
	bool is_in_engine;
	bool has_taken; /* came back from a running engine: .as is not known in full */
	struct msg_vif told; /* to the engine */
	enum object_state state;
	char why[256];
	struct retry retry;
	char ifname[SAKLAR_NAME_LEN]; /* now, after renames */
	bool has_carrier;
	uint16_t mtu; /* in force */
	struct vhost_keep *vhost; /* open vifs of type vhost-user, else NULL */
	struct xen_keep *xen; /* open vifs of type netfront, else NULL */
};

/* The two ends of the tap by which a network with uplink host leads into the host. */
struct transit {
	bool is_set;
	struct ipaddr host4, router4; /* of TRANSIT_LEN4 */
	struct ipaddr host6, router6; /* of TRANSIT_LEN6 */
};
#define TRANSIT_LEN4 30
#define TRANSIT_LEN6 64

struct network_slot {
	enum object_state state;
	char why[256];
	struct transit transit; /* uplink host, once its tap is there */
	bool is_route_free; /* nothing is routed behind the leg: need not look again */
};

/* An address that the network's DHCP has given to a MAC. */
struct lease {
	uint16_t network_id;
	struct mac mac;
	struct ipaddr addr;
};
#define LEASES_MAX 4096

struct actual {
	struct vif_slot vif[VIF_ID_MAX];
	struct network_slot network[NETWORK_ID_MAX];
	uint16_t uplink_in_use[NETWORK_ID_MAX]; /* of vifs with role uplink; VIF_ID_NONE: none */
	unsigned n_host_addresses; /* the host's own, but for transits and link-local ones */
	struct ipaddr host_address[HOST_ADDRESSES_MAX];
	unsigned n_leases; /* of networks whose guests are bound to them, or led to by vif */
	struct lease lease[LEASES_MAX];
	struct ipaddr guest_address[VIF_ID_MAX]; /* of forwards' vifs; zeros: not known */
};

/* Where the forward leads now; NULL: nobody knows the guest's address yet. */
const struct ipaddr *actual_forward_target(const struct actual *a, const struct forward_cfg *f);

void actual_set_vif(struct vif_slot *slot, enum object_state state, const char *why);
void actual_set_network(struct network_slot *slot, enum object_state state, const char *why);

/* What was seen of a wanted vif's surroundings before a run decides. */
struct vif_sight {
	uint64_t cookie; /* of what is wanted, in the namespace as it is now */
	bool is_present; /* open vifs: the netdev behind the fds still exists */
};

enum step_kind {
	STEP_CLOSE,
	STEP_OPEN,
	STEP_ADJUST
};
struct step {
	enum step_kind kind;
	uint16_t vif_id;
};
#define STEPS_MAX (2 * VIF_ID_MAX)

/* Steps that lead from @have to @want, deletions first: a device or name may be wanted again by
 * another vif.  @sight and @want: by vif id.  Pure; returns how many. */
unsigned actual_diff(const struct vif_wants *want, const struct actual *have,
	const struct vif_sight *sight, struct step *steps);
