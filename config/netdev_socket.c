/* SPDX-License-Identifier: Apache-2.0 */
/* netdev_socket.c - packet sockets: the engine's way to the netdev side of a tap, veth or NIC.
 * From: reconcile_vif.c.  To: the kernel.
 * Theory: bound by ifindex, so that a rename changes nothing.  The options are those of DESIGN: the
 * vnet header keeps GSO frames whole, auxdata brings back the VLAN tag that the kernel strips, and
 * what the engine itself sends does not come back.  Thread: the daemon's only one. */
#include "config/netdev_open.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET_RCVBUF (4 << 20) /* bursts while the engine serves others, or is being replaced */
#define SOCKET_SNDBUF (4 << 20)

/* Frames to @mac and to groups; the rest of the device's traffic is the host's and costs us nothing. */
static int set_filter(int fd, const struct mac *mac)
{
	uint32_t head = (uint32_t)mac->b[0] << 24 | (uint32_t)mac->b[1] << 16
		| (uint32_t)mac->b[2] << 8 | mac->b[3];
	uint16_t tail = (uint16_t)(mac->b[4] << 8 | mac->b[5]);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 4, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, head, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, tail, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = ARRAY_LEN(code), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno
											   : 0;
}

int netdev_lock_filter(int fd, struct err *e)
{
	int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)) < 0)
		return err_set(e, -errno, "", "packet socket: %s", strerror(errno));
	return 0;
}

static int set_options(int fd, int ifindex, const struct mac *only)
{
	static const int on[]
		= { PACKET_VNET_HDR, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING, PACKET_QDISC_BYPASS };
	struct packet_mreq wanted = { .mr_ifindex = ifindex,
		.mr_type = only != NULL ? PACKET_MR_UNICAST : PACKET_MR_PROMISC };
	struct packet_mreq groups = { .mr_ifindex = ifindex, .mr_type = PACKET_MR_ALLMULTI };
	int one = 1, rcvbuf = SOCKET_RCVBUF, sndbuf = SOCKET_SNDBUF;

	for (size_t i = 0; i < ARRAY_LEN(on); i++)
		if (setsockopt(fd, SOL_PACKET, on[i], &one, sizeof(one)) < 0)
			return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf)) < 0
		|| setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &sndbuf, sizeof(sndbuf)) < 0)
		return -errno;
	if (only != NULL) {
		wanted.mr_alen = sizeof(*only);
		memcpy(wanted.mr_address, only, sizeof(*only));
	}
	/* Ends with the socket: nothing to put back. */
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &wanted, sizeof(wanted)) < 0)
		return -errno;
	if (only == NULL)
		return 0;
	/* Neighbour solicitations for our addresses go to groups that the host has not joined. */
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &groups, sizeof(groups)) < 0)
		return -errno;
	return set_filter(fd, only);
}

int netdev_open_socket(
	int ifindex, const struct mac *only, bool has_uso, struct netdev_fds *out, struct err *e)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = ifindex,
	};
	/* Protocol 0: nothing is received before the bind, least of all from other devices. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set(e, -errno, "", "packet socket: %s", strerror(errno));
	int rc = set_options(fd, ifindex, only);

	if (rc == 0 && bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		rc = -errno;
	if (rc < 0) {
		close(fd);
		return err_set(e, rc, "", "packet socket: %s", strerror(-rc));
	}
	*out = (struct netdev_fds){
		.n = 1,
		.fd = { fd },
		.ifindex = ifindex,
		.flags = has_uso ? MSG_VIF_USO : 0,
	};
	return 0;
}

bool netdev_has_foreign_socket(int ifindex, const uint64_t *own_inodes, unsigned n_own)
{
	char line[256];
	bool has = false;
	FILE *f = fopen("/proc/net/packet", "re");

	if (f == NULL)
		return false;
	while (!has && fgets(line, sizeof(line), f) != NULL) {
		/* sk RefCnt Type Proto Iface R Rmem User Inode */
		const char *word[9] = { NULL };
		char *rest = line;

		for (unsigned i = 0; i < ARRAY_LEN(word); i++)
			word[i] = strtok_r(rest, " \n", &rest);
		if (word[8] == NULL || strtoul(word[3], NULL, 16) != ETH_P_ALL
			|| strtol(word[4], NULL, 10) != ifindex)
			continue;
		unsigned long long inode = strtoull(word[8], NULL, 10);

		has = true;
		for (unsigned i = 0; i < n_own; i++)
			has = has && own_inodes[i] != inode;
	}
	fclose(f);
	return has;
}
