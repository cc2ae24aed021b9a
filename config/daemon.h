/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.h - what one saklard is made of, and its life.
 *
 * Life: daemon_create() locks both directories, loads the state, makes the sockets, takes over or
 * starts the engine and applies the state; daemon_run() serves until a signal or daemon.stop;
 * daemon_destroy() leaves engine, devices and dnsmasq running unless .stops_engine.
 * Thread: one. */
#pragma once

#include "config/reconcile.h"

struct event_base;
struct rpc_server;
struct store;

struct daemon {
	struct event_base *base;
	struct daemon_paths paths;
	struct model *model; /* the last committed one */
	struct store *store;
	struct reconcile *reconcile;
	struct rpc_server *rpc;
	uint64_t started_ns;
	bool has_started; /* daemon_create() came to its end */
	bool has_found_pid; /* of a daemon that was killed */
	bool stops_engine; /* when it ends: engine, dnsmasq, host legs and nft table go too */
	int run_lock_fd, state_lock_fd;
	struct event *signal_event[4];
};

[[nodiscard]] int daemon_create(struct daemon *d, const struct daemon_paths *paths, struct err *e);
/* The same, but nothing is wanted, whatever the store says: it is not even opened.  What an earlier
 * daemon left running or attached is taken over and let go.  Has no .store: never run it. */
[[nodiscard]] int daemon_create_empty(
	struct daemon *d, const struct daemon_paths *paths, struct err *e);
[[nodiscard]] int daemon_run(struct daemon *d);
void daemon_destroy(struct daemon *d);
/* End daemon_run() after the present event. */
void daemon_stop(struct daemon *d, bool stops_engine);
