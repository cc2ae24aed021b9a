/* SPDX-License-Identifier: Apache-2.0 */
/* vif_want.h - what one vif of the engine should be, host legs and guests' vifs alike.
 * Made anew from the model at each run; pure. */
#pragma once

#include "config/model.h"

struct vif_want {
	uint16_t id; /* VIF_ID_NONE: nothing wanted under this id */
	uint16_t network_id;
	enum vif_type type;
	bool is_leg;
	bool is_transit; /* tap into the host, of a network with uplink host */
	bool is_uplink; /* device that the host may use itself: only what is for .mac is ours */
	char name[SAKLAR_NAME_LEN];
	char ifname[SAKLAR_NAME_LEN]; /* kernel's name: dev, or name inside the namespace */
	char netns[NETNS_PATH_LEN]; /* "": the daemon's own */
	bool has_mac;
	struct mac mac;
	uint16_t mtu; /* bytes of IP */
	bool has_mtu; /* asked for on this vif, not inherited from its network */
	bool has_ip6; /* leg: one of its subnets is IPv6 */
	bool is_down;
	bool gets_copies; /* of others' packets, and is in no network */
	bool has_owner;
	uint32_t owner_uid;
	uint8_t queues;
	char socket[SOCKET_PATH_LEN]; /* vhost-user; "": under the run directory */
	bool is_client, must_be_sealed, has_socket_group;
	uint32_t socket_gid;
	uint16_t socket_mode; /* 0: SOCKET_MODE_DEFAULT */
};
#define SOCKET_MODE_DEFAULT 0660

/* Index: vif id. */
struct vif_wants {
	struct vif_want vif[VIF_ID_MAX];
};

void vif_wants_build(const struct model *m, struct vif_wants *out);
struct vif_want vif_want_of(const struct model *m, const struct vif_cfg *v);
struct vif_want vif_want_of_leg(const struct network_cfg *n);
/* Of uplinks host and device. */
struct vif_want vif_want_of_uplink(const struct network_cfg *n);
/* The network whose uplink, host or device, has a port that is called @name ("up-lab"), or NULL. */
const struct network_cfg *vif_want_uplink_called(const struct model *m, const char *name);

/* Number that differs when the vif cannot be kept as it is: type, device, namespace (by
 * @ns_inode), queues.  Travels through the engine as the cookie of its fds. */
uint64_t vif_want_cookie(const struct vif_want *want, uint64_t ns_inode);
