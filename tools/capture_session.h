/* SPDX-License-Identifier: Apache-2.0 */
/* capture_session.h - a capture that runs: ring and eventfd in, packets to a sink, until it ends.
 *
 * Life: capture_session_catch_signals() before the daemon is asked for a capture; fill in struct
 * capture_session, capture_session_run() once, look at the counters. */
#pragma once

#include "tools/capture_sink.h"
#include "tools/cli.h"

enum capture_end {
	CAPTURE_END_ASKED, /* a signal, or as many packets as wanted */
	CAPTURE_END_DAEMON_GONE,
	CAPTURE_END_SINK, /* nobody takes the packets; rc says why */
	CAPTURE_END_DAMAGED, /* the ring; e says how */
};

struct capture_session {
	const struct cli *cli;
	struct rpc_client *client;
	json_int_t capture_id;
	struct ring_reader *ring;
	int event_fd;
	struct capture_sink *sink;
	struct capture_vifs *vifs;
	uint64_t max_packets; /* 0: no end */

	/* out */
	enum capture_end end;
	uint64_t n_packets;
	uint64_t lost;
	int rc;
	struct err e;

	/* own */
	uint64_t lost_said;
	uint64_t lost_said_ns;
};

/* From here on SIGINT, SIGTERM and SIGHUP end the capture, not the program; SIGPIPE is an error. */
void capture_session_catch_signals(void);
/* Ask the daemon for the names of all vifs and host legs. */
void capture_session_names(struct capture_session *s);
void capture_session_run(struct capture_session *s);
