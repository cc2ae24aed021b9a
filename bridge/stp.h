/* SPDX-License-Identifier: Apache-2.0 */
/* stp.h - one bridge that speaks the rapid spanning tree protocol, or the old one.
 *
 * What it is: the state machines of IEEE 802.1D-2004 clause 17 over memory that the caller owns.  No
 * clock, no I/O and no allocation of its own: frames and seconds go in, frames, port states and
 * requests to forget addresses come out by struct stp_ops.
 * Life:
 *   1. stp_bridge_init(), then stp_port_add() for each port, in any order, at any time;
 *   2. stp_port_enable() when a port gets or loses its link;
 *   3. stp_receive() for each BPDU, stp_tick() at stp_due_ns() or later;
 *   4. stp_bridge_set(), stp_port_set() change what the administrator may change, at any time;
 *   5. stp_port_del().  A bridge without ports holds nothing.
 * What outlives a process are struct stp_bridge_vars and struct stp_port_vars: plain numbers, checked
 * by stp_port_vars_are_sound() and its like before they are believed.
 * Errors: none; a BPDU that cannot be one is refused by its reason and changes nothing.
 * Thread: the caller's, one at a time. */
#pragma once

#include "vswitch/base/base.h"

#define STP_VERSION_STP 0 /* ForceVersion: config and TCN BPDUs only */
#define STP_VERSION_RSTP 2
#define STP_TX_HOLD 6 /* BPDUs a second, IEEE 802.1D-2004 table 17-1 */
#define STP_MIGRATE_S 3 /* seconds, table 17-1 */
#define STP_PORT_NO_MAX 4095
#define STP_FRAME_LEN 60 /* bytes of a frame with a BPDU, padded */

enum stp_role {
	STP_ROLE_DISABLED,
	STP_ROLE_ROOT,
	STP_ROLE_DESIGNATED,
	STP_ROLE_ALTERNATE,
	STP_ROLE_BACKUP,
	STP_ROLE_N
};

enum stp_rx {
	STP_RX_OK,
	STP_RX_IGNORED, /* the port is disabled */
	STP_RX_GUARDED, /* BPDU guard: the port is disabled from now on */
	STP_RX_MALFORMED,
	STP_RX_RATE, /* more than STP_RX_PER_S in a second */
};
#define STP_RX_PER_S 64

/* Times of a BPDU, in units of 1/256 s. */
struct stp_times {
	uint16_t message_age;
	uint16_t max_age;
	uint16_t hello;
	uint16_t forward_delay;
};

/* A priority vector (IEEE 802.1D-2004 §17.5): the smaller one is the better one. */
struct stp_vector {
	uint64_t root_id; /* priority in the upper 16 bits, address below */
	uint64_t bridge_id;
	uint32_t cost;
	uint16_t port_id;
	uint16_t rx_port_id;
};

struct stp_bridge_conf {
	uint8_t address[6];
	uint16_t priority;
	uint8_t version; /* STP_VERSION_* */
	uint8_t hello_s, max_age_s, forward_delay_s;
};

struct stp_port_conf {
	uint16_t port_no; /* 1..STP_PORT_NO_MAX, one port each */
	uint8_t priority; /* 0..240 in steps of 16 */
	bool admin_edge; /* an end station is behind it, until a BPDU says otherwise */
	bool auto_edge; /* the same, once no BPDU has come for a while */
	bool bpdu_guard; /* a BPDU disables it */
	bool root_guard; /* never a root port */
	uint8_t reserved;
	uint32_t path_cost;
};

/* What a bridge remembers; the caller may keep a copy for the next process. */
struct stp_bridge_vars {
	uint64_t tick_ns; /* of the last second counted; 0: none yet */
	uint64_t changed_ns; /* of the last topology change; 0: never */
	uint32_t n_changes; /* topology changes */
	uint16_t root_port_no; /* 0: this bridge is the root */
	uint16_t reserved;
	struct stp_vector root;
	struct stp_times root_times;
};

