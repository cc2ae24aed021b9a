/* SPDX-License-Identifier: Apache-2.0 */
/* stp_lab.h - spanning tree bridges joined by links, on a clock of their own.
 *
 * A frame takes LAB_HOP_NS over a link.  After each step the lab looks for a ring of links whose both
 * ends forward: there must never be one, not even for a moment, unless .ring_ns_max allows it. */
#pragma once

#include "bridge/stp.h"

#define LAB_BRIDGES 8
#define LAB_PORTS 8 /* of each bridge */
#define LAB_LINKS 24
#define LAB_FRAMES 1024 /* on their way */
#define LAB_HOP_NS UINT64_C(1000000)

struct lab_port {
	struct stp_port p;
	int link; /* -1: nothing is plugged in */
	unsigned n_flushes, n_changes;
};

struct lab_bridge {
	struct stp_bridge b;
	struct lab_port port[LAB_PORTS];
	unsigned n_ports;
};

struct lab_end {
	uint8_t bridge, port;
};

struct lab_link {
	struct lab_end end[2];
	bool is_up;
	bool is_mute[2]; /* what this end sends is lost, though the link is up */
	unsigned n_frames;
};

struct lab_frame {
	uint64_t at_ns;
	int link;
	unsigned to; /* end */
	uint8_t bytes[STP_FRAME_LEN];
};

struct lab {
	uint64_t now_ns;
	unsigned n_bridges, n_links;
	struct lab_bridge bridge[LAB_BRIDGES];
	struct lab_link link[LAB_LINKS];
	unsigned head, n_frames;
	struct lab_frame frame[LAB_FRAMES];
	unsigned n_lost; /* frames beyond LAB_FRAMES */
	uint64_t ring_ns_max; /* how long a ring may last */
	uint64_t ring_since_ns; /* 0: there is none */
	uint64_t ring_ns_seen; /* the longest one */
};

/* Standard times, priority 32768, addresses that ascend with the number. */
void lab_init(struct lab *l, unsigned n_bridges);
struct stp_bridge_conf lab_bridge_conf(unsigned n);
/* Another version, priority or time, from the beginning on. */
void lab_bridge_set(struct lab *l, unsigned n, const struct stp_bridge_conf *conf);
/* A new port without a link; returns its number in .port[]. */
unsigned lab_port_add(struct lab *l, unsigned bridge);
struct stp_port_conf lab_port_conf(const struct lab *l, unsigned bridge, unsigned port);
/* Join two bridges (or two ports of one) by new ports; the link comes up; returns its number. */
int lab_link_add(struct lab *l, unsigned a, unsigned b);
void lab_link_set(struct lab *l, int link, bool is_up);
/* A port with nothing but a link: an end station. */
unsigned lab_station_add(struct lab *l, unsigned bridge);

/* Let @ns pass. */
void lab_run(struct lab *l, uint64_t ns);
/* Run until lab_is_tree(), for @max_ns at most; the time it took, UINT64_MAX: it did not. */
uint64_t lab_settle(struct lab *l, uint64_t max_ns);
/* Do all bridges that links join reach each other, without a ring, and agree about the root? */
bool lab_is_tree(const struct lab *l);
bool lab_has_ring(const struct lab *l);

struct stp_port *lab_port(struct lab *l, int link, unsigned end);
