/* SPDX-License-Identifier: Apache-2.0 */
/* nat.h - give packets other addresses and ports.
 *
 * What arrives as .tuple of one record of a connection leaves as that of the other turned round.
 * The headers of the packet must be its own (pkt_edit_own_headers) before it is edited. */
#pragma once

#include "bridge/ct.h"

/* Choose the port that @new->reply answers to, which is free then; keeps that of @new->orig where
 * it can.  False: there is none. */
bool nat_pick_port(
	struct ct *c, const struct snap_router *conf, struct ct_new *new, uint64_t now_ns);

/* Make @p, which arrived as @from, what the mirror of @to is. */
void nat_edit(struct pkt *p, const struct ct_tuple *from, const struct ct_tuple *to);

/* Fill @t with the tuple of an answer to the packet that the ICMP error @p quotes, as it would
 * arrive where @p did; false: @p quotes nothing that can belong to a connection. */
bool nat_error_tuple(const struct pkt *p, struct ct_tuple *t);
/* Does the quote fit what was sent as @sent?  TCP: its sequence number. */
bool nat_error_fits(const struct pkt *p, const struct ct_record *sent);
/* The same as nat_edit() for an ICMP error and what it quotes. */
void nat_edit_error(struct pkt *p, const struct ct_tuple *from, const struct ct_tuple *to);
/* Is the checksum of the ICMP message right? */
bool nat_icmp_csum_fits(const struct pkt *p);
/* Is @p an ICMP error? */
bool nat_is_icmp_error(const struct pkt *p);

/* Decrement TTL or hop limit. */
void nat_ttl_down(struct pkt *p);
