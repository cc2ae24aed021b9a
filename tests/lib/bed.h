/* SPDX-License-Identifier: Apache-2.0 */
/* bed.h - a whole dataplane in the test's process: mem vifs, one pipeline, a clock that stands still.
 *
 * Life: bed_create(); bed_network() and bed_port() describe, bed_apply() makes it the configuration
 * (again after every change); bed_send() and bed_run(); bed_destroy().  No root, no hugepages.
 * Every scenario runs with bursts of 1 and of 32, with 1, 2 and 3 workers, with the pipeline's verdicts
 * carried out by the kernel's programs, and with these made void at random: BED_TESTS(name) gives all. */
#pragma once

#include "tests/lib/expect.h"
#include "tests/lib/kernel_double.h"
#include "vswitch/pipeline.h"

#define BED_PORTS_MAX 64
#define BED_NETWORKS_MAX 8
#define BED_ARRIVALS_MAX 4096
#define BED_ROUTES_MAX 64
#define BED_METERS_MAX 16
#define BED_VLANS_MAX 256
#define BED_FDB_MAX 64
#define BED_MIRRORS_MAX 64
/* In a test's prestate, beside the burst's size: */
#define BED_CACHED 0x100u /* the kernel's programs come first */
#define BED_BUMPED 0x200u /* and their verdicts end at random */
#define BED_WORKERS(n) \
	((n) << 16) /* vifs are received from by worker id % n, all in the test's thread */
#define BED_WORKERS_MAX 3
#define BED_CT_SIZE (UINT64_C(1) << 20)

struct bed {
	struct vif_io io;
	struct worker_counters worker_counters;
	struct vif_table vifs;
	struct vif *vif[VIF_ID_MAX];
	struct pipeline *pipeline; /* of worker 0, which owns the tables */
	unsigned n_workers;
	struct hops *hops; /* NULL: there is one worker */
	struct {
		struct pipeline *pipeline;
		struct vif_io io;
	} other[BED_WORKERS_MAX]; /* [0] is not used */
	struct fdb *fdb;
	void *segment;
	struct ct *ct;
	void *ct_segment;
	struct neigh_table *neigh;
	void *neigh_segment;
	struct verdicts *verdicts; /* NULL: the pipeline is alone */
	void *verdict_segment;
	struct kernel_double kernel;
	bool is_bumped;
	uint32_t random;
	uint64_t n_cached; /* frames that the programs passed on */
	struct snapshot *cfg;
	const struct capture_set *captures; /* NULL: none; taken at bed_apply() */
	unsigned n_networks, n_ports;
	struct snap_network network[BED_NETWORKS_MAX];
	struct snap_port port[BED_PORTS_MAX];
	unsigned n_routers, n_addrs, n_routes, n_forwards;
	struct snap_router router[BED_NETWORKS_MAX];
	struct snap_addr addr[BED_ROUTES_MAX];
	struct snap_route route[BED_ROUTES_MAX];
	struct snap_forward forward[BED_ROUTES_MAX];
	void *stp_segment;
	unsigned n_stp, n_stp_ports;
	struct snap_stp stp[BED_NETWORKS_MAX];
	struct snap_stp_port stp_port[BED_PORTS_MAX];
	unsigned n_meters;
	struct snap_meter meter[BED_METERS_MAX];
	unsigned n_vlans;
	struct snap_vlan vlan[BED_VLANS_MAX];
	unsigned n_mcasts;
	struct snap_mcast mcast[BED_ROUTES_MAX];
	unsigned n_bindings;
	struct snap_binding binding[BED_METERS_MAX];
	unsigned n_fdb;
	struct snap_fdb fdb_want[BED_FDB_MAX];
	unsigned n_stations;
	struct snap_station station[BED_METERS_MAX];
	unsigned n_mirrors;
	struct snap_mirror mirror[BED_MIRRORS_MAX];
	uint64_t generation;
	unsigned burst_max;
	void (*on_hop)(struct bed *b); /* while packets hop from worker to worker; NULL: nothing */
	unsigned n_arrivals;
	uint16_t arrival[BED_ARRIVALS_MAX]; /* vif ids, in the order of bed_send() */
	struct burst burst;
};

/* @how: the burst's size, BED_CACHED, BED_BUMPED, BED_WORKERS(). */
struct bed *bed_create(unsigned how);
void bed_destroy(struct bed *b);

/* A network of mode bridge, MTU 1500, ageing 300 s, no limit. */
struct snap_network *bed_network(struct bed *b, uint16_t id);
/* A port that is up, learns and receives all floods, and its mem vif. */
struct snap_port *bed_port(struct bed *b, uint16_t vif_id, uint16_t network_id);
/* Make @vif_id, already a port, the host leg of its network, with the MAC MAC_OF(@vif_id). */
void bed_leg(struct bed *b, uint16_t vif_id);
/* A router port of @network_id, MTU as the network's, MAC as its leg's or MAC_OF(0xf0 + id). */
struct snap_router *bed_router(
	struct bed *b, uint16_t network_id, enum snap_policy policy, uint16_t uplink_id);
