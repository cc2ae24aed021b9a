/* SPDX-License-Identifier: Apache-2.0 */
/* undo.c - the durable list of changes to foreign netdevs.
 * From: reconcile_vif.c, reconcile_uplink.c.  To: undo_file.c, netlink_request.c, netdev_bpf.c.
 * Theory: an ifindex is never given twice within a boot and a network namespace, so the list is good
 * for exactly as long as the run directory is: it is kept there and in the state directory.  Either
 * may be full, read-only or damaged without a change being forgotten; one copy that was written is
 * enough to go on, and what is wrong with the other is a problem in status.  With neither, netdevs
 * of others are left as they are.
 * Invariants: in a file before the change is made, removed after it was put back; a crash in between
 * puts back twice, which does no harm.  Thread: the daemon's only one. */
#include "config/undo.h"

#include "config/netdev_bpf.h"
#include "config/netdev_uso.h"
#include "config/netlink.h"
#include "config/netns.h"
#include "config/undo_file.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LOG_MODULE("undo");

#define SCOPE_LEN 96

enum {
	COPY_STATE,
	COPY_RUN,
	N_COPIES
};

struct copy {
	char path[512];
	int rc; /* of its last writing; 0: it is as the list is */
	enum undo_file_state found; /* when we began */
};

struct undo {
	struct copy copy[N_COPIES];
	char scope[SCOPE_LEN];
	uint64_t generation;
	unsigned n, n_room;
	struct undo_record *records;
	bool has_whole_copy; /* there was one when we began, or nothing to be read */
};

static int read_scope(char *scope, size_t size)
{
	char boot[40] = "";
	struct netns_id id;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, boot, sizeof(boot) - 1);

	close(fd);
	if (n <= 0)
		return -EIO;
	boot[strcspn(boot, "\n")] = '\0';
	int rc = netns_identify(-1, &id);

	if (rc == 0)
		snprintf(scope, size, "%s/%ju", boot, (uintmax_t)id.ino);
	return rc;
}

static int append(struct undo *u, const struct undo_record *record)
{
	if (u->n == u->n_room) {
		unsigned room = u->n_room == 0 ? 32 : u->n_room * 2;
		struct undo_record *records = realloc(u->records, room * sizeof(*records));

		if (records == NULL)
			return -ENOMEM;
		u->records = records;
		u->n_room = room;
	}
	u->records[u->n++] = *record;
	return 0;
}

/* Both copies; 0 when at least one was written. */
static int save(struct undo *u)
{
	const struct undo_file file
		= { .generation = ++u->generation, .n = u->n, .record = u->records };
	int best = -EIO;

	for (unsigned i = 0; i < N_COPIES; i++) {
		struct copy *c = &u->copy[i];
		int before = c->rc;

		c->rc = undo_file_write(c->path, u->scope, &file, i == COPY_STATE);
		if (c->rc < 0 && c->rc != before)
			LOG_ERR("event=undo_not_saved path=%s error=\"%s\"", c->path,
				strerror(-c->rc));
		best = i == 0 ? c->rc : MAX(best, c->rc);
	}
	return best;
}

static struct undo_record *find(const struct undo *u, int ifindex, enum undo_kind kind)
{
	for (unsigned i = 0; i < u->n; i++)
		if (u->records[i].ifindex == ifindex && u->records[i].kind == kind)
			return &u->records[i];
	return NULL;
}

bool undo_has(const struct undo *u, int ifindex, enum undo_kind kind)
{
	return find(u, ifindex, kind) != NULL;
}

int undo_record(struct undo *u, int ifindex, enum undo_kind kind, uint32_t value, struct err *e)
{
	struct undo_record record = { ifindex, kind, value };

	if (undo_has(u, ifindex, kind))
		return 0;
	int rc = append(u, &record);

	if (rc < 0)
		return err_set(e, rc, "", "out of memory");
	rc = save(u);
	if (rc < 0) {
		u->n--; /* or the next attempt would go on without it */
		return err_set(e, rc, "",
			"cannot write %s (%s); the netdev is left alone until it can be",
			u->copy[COPY_STATE].path, strerror(-u->copy[COPY_STATE].rc));
	}
	return 0;
}

bool undo_is_unsaved(const struct undo *u)
{
	return u->copy[COPY_STATE].rc < 0 || u->copy[COPY_RUN].rc < 0;
}

void undo_retry(struct undo *u)
{
	if (undo_is_unsaved(u) && save(u) == 0 && !undo_is_unsaved(u))
		LOG_INFO("event=undo_saved path=%s", u->copy[COPY_STATE].path);
}

void undo_forget(struct undo *u, int ifindex, enum undo_kind kind)
{
	struct undo_record *r = find(u, ifindex, kind);

	if (r == NULL)
		return;
	*r = u->records[--u->n];
	(void)save(u); /* else undo_retry() */
}

