/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_msg.h - the messages of a vhost-user front end: bytes in, a checked struct or a refusal out.
 *
 * What it is: the only code that looks at what a VMM writes to its socket.  Pure: no fd is touched,
 * nothing is kept; what a message does is the session's (vhost_session.h).
 * What a decoded message guarantees: a request of VHOST_REQUESTS, a payload of its layout, as many fds
 * as the request takes and the payload announces, a ring below VHOST_RINGS_MAX.  Addresses, sizes and
 * offsets are as the VMM wrote them.
 * The layout is that of the host's byte order, as both sides are on one machine. */
#pragma once

#include "vif/guest_mem.h"
#include "vswitch/abi/limits.h"

#define VHOST_TABLE_REGIONS_MAX 8 /* of one SET_MEM_TABLE; ADD_MEM_REG goes beyond */
#define VHOST_FDS_MAX VHOST_TABLE_REGIONS_MAX

/* X(NAME, number, payload, least fds, most fds); what is not here is refused.
 * Of the refused: GET_INFLIGHT_FD is not needed (the record is ours), IOMMU, postcopy, CONFIG, vDPA and
 * crypto are not offered; requests of ours to the VMM (BACKEND_REQ) have nothing to say. */
#define VHOST_REQUESTS(X)                        \
	X(GET_FEATURES, 1, NONE, 0, 0)           \
	X(SET_FEATURES, 2, U64, 0, 0)            \
	X(SET_OWNER, 3, NONE, 0, 0)              \
	X(RESET_OWNER, 4, NONE, 0, 0)            \
	X(SET_MEM_TABLE, 5, TABLE, 1, 8)         \
	X(SET_LOG_BASE, 6, LOG, 1, 1)            \
	X(SET_LOG_FD, 7, NONE, 1, 1)             \
	X(SET_VRING_NUM, 8, STATE, 0, 0)         \
	X(SET_VRING_ADDR, 9, ADDR, 0, 0)         \
	X(SET_VRING_BASE, 10, STATE, 0, 0)       \
	X(GET_VRING_BASE, 11, STATE, 0, 0)       \
	X(SET_VRING_KICK, 12, RING_FD, 0, 1)     \
	X(SET_VRING_CALL, 13, RING_FD, 0, 1)     \
	X(SET_VRING_ERR, 14, RING_FD, 0, 1)      \
	X(GET_PROTOCOL_FEATURES, 15, NONE, 0, 0) \
	X(SET_PROTOCOL_FEATURES, 16, U64, 0, 0)  \
	X(GET_QUEUE_NUM, 17, NONE, 0, 0)         \
	X(SET_VRING_ENABLE, 18, STATE, 0, 0)     \
	X(SEND_RARP, 19, U64, 0, 0)              \
	X(NET_SET_MTU, 20, U64, 0, 0)            \
	X(GET_MAX_MEM_SLOTS, 36, NONE, 0, 0)     \
	X(ADD_MEM_REG, 37, REGION, 1, 1)         \
	X(REM_MEM_REG, 38, REGION, 0, 1)

enum vhost_request {
	VHOST_REQ_NONE,
#define X(name, number, payload, fd_min, fd_max) VHOST_REQ_##name = number,
	VHOST_REQUESTS(X)
#undef X
};

/* Bits of GET_PROTOCOL_FEATURES. */
#define VHOST_PROTO_MQ (UINT64_C(1) << 0)
#define VHOST_PROTO_LOG_SHMFD (UINT64_C(1) << 1)
#define VHOST_PROTO_RARP (UINT64_C(1) << 2)
#define VHOST_PROTO_REPLY_ACK (UINT64_C(1) << 3)
#define VHOST_PROTO_NET_MTU (UINT64_C(1) << 4)
#define VHOST_PROTO_CONFIGURE_MEM_SLOTS (UINT64_C(1) << 15)

/* Beside those of virtio in GET_FEATURES. */
#define VHOST_FEATURE_LOG_ALL (UINT64_C(1) << 26)
#define VHOST_FEATURE_PROTOCOL (UINT64_C(1) << 30)

struct vhost_msg_hdr {
	uint32_t request; /* enum vhost_request */
	uint32_t flags;
	uint32_t size; /* of the payload */
};
static_assert(sizeof(struct vhost_msg_hdr) == 12, "on the wire");
#define VHOST_MSG_VERSION 1u
#define VHOST_MSG_VERSION_MASK 3u
#define VHOST_MSG_REPLY (1u << 2)
#define VHOST_MSG_NEED_REPLY (1u << 3)
/* A whole table, and what later protocols may append to a message that is known. */
#define VHOST_PAYLOAD_MAX 272
#define VHOST_MSG_LEN_MAX (sizeof(struct vhost_msg_hdr) + VHOST_PAYLOAD_MAX)

struct vhost_msg {
	uint32_t request; /* enum vhost_request */
	bool needs_reply;
	bool has_fd; /* SET_VRING_KICK, CALL, ERR: false: the VMM gives none on purpose */
	uint16_t ring; /* of messages about one */
	uint32_t value; /* SET_VRING_NUM, BASE, ENABLE */
	uint64_t u64; /* features; SEND_RARP: MAC in the low bytes; NET_SET_MTU */
	uint64_t log_size, log_offset;
	struct {
		uint32_t flags; /* VHOST_ADDR_LOG */
		uint64_t desc_user, used_user, avail_user;
		uint64_t log_gpa; /* of the used ring */
	} addr;
	unsigned n_regions;
	struct guest_region_spec region[VHOST_TABLE_REGIONS_MAX];
};
#define VHOST_ADDR_LOG 1u

/* How many bytes the message has whose header @hdr is; -EPROTO with @e: hang up. */
[[nodiscard]] int vhost_msg_len(const struct vhost_msg_hdr *hdr, struct err *e);
/* Are there fds with the whole message @bytes, as far as it says itself? */
bool vhost_msg_wants_fds(const void *bytes, size_t len);
/* May it bring fds that nobody has a use for?  Some front ends do. */
bool vhost_msg_spares_fds(uint32_t request);
/* Check @len bytes, a whole message, that came with @n_fds fds.  0, or -EPROTO with @e: hang up. */
[[nodiscard]] int vhost_msg_decode(
	const void *bytes, size_t len, unsigned n_fds, struct vhost_msg *out, struct err *e);
/* Does its answer carry something else than an acknowledgement? */
bool vhost_msg_has_answer(uint32_t request);
/* Name of a request for logs; "?" of one that is not known. */
const char *vhost_msg_name(uint32_t request);

struct vhost_reply {
	size_t len;
	uint8_t bytes[sizeof(struct vhost_msg_hdr) + 8];
};
/* A number: features, queues, slots, or an acknowledgement (0: done). */
void vhost_reply_u64(uint32_t request, uint64_t value, struct vhost_reply *out);
/* GET_VRING_BASE's. */
void vhost_reply_state(uint32_t request, uint16_t ring, uint32_t value, struct vhost_reply *out);
