/* SPDX-License-Identifier: Apache-2.0 */
/* mdb_bed.h - a network that snoops, and one line for each frame and what became of it.
 *
 * mdb_ask() sends one frame of tests/lib/mcast_frame.h and says where it came out, as "2 3".  Host N is
 * on vif N. */
#pragma once

#include "tests/lib/bed.h"
#include "tests/lib/mcast_frame.h"
#include "vswitch/base/clock.h"

/* Vifs that frames came out of since the last time, in order; each once. */
const char *mdb_heard(struct bed *b);
const char *mdb_ask_from(struct bed *b, uint16_t vif_id, unsigned host, const char *words);
const char *mdb_ask(struct bed *b, uint16_t vif_id, const char *words);
/* Let the time pass and the pipeline know. */
void mdb_wait(struct bed *b, uint64_t ns);
/* Network 1 with vifs 1 to 5; nobody asks for members yet.  @flags: enum snap_mcast_flag. */
struct snap_mcast *mdb_bed(struct bed *b, uint8_t flags);
/* The same, with a querier for both families behind vif 5, whose members have answered. */
struct snap_mcast *mdb_asked_bed(struct bed *b, uint8_t flags);
/* Queries that came out of the vif, which have to be whole; all else is thrown away. */
unsigned mdb_queries(struct bed *b, uint16_t vif_id);
