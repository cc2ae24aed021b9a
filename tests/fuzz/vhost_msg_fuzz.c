/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_msg_fuzz.c - a front end gone mad, as far as pure code sees it.
 *
 * Input: u8 number of fds, u8 flags, then a message; unless the flags say otherwise version and length
 * of the header are put right, since a fuzzer seldom guesses both.
 * Claims: refused with a reason; or of a known request, with as many fds as somebody will own, a ring
 * and regions within their bounds.
 * Planted bug (SAKLAR_PLANTED_BUG): a message may bring more fds than it has places for. */
#include "vif/vhost_msg.h"
#include "vswitch/base/base.h"
#include "vswitch/base/check.h"

#include <stdlib.h>
#include <string.h>

#define RAW_HEADER 1u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* How many fds the session takes from a message that was let through. */
static unsigned n_owned(const struct vhost_msg *m)
{
	switch (m->request) {
	case VHOST_REQ_SET_MEM_TABLE: return m->n_regions;
	case VHOST_REQ_ADD_MEM_REG:
	case VHOST_REQ_SET_LOG_BASE:
	case VHOST_REQ_SET_LOG_FD: return 1;
	case VHOST_REQ_SET_VRING_KICK:
	case VHOST_REQ_SET_VRING_CALL:
	case VHOST_REQ_SET_VRING_ERR: return m->has_fd ? 1 : 0;
	default: return 0;
	}
}

static void check_message(const struct vhost_msg *m, unsigned n_fds)
{
	CHECK(vhost_msg_name(m->request)[0] != '?');
	CHECK(m->ring < VHOST_RINGS_MAX);
	CHECK(m->n_regions <= VHOST_TABLE_REGIONS_MAX);
	CHECK(n_fds == n_owned(m) || m->request == VHOST_REQ_REM_MEM_REG);
	CHECK(n_fds <= VHOST_FDS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct vhost_msg_hdr hdr;
	struct err e = ERR_NONE;
	struct vhost_msg m;
	unsigned n_fds;
	uint8_t *copy;
	size_t len;

	if (size < 2)
		return 0;
	n_fds = bytes[0] % 16;
	len = size - 2;
	copy = malloc(len > 0 ? len : 1); /* of its exact length, so that ASan sees one byte more */
	CHECK(copy != NULL);
	memcpy(copy, bytes + 2, len);
	if (len >= sizeof(hdr) && !(bytes[1] & RAW_HEADER)) {
		memcpy(&hdr, copy, sizeof(hdr));
		hdr.flags = VHOST_MSG_VERSION | (bytes[1] & VHOST_MSG_NEED_REPLY);
		hdr.size = (uint32_t)(len - sizeof(hdr));
		memcpy(copy, &hdr, sizeof(hdr));
	}
	if (vhost_msg_decode(copy, len, n_fds, &m, &e) == 0)
		check_message(&m, n_fds);
	else
		CHECK(e.code < 0 && e.msg[0] != '\0');
	free(copy);
	return 0;
}