static int put_back(const struct undo_record *r, const struct link *link)
{
	struct link_change change = LINK_CHANGE_NONE;

	switch (r->kind) {
	case UNDO_DISABLE_IPV6:
		return netlink_sysctl_set("ipv6", link->name, "disable_ipv6", (int)r->value);
	case UNDO_MTU: change.mtu = r->value; return netlink_change(r->ifindex, &change);
	case UNDO_UP: change.up = 0; return netlink_change(r->ifindex, &change);
	case UNDO_CLSACT: return netdev_bpf_remove_clsact(r->ifindex);
	case UNDO_PEER_USO: return netdev_uso_set(link, true);
	case UNDO_CREATED: return netlink_delete(r->ifindex);
	case UNDO_FORWARD4: return netlink_sysctl_set("ipv4", "all", "forwarding", (int)r->value);
	case UNDO_FORWARD6: return netlink_sysctl_set("ipv6", "all", "forwarding", (int)r->value);
	case UNDO_ACCEPT_RA:
		return netlink_sysctl_set("ipv6", link->name, "accept_ra", (int)r->value);
	case UNDO_NONE:
	case UNDO_N: break;
	}
	return -EINVAL;
}

static void put_back_logged(const struct undo *u, const struct link *link, enum undo_kind kind)
{
	const struct undo_record *r = find(u, link->ifindex, kind);
	int rc = r != NULL ? put_back(r, link) : 0;

	if (rc < 0 && rc != -ENODEV && rc != -ENOENT)
		LOG_WARN("event=undo_failed ifindex=%d what=%s error=\"%s\"", link->ifindex,
			undo_file_kind_name(kind), strerror(-rc));
}

void undo_revert_one(struct undo *u, int ifindex, enum undo_kind kind)
{
	struct link link;

	if (!undo_has(u, ifindex, kind))
		return;
	if (netlink_get(ifindex, NULL, &link) == 0)
		put_back_logged(u, &link, kind);
	undo_forget(u, ifindex, kind);
}

/* Outlives every vif: reconcile_uplink.c puts it back. */
static bool is_of_host(enum undo_kind kind)
{
	return kind == UNDO_FORWARD4 || kind == UNDO_FORWARD6 || kind == UNDO_ACCEPT_RA;
}

void undo_revert_kind(struct undo *u, enum undo_kind kind)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < u->n; i++) {
		const struct undo_record *r = &u->records[i];
		struct link link;

		if (r->kind != kind) {
			u->records[kept++] = *r;
			continue;
		}
		int rc = netlink_get(r->ifindex, NULL, &link);

		if (rc == 0)
			rc = put_back(r, &link);
		if (rc < 0 && rc != -ENODEV && rc != -ENOENT)
			LOG_WARN("event=undo_failed ifindex=%d what=%s error=\"%s\"", r->ifindex,
				undo_file_kind_name(kind), strerror(-rc));
	}
	if (kept == u->n)
		return;
	u->n = kept;
	(void)save(u); /* else undo_retry() */
}

void undo_revert(struct undo *u, int ifindex)
{
	struct link link;
	bool is_there = netlink_get(ifindex, NULL, &link) == 0;
	unsigned kept = 0;

	/* Down first and the device itself last: in the order in which they were made. */
	for (int kind = UNDO_NONE + 1; kind < UNDO_N && is_there; kind++)
		if (!is_of_host((enum undo_kind)kind))
			put_back_logged(u, &link, (enum undo_kind)kind);
	for (unsigned i = 0; i < u->n; i++)
		if (u->records[i].ifindex != ifindex || is_of_host(u->records[i].kind))
			u->records[kept++] = u->records[i];
	if (kept == u->n)
		return;
	u->n = kept;
	(void)save(u); /* else undo_retry() */
}

void undo_revert_orphans(struct undo *u, bool (*is_held)(int ifindex, void *arg), void *arg)
{
	for (unsigned i = 0; i < u->n;) {
		int ifindex = u->records[i].ifindex;

		if (is_of_host(u->records[i].kind) || is_held(ifindex, arg)) {
			i++;
			continue;
		}
		LOG_INFO("event=undo_orphan ifindex=%d", ifindex);
		netdev_bpf_detach(ifindex);
		undo_revert(u, ifindex);
		i = 0;
	}
}

void undo_close(struct undo *u)
{
	if (u == NULL)
		return;
	free(u->records);
	free(u);
}

static const char *found_words(enum undo_file_state found)
{
	switch (found) {
	case UNDO_FILE_DAMAGED: return "was damaged";
	case UNDO_FILE_FOREIGN: return "was written by another version of Saklar";
	case UNDO_FILE_UNREADABLE: return "could not be read";
	case UNDO_FILE_ABSENT:
	case UNDO_FILE_INTACT: break;
	}
	return NULL;
}

