/* SPDX-License-Identifier: Apache-2.0 */
/* memfd.c - sealed memfds.
 * From: segments.c, snapshot_build.c, captures.c.  To: the kernel.
 * Thread: the daemon's only one. */
#include "config/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, at + done, len - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

int memfd_create_sealed(
	const char *name, const void *bytes, size_t len, size_t size, bool is_constant)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | (is_constant ? F_SEAL_WRITE : 0);
	int rc;
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0) {
		rc = -errno;
		goto out;
	}
	rc = write_all(fd, bytes, len);
	if (rc == 0 && fcntl(fd, F_ADD_SEALS, seals) < 0)
		rc = -errno;
out:
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

int memfd_check(int fd, uint64_t size)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return -errno;
	if ((seals & (F_SEAL_SHRINK | F_SEAL_SEAL)) != (F_SEAL_SHRINK | F_SEAL_SEAL))
		return -EPERM;
	if (fstat(fd, &st) < 0)
		return -errno;
	return (uint64_t)st.st_size == size ? 0 : -EINVAL;
}
