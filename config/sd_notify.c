/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify.c - one datagram to the service manager.
 *
 * From: daemon.c.  To: $NOTIFY_SOCKET, a path or, beginning with '@', an abstract address.
 * Theory: sd_notify(3): newline-separated assignments in one datagram.  Done here because it is
 * all we would need libsystemd for.
 * Thread: the daemon has one. */
#include "config/sd_notify.h"

#include "vswitch/base/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

LOG_MODULE("notify");

void sd_notify_send(const char *state)
{
	const char *to = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = to ? strlen(to) : 0;
	int fd;

	if (len == 0)
		return;
	if ((to[0] != '/' && to[0] != '@') || len >= sizeof(addr.sun_path)) {
		LOG_WARN("event=notify_failed reason=\"NOTIFY_SOCKET is not an address\"");
		return;
	}
	memcpy(addr.sun_path, to, len);
	if (to[0] == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0
		|| sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&addr,
			   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len))
			< 0)
		LOG_WARN("event=notify_failed reason=\"%s\"", strerror(errno));
	if (fd >= 0)
		close(fd);
}
