/* SPDX-License-Identifier: Apache-2.0 */
/* xen_wire.h - what a Xen network front end and its back end write into the pages they share.
 *
 * Layouts and numbers of Xen's public/io/netif.h, in words of our own so that building needs no Xen
 * headers.  All fields are in the guest's byte order, which is ours: x86 and Arm guests are little
 * endian.  Names speak of the guest: "tx" is what it sends, "rx" what it receives. */
#pragma once

#include "vswitch/base/base.h"

#define XEN_PAGE 4096u
#define XEN_SLOTS_MAX 18 /* a packet of so many slots must be taken */
#define XEN_SLOTS_FATAL 21 /* nobody who means well sends so many */
#define XEN_EXTRAS_MAX 8 /* in one packet; there are five kinds */

struct xen_tx_request {
	uint32_t gref;
	uint16_t offset; /* in the granted page */
	uint16_t flags; /* enum xen_tx_flag */
	uint16_t id;
	uint16_t size; /* first slot: of the whole packet; others: of this slot */
};
static_assert(sizeof(struct xen_tx_request) == 12, "as on the ring");

enum xen_tx_flag {
	XEN_TX_CSUM_BLANK = 1u << 0,
	XEN_TX_DATA_VALIDATED = 1u << 1,
	XEN_TX_MORE_DATA = 1u << 2,
	XEN_TX_EXTRA_INFO = 1u << 3,
};

struct xen_tx_response {
	uint16_t id;
	int16_t status; /* enum xen_status */
};
static_assert(sizeof(struct xen_tx_response) == 4, "as on the ring");

enum xen_status {
	XEN_RSP_DROPPED = -2,
	XEN_RSP_ERROR = -1,
	XEN_RSP_OKAY = 0,
	XEN_RSP_NULL = 1, /* in the slot of an extra info */
};

/* Takes the place of a slot, in either direction. */
struct xen_extra {
	uint8_t type; /* enum xen_extra_type */
	uint8_t flags; /* XEN_EXTRA_MORE */
	union {
		struct {
			uint16_t size;
			uint8_t type; /* enum xen_gso */
			uint8_t pad;
			uint16_t features;
		} gso;
		struct {
			uint8_t addr[6];
		} mcast;
		struct {
			uint8_t type; /* bit number of enum xen_hash_type */
			uint8_t algorithm;
			uint8_t value[4];
		} hash;
		struct {
			uint16_t headroom;
			uint16_t pad[2];
		} xdp;
	} u;
};
static_assert(sizeof(struct xen_extra) == 8, "as on the ring");

enum xen_extra_type {
	XEN_EXTRA_NONE,
	XEN_EXTRA_GSO,
	XEN_EXTRA_MCAST_ADD,
	XEN_EXTRA_MCAST_DEL,
	XEN_EXTRA_HASH,
	XEN_EXTRA_XDP, /* Linux since 5.9 */
	XEN_EXTRA_N
};
#define XEN_EXTRA_MORE 1u

enum xen_gso {
	XEN_GSO_NONE,
	XEN_GSO_TCP4,
	XEN_GSO_TCP6,
};

struct xen_rx_request {
	uint16_t id;
	uint16_t pad;
	uint32_t gref;
};
static_assert(sizeof(struct xen_rx_request) == 8, "as on the ring");

struct xen_rx_response {
	uint16_t id;
	uint16_t offset; /* of the frame's bytes in the page */
	uint16_t flags; /* enum xen_rx_flag */
	int16_t status; /* < 0: enum xen_status; else bytes in this slot */
};
static_assert(sizeof(struct xen_rx_response) == 8, "as on the ring");

enum xen_rx_flag {
	XEN_RX_DATA_VALIDATED = 1u << 0,
	XEN_RX_CSUM_BLANK = 1u << 1,
	XEN_RX_MORE_DATA = 1u << 2,
	XEN_RX_EXTRA_INFO = 1u << 3,
};

struct xen_ctrl_request {
	uint16_t id;
	uint16_t type; /* enum xen_ctrl_type */
	uint32_t arg[3];
};
static_assert(sizeof(struct xen_ctrl_request) == 16, "as on the ring");

struct xen_ctrl_response {
	uint16_t id;
	uint16_t type;
	uint32_t status; /* enum xen_ctrl_status */
	uint32_t value;
};
static_assert(sizeof(struct xen_ctrl_response) == 12, "as on the ring");

enum xen_ctrl_type {
	XEN_CTRL_GET_HASH_FLAGS = 1,
	XEN_CTRL_SET_HASH_FLAGS,
	XEN_CTRL_SET_HASH_KEY,
	XEN_CTRL_GET_HASH_MAPPING_SIZE,
	XEN_CTRL_SET_HASH_MAPPING_SIZE,
	XEN_CTRL_SET_HASH_MAPPING,
	XEN_CTRL_SET_HASH_ALGORITHM,
	XEN_CTRL_GET_GREF_MAPPING_SIZE,
	XEN_CTRL_ADD_GREF_MAPPING,
	XEN_CTRL_DEL_GREF_MAPPING,
};

enum xen_ctrl_status {
	XEN_CTRL_SUCCESS,
	XEN_CTRL_NOT_SUPPORTED,
	XEN_CTRL_INVALID_PARAMETER,
	XEN_CTRL_BUFFER_OVERFLOW,
};

enum xen_hash_algorithm {
	XEN_HASH_ALGORITHM_NONE,
	XEN_HASH_ALGORITHM_TOEPLITZ,
};

enum xen_hash_type {
	XEN_HASH_IP4 = 1u << 0,
	XEN_HASH_IP4_TCP = 1u << 1,
	XEN_HASH_IP6 = 1u << 2,
	XEN_HASH_IP6_TCP = 1u << 3,
};
#define XEN_HASH_TYPES_ALL 15u
