# SPDX-License-Identifier: Apache-2.0
"""Ways out of a host by NAT, side by side: each in a host namespace of its own.

    guest g0 10.41.0.10 -- veth v0 | switch, NAT | veth u0 -- internet 192.168.50.2, 203.0.113.9
                           gateway 10.41.0.1       192.168.50.1 (the host's), .77 (Saklar's own)
"""

import socket
import struct

from lib.instance import BUILD, Instance
from lib.wait import wait_until
from peers import Peer

NETWORK = "10.41.0.0/24"
GATEWAY = "10.41.0.1"
GUEST = "10.41.0.10"
INTERNET = "203.0.113.9"
NETLINK_NETFILTER = 12

# What libvirt's nftables backend writes for a network of mode nat.
LIBVIRT_RULES = """
table ip libvirt_network {
	chain guest_cross {
		iif "br0" oif "br0" counter accept
	}
	chain guest_input {
		oif "br0" ip daddr NET ct state established,related counter accept
		oif "br0" counter reject
	}
	chain guest_output {
		ip saddr NET iif "br0" counter accept
		iif "br0" counter reject
	}
	chain forward {
		type filter hook forward priority filter; policy accept;
		counter jump guest_cross
		counter jump guest_input
		counter jump guest_output
	}
	chain guest_nat {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr NET ip daddr 224.0.0.0/24 counter return
		ip saddr NET ip daddr 255.255.255.255 counter return
		meta l4proto tcp ip saddr NET ip daddr != NET counter masquerade to :1024-65535
		meta l4proto udp ip saddr NET ip daddr != NET counter masquerade to :1024-65535
		ip saddr NET ip daddr != NET counter masquerade
	}
}
""".replace("NET", NETWORK)


class NatPeer(Peer):
    """guests: g0 and the internet."""

    guest_addr = GUEST

    def make_guests(self, n):
        guest = self.guest("g0", "v0", f"{GUEST}/24")
        internet = self.guest("internet", "u0", "192.168.50.2/24")
        internet.ip("addr", "add", f"{INTERNET}/32", "dev", "lo")
        guest.ip("route", "add", "default", "via", GATEWAY)
        # Many short connections from one guest: room for all that wait to be over.
        guest.sysctl("net.ipv4.ip_local_port_range", "1024 65535")
        guest.sysctl("net.ipv4.tcp_max_tw_buckets", 1 << 20)
        # Frames that conn_load makes itself are answered to nobody's port.
        guest.run("nft", "add table ip own; add chain ip own in { type filter hook prerouting "
                         "priority raw; }; add rule ip own in udp sport 9000 drop")

    def server_addrs(self):
        return (INTERNET,)

    def host_uplink(self):
        self.host.ip("addr", "add", "192.168.50.1/24", "dev", "u0")
        self.host.ip("route", "add", "default", "via", "192.168.50.2")

    def gateway_mac(self):
        """As the guest knows it."""
        return self.guests[0].out("ip", "neigh", "show", GATEWAY).split("lladdr ")[1].split()[0]

    def flush(self):
        """Forget all connections."""
        raise NotImplementedError


class SaklarNat(NatPeer):
    """Release build, mode nat with its own profile (tenant), the uplink a netdev."""

    name = "saklar"
    uplink = ("--uplink", "u0", "--uplink-address", "192.168.50.77/24", "--uplink-gateway",
              "192.168.50.2")

    def setup(self, n):
        if "host" in self.uplink:
            self.host_uplink()
        self.saklar = Instance(self.host).start()
        self.saklar("network", "add", "n", "--mode", "nat", "--subnet", NETWORK, *self.uplink)
        self.saklar("vif", "add", "g0", "--network", "n", "--type", "netdev", "--dev", "v0")
        self.saklar.wait_vif("g0")

    def pids(self):
        status = self.saklar.json("status")
        return [self.outer(status["engine"]["pid"]), self.outer(status["daemon"]["pid"])]

    def describe(self):
        engine = self.saklar.json("status")["engine"]
        return f"build {BUILD.name}, mode nat, profile tenant, {' '.join(self.uplink[:2])}, " \
               f"{engine['workers']} worker(s), " \
               f"hugepages {'yes' if engine['hugepages'] else 'no'}, " \
               f"fast path {self.saklar.json('status')['fast_path']['state']}"

    def flush(self):
        self.saklar("connection", "flush")


class SaklarNatHost(SaklarNat):
    """The same with uplink host: translated twice."""

    name = "saklar uplink host"
    uplink = ("--uplink", "host")

    def flush(self):
        super().flush()
        flush_conntrack(self.host)


class KernelNat(NatPeer):
    """A bridge, forwarding, and the rules that libvirt writes."""

    name = "kernel nat"

    def setup(self, n):
        for key in ("iptables", "ip6tables", "arptables"):
            self.host.sysctl(f"net.bridge.bridge-nf-call-{key}", 0)
        self.host.ip("link", "add", "br0", "type", "bridge")
        self.host.ip("link", "set", "v0", "master", "br0")
        self.host.ip("link", "set", "br0", "up")
        self.host.ip("addr", "add", f"{GATEWAY}/24", "dev", "br0")
        self.host_uplink()
        self.host.sysctl("net.ipv4.ip_forward", 1)
        self.host.run("nft", "-f", "-", stdin=LIBVIRT_RULES)

    def describe(self):
        limit = self.host.sysctl("net.netfilter.nf_conntrack_max")
        return "br0, ip_forward, libvirt's nftables rules for mode nat, bridge-nf-call-* 0, " \
               f"nf_conntrack_max {limit}"

    def flush(self):
        flush_conntrack(self.host)


class NoSwitch(NatPeer):
    """One veth pair from guest to internet: what the measuring programs reach alone."""

    name = "no switch"

    def make_guests(self, n):
        super().make_guests(n)
        guest, internet = self.guests
        for dev in ("v0", "u0"):
            self.host.ip("link", "del", dev)
        self.host.ip("link", "add", "eth0", "netns", guest.name, "type", "veth", "peer", "name",
                     "eth0", "netns", internet.name)
        for ns, addr in ((guest, f"{GUEST}/24"), (internet, f"{GATEWAY}/24")):
            ns.ip("link", "set", "eth0", "up")
            ns.ip("addr", "add", addr, "dev", "eth0")
        guest.ip("route", "add", "default", "via", GATEWAY)

    def setup(self, n):
        wait_until(lambda: self.guests[0].ok("ping", "-c1", "-W1", GATEWAY), 10, "the pair is up")

    def describe(self):
        return "one veth pair between the measuring programs"

    def flush(self):
        pass


def flush_conntrack(ns):
    """What `conntrack -F` does: a delete message of ctnetlink that names no connection."""
    ctnetlink_delete, request_ack, v4 = 1 << 8 | 2, 1 | 4, socket.AF_INET
    with ns.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as s:
        s.send(struct.pack("=IHHIIBBH", 20, ctnetlink_delete, request_ack, 1, 0, v4, 0, 0))
        error = struct.unpack_from("=i", s.recv(4096), 16)[0]
        if error:
            raise OSError(-error, "ctnetlink")
