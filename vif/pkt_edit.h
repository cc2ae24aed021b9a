/* SPDX-License-Identifier: Apache-2.0 */
/* pkt_edit.h - changes to a packet: tags, checksums, a header of its own.
 *
 * All work behind pkt_parse() and keep its offsets true.  Thread: the owner of the packet. */
#pragma once

#include "vif/burst.h"

/* Give @p a first segment of its own with at least its first PKT_HEADERS_MIN bytes (or all), so that
 * they may be written although others read the same buffer.  0 or -ENOMEM, @p unchanged then. */
[[nodiscard]] int pkt_edit_own_headers(struct pkt *p, struct rte_mempool *pool);

/* Make @out the same packet with headers of its own: see above.  0 or -ENOMEM. */
[[nodiscard]] int pkt_edit_copy(const struct pkt *p, struct rte_mempool *pool, struct pkt *out);

/* Put an outermost tag on @p.  0; -ENOSPC: no headroom, or too many tags. */
[[nodiscard]] int pkt_edit_push_vlan(struct pkt *p, be16 tpid, uint16_t tci);
/* Make @tci what the outermost tag says. 0; -ENOENT: there is none. */
[[nodiscard]] int pkt_edit_set_vlan(struct pkt *p, uint16_t tci);
/* Take the outermost tag off. 0; -ENOENT: there is none. */
[[nodiscard]] int pkt_edit_pop_vlan(struct pkt *p);

/* Complete the partial checksum of a packet that is not GSO, in its own bytes. */
void pkt_edit_complete_csum(struct pkt *p);

/* Sum of @len bytes of @m from @off on as 16-bit words in network order, not folded into its
 * complement; @sum is what came before.  The bytes may be in several segments. */
uint32_t pkt_sum(const struct rte_mbuf *m, uint32_t off, uint32_t len, uint32_t sum);
uint32_t pkt_sum_bytes(const void *bytes, uint32_t len, uint32_t sum);
uint16_t pkt_sum_fold(uint32_t sum);

/* CRC32c of SCTP (RFC 9260 appendix A) over @len bytes from @off on, in the order of the wire. */
uint32_t pkt_crc32c(const struct rte_mbuf *m, uint32_t off, uint32_t len);

/* Complete the partial checksums that the other side must not see: of SCTP packets, since a vnet
 * header cannot say that what is missing is a CRC and a kernel that completes it for its guest
 * would write a sum; and of answers of DHCP servers (UDP to port 68, or 546 for DHCPv6), because
 * clients read them from packet sockets, before any stack has completed anything. */
void pkt_edit_fill_csum(struct burst *b);
