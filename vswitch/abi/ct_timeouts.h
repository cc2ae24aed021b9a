/* SPDX-License-Identifier: Apache-2.0 */
/* ct_timeouts.h - how long a connection lives that nothing is heard of, by the names that Linux'
 * net.netfilter.nf_conntrack_*_timeout_* have; tcp_unacknowledged: taken up in the middle, and only
 * one side is heard. */
#pragma once

/* X(NAME, "name", default in seconds); append only */
#define CT_TIMEOUTS(X)                                   \
	X(TCP_SYN_SENT, "tcp_syn_sent", 120)             \
	X(TCP_SYN_RECV, "tcp_syn_recv", 60)              \
	X(TCP_ESTABLISHED, "tcp_established", 432000)    \
	X(TCP_UNACKNOWLEDGED, "tcp_unacknowledged", 300) \
	X(TCP_FIN_WAIT, "tcp_fin_wait", 120)             \
	X(TCP_LAST_ACK, "tcp_last_ack", 30)              \
	X(TCP_TIME_WAIT, "tcp_time_wait", 120)           \
	X(TCP_CLOSE, "tcp_close", 10)                    \
	X(UDP, "udp", 30)                                \
	X(UDP_STREAM, "udp_stream", 120)                 \
	X(ICMP, "icmp", 30)                              \
	X(ICMPV6, "icmpv6", 30)                          \
	X(GENERIC, "generic", 600)

#define X(name, text, seconds) CT_TIMEOUT_##name,
enum ct_timeout {
	CT_TIMEOUTS(X) CT_TIMEOUT_N
};
#undef X

#define CT_TIMEOUT_MAX_S 432000 /* of each */
