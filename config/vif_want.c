/* SPDX-License-Identifier: Apache-2.0 */
/* vif_want.c - the model's vifs and host legs in one form.
 * From: reconcile*.c.  Pure.  Thread: the daemon's only one. */
#include "config/vif_want.h"

#include "vswitch/base/siphash.h"

#include <stdio.h>
#include <string.h>

struct vif_want vif_want_of(const struct model *m, const struct vif_cfg *v)
{
	const struct network_cfg *n = model_network_by_id(m, v->network_id);
	struct vif_want want = {
		.id = v->id,
		.network_id = v->network_id,
		.type = v->type,
		.has_mac = v->has_mac,
		.mac = v->mac,
		.mtu = v->mtu,
		.has_mtu = v->mtu != 0,
		.is_down = v->is_down,
		.gets_copies = v->mirror.n > 0,
		.has_owner = v->has_owner,
		.owner_uid = v->owner_uid,
		.queues = v->queues == 0 && v->type != VIF_TYPE_NETFRONT ? 1 : v->queues,
		.is_client = v->is_client,
		.must_be_sealed = v->must_be_sealed,
		.has_socket_group = v->has_socket_group,
		.socket_gid = v->socket_gid,
		.socket_mode = v->socket_mode,
	};
	const char *ifname = v->type == VIF_TYPE_HOST ? v->ifname : v->dev;

	snprintf(want.name, sizeof(want.name), "%s", v->name);
	snprintf(want.ifname, sizeof(want.ifname), "%s", ifname[0] != '\0' ? ifname : v->name);
	snprintf(want.netns, sizeof(want.netns), "%s", v->netns);
	snprintf(want.socket, sizeof(want.socket), "%s", v->socket);
	if (want.mtu == 0)
		want.mtu = n != NULL && n->mtu != 0 ? n->mtu : 1500;
	return want;
}

struct vif_want vif_want_of_leg(const struct network_cfg *n)
{
	struct vif_want want = {
		.id = n->leg_vif_id,
		.network_id = n->id,
		.type = VIF_TYPE_HOST,
		.is_leg = true,
		.has_mac = true,
		.mac = n->leg_mac,
		.mtu = n->mtu != 0 ? n->mtu : 1500,
		.queues = 1,
	};

	for (unsigned i = 0; i < n->n_subnets; i++)
		want.has_ip6 = want.has_ip6 || !ip_is_v4(&n->subnet[i].addr);
	snprintf(want.name, sizeof(want.name), "%s", n->name);
	snprintf(want.ifname, sizeof(want.ifname), "%s", n->name);
	return want;
}

/* "up-lab"; long names are cut and told apart by the id. */
static void uplink_name(const struct network_cfg *n, char out[SAKLAR_NAME_LEN])
{
	if (strlen(n->name) + 3 <= SAKLAR_NAME_MAX)
		snprintf(out, SAKLAR_NAME_LEN, "up-%.12s", n->name);
	else
		snprintf(out, SAKLAR_NAME_LEN, "up-%.8s.%u", n->name,
			(unsigned)n->uplink.network_id % NETWORK_ID_MAX);
}

const struct network_cfg *vif_want_uplink_called(const struct model *m, const char *name)
{
	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *n = &m->network[i];
		char port[SAKLAR_NAME_LEN];

		uplink_name(n, port);
		if ((n->uplink.kind == UPLINK_HOST || n->uplink.kind == UPLINK_NETDEV)
			&& strcmp(port, name) == 0)
			return n;
	}
	return NULL;
}

struct vif_want vif_want_of_uplink(const struct network_cfg *n)
{
	struct vif_want want = {
		.id = n->uplink.vif_id,
		.network_id = n->uplink.network_id,
		.is_transit = n->uplink.kind == UPLINK_HOST,
		.is_uplink = n->uplink.kind == UPLINK_NETDEV,
		.mtu = n->mtu != 0 ? n->mtu : 1500,
		.queues = 1,
	};

	uplink_name(n, want.name);
	if (want.is_uplink) {
		want.type = VIF_TYPE_NETDEV;
		want.has_mac = true;
		want.mac = n->uplink.mac;
		snprintf(want.ifname, sizeof(want.ifname), "%s", n->uplink.name);
		return want;
	}
	want.type = VIF_TYPE_HOST;
	want.has_ip6 = network_has_family(n, false);
	/* The host's end: another one than the router's, the same whenever the tap is made anew. */
	want.has_mac = true;
	want.mac = n->uplink.mac;
	want.mac.b[0] = (uint8_t)((want.mac.b[0] | 0x02) ^ 0x04);
	memcpy(want.ifname, want.name, sizeof(want.ifname));
	return want;
}

void vif_wants_build(const struct model *m, struct vif_wants *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < m->n_networks; i++) {
		const struct network_cfg *n = &m->network[i];

		if (n->leg_vif_id != VIF_ID_NONE && n->leg_vif_id < VIF_ID_MAX)
			out->vif[n->leg_vif_id] = vif_want_of_leg(n);
		if (n->uplink.vif_id != VIF_ID_NONE && n->uplink.vif_id < VIF_ID_MAX)
			out->vif[n->uplink.vif_id] = vif_want_of_uplink(n);
	}
	for (unsigned i = 0; i < m->n_vifs; i++) {
		const struct vif_cfg *v = &m->vif[i];

		const struct network_cfg *n = model_network_by_uplink(m, v->name);

		if (v->id == VIF_ID_NONE || v->id >= VIF_ID_MAX || v->type == VIF_TYPE_MEM)
			continue;
		out->vif[v->id] = vif_want_of(m, v);
		if (n == NULL)
			continue;
		out->vif[v->id].network_id = n->uplink.network_id;
		if (v->mtu == 0 && n->mtu != 0)
			out->vif[v->id].mtu = n->mtu;
	}
}

uint64_t vif_want_cookie(const struct vif_want *want, uint64_t ns_inode)
{
	/* No secret: nobody gains by a collision but in keeping his own device. */
	static const struct sipkey key = { 0x73616b6c61720001, 0x636f6f6b69650001 };
	struct {
		uint64_t ns_inode;
		uint32_t type, queues, is_leg, has_owner, owner_uid, role;
		uint32_t is_client, must_be_sealed, has_group, gid, mode;
		char socket[SOCKET_PATH_LEN];
		char name[SAKLAR_NAME_LEN], ifname[SAKLAR_NAME_LEN], netns[NETNS_PATH_LEN];
	} fixed;

	memset(&fixed, 0, sizeof(fixed));
	fixed.ns_inode = ns_inode;
	fixed.type = want->type;
	fixed.queues = want->queues;
	fixed.is_leg = want->is_leg;
	fixed.role = want->is_transit ? 1 : want->is_uplink ? 2 : 0;
	fixed.has_owner = want->has_owner;
	fixed.owner_uid = want->has_owner ? want->owner_uid : 0;
	fixed.is_client = want->is_client;
	fixed.must_be_sealed = want->must_be_sealed;
	fixed.has_group = want->has_socket_group;
	fixed.gid = want->has_socket_group ? want->socket_gid : 0;
	fixed.mode = want->socket_mode;
	memcpy(fixed.socket, want->socket, strlen(want->socket));
	memcpy(fixed.name, want->name, strlen(want->name));
	memcpy(fixed.ifname, want->ifname, strlen(want->ifname));
	memcpy(fixed.netns, want->netns, strlen(want->netns));
	return siphash13(&key, &fixed, sizeof(fixed));
}