/* An address of it, "10.0.0.1/24"; network 0: one of the host's. */
void bed_addr(struct bed *b, uint16_t network_id, const char *text);
/* In the table of @in: @prefix leads to @out, by way of @via (NULL: connected). */
struct snap_route *bed_route(
	struct bed *b, uint16_t in, const char *prefix, uint16_t out, const char *via);
struct forward_to {
	uint16_t network;
	const char *addr;
	uint16_t port;
};
struct snap_forward *bed_forward(
	struct bed *b, uint16_t uplink_id, uint8_t proto, uint16_t port, struct forward_to to);
/* A spanning tree with the standard's times, address MAC_OF(0xe0 + @network_id). */
struct snap_stp *bed_stp(struct bed *b, uint16_t network_id, uint8_t version);
/* Settings of a port of one; @flags: enum snap_stp_port_flag. */
struct snap_stp_port *bed_stp_port(struct bed *b, uint16_t vif_id, unsigned flags);
/* What @vif_id may send or get; a burst of one second. */
struct snap_meter *bed_meter(
	struct bed *b, uint16_t vif_id, enum snap_meter_kind kind, uint64_t rate);
/* VLANs @first to @last of a port of a network whose .vlan is set; @flags: enum snap_vlan_flag. */
void bed_vlan(struct bed *b, uint16_t vif_id, uint16_t first, uint16_t last, unsigned flags);
/* Take all VLANs of the port back. */
void bed_no_vlans(struct bed *b, uint16_t vif_id);
/* The network snoops multicast, as the Linux bridge does when nobody says more. */
struct snap_mcast *bed_mcast(struct bed *b, uint16_t network_id);
/* What multicast has to know of @vif_id, already a port. */
struct snap_mcast_vif *bed_mcast_vif(struct bed *b, uint16_t vif_id, uint8_t flags);
/* A static entry; @source NULL: of all sources. */
struct snap_mcast *bed_mcast_entry(
	struct bed *b, uint16_t vif_id, const char *group, const char *source);
/* An address that the guest of @vif_id may use, "10.0.0.1/32"; vifs in ascending order. */
void bed_binding(struct bed *b, uint16_t vif_id, const char *text);
/* An entry that the administrator wants; it takes the place of one for the same address and VLAN. */
void bed_fdb(struct bed *b, uint16_t vif_id, const uint8_t mac[6], uint16_t vid, unsigned flags);
void bed_no_fdb(struct bed *b, const uint8_t mac[6], uint16_t vid);
/* Who has an address; ascending by network and address. */
void bed_station(struct bed *b, uint16_t network_id, const char *addr, const uint8_t *mac);
/* @target gets copies of both directions of @vif_id, or of what enters @network_id. */
struct snap_mirror *bed_mirror(
	struct bed *b, uint16_t target, uint16_t vif_id, uint16_t network_id);
void bed_apply(struct bed *b);
/* No configuration, until bed_apply(). */
void bed_unapply(struct bed *b);

void bed_send(struct bed *b, uint16_t vif_id, const struct frame *f);
/* Run all that was sent, in its order, in bursts of burst_max; no buffer may leak. */
void bed_run(struct bed *b);
/* An empty burst, as the worker runs it when pipeline_due_ns() has come. */
void bed_tick(struct bed *b);
/* Packets that all workers keep between bursts; when the first of them wants bed_tick(), 0: none. */
unsigned bed_held(const struct bed *b);
uint64_t bed_due_ns(const struct bed *b);
/* bed_send(), bed_run(). */
void bed_step(struct bed *b, uint16_t vif_id, const struct frame *f);
void bed_warp(struct bed *b, uint64_t by_ns);
uint64_t bed_drops(const struct bed *b, uint16_t vif_id, enum drop_reason reason);
/* Throw away what vifs have sent. */
void bed_clear(struct bed *b);
/* As after a crash: another pipeline and table object on the same segment. */
void bed_restart(struct bed *b);

int bed_setup(void **state);
int bed_teardown(void **state);

#define EXPECT_FRAME(b, vif_id, want) expect_frame((b)->vif[vif_id], want, __FILE__, __LINE__)
#define EXPECT_NOTHING(b, vif_id) expect_nothing((b)->vif[vif_id], __FILE__, __LINE__)

/* cmocka entries for one scenario. */
#define BED_TEST(f, burst, workers, how, text)                                                    \
	{                                                                                         \
#f " (bursts of " #burst ", " #workers " workers" text ")", f, bed_setup,         \
			bed_teardown, (void *)(uintptr_t)((burst) | BED_WORKERS(workers) | (how)) \
	}
#define BED_TESTS(f)                                                                   \
	BED_TEST(f, 1, 1, 0, ""), BED_TEST(f, 32, 1, 0, ""), BED_TEST(f, 1, 2, 0, ""), \
		BED_TEST(f, 32, 3, 0, ""), BED_TEST(f, 1, 1, BED_CACHED, ", cached"),  \
		BED_TEST(f, 32, 3, BED_CACHED, ", cached"),                            \
		BED_TEST(f, 32, 1, BED_CACHED | BED_BUMPED, ", cached at random")
/* For scenarios that cost seconds: with as little and with as much of that as there is. */
#define BED_TESTS_FEW(f) BED_TEST(f, 1, 1, 0, ""), BED_TEST(f, 32, 3, BED_CACHED, ", cached")
