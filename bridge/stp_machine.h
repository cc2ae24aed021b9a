/* SPDX-License-Identifier: Apache-2.0 */
/* stp_machine.h - what the state machines share; for bridge/stp*.c only.
 *
 * Each machine is a function that makes at most one transition of one port and says whether it did;
 * stp.c calls them until none does.  Names of variables, states and procedures are the standard's, in
 * our spelling: rcvdInfoWhile is rcvd_heard_while: "info" says nothing. */
#pragma once

#include "bridge/stp.h"

enum stp_heard_is {
	STP_HEARD_DISABLED,
	STP_HEARD_RECEIVED,
	STP_HEARD_AGED,
	STP_HEARD_MINE,
	STP_HEARD_N
};

#define STP_SECOND 256u /* units of struct stp_times */
#define STP_ADDRESS_MASK ((UINT64_C(1) << 48) - 1)

#define stp_foreach_port(p, b) for (struct stp_port *p = (b)->first; p != NULL; p = p->next)

static inline uint8_t stp_seconds(uint16_t t)
{
	return (uint8_t)MIN((t + STP_SECOND - 1) / STP_SECOND, 255u);
}

static inline bool stp_is_rstp(const struct stp_bridge *b)
{
	return b->conf.version >= STP_VERSION_RSTP;
}

/* §17.20: parameters of the port's designated times. */
static inline uint8_t stp_hello_s(const struct stp_port *p)
{
	return stp_seconds(p->v.designated_times.hello);
}
static inline uint8_t stp_fwd_delay_s(const struct stp_port *p)
{
	return stp_seconds(p->v.designated_times.forward_delay);
}
static inline uint8_t stp_max_age_s(const struct stp_port *p)
{
	return stp_seconds(p->v.designated_times.max_age);
}
/* §17.20.5 forwardDelay */
static inline uint8_t stp_forward_delay_s(const struct stp_port *p)
{
	return p->v.send_rstp ? stp_hello_s(p) : stp_fwd_delay_s(p);
}

static inline uint16_t stp_port_id(const struct stp_port *p)
{
	return (uint16_t)(p->conf.priority << 8 | p->conf.port_no);
}

/* bridge/stp_roles.c */
/* <0: @a is better. */
int stp_vector_compare(const struct stp_vector *a, const struct stp_vector *b);
bool stp_times_are_equal(const struct stp_times *a, const struct stp_times *b);
/* §17.28 port role selection; true: it ran. */
bool stp_roles_run(struct stp_bridge *b);

/* bridge/stp_heard.c */
/* §17.23 port receive, §17.24 port protocol migration, §17.27 port information */
bool stp_heard_receive(struct stp_port *p);
bool stp_heard_migrate(struct stp_port *p);
bool stp_heard_run(struct stp_port *p);
void stp_heard_begin(struct stp_port *p);

/* bridge/stp_trans.c: §17.29 port role transitions, §17.30 port state transition */
bool stp_trans_run(struct stp_port *p);
bool stp_trans_state(struct stp_port *p);
void stp_trans_begin(struct stp_port *p);
bool stp_trans_state_is_sound(uint8_t state);

/* bridge/stp_tc.c: §17.31 topology change, §17.25 bridge detection, §17.26 port transmit */
bool stp_tc_run(struct stp_port *p);
bool stp_tc_edge(struct stp_port *p);
bool stp_tc_transmit(struct stp_port *p);
void stp_tc_begin(struct stp_port *p);
