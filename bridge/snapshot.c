/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.c - turns the daemon's flat message into the configuration that workers read.
 *
 * From: vswitch/ctl.c, with a private copy of the SNAPSHOT memfd.  To: every stage.
 * Theory: the daemon is trusted to configure, not to be free of bugs: each field is checked before
 * anything indexes with it, and a message with one bad item is refused whole, so that the old
 * configuration stays.
 * Invariants of a created snapshot: ids are in range and unique; a port's network exists or is
 * NETWORK_ID_NONE; a network's leg is a port of that network; ports[] are ascending.
 * Thread: control; immutable afterwards. */
#include "bridge/snapshot.h"

#include "bridge/snapshot_fdb.h"
#include "bridge/snapshot_mcast.h"
#include "bridge/snapshot_meters.h"
#include "bridge/snapshot_mirror.h"
#include "bridge/snapshot_routes.h"
#include "bridge/snapshot_stp.h"
#include "bridge/snapshot_vlans.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MTU_MIN 68 /* RFC 791 §3.2 */

/* The snapshot and the lists that its networks point into, in one allocation. */
struct snapshot_block {
	struct snapshot s;
	uint16_t ports[VIF_ID_MAX];
	struct snap_addr addrs[ROUTER_ADDRS_MAX]; /* own ones, by network */
	uint8_t host_addrs[ROUTER_ADDRS_MAX][16];
	struct snap_route routes[2 * ROUTES_MAX + ROUTER_ADDRS_MAX]; /* and those of guests */
	struct snap_forward forwards[SNAP_FORWARDS_MAX];
	struct snap_addr pools[NAT_POOLS_MAX];
	uint16_t maps[NAT_MAPS_MAX];
	struct fib_range ranges[2 * (2 * ROUTES_MAX + ROUTER_ADDRS_MAX) + 3 * NETWORK_ID_MAX];
};

static bool name_is_sound(const char *name)
{
	size_t len = strnlen(name, SAKLAR_NAME_LEN);

	if (len == 0 || len > SAKLAR_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] <= ' ' || (unsigned char)name[i] >= 127
			|| name[i] == '/')
			return false;
	return true;
}

/* "network.NAME.field", printable whatever the bytes are. */
static int refuse(struct err *e, const char *kind, const char *name, unsigned id, const char *what)
{
	char path[sizeof(e->path)];

	if (name_is_sound(name))
		snprintf(path, sizeof(path), "%s.%s", kind, name);
	else
		snprintf(path, sizeof(path), "%s.#%u", kind, id);
	return err_set(e, -EINVAL, path, "snapshot refused: %s", what);
}

static const char *network_fault(const struct snapshot *s, const struct snap_network *n)
{
	if (n->network_id == NETWORK_ID_NONE || n->network_id >= NETWORK_ID_MAX)
		return "network id out of range";
	if (s->network[n->network_id].conf.network_id != NETWORK_ID_NONE)
		return "network id used twice";
	if (!name_is_sound(n->name))
		return "name is empty, too long or has odd characters";
	if (n->mode == NETWORK_MODE_NONE || n->mode >= NETWORK_MODE_N)
		return "mode is unknown";
	if (n->profile > PROFILE_TENANT)
		return "profile is unknown";
	if (n->mtu < MTU_MIN)
		return "mtu below 68";
	if (n->flags & ~(unsigned)SNAP_NETWORK_FLAGS_ALL)
		return "unknown flag";
	if (n->leg_vif_id >= VIF_ID_MAX)
		return "host leg's vif id out of range";
	if (n->leg_mac[0] & 1)
		return "host leg's MAC is a group address";
	/* Linux: bits 0, 1 and 2 (STP, pause, LACP) may not be set for a whole bridge. */
	if (n->group_fwd_lo & 7)
		return "group_fwd_mask has one of the bits 0..2";
	if (n->vlan >= SNAP_VLAN_N)
		return "kind of VLANs is unknown";
	return NULL;
}

static const char *port_fault(const struct snapshot *s, const struct snap_port *p)
{
	if (p->vif_id == VIF_ID_NONE || p->vif_id >= VIF_ID_MAX)
		return "vif id out of range";
	if (s->port[p->vif_id].vif_id != VIF_ID_NONE)
		return "vif id used twice";
	if (!name_is_sound(p->name))
		return "name is empty, too long or has odd characters";
	if (p->network_id >= NETWORK_ID_MAX
		|| (p->network_id != NETWORK_ID_NONE
			&& s->network[p->network_id].conf.network_id == NETWORK_ID_NONE))
		return "network does not exist";
	if (p->flags & ~(uint32_t)SNAP_PORT_FLAGS_ALL)
		return "unknown flag";
#ifndef SAKLAR_PLANTED_BUG /* with it: a port may have any MTU */
	if (p->mtu < MTU_MIN)
		return "mtu below 68";
#endif
	if (p->mac[0] & 1)
		return "MAC is a group address";
	if ((p->flags & SNAP_PORT_STANDBY) != 0 && (p->flags & SNAP_PORT_UP) != 0)
		return "stands by and is up";
	if (p->guard & ~(unsigned)SNAP_GUARD_ALL)
		return "unknown guard";
	/* Linux refuses the same: BR_GROUPFWD_MACPAUSE */
	if (p->group_fwd & 2)
		return "group_fwd_mask has bit 1";
	if ((p->flags & SNAP_PORT_LEG) && s->network[p->network_id].conf.leg_vif_id != p->vif_id)
		return "host leg is not the one its network names";
	return NULL;
}

