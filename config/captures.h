/* SPDX-License-Identifier: Apache-2.0 */
/* captures.h - the captures that run: kept here so that they outlive an engine.
 * Thread: the daemon's only one. */
#pragma once

#include "vswitch/abi/engine_msg.h"
#include "vswitch/base/err.h"

struct capture_session {
	uint32_t id; /* 0: free */
	int ring_fd;
	int event_fd, reader_fd; /* two ends: the engine's and the reader's */
	struct msg_capture msg;
	bool is_closing; /* as soon as the engine answers */
};
struct captures {
	uint32_t last_id;
	struct capture_session session[CAPTURE_SESSIONS_MAX];
};

/* Make ring and sockets for @m (capture_id is filled in).  The session, or NULL with @e. */
struct capture_session *captures_add(
	struct captures *c, struct msg_capture *m, uint32_t data_size, struct err *e);
void captures_del(struct captures *c, uint32_t id);
