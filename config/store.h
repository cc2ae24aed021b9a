/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - the desired state on disk: SQLite, durable before a verb answers.
 *
 * Life: store_open() finds or makes STATE/saklar.db and brings an older one up to date;
 * store_load() gives the model; each verb is one store_begin() .. store_commit(), after which the
 * change survives power loss; store_close().
 * Errors say what the administrator should do (full disk, read-only directory, damaged file, file
 * of a newer version); after an error nothing has changed, but for what store_has() is there for.
 * Thread: the daemon's only one. */
#pragma once

#include "config/model.h"

#include <sys/types.h>

struct store;

/* Who asked for a change, for the history. */
struct store_author {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

struct store_history {
	uint64_t generation;
	int64_t at_s; /* since the epoch */
	struct store_author author;
	char method[32];
	const char *params; /* JSON text; valid during the callback */
};

struct store *store_open(const char *state_dir, struct err *e);
void store_close(struct store *s);
/* The model of the last commit, checked as a whole.  NULL with @e. */
struct model *store_load(struct store *s, struct err *e);

/* One change: begin, puts and dels, history, commit.  After an error call store_rollback(). */
[[nodiscard]] int store_begin(struct store *s, struct err *e);
[[nodiscard]] int store_put_network(struct store *s, const struct network_cfg *n, struct err *e);
[[nodiscard]] int store_put_vif(
	struct store *s, const struct vif_cfg *v, const struct model *m, struct err *e);
[[nodiscard]] int store_put_forward(
	struct store *s, const struct forward_cfg *f, const struct model *m, struct err *e);
[[nodiscard]] int store_del_forward(struct store *s, const struct forward_cfg *f, struct err *e);
[[nodiscard]] int store_del_network(struct store *s, uint16_t id, struct err *e);
[[nodiscard]] int store_del_vif(struct store *s, uint16_t id, struct err *e);
/* Write generation and last ids of @m and one line of history, then make all of it durable. */
[[nodiscard]] int store_commit(struct store *s, const struct model *m,
	const struct store_author *author, const char *method, const char *params, struct err *e);
void store_rollback(struct store *s);
/* Is @generation the one in the file?  An error of store_commit() may come after the change is in
 * the file, when the file system fails in making it durable.  Call it after store_rollback(). */
bool store_has(struct store *s, uint64_t generation);

/* The newest @max changes, newest first.  0 or -errno with @e. */
[[nodiscard]] int store_history_foreach(struct store *s, unsigned max,
	void (*fn)(const struct store_history *h, void *arg), void *arg, struct err *e);
