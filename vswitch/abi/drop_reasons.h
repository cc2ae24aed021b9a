/* SPDX-License-Identifier: Apache-2.0 */
/* drop_reasons.h - every reason for which a packet can be lost, declared once.
 *
 * X(NAME, "name_for_users", "one line: what happened and what to look at").  The table becomes the
 * enum, the counter, the capture comment and the documentation.  Each has a test in tests/pipeline
 * or tests/system.  Names follow the kernel's (include/net/dropreason-core.h) where it has one.
 * Append only: the number is the index of a counter that outlives an engine. */
#pragma once

#include "vswitch/base/base.h"

#define DROP_REASONS(X)                                                                            \
	X(PKT_TOO_SMALL, "pkt_too_small", "frame shorter than an Ethernet header")                 \
	X(PKT_TOO_BIG, "pkt_too_big", "frame longer than the vif type can express")                \
	X(VLAN_STACK_TOO_DEEP, "vlan_stack_too_deep", "more VLAN tags than the switch parses")     \
	X(GSO_BAD, "gso_bad", "GSO metadata does not fit the frame's own headers")                 \
	X(CSUM_BAD, "csum_bad",                                                                    \
		"checksum metadata points outside the frame or not at its checksum")               \
	X(NO_NETWORK, "no_network", "the vif is not attached to a network")                        \
	X(LINK_DOWN, "link_down", "the vif is set down (saklar vif set NAME --up)")                \
	X(MAC_INVALID_SOURCE, "mac_invalid_source", "source MAC is multicast or zero")             \
	X(MAC_IEEE_MAC_CONTROL, "mac_ieee_mac_control",                                            \
		"MAC control frame (pause), never forwarded")                                      \
	X(LINK_LOCAL, "link_local",                                                                \
		"IEEE reserved group address 01:80:C2:00:00:0X, not forwarded")                    \
	X(NO_TX_TARGET, "no_tx_target", "no other port of the network to send to")                 \
	X(ISOLATED, "isolated", "both vifs are isolated from each other")                          \
	X(MTU_EXCEEDED, "mtu_exceeded", "frame larger than the MTU of the vif it should leave by") \
	X(TX_LINK_DOWN, "tx_link_down",                                                            \
		"the vif it should leave by is down or its device is gone")                        \
	X(TX_QUEUE_FULL, "tx_queue_full", "the receiver does not drain its queue fast enough")     \
	X(TX_REFUSED, "tx_refused", "the kernel refused the frame")                                \
	X(TX_GSO_FAILED, "tx_gso_failed", "the frame could not be segmented for this vif")         \
	X(RX_OVERFLOW, "rx_overflow", "the guest sent faster than the engine could read")          \
	X(RX_UNEXPRESSIBLE, "rx_unexpressible", "super-frame that this kernel cannot describe")    \
	X(RX_ERROR, "rx_error", "reading from the vif failed")                                     \
	X(NO_BUFFER, "no_buffer", "the engine ran out of packet buffers")                          \
	X(UNHANDLED_PROTO, "unhandled_proto",                                                      \
		"sent to a router port that has no host leg, but neither IP nor ARP")              \
	X(IP_MALFORMED, "ip_malformed",                                                            \
		"IP that does not add up (lengths, options, header chain), sent to a router or a " \
		"group")                                                                           \
	X(IP_CSUM, "ip_csum", "IPv4 header checksum is wrong")                                     \
	X(IP_INVALID_SOURCE, "ip_invalid_source",                                                  \
		"source address that nobody can have: multicast, loopback, zero, a router's own")  \
	X(IP_INVALID_DEST, "ip_invalid_dest",                                                      \
		"unicast frame to an address that is never routed: multicast, loopback, zero, "    \
		"all of a subnet")                                                                 \
	X(IP_SOURCE_ROUTE, "ip_source_route", "IPv4 source route option, never followed")          \
	X(IP_FRAGMENT, "ip_fragment", "fragmented ping to an address of the uplink's own")         \
	X(IP_TTL, "ip_ttl", "TTL or hop limit ran out; the sender was told")                       \
	X(IP_NOROUTE, "ip_noroute", "no route to the destination; the sender was told")            \
	X(POLICY_REJECT, "policy_reject",                                                          \
		"the mode of the network does not let it pass (source outside the subnet, new "    \
		"connection to a NAT guest, other network); the sender was told")                  \
	X(ROUTE_MTU, "route_mtu",                                                                  \
		"larger than the MTU of the way out and not to be fragmented; the sender was "     \
		"told the MTU")                                                                    \
	X(NEEDS_FRAGMENT, "needs_fragment",                                                        \
		"larger than the MTU of the way out, and not to be cut: a GSO frame, or more "     \
		"than "                                                                            \
		"48 pieces")                                                                       \
	X(NEIGH_FAILED, "neigh_failed", "the next hop does not answer ARP or ND")                  \
	X(NEIGH_QUEUEFULL, "neigh_queuefull",                                                      \
		"too many packets wait for the next hop's ARP or ND answer")                       \
	X(NEIGH_TABLE_FULL, "neigh_table_full",                                                    \
		"too many neighbours of the network, or unresolved ones asked for by this vif")    \
	X(NO_SOCKET, "no_socket",                                                                  \
		"to the uplink's own address, but no connection and no forward is there")          \
	X(ICMP_CSUM, "icmp_csum",                                                                  \
		"checksum of an ICMP error, or of an echo request to a router, is wrong")          \
	X(CT_INVALID, "ct_invalid",                                                                \
		"belongs to no connection and cannot begin one (ICMP error about nothing we "      \
		"know, TCP without SYN, UDP whose length is wrong)")                               \
	X(CT_QUOTA, "ct_quota", "the vif has as many connections, or half-open ones, as it may")   \
	X(CT_TABLE_FULL, "ct_table_full", "no room for another connection")                        \
	X(NAT_NO_PORT, "nat_no_port", "no free port for the translated connection")                \
	X(FLOOD_LIMIT, "flood_limit",                                                              \
		"broadcasts and unknown destinations come faster than they can be copied to all "  \
		"ports without holding up others; some ports may have had their copy")             \
	X(IP_RPFILTER, "ip_rpfilter",                                                              \
		"source address of another guests' network, sent from one of mode open")           \
	X(RATE_LIMIT, "rate_limit",                                                                \
		"the vif sends faster than its rate, for longer than its queue holds")             \
	X(TX_RATE_LIMIT, "tx_rate_limit",                                                          \
		"more is sent to the vif than its rate, for longer than its queue holds")          \
	X(VLAN_FILTER, "vlan_filter",                                                              \
		"tagged with a VLAN that the vif is not in, or tagged at all on an access vif; "   \
		"see vlan in saklar vif show NAME")                                                \
	X(VLAN_NO_NATIVE, "vlan_no_native", "not tagged, on a vif that has no native VLAN")        \
	X(STORM_UNICAST, "storm_unicast",                                                          \
		"the vif sends too many frames to unknown destinations (--storm)")                 \
	X(STORM_BROADCAST, "storm_broadcast", "the vif sends too many broadcasts (--storm)")       \
	X(STORM_MULTICAST, "storm_multicast",                                                      \
		"the vif sends too many frames to groups that nobody has registered (--storm)")    \
	X(FRAG_REASM_TIMEOUT, "frag_reasm_timeout",                                                \
		"IP fragment whose others did not come within a second")                           \
	X(FRAG_OVERLAP, "frag_overlap",                                                            \
		"IP fragments of one datagram overlap or contradict each other; all of it goes")   \
	X(DUP_FRAG, "dup_frag", "IP fragment that was there already")                              \
	X(FRAG_TINY, "frag_tiny",                                                                  \
		"IP fragment of less than 400 bytes that is not the last, or a first one without " \
		"its whole TCP, UDP or ICMP header")                                               \
	X(FRAG_QUOTA, "frag_quota",                                                                \
		"too many fragments or datagrams of this vif wait for the rest, or too many of "   \
		"one")                                                                             \
	X(IGMP_MALFORMED, "igmp_malformed",                                                        \
		"IGMP message that is cut off, has a wrong checksum or asks the wrong address")    \
	X(MLD_MALFORMED, "mld_malformed",                                                          \
		"MLD message that is cut off, has a wrong checksum or asks from or to the wrong "  \
		"address")                                                                         \
	X(MCAST_NO_MEMBER, "mcast_no_member",                                                      \
		"no vif has joined the group and none leads to a multicast router; see saklar "    \
		"mdb list")                                                                        \
	X(MCAST_LIMIT, "mcast_limit",                                                              \
		"report of a group that was not taken: the vif or its network has as many groups " \
		"and sources as it may")                                                           \
	X(MCAST_RATE, "mcast_rate", "more IGMP or MLD messages a second than the vif may send")    \
	X(MCAST_GUARD, "mcast_guard",                                                              \
		"multicast query or router's hello from a vif that may send none (saklar vif set " \
		"NAME --multicast-router)")                                                        \
	X(GUARD_MAC, "guard_mac", "source MAC is not the vif's own (--mac, --guard)")              \
	X(GUARD_ARP, "guard_arp", "ARP that names a MAC or address that is not the vif's")         \
	X(GUARD_ND, "guard_nd",                                                                    \
		"neighbour discovery that names a MAC or address that is not the vif's, or "       \
		"was not made on this link")                                                       \
	X(GUARD_IP, "guard_ip",                                                                    \
		"source address is none of the vif's (--guard), or the protocol is not IP")        \
	X(GUARD_SERVER, "guard_server",                                                            \
		"DHCP server or router advertisement, and the vif may be neither (--guard)")       \
	X(GUARD_HIDDEN, "guard_hidden",                                                            \
		"LLC or SNAP, broken or endless headers, or a first fragment without its "         \
		"ports: what guards cannot look into")                                             \
	X(PORT_LOCKED, "port_locked",                                                              \
		"source address without an entry in the forwarding table, on a locked vif; "       \
		"saklar fdb add lets it in")                                                       \
	X(BRIDGE_INGRESS_STP_STATE, "bridge_ingress_stp_state",                                    \
		"spanning tree does not let the vif forward (saklar stp show)")                    \
	X(BPDU_MALFORMED, "bpdu_malformed",                                                        \
		"to the spanning tree's group address, but no BPDU that makes sense")              \
	X(BPDU_RATE, "bpdu_rate", "more BPDUs a second than a bridge may send")                    \
	X(BPDU_GUARD, "bpdu_guard",                                                                \
		"the vif is disabled because a BPDU came from it (bpdu_guard); set it down and "   \
		"up again")                                                                        \
	X(UPLINK_STANDBY, "uplink_standby",                                                        \
		"came in by an uplink that stands by while another one is in use")                 \
	X(LOOP, "loop",                                                                            \
		"the vif brought back what others had sent: its guest bridges two vifs of one "    \
		"network; blocked for 10 s at a time (loop_protect)")

enum drop_reason {
	DROP_NONE, /* the packet lives */
#define X(name, text, doc) DROP_##name,
	DROP_REASONS(X)
#undef X
	DROP_N
};

#define DROP_REASON_MAX 96 /* counters reserved in every slot */
static_assert(DROP_N <= DROP_REASON_MAX, "make room in struct vif_counters");

struct drop_reason_text {
	const char *name; /* snake_case, as in --json */
	const char *doc;
};
/* Defined in vswitch/base/drop_reasons.c, indexed by enum drop_reason. */
extern const struct drop_reason_text drop_reason_texts[DROP_REASON_MAX];
