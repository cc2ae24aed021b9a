/* SPDX-License-Identifier: Apache-2.0 */
/* undo.c - the durable list of changes to foreign netdevs.
 * From: reconcile_vif.c.  To: STATE/undo, netlink_request.c, netdev_bpf.c.
 * Theory: one line a change, "SCOPE IFINDEX KIND VALUE"; SCOPE names boot and network namespace, in
 * which an ifindex is never given twice.  The file is written anew, synced and renamed each time: it
 * is short, and a torn file would be worse than a slow one.
 * Invariants: on disk before the change is made, removed after it was put back; a crash in between
 * puts back twice, which does no harm.  Thread: the daemon's only one. */
#include "config/undo.h"

#include "config/netdev_bpf.h"
#include "config/netdev_uso.h"
#include "config/netlink.h"
#include "config/netns.h"
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

struct undo {
	char path[512], dir[480];
	char scope[SCOPE_LEN];
	unsigned n, n_room;
	struct undo_record *records;
};

static const char *const kind_names[UNDO_N] = {
	[UNDO_NONE] = "none",
	[UNDO_DISABLE_IPV6] = "disable_ipv6",
	[UNDO_MTU] = "mtu",
	[UNDO_UP] = "up",
	[UNDO_CLSACT] = "clsact",
	[UNDO_PEER_USO] = "peer_uso",
	[UNDO_CREATED] = "created",
	[UNDO_FORWARD4] = "forward4",
	[UNDO_FORWARD6] = "forward6",
	[UNDO_ACCEPT_RA] = "accept_ra",
};

void undo_print_line(const struct undo_record *r, const char *scope, char *buf, size_t size)
{
	snprintf(buf, size, "%s %d %s %" PRIu32 "\n", scope, r->ifindex, kind_names[r->kind],
		r->value);
}

static enum undo_kind kind_of(const char *word, size_t len)
{
	for (int k = UNDO_NONE + 1; k < UNDO_N; k++)
		if (strlen(kind_names[k]) == len && memcmp(word, kind_names[k], len) == 0)
			return (enum undo_kind)k;
	return UNDO_NONE;
}

int undo_parse_line(const char *line, const char *scope, struct undo_record *out)
{
	size_t n = strlen(scope);
	const char *word;
	char *end;

	if (strncmp(line, scope, n) != 0 || line[n] != ' ')
		return -EINVAL;
	long ifindex = strtol(line + n + 1, &end, 10);

	if (*end != ' ' || ifindex <= 0 || ifindex > INT_MAX)
		return -EINVAL;
	word = end + 1;
	n = strcspn(word, " ");
	enum undo_kind kind = kind_of(word, n);

	if (kind == UNDO_NONE || word[n] != ' ')
		return -EINVAL;
	unsigned long long value = strtoull(word + n + 1, &end, 10);

	if (end == word + n + 1 || (*end != '\n' && *end != '\0') || value > UINT32_MAX)
		return -EINVAL;
	*out = (struct undo_record){ (int)ifindex, kind, (uint32_t)value };
	return 0;
}

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

static int write_lines(const struct undo *u, int fd)
{
	char line[SCOPE_LEN + 64];

	for (unsigned i = 0; i < u->n; i++) {
		undo_print_line(&u->records[i], u->scope, line, sizeof(line));
		ssize_t len = (ssize_t)strlen(line);

		if (write(fd, line, (size_t)len) != len)
			return errno != 0 ? -errno : -EIO;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int save(const struct undo *u)
{
	char next[528];
	int rc;

	snprintf(next, sizeof(next), "%s.new", u->path);
	int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	rc = write_lines(u, fd);
	close(fd);
	if (rc == 0 && rename(next, u->path) < 0)
		rc = -errno;
	if (rc < 0)
		return rc;
	int dir = open(u->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	rc = fsync(dir) < 0 ? -errno : 0;
	close(dir);
	return rc;
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

	if (rc == 0)
		rc = save(u);
	if (rc < 0)
		return err_set(e, rc, "",
			"cannot write %s (%s); the netdev is left alone until it "
			"can be",
			u->path, strerror(-rc));
	return 0;
}

static void save_logged(struct undo *u)
{
	int rc = save(u);

	if (rc < 0)
		LOG_ERR("event=undo_not_saved path=%s error=\"%s\"", u->path, strerror(-rc));
}

void undo_forget(struct undo *u, int ifindex, enum undo_kind kind)
{
	struct undo_record *r = find(u, ifindex, kind);

	if (r == NULL)
		return;
	*r = u->records[--u->n];
	save_logged(u);
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
			kind_names[kind], strerror(-rc));
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
				kind_names[kind], strerror(-rc));
	}
	if (kept == u->n)
		return;
	u->n = kept;
	save_logged(u);
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
	save_logged(u);
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

static int load(struct undo *u)
{
	char line[256];
	int rc = 0;
	FILE *f = fopen(u->path, "re");

	if (f == NULL)
		return errno == ENOENT ? 0 : -errno;
	while (rc == 0 && fgets(line, sizeof(line), f) != NULL) {
		struct undo_record record;

		if (undo_parse_line(line, u->scope, &record) == 0)
			rc = append(u, &record);
	}
	fclose(f);
	return rc;
}

struct undo *undo_open(const char *state_dir, struct err *e)
{
	struct undo *u = calloc(1, sizeof(*u));
	int rc = -ENOMEM;

	if (u != NULL) {
		snprintf(u->dir, sizeof(u->dir), "%s", state_dir);
		snprintf(u->path, sizeof(u->path), "%s/undo", u->dir);
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
