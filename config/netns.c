/* SPDX-License-Identifier: Apache-2.0 */
/* netns.c - network namespaces of guests.
 * From: netdev_host.c, reconcile*.c.  To: the kernel.  Thread: the daemon's only one. */
#include "config/netns.h"

#include "vswitch/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int netns_open(const char *text, struct err *e)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", text[0] == '/' ? "" : "/run/netns/", text);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(
			e, -ENOENT, "vif.netns", "network namespace %s does not exist yet", path);
	if (fd < 0)
		return err_set(e, -errno, "vif.netns", "%s: %s", path, strerror(errno));
	/* `ip netns add` makes an empty file first and mounts the namespace over it a moment later;
	 * a name whose namespace died leaves such a file too. */
	if (ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET)
		return fd;
	bool is_empty
		= fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 && text[0] != '/';

	close(fd);
	if (is_empty)
		return err_set(e, -ENOENT, "vif.netns", "%s is not mounted yet", path);
	return err_set(e, -EINVAL, "vif.netns",
		"%s is no network namespace; give a name that "
		"`ip netns list` shows, or a path such as /proc/PID/ns/net",
		path);
}

int netns_identify(int fd, struct netns_id *out)
{
	struct stat st;
	int r = fd >= 0 ? fstat(fd, &st) : stat("/proc/self/ns/net", &st);

	if (r < 0)
		return -errno;
	*out = (struct netns_id){ .dev = st.st_dev, .ino = st.st_ino };
	return 0;
}

int netns_enter(int fd, int *home)
{
	*home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*home < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET) == 0)
		return 0;
	int rc = -errno;

	close(*home);
	*home = -1;
	return rc;
}

void netns_leave(int home)
{
	/* To go on in a guest's namespace would be worse than to die. */
	CHECK(setns(home, CLONE_NEWNET) == 0);
	close(home);
}
