/* SPDX-License-Identifier: Apache-2.0 */
/* ct_ports.h - which ports of the uplinks' addresses are taken, and whose they are.
 *
 * What it is: for each of a few (network, address, protocol) a counter for each port, kept up to
 * date as connections come and go, so that a free one is found at once however few are left.
 * Private to the engine; rebuilt at attach.  Addresses beyond CT_PORT_SETS are searched by trying.
 * Threads: one worker. */
#pragma once

#include "bridge/snapshot.h"
#include "vswitch/abi/engine_msg.h"

struct ct_ports;

struct ct_ports *ct_ports_create(void);
void ct_ports_destroy(struct ct_ports *p);
/* Map what the first port that is taken needs, if it is not there; false: no memory.
 * Control thread, before a worker can take one: its system calls do not include mmap(2). */
bool ct_ports_map(struct ct_ports *p);

/* A translated connection that answers to @reply begins or ends; @vif_id has begun it as @orig. */
void ct_ports_take(struct ct_ports *p, const struct ct_tuple *orig, const struct ct_tuple *reply,
	uint16_t vif_id);
void ct_ports_give(struct ct_ports *p, const struct ct_tuple *orig, const struct ct_tuple *reply);

/* What a search is for. */
struct ct_ports_want {
	const struct ct_tuple *orig;
	const struct ct_tuple *reply; /* its network, address and protocol count */
	uint16_t vif_id;
	uint16_t first, last; /* ports */
	uint32_t limit; /* ports that the vif may hold of this address */
	uint32_t random;
};
/* Is the address one that is counted? */
bool ct_ports_has(const struct ct_ports *p, const struct ct_tuple *reply);
/* May the vif have @port: has it one already, or does it hold fewer than it may? */
bool ct_ports_may(const struct ct_ports *p, const struct ct_ports_want *want, uint16_t port);
/* Has nobody @port? */
bool ct_ports_is_free(const struct ct_ports *p, const struct ct_tuple *reply, uint16_t port);
/* Who was given the port that @arrived is for, and still has it; fills .src, .sport and
 * .network_id of @out.  False: nobody. */
bool ct_ports_holder(
	const struct ct_ports *p, const struct ct_tuple *arrived, struct ct_tuple *out);
/* A port that nobody has; 0: there is none, or the vif holds as many as it may. */
uint16_t ct_ports_free(const struct ct_ports *p, const struct ct_ports_want *want);
/* Another port that the vif has already each time; 0: none is near. */
uint16_t ct_ports_own(struct ct_ports *p, const struct ct_ports_want *want);
/* The port that .orig's source has at this address already, whomever it speaks to; 0: none. */
uint16_t ct_ports_of_source(const struct ct_ports *p, const struct ct_ports_want *want);
/* How many ports of the address the vif holds. */
uint32_t ct_ports_held(const struct ct_ports *p, const struct ct_tuple *reply, uint16_t vif_id);