/* Everything the state machines of a port know, in the words of IEEE 802.1D-2004 §17.19. */
struct stp_port_vars {
	struct stp_vector designated_priority, port_priority, msg_priority;
	struct stp_times designated_times, port_times, msg_times;
	uint64_t n_rx, n_tx; /* BPDUs */
	uint32_t n_rx_tcn, n_tx_tcn; /* of these TCN, or with the topology change flag */
	uint32_t n_malformed;
	uint32_t n_transitions; /* to forwarding */
	/* machines: enum in the file of each */
	uint8_t migration_state, heard_state, role_state, tc_state;
	uint8_t role, selected_role; /* enum stp_role */
	uint8_t heard_is; /* enum stp_heard_is */
	/* timers, seconds left */
	uint8_t edge_delay_while, fd_while, hello_when, mdelay_while;
	uint8_t rb_while, rcvd_heard_while, rr_while, tc_while;
	uint8_t tx_count;
	uint8_t n_rx_second; /* BPDUs since the last tick */
	uint8_t msg_role, msg_flags; /* of the last BPDU */
	bool agree, agreed, disputed, forward, forwarding, learn, learning, mcheck;
	bool new_info, oper_edge, port_enabled, proposed, proposing;
	bool rcvd_bpdu, rcvd_msg, rcvd_rstp, rcvd_stp, rcvd_tc, rcvd_tc_ack, rcvd_tcn;
	bool re_root, reselect, selected, send_rstp, sync, synced, tc_ack, tc_prop, updt_heard;
	bool is_guarded; /* BPDU guard has struck; until the link goes down */
	bool msg_is_rst, msg_is_self; /* the last BPDU: RST; sent by this very port */
	bool reserved[6];
};

struct stp_bridge;

struct stp_port {
	struct stp_bridge *bridge;
	struct stp_port *next; /* ascending port numbers */
	struct stp_port_conf conf;
	bool has_link;
	struct stp_port_vars v;
};

struct stp_ops {
	/* @frame: STP_FRAME_LEN bytes, complete but for the source address (zeros). */
	void (*send)(void *arg, struct stp_port *p, const uint8_t *frame);
	/* Forget the addresses learned on @p. */
	void (*flush)(void *arg, struct stp_port *p);
	/* Role, .learning or .forwarding of @p has changed; @was: the role before. */
	void (*changed)(void *arg, struct stp_port *p, enum stp_role was);
};

struct stp_bridge {
	const struct stp_ops *ops;
	void *arg;
	struct stp_bridge_conf conf;
	uint64_t id;
	struct stp_port *first;
	uint64_t now_ns; /* of the call that is running */
	uint32_t n_overruns; /* times the machines did not come to rest: a bug */
	struct stp_bridge_vars v;
};

void stp_bridge_init(struct stp_bridge *b, const struct stp_bridge_conf *conf,
	const struct stp_ops *ops, void *arg, uint64_t now_ns);
void stp_bridge_set(struct stp_bridge *b, const struct stp_bridge_conf *conf, uint64_t now_ns);

/* @p is the caller's memory; its link is down. */
void stp_port_add(struct stp_bridge *b, struct stp_port *p, const struct stp_port_conf *conf);
void stp_port_del(struct stp_port *p, uint64_t now_ns);
/* .port_no cannot change. */
void stp_port_set(struct stp_port *p, const struct stp_port_conf *conf, uint64_t now_ns);
void stp_port_enable(struct stp_port *p, bool has_link, uint64_t now_ns);
/* Find out anew whether the neighbour speaks RSTP. */
void stp_port_mcheck(struct stp_port *p, uint64_t now_ns);

/* A frame to 01:80:C2:00:00:00 came in: @frame is what stands behind its two addresses, @len what of
 * it there is. */
enum stp_rx stp_receive(struct stp_port *p, const uint8_t *frame, size_t len, uint64_t now_ns);

void stp_tick(struct stp_bridge *b, uint64_t now_ns);
/* When stp_tick() is to be called next. */
uint64_t stp_due_ns(const struct stp_bridge *b);

/* Are the numbers of a dead process possible?  (Not: are they right.) */
bool stp_bridge_vars_are_sound(const struct stp_bridge_vars *v, uint64_t now_ns);
bool stp_port_vars_are_sound(const struct stp_port_vars *v);
/* Go on where another process stopped; the port was added just now, its link is as it was then. */
void stp_port_restore(struct stp_port *p, const struct stp_port_vars *v);

const char *stp_role_text(enum stp_role role);
