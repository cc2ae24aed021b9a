/* SPDX-License-Identifier: Apache-2.0 */
/* stages.h - the stages of the pipeline by name: what a packet passes, and what cycles are counted by.
 * Thread: constants. */
#pragma once

#define STAGES_MAX 24

/* X(NAME, "function, file: what it does"); the order is law: a packet passes each stage at most
 * once, and no stage calls another. */
#define STAGES(X)                                                                                \
	X(PARSE, "pkt_parse, vif/pkt_parse.c: offsets, checked offload metadata, or drop")       \
	X(PACE, "qos_from, bridge/qos.c: may this vif say this now?")                            \
	X(GUARD, "guard_ingress, bridge/guard.c: may this vif say this?")                        \
	X(LEARN, "fdb_learn, bridge/fdb.c: source learned, destination found, in arrival order") \
	X(SNOOP, "mdb_snoop, bridge/mdb.c: groups joined and left, who hears a group frame")     \
	X(SPLIT, "bridge_split, bridge/bridge.c: what is for the router port")                   \
	X(STORM, "storm_run, bridge/storm.c: does this vif have too many frames flooded?")       \
	X(PROXY, "proxy_run, bridge/proxy.c: ARP and ND that the bridge can answer itself")      \
	X(ROUTE, "router_run, bridge/router.c: connection, route, neighbour, translation")       \
	X(BRIDGE, "bridge_forward, bridge/bridge.c: one vif, or those that want to hear it")     \
	X(EGRESS, "egress_run, bridge/egress.c: isolation, MTU, link")                           \
	X(QOS, "qos_to, bridge/qos.c: may that vif get this now?")                               \
	X(TX, "vif_tx, vif/vif.c: flooding shares the bytes")                                    \
	X(DROP, "drop_burst, vif/drop.c: count by reason, free")

enum stage {
#define X(name, doc) STAGE_##name,
	STAGES(X)
#undef X
	STAGE_N
};