static int take_networks(struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e)
{
	for (uint32_t i = 0; i < n; i++) {
		struct snap_network conf;
		const char *fault;

		memcpy(&conf, at + i * sizeof(conf), sizeof(conf));
		fault = network_fault(s, &conf);
		if (fault != NULL)
			return refuse(e, "network", conf.name, conf.network_id, fault);
		s->network[conf.network_id].conf = conf;
	}
	s->n_networks = (uint16_t)n;
	return 0;
}

static int take_ports(struct snapshot *s, const uint8_t *at, uint32_t n, struct err *e)
{
	for (uint32_t i = 0; i < n; i++) {
		struct snap_port port;
		const char *fault;

		memcpy(&port, at + i * sizeof(port), sizeof(port));
		fault = port_fault(s, &port);
		if (fault != NULL)
			return refuse(e, "vif", port.name, port.vif_id, fault);
		s->port[port.vif_id] = port;
		s->has_neigh_suppress |= (port.flags & SNAP_PORT_NEIGH_SUPPRESS) != 0;
	}
	s->n_ports = (uint16_t)n;
	return 0;
}

/* A leg that is named must be there; it may come later than its network only in the message. */
static int check_legs(const struct snapshot *s, struct err *e)
{
	for (unsigned id = 1; id < NETWORK_ID_MAX; id++) {
		const struct snap_network *n = &s->network[id].conf;
		const struct snap_port *leg = snapshot_port(s, n->leg_vif_id);

		if (n->leg_vif_id != VIF_ID_NONE
			&& (leg == NULL || leg->network_id != id || !(leg->flags & SNAP_PORT_LEG)))
			return refuse(e, "network", n->name, id,
				"its host leg is not a port of this network");
	}
	return 0;
}

static void index_ports(struct snapshot_block *block)
{
	uint16_t *at = block->ports;

	for (unsigned id = 1; id < NETWORK_ID_MAX; id++) {
		struct snapshot_network *net = &block->s.network[id];

		net->ports = at;
		if (net->conf.network_id == NETWORK_ID_NONE)
			continue;
		for (uint16_t vif = 1; vif < VIF_ID_MAX; vif++)
			if (block->s.port[vif].network_id == id)
				*at++ = vif;
		net->n_ports = (uint16_t)(at - net->ports);
	}
}

static int check_header(const struct snap_hdr *h, size_t len, struct err *e)
{
	size_t want;

	if (h->magic != SNAPSHOT_MAGIC)
		return err_set(e, -EINVAL, "snapshot", "not a snapshot (wrong magic)");
	if (h->n_networks >= NETWORK_ID_MAX || h->n_ports >= VIF_ID_MAX)
		return err_set(e, -EINVAL, "snapshot", "%u networks and %u vifs are too many",
			h->n_networks, h->n_ports);
	if (h->n_mcasts > MCAST_RECORDS_MAX)
		return err_set(
			e, -EINVAL, "snapshot", "%u multicast records are too many", h->n_mcasts);
	if (h->n_routers >= ROUTERS_MAX || h->n_addrs > ROUTER_ADDRS_MAX || h->n_routes > ROUTES_MAX
		|| h->n_forwards > SNAP_FORWARDS_MAX)
		return err_set(e, -EINVAL, "snapshot",
			"%u routers, %u addresses, %u routes and %u forwards are too many",
			h->n_routers, h->n_addrs, h->n_routes, h->n_forwards);
	if (h->n_meters > METERS_MAX || h->n_vlans > VLAN_RANGES_MAX || h->n_bindings > BINDINGS_MAX
		|| h->n_stations > STATIONS_MAX)
		return err_set(e, -EINVAL, "snapshot",
			"%u meters, %u VLANs, %u bindings and %u stations are too many",
			h->n_meters, h->n_vlans, h->n_bindings, h->n_stations);
	if (h->n_fdb > FDB_STATIC_MAX)
		return err_set(e, -EINVAL, "snapshot", "%u FDB entries are too many", h->n_fdb);
	if (h->n_stp >= NETWORK_ID_MAX || h->n_stp_ports >= VIF_ID_MAX)
		return err_set(e, -EINVAL, "snapshot",
			"%u spanning trees and %u of their ports are too many", h->n_stp,
			h->n_stp_ports);
	if (h->n_mirrors > MIRRORS_MAX)
		return err_set(e, -EINVAL, "snapshot", "%u mirrors are too many", h->n_mirrors);
	want = sizeof(*h) + h->n_networks * sizeof(struct snap_network)
		+ h->n_ports * sizeof(struct snap_port) + h->n_routers * sizeof(struct snap_router)
		+ h->n_addrs * sizeof(struct snap_addr) + h->n_routes * sizeof(struct snap_route)
		+ h->n_forwards * sizeof(struct snap_forward) + h->n_stp * sizeof(struct snap_stp)
		+ h->n_stp_ports * sizeof(struct snap_stp_port)
		+ h->n_meters * sizeof(struct snap_meter) + h->n_vlans * sizeof(struct snap_vlan)
		+ h->n_mcasts * sizeof(struct snap_mcast)
		+ h->n_bindings * sizeof(struct snap_binding) + h->n_fdb * sizeof(struct snap_fdb)
		+ h->n_stations * sizeof(struct snap_station)
		+ h->n_mirrors * sizeof(struct snap_mirror);
	if (h->size != want || len != want)
		return err_set(e, -EINVAL, "snapshot",
			"%zu bytes, its header says %u, its counts %zu", len, h->size, want);
	return 0;
}

