/* SPDX-License-Identifier: Apache-2.0 */
/* undo.h - what was changed on netdevs that are not ours, written down before it is changed.
 *
 * Life: undo_open() at start reads STATE/undo and RUN/undo.copy; undo_record() is in one of them when
 * it returns; undo_revert() puts everything of one netdev back when its vif goes;
 * undo_revert_orphans() does so for netdevs that no vif holds any more, as after kill -9.  Records of
 * an earlier boot or of another network namespace are forgotten: the netdev they spoke of is gone.
 * Thread: the daemon's only one. */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"

enum undo_kind {
	UNDO_NONE,
	UNDO_DISABLE_IPV6, /* value: the sysctl before */
	UNDO_MTU, /* value: the MTU before */
	UNDO_UP, /* value: 0, it was down */
	UNDO_CLSACT, /* the qdisc is ours */
	UNDO_PEER_USO, /* UDP segmentation of the veth's other end was on */
	UNDO_CREATED, /* the netdev itself is ours: delete it */
	/* Of the host as a whole, under UNDO_HOST_IFINDEX. */
	UNDO_FORWARD4, /* value: net.ipv4.ip_forward before */
	UNDO_FORWARD6, /* value: net.ipv6.conf.all.forwarding before */
	UNDO_ACCEPT_RA, /* value: the sysctl before; of a device that routes by advertisements */
	UNDO_N
};

#define UNDO_HOST_IFINDEX 1 /* the loopback device, which is always there and never a vif */

struct undo_record {
	int ifindex;
	enum undo_kind kind;
	uint32_t value;
};

struct undo;

/* A damaged file is no error: see undo_problem(). */
struct undo *undo_open(const char *state_dir, const char *run_dir, struct err *e);
void undo_close(struct undo *u);
/* The first value of (@ifindex, @kind) stays: it is the one from before us. */
[[nodiscard]] int undo_record(
	struct undo *u, int ifindex, enum undo_kind kind, uint32_t value, struct err *e);
bool undo_has(const struct undo *u, int ifindex, enum undo_kind kind);
/* It did not happen after all. */
void undo_forget(struct undo *u, int ifindex, enum undo_kind kind);
void undo_revert(struct undo *u, int ifindex);
/* One change only; nothing when it was not made. */
void undo_revert_one(struct undo *u, int ifindex, enum undo_kind kind);
/* Put back everything of one kind, on whatever netdev. */
void undo_revert_kind(struct undo *u, enum undo_kind kind);
/* Everything of netdevs that @is_held denies, but what is of the host as a whole. */
void undo_revert_orphans(struct undo *u, bool (*is_held)(int ifindex, void *arg), void *arg);

/* A copy could not be written; undo_retry() tries again. */
bool undo_is_unsaved(const struct undo *u);
void undo_retry(struct undo *u);
/* Is anything wrong with the files?  Then what, and what to do. */
bool undo_problem(const struct undo *u, char *text, size_t text_size, char *cure, size_t cure_size);
