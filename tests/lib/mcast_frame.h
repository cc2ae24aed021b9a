/* SPDX-License-Identifier: Apache-2.0 */
/* mcast_frame.h - frames about groups, from one line of words; libc only.
 *
 *   join|join1 G, leave G                   IGMPv2 or MLDv1 (join1: IGMPv1)
 *   is_in|is_ex|to_in|to_ex|allow|block G [S[,S...]]   IGMPv3 or MLDv2, one record
 *   query1; query G; query3 G [S[,S...]]    G is 4 or 6: a general query; query3: IGMPv3, MLDv2
 *   pim; mrd 4|6                            PIM hello, multicast router advertisement
 *   data G [S]                              UDP to the group
 * and behind that: delay=TENTHS (MLD: in tenths too), suppress, csum (wrong), cut=BYTES (taken off the
 * end of the message, lengths told as if not), dst=G, src=ADDR.
 * Host N has the MAC 02:00:00:00:00:N and the addresses 10.0.0.N and fe80::N.
 * Written without a look at the code under test: its checksums are its own. */
#pragma once

#include <stdint.h>

#define MCAST_FRAME_MAX 1514

/* Make the frame that @words ask for, from host @host; its length, 0: the words are wrong. */
unsigned mcast_frame(uint8_t out[MCAST_FRAME_MAX], unsigned host, const char *words);
