/* SPDX-License-Identifier: Apache-2.0 */
/* netdev.bpf.c - the program on the ingress of every kernel netdev that is a vif.
 *
 * Purpose: what a guest sends belongs to the switch alone.  The engine's packet socket has had its
 * copy when clsact runs (taps of packet sockets come first in the receive path), so every frame is
 * shot here and the host's own stack, its bridges and its routing never see it.
 * Why not nftables: a netdev-family chain follows the name and opens on rename, and somebody's
 * `nft flush ruleset` removes it; a clsact filter is bound to the device.
 * Built by clang for the bpf target into an array; loaded by config/netdev_bpf.c. */
#define SEC(name) __attribute__((section(name), used))
#define VERDICT_SHOT 2 /* TC_ACT_SHOT of linux/pkt_cls.h */

struct __sk_buff;

int saklar_netdev(struct __sk_buff *skb);

SEC("tc")
int saklar_netdev(struct __sk_buff *)
{
	return VERDICT_SHOT;
}

/* The program calls no kernel helper; the licence is that of the file. */
char saklar_license[] SEC("license") = "Apache-2.0";
