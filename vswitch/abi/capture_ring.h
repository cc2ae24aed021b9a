/* SPDX-License-Identifier: Apache-2.0 */
/* capture_ring.h - the ring through which a capture's reader gets frames straight from the engine.
 *
 * Life: the daemon makes the memfd (size sealed) and a pair of unix sockets; the engine gets the ring
 * and one socket, the reader, over cap.sock, the ring and the other one, which becomes readable when
 * there is news.  The daemon never maps the ring itself.  One producer (the engine), one
 * consumer (the reader).  The engine treats everything in here as hostile: it keeps its own copy
 * of head, reads tail once per write, and looks at nothing else.  A full ring loses the new
 * packet and counts it in `lost`; the engine never waits.
 *
 * Data area: records, each 8-byte aligned, never wrapping: when a record does not fit before the
 * end, a CAPTURE_RECORD_PAD record fills the rest.  head and tail count bytes and only grow;
 * position = value % data_size (a power of two). */
#pragma once

#include "vswitch/abi/limits.h"

#define CAPTURE_MAGIC UINT64_C(0x31706163686c6b73) /* "sklhcap1" */
#define CAPTURE_DATA_SIZE_MIN (1u << 18)
#define CAPTURE_DATA_SIZE_MAX (1u << 26)
#define CAPTURE_DATA_SIZE_DEFAULT (1u << 22)
#define CAPTURE_SNAPLEN_DEFAULT 262144
#define CAPTURE_FILTER_MAX 512 /* instructions of classic BPF */
#define CAPTURE_SESSIONS_MAX 4

enum capture_dir {
	CAPTURE_DIR_IN = 1, /* the switch received it from the vif; epb_flags direction 01 */
	CAPTURE_DIR_OUT = 2, /* the switch sent it to the vif; epb_flags direction 10 */
};

struct capture_ring {
	uint64_t magic;
	uint32_t data_size;
	uint32_t reserved0;
	uint8_t pad0[48];
	uint64_t head; /* written by the engine, release */
	uint64_t lost; /* packets that found the ring full */
	uint64_t seen; /* packets that passed the filter */
	uint8_t pad1[40];
	uint64_t tail; /* written by the reader, release */
	uint8_t pad2[56];
	uint8_t data[]; /* data_size bytes at offset 192 */
};
static_assert(sizeof(struct capture_ring) == 192, "layout is shared");

#define CAPTURE_RECORD_PAD UINT32_C(0xffffffff)

struct capture_record {
	uint32_t rec_len; /* this header, the bytes and their padding; multiple of 8 */
	uint32_t cap_len; /* bytes that follow, or CAPTURE_RECORD_PAD */
	uint32_t orig_len; /* true length of the frame */
	uint16_t vif_id;
	uint8_t dir; /* enum capture_dir */
	uint8_t drop_reason; /* enum drop_reason, DROP_NONE for packets that lived */
	uint64_t wall_ns; /* since the epoch */
	uint16_t gso_size; /* 0: not GSO */
	uint8_t gso_type; /* enum pkt_gso */
	uint8_t csum_partial;
	uint32_t reserved;
};
static_assert(sizeof(struct capture_record) == 32, "layout is shared");