/* The parts behind the forwards; the last one ends at @end. */
static int take_rest(
	struct snapshot *s, const uint8_t *end, const struct snap_hdr *h, struct err *e)
{
	const uint8_t *mirrors = end - h->n_mirrors * sizeof(struct snap_mirror);
	const uint8_t *stations = mirrors - h->n_stations * sizeof(struct snap_station);
	const uint8_t *fdb = stations - h->n_fdb * sizeof(struct snap_fdb);
	const uint8_t *bindings = fdb - h->n_bindings * sizeof(struct snap_binding);
	const uint8_t *mcasts = bindings - h->n_mcasts * sizeof(struct snap_mcast);
	const uint8_t *vlans = mcasts - h->n_vlans * sizeof(struct snap_vlan);
	const uint8_t *meters = vlans - h->n_meters * sizeof(struct snap_meter);
	int rc = snapshot_take_meters(s, meters, h->n_meters, e);

	if (rc == 0)
		rc = snapshot_take_vlans(s, vlans, h->n_vlans, e);
	if (rc == 0)
		rc = snapshot_take_mcast(s, mcasts, h->n_mcasts, e);
	if (rc == 0)
		rc = snapshot_take_bindings(s, bindings, h->n_bindings, e);
	if (rc == 0)
		rc = snapshot_take_fdb(s, fdb, h->n_fdb, e);
	if (rc == 0)
		rc = snapshot_take_stations(s, stations, h->n_stations, e);
	return rc == 0 ? snapshot_take_mirrors(s, mirrors, h->n_mirrors, e) : rc;
}

void snapshot_destroy(struct snapshot *s)
{
	if (s == NULL)
		return;
	free(s->meter);
	free(s->fdb);
	free(s->mirror);
	free(s->vlan_sets);
	free(s->mcast);
	free(s->binding);
	free(s->stp);
	free(s->station);
	free(CONTAINER_OF(s, struct snapshot_block, s));
}

struct snapshot *snapshot_create(const void *bytes, size_t len, struct err *e)
{
	const uint8_t *at = bytes;
	struct snapshot_block *block;
	struct snap_hdr hdr;
	int rc;

	if (len < sizeof(hdr) || len > SNAPSHOT_SIZE_MAX) {
		err_set(e, -EINVAL, "snapshot", "%zu bytes cannot be a snapshot", len);
		return NULL;
	}
	memcpy(&hdr, at, sizeof(hdr));
	if (check_header(&hdr, len, e) < 0)
		return NULL;
	block = calloc(1, sizeof(*block));
	if (block == NULL) {
		err_set(e, -ENOMEM, "snapshot", "no memory for the configuration");
		return NULL;
	}
	block->s.generation = hdr.generation;
	at += sizeof(hdr);
	rc = take_networks(&block->s, at, hdr.n_networks, e);
	at += hdr.n_networks * sizeof(struct snap_network);
	if (rc == 0)
		rc = take_ports(&block->s, at, hdr.n_ports, e);
	at += hdr.n_ports * sizeof(struct snap_port);
	if (rc == 0)
		rc = check_legs(&block->s, e);
	if (rc == 0)
		rc = snapshot_take_routes(&(struct route_room){ .s = &block->s,
						  .addrs = block->addrs,
						  .host_addrs = block->host_addrs,
						  .routes = block->routes,
						  .forwards = block->forwards,
						  .pools = block->pools,
						  .maps = block->maps,
						  .ranges = block->ranges },
			at, &hdr, e);
	if (rc == 0)
		rc = snapshot_take_stp(&block->s, at, &hdr, e);
	if (rc == 0)
		rc = take_rest(&block->s, (const uint8_t *)bytes + len, &hdr, e);
	if (rc < 0) {
		snapshot_destroy(&block->s);
		return NULL;
	}
	index_ports(block);
	return &block->s;
}
