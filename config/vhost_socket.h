/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_socket.h - the path by which a VMM and a vhost-user vif meet: make a socket there, or connect to it.
 * Thread: the daemon's only one. */
#pragma once

#include "vswitch/base/base.h"
#include "vswitch/base/err.h"

struct vhost_socket_spec {
	const char *path;
	bool has_owner, has_group;
	uint32_t uid, gid;
	uint16_t mode;
	bool makes_dir; /* its last directory is ours to make */
};

/* A socket that listens there.  A stale one is replaced; one that a program serves, or a file of another
 * kind, is refused.  *dev, *ino: of the path.  The fd, or -errno with @e. */
[[nodiscard]] int vhost_socket_listen(
	const struct vhost_socket_spec *spec, uint64_t *dev, uint64_t *ino, struct err *e);
/* Connected to the program that listens there, without waiting.  The fd, or -errno with @e. */
[[nodiscard]] int vhost_socket_connect(const char *path, struct err *e);
/* Is the socket that vhost_socket_listen() made still at the path?  @ino 0: is any? */
bool vhost_socket_is_there(const char *path, uint64_t dev, uint64_t ino);
/* Take it away, when it is. */
void vhost_socket_remove(const char *path, uint64_t dev, uint64_t ino);
