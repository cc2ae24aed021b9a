/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.c - stage 1: namespaces, an empty root, no privileges.
 *
 * From: engine.c.  To: the kernel.
 * Theory: everything that needs privileges happens before anything is parsed and before EAL runs.
 * EAL reads /sys (processors, NUMA nodes, hugepages) and a little of /proc; exactly these directories
 * are bound, read-only, into a tmpfs that becomes the root.
 * Order: namespaces first (needs privileges); the mounts; then identity; capabilities last, since
 * setuid(2) itself needs one.
 * Invariants: any step that fails ends the start; the engine never runs with less than all of it.
 * Thread: main, before there are others. */
#include "vswitch/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOT "/tmp" /* any directory that every system has; covered only in our namespace */
#define LOCKED (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* What EAL reads. */
static const char *const eal_dirs[] = {
	"/sys/devices/system/cpu",
	"/sys/devices/system/node",
	"/sys/kernel/mm/hugepages",
	"/proc/sys/vm",
};
static const char *const eal_files[] = {
	"/proc/meminfo",
	"/proc/cpuinfo",
};

/* What EAL only looks for: without the first it takes VFIO for broken, without the second (its run
 * dir, which it does not use in our modes) it complains, without the third (mounts of hugetlbfs,
 * which memfds do not need) it panics. */
static const char *const eal_empty_dirs[] = {
	"/sys/module",
	"/tmp/dpdk/rte",
};
static const char eal_empty_file[] = "/proc/mounts";

static int fail(struct err *e, const char *step)
{
	return err_set(e, -errno, "sandbox", "%s: %s", step, strerror(errno));
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -EIO : 0;
}

/* Without privileges: a user namespace in which the same uid has them, until they are dropped. */
static int user_namespace(struct err *e)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];

	if (unshare(CLONE_NEWUSER) < 0)
		return fail(e, "user namespace (start as root, or allow them)");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	if (write_file("/proc/self/uid_map", map) < 0
		|| write_file("/proc/self/setgroups", "deny") < 0)
		return fail(e, "uid_map");
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	if (write_file("/proc/self/gid_map", map) < 0)
		return fail(e, "gid_map");
	return 0;
}

/* mkdir -p below ROOT for "/a/b/c" (all components when @is_dir, else without the last). */
static int make_parents(const char *path, bool is_dir, char *full, size_t size)
{
	size_t at = strlen(ROOT);

	snprintf(full, size, "%s%s", ROOT, path);
	for (char *p = full + at + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(full, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (is_dir)
		return mkdir(full, 0755) < 0 && errno != EEXIST ? -errno : 0;
	int fd = open(full, O_CREAT | O_WRONLY | O_CLOEXEC, 0444);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int bind_read_only(const char *path, bool is_dir, struct err *e)
{
	char full[256];

	if (access(path, F_OK) < 0)
		return 0; /* kernels without NUMA or hugepages: EAL copes */
	if (make_parents(path, is_dir, full, sizeof(full)) < 0)
		return fail(e, full);
	if (mount(path, full, NULL, MS_BIND, NULL) < 0)
		return fail(e, path);
	if (mount(NULL, full, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | LOCKED, NULL) < 0)
		return fail(e, path);
	return 0;
}

static int empty_root(struct err *e)
{
	char full[256];
	int rc = 0;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fail(e, "private mounts");
	if (mount("saklar", ROOT, "tmpfs", LOCKED, "size=1m,mode=0555") < 0)
		return fail(e, "tmpfs");
	for (size_t i = 0; i < ARRAY_LEN(eal_dirs) && rc == 0; i++)
		rc = bind_read_only(eal_dirs[i], true, e);
	for (size_t i = 0; i < ARRAY_LEN(eal_files) && rc == 0; i++)
		rc = bind_read_only(eal_files[i], false, e);
	for (size_t i = 0; i < ARRAY_LEN(eal_empty_dirs) && rc == 0; i++)
		if (make_parents(eal_empty_dirs[i], true, full, sizeof(full)) < 0)
			rc = fail(e, eal_empty_dirs[i]);
	if (rc == 0 && make_parents(eal_empty_file, false, full, sizeof(full)) < 0)
		rc = fail(e, eal_empty_file);
	if (rc < 0)
		return rc;
	/* both arguments the same: the old root ends up on top of the new one and is taken off */
	if (chdir(ROOT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0
		|| chdir("/") < 0)
		return fail(e, "pivot_root");
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | LOCKED, NULL) < 0)
		return fail(e, "read-only root");
	return 0;
}

static int drop_identity(const struct sandbox_identity *id, struct err *e)
{
	if (setgroups(0, NULL) < 0)
		return fail(e, "setgroups");
	if (setresgid(id->gid, id->gid, id->gid) < 0 || setresuid(id->uid, id->uid, id->uid) < 0)
		return fail(e, "setuid");
	return 0;
}

/* All sets: bounding too, before the capability to change it goes. */
static int drop_capabilities(struct err *e)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_BOUNDS) != 0)
		return err_set(e, -EPERM, "sandbox", "bounding set cannot be dropped");
	return 0;
}

static int drop_the_rest(struct err *e)
{
	const struct rlimit none = { 0 };

	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return err_set(e, -EPERM, "sandbox", "capabilities cannot be dropped");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return fail(e, "ambient set");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(e, "no_new_privs");
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return fail(e, "core limit");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail(e, "dumpable");
	return 0;
}

int sandbox_isolate(const struct sandbox_identity *id, struct err *e)
{
	bool is_root = geteuid() == 0;
	int rc;

	if (is_root && id->uid == 0)
		return err_set(e, -EPERM, "sandbox", "--uid must not be root");
	if (!is_root) {
		rc = user_namespace(e);
		if (rc < 0)
			return rc;
	}
	if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return fail(e, "namespaces");
	rc = empty_root(e);
	if (rc == 0)
		rc = drop_capabilities(e);
	if (rc == 0 && is_root)
		rc = drop_identity(id, e);
	return rc < 0 ? rc : drop_the_rest(e);
}
