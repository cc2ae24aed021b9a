/* SPDX-License-Identifier: Apache-2.0 */
/* set_queues.c - what `ethtool -L eth0 combined N` asks of the kernel; runs in a guest without libraries.
 *
 *   set_queues N
 * From: tests/vm/test_qemu_vhost.py, which compiles it.  Thread: one. */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	struct ethtool_channels c = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq ifr = { .ifr_name = "eth0", .ifr_data = (char *)&c };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc != 2 || fd < 0 || ioctl(fd, SIOCETHTOOL, &ifr) < 0) {
		perror("set_queues: queues of eth0");
		return 1;
	}
	c.cmd = ETHTOOL_SCHANNELS;
	c.combined_count = (unsigned)strtoul(argv[1], NULL, 10);
	if (ioctl(fd, SIOCETHTOOL, &ifr) < 0) {
		perror("set_queues: set");
		return 1;
	}
	printf("combined %u\n", c.combined_count);
	return 0;
}
