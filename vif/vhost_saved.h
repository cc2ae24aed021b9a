/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_saved.h - what a vhost-user session leaves to the engine that comes after this one.
 *
 * What it is: the layout of the memfd of a vhost-user vif.  The daemon makes it, keeps it and never looks
 * into it; the fds that belong to what is said here are deposited beside it (enum vhost_slot).
 * Life: filled in by the control thread with each message of the VMM, .record by the workers with each
 * burst; read by vhost_saved_resume() of the next engine, which believes nothing: what does not add up
 * ends the session, and the VMM connects anew.
 * A message is "amid" from before it is applied until it is consumed and answered.  An engine that died
 * amid one may have done it or not, and it may have died of it: then the socket is closed as well.
 * Threads: control. */
#pragma once

#include "vif/vhost_queue.h"
#include "vswitch/abi/limits.h"

struct vhost_session;

#define VHOST_SAVED_MAGIC UINT64_C(0x7668757365723031) /* "vhuser01" */

enum vhost_saved_flag {
	VHOST_SAVED_NUM = 1u << 0,
	VHOST_SAVED_ADDR = 1u << 1,
	VHOST_SAVED_ENABLED = 1u << 2,
	VHOST_SAVED_LIVE = 1u << 3, /* and .record says where it stands */
};

struct vhost_saved_ring {
	uint64_t desc_user, avail_user, used_user;
	uint32_t num;
	uint16_t base; /* while it is not live */
	uint16_t flags; /* enum vhost_saved_flag */
};

struct vhost_saved {
	uint64_t magic; /* VHOST_SAVED_MAGIC: the rest is one */
	uint32_t is_amid; /* atomic */
	uint16_t mtu;
	uint8_t has_features;
	uint8_t has_log;
	uint64_t offered; /* to the guest that runs */
	uint64_t features, protocol;
	uint64_t log_size, log_offset;
	uint64_t has_region[VHOST_REGIONS_MAX / 64];
	struct guest_region_spec region[VHOST_REGIONS_MAX];
	struct vhost_saved_ring ring[VHOST_RINGS_MAX];
	struct vhost_record record[VHOST_RINGS_MAX];
};
static_assert(sizeof(struct vhost_saved) <= VHOST_STATE_SIZE, "fits the memfd");

/* Begin with nothing said. */
void vhost_saved_clear(struct vhost_saved *saved);
void vhost_saved_amid(struct vhost_saved *saved, bool is_amid);
/* Write down what @s has been told. */
void vhost_saved_put(const struct vhost_session *s);
/* Take up what an engine before us was told, with the fds of vhost_session_give().  -errno with @e: it
 * cannot be; the caller closes the session. */
[[nodiscard]] int vhost_saved_resume(struct vhost_session *s, struct err *e);