static bool describe_found(
	const struct undo *u, char *text, size_t text_size, char *cure, size_t cure_size)
{
	for (unsigned i = 0; i < N_COPIES; i++) {
		const struct copy *c = &u->copy[i];
		const char *words = found_words(c->found);

		if (words == NULL)
			continue;
		if (u->has_whole_copy) {
			snprintf(text, text_size,
				"%.90s %s when saklard started; nothing is lost, since its copy "
				"%.90s was whole",
				c->path, words, u->copy[1 - i].path);
			snprintf(cure, cure_size,
				"look at the disk; this is said until saklard is started again, "
				"and "
				"the bad file is kept as %.120s.bad",
				c->path);
		} else {
			snprintf(text, text_size,
				"%.90s %s when saklard started: netdevs may not get back what "
				"Saklar "
				"changed on them (MTU, link, IPv6, tc program, forwarding)",
				c->path, words);
			snprintf(cure, cure_size,
				"look at the netdevs of vifs that are deleted (ip -d link, tc "
				"qdisc, "
				"sysctl -a); the bad file is kept as %.120s.bad",
				c->path);
		}
		return true;
	}
	return false;
}

bool undo_problem(const struct undo *u, char *text, size_t text_size, char *cure, size_t cure_size)
{
	for (unsigned i = 0; i < N_COPIES; i++) {
		const struct copy *c = &u->copy[i];

		if (c->rc == 0)
			continue;
		snprintf(text, text_size, "cannot write %.120s: %s; %s", c->path, strerror(-c->rc),
			u->copy[1 - i].rc == 0 ? "what was changed is known from its copy alone"
					       : "no netdev is changed any more");
		snprintf(cure, cure_size, "%s; it is tried again each second",
			c->rc == -ENOSPC || c->rc == -EDQUOT ? "free some space there"
							     : "make its directory writable");
		return true;
	}
	return describe_found(u, text, text_size, cure, cure_size);
}

static int merge(struct undo *u, const struct undo_file *file)
{
	int rc = 0;

	u->generation = MAX(u->generation, file->generation);
	for (unsigned i = 0; rc == 0 && i < file->n; i++)
		if (!undo_has(u, file->record[i].ifindex, file->record[i].kind))
			rc = append(u, &file->record[i]);
	return rc;
}

/* Which of the copies count?  The newest whole one; and whatever is left of a damaged one that is
 * newer, or when there is no whole one. */
static int choose(struct undo *u, const struct undo_file *file)
{
	const struct undo_file *whole = NULL;
	bool is_any = false;
	int rc = 0;

	for (unsigned i = 0; i < N_COPIES; i++) {
		is_any = is_any || file[i].state != UNDO_FILE_ABSENT;
		if (file[i].state == UNDO_FILE_INTACT
			&& (whole == NULL || file[i].generation > whole->generation))
			whole = &file[i];
	}
	u->has_whole_copy = whole != NULL || !is_any;
	if (whole != NULL)
		rc = merge(u, whole);
	for (unsigned i = 0; rc == 0 && i < N_COPIES; i++) {
		if (file[i].state != UNDO_FILE_DAMAGED
			|| (whole != NULL && file[i].generation <= whole->generation))
			continue;
		u->has_whole_copy = false;
		rc = merge(u, &file[i]);
	}
	return rc;
}

/* Put it out of the way, so that it can be looked at. */
static void keep_bad(const struct copy *c)
{
	char bad[sizeof(c->path) + 8];

	snprintf(bad, sizeof(bad), "%s.bad", c->path);
	LOG_WARN("event=undo_bad path=%s reason=\"%s\"", c->path, found_words(c->found));
	if (rename(c->path, bad) < 0)
		LOG_WARN("event=undo_bad_stays path=%s error=\"%s\"", c->path, strerror(errno));
}

static int load(struct undo *u)
{
	struct undo_file file[N_COPIES] = { 0 };
	bool has_bad = false;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < N_COPIES; i++) {
		rc = undo_file_read(u->copy[i].path, u->scope, &file[i]);
		u->copy[i].found = file[i].state;
	}
	if (rc == 0)
		rc = choose(u, file);
	for (unsigned i = 0; i < N_COPIES; i++) {
		if (rc == 0 && found_words(file[i].state) != NULL) {
			keep_bad(&u->copy[i]);
			has_bad = true;
		}
		free(file[i].record);
	}
	if (rc == 0 && (has_bad || file[0].generation != file[1].generation))
		(void)save(u); /* else undo_retry() */
	return rc;
}

struct undo *undo_open(const char *state_dir, const char *run_dir, struct err *e)
{
	struct undo *u = calloc(1, sizeof(*u));
	int rc = -ENOMEM;

	if (u != NULL) {
		snprintf(u->copy[COPY_STATE].path, sizeof(u->copy[0].path), "%s/undo", state_dir);
		snprintf(u->copy[COPY_RUN].path, sizeof(u->copy[0].path), "%s/undo.copy", run_dir);
		rc = read_scope(u->scope, sizeof(u->scope));
		if (rc == 0)
			rc = load(u);
	}
	if (rc < 0) {
		undo_close(u);
		err_set(e, rc, "", "cannot read %s/undo: %s", state_dir, strerror(-rc));
		return NULL;
	}
	return u;
}
