/* SPDX-License-Identifier: Apache-2.0 */
/* schema_nat_rows.h - the rows of the schema that tell how guests are translated; for schema.c. */
#pragma once

#define NAT_NETWORK_FIELDS                                                                         \
	{ .key = "nat_addresses",                                                                  \
		.flag = "nat-address",                                                             \
		.arg = "FIRST-LAST",                                                               \
		.kind = FIELD_RANGE,                                                               \
		.flags = FIELD_LIST,                                                               \
		.max = 4,                                                                          \
		.def = "the uplink's address",                                                     \
		.doc                                                                               \
		= "mode nat, uplink a device or vif: addresses of its LAN, or routed to it, that " \
		  "guests are translated to; each guest keeps its one" },                          \
		{ .key = "nat_ports",                                                              \
			.flag = "nat-ports",                                                       \
			.arg = "FIRST-LAST",                                                       \
			.kind = FIELD_STRING,                                                      \
			.max = 11,                                                                 \
			.def = "1024-65535",                                                       \
			.doc = "mode nat: source ports that tcp and udp are translated to" },      \
		{ .key = "nat_maps",                                                               \
			.flag = "nat-map",                                                         \
			.arg = "OUTSIDE,GUEST",                                                    \
			.kind = FIELD_PAIR,                                                        \
			.flags = FIELD_LIST,                                                       \
			.max = 32,                                                                 \
			.doc = "mode nat, uplink a device or vif: an address of its LAN, or "      \
			       "routed to it, that "                                               \
			       "is one guest's alone, with all ports and protocols" },             \
		{ .key = "nat_filtering",                                                          \
			.flag = "nat-filtering",                                                   \
			.arg = "MODE",                                                             \
			.kind = FIELD_ENUM,                                                        \
			.values = nat_filtering_values,                                            \
			.def = "address-and-port-dependent",                                       \
			.doc = "mode nat: who outside reaches a port that a guest has been "       \
			       "given: those it has "                                              \
			       "spoken to, or, endpoint-independent, everybody" },                 \
	{                                                                                          \
		.key = "connection_timeouts", .flag = "connection-timeouts",                       \
		.arg = "NAME=SECONDS,...", .kind = FIELD_STRING, .max = 300,                       \
		.def = "tcp_syn_sent=120, tcp_syn_recv=60, tcp_established=432000, "               \
		       "tcp_unacknowledged=300, tcp_fin_wait=120, tcp_last_ack=30, "               \
		       "tcp_time_wait=120, "                                                       \
		       "tcp_close=10, udp=30, udp_stream=120, icmp=30, icmpv6=30, generic=600",    \
		.doc = "mode nat: how long connections live that nothing is heard of"              \
	}
