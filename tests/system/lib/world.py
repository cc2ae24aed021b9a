# SPDX-License-Identifier: Apache-2.0
"""A LAN and an "internet" beside the host, and networks that lead out to them in three ways.

        lan namespace: 203.0.113.9, 2001:db8::9 (the internet)
          | eth0 192.168.50.2, fd50::2           | eth1 192.168.60.2, fd60::2
          |                                      |
          | lan0 192.168.50.1, fd50::1           | wan0, no address: vif wan
        host namespace --------------------------+
          | uplink host            | uplink lan0 (.77)        | uplink vif:wan (.77)
        network n1               network n2                 network n3
        10.41.1.0/24             10.41.2.0/24               10.41.3.0/24
        fd41:1::/64              fd41:2::/64                fd41:3::/64
          g1  h1                   g2  h2                     g3  h3
"""

import ipaddress
import socket

from .traffic import wait_ping

INTERNET4 = "203.0.113.9"
INTERNET6 = "2001:db8::9"
UPLINKS = {1: "host", 2: "lan0", 3: "vif:wan"}
OUTSIDE = {1: "eth0", 2: "eth0", 3: "eth1"}  # the LAN's device beside an uplink
RECVERR4, RECVERR6 = (socket.IPPROTO_IP, 11), (socket.IPPROTO_IPV6, 25)  # tell UDP all errors
# By which address of the LAN a network is reached, IPv4 and IPv6.
SEEN4 = {1: "192.168.50.1", 2: "192.168.50.77", 3: "192.168.60.77"}
SEEN6 = {1: "fd50::1", 2: "fd50::77", 3: "fd60::77"}
# The LAN's own address beside an uplink: what an unbound UDP server answers from.
NEAR4 = {1: "192.168.50.2", 2: "192.168.50.2", 3: "192.168.60.2"}
NEAR6 = {1: "fd50::2", 2: "fd50::2", 3: "fd60::2"}
NEXT4 = {1: "192.168.50.1", 2: "192.168.50.77", 3: "192.168.60.77"}
NEXT6 = {1: "fd50::1", 2: "fd50::77", 3: "fd60::77"}


def unlimited_errors(ns):
    """Kernels tell one address of one error a second; here all guests may share one."""
    for key in ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"):
        ns.sysctl(key, 0)


class World:
    """See above; @mode and @args are for all three networks; @before is called with the host."""

    def __init__(self, lab, mode, *args, before=None, has_guests=True):
        self.lab = lab
        self.saklar = lab.saklar
        self.host = lab.host
        self.lan = lab.host.guest("lan")
        self._make_lan()
        if before:
            before(self.host)
        self.guests = {}
        for k, uplink in UPLINKS.items():
            more = []
            if k > 1:
                lan = 50 if k == 2 else 60
                more = ["--uplink-address", f"192.168.{lan}.77/24", "--uplink-address",
                        f"fd{lan}::77/64", "--uplink-gateway", f"192.168.{lan}.2",
                        "--uplink-gateway", f"fd{lan}::2"]
            self.saklar("network", "add", f"n{k}", "--mode", mode, "--subnet", f"10.41.{k}.0/24",
                        "--subnet", f"fd41:{k}::/64", "--uplink", uplink, *more, *args)
            if has_guests:
                self.guests[k] = (self._guest(k, "g", 11, "host"),
                                  self._guest(k, "h", 12, "netdev"))
        for k, guests in self.guests.items():
            for guest in guests:
                wait_ping(guest, f"10.41.{k}.1")
                wait_ping(guest, f"fd41:{k}::1")

    def _make_lan(self):
        host, lan = self.host, self.lan
        unlimited_errors(host)
        unlimited_errors(lan)
        self.lab.veth(lan, "lan0")
        self.lab.veth(lan, "wan0", "eth1")
        host.ip("addr", "add", "192.168.50.1/24", "dev", "lan0")
        host.ip("addr", "add", "fd50::1/64", "dev", "lan0", "nodad")
        for dev, net in (("eth0", 50), ("eth1", 60)):
            lan.ip("link", "set", dev, "up")
            lan.ip("addr", "add", f"192.168.{net}.2/24", "dev", dev)
            lan.ip("addr", "add", f"fd{net}::2/64", "dev", dev, "nodad")
        lan.ip("addr", "add", f"{INTERNET4}/32", "dev", "lo")
        lan.ip("addr", "add", f"{INTERNET6}/128", "dev", "lo")
        host.ip("route", "add", "default", "via", "192.168.50.2")
        host.ip("-6", "route", "add", "default", "via", "fd50::2")
        self.saklar("vif", "add", "wan", "--type", "netdev", "--dev", "wan0")

    def _guest(self, k, name, last, kind):
        guest = self.lab.guest(f"{name}{k}", f"n{k}", kind, addr=[f"10.41.{k}.{last}/24"])
        guest.ip("addr", "add", f"fd41:{k}::{last}/64", "dev", "eth0", "nodad")
        guest.ip("route", "add", "default", "via", f"10.41.{k}.1")
        guest.ip("-6", "route", "add", "default", "via", f"fd41:{k}::1")
        return guest

    def lan_routes_to_guests(self, verb="add"):
        for k in UPLINKS:
            self.lan.ip("route", verb, f"10.41.{k}.0/24", "via", NEXT4[k])
            self.lan.ip("-6", "route", verb, f"fd41:{k}::/64", "via", NEXT6[k])


def guest_leaks(frames):
    """Those of @frames, captured outside, in which an address of a guests' network is to be seen.

    ICMP errors are searched to their end, because they quote; others as far as their headers go.
    """
    nets = [ipaddress.ip_address(a).packed[:n] for k in UPLINKS
            for a, n in ((f"10.41.{k}.0", 3), (f"fd41:{k}::", 8))]
    found = []
    for frame in frames:
        is_v4 = frame[12:14] == b"\x08\x00"
        is_icmp = frame[23] == 1 if is_v4 else frame[12:14] == b"\x86\xdd" and frame[20] == 58
        head = frame[12:] if is_icmp else frame[12:54]
        if any(net in head for net in nets):
            found.append(frame)
    return found


def connect(client, server, addr, port, server_port=None, timeout=5):
    """One TCP connection with a word each way; returns whom the server saw and whom the client."""
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    with server.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", server_port or port))
        listener.listen()
        listener.settimeout(timeout)
        with client.socket(family, socket.SOCK_STREAM) as out:
            out.settimeout(timeout)
            out.connect((addr, port))
            conn, seen = listener.accept()
            with conn:
                conn.settimeout(timeout)
                out.sendall(b"ask")
                assert conn.recv(16) == b"ask"
                conn.sendall(b"answer")
                assert out.recv(16) == b"answer"
                return seen, out.getpeername()


def sock(ns, kind, v6, timeout=10):
    made = ns.socket(socket.AF_INET6 if v6 else socket.AF_INET, kind)
    made.settimeout(timeout)
    return made


def told(ns, addr, port):
    """The errno by which a UDP socket learns what became of its datagram; None: an answer came."""
    with sock(ns, socket.SOCK_DGRAM, ":" in addr) as s:
        s.setsockopt(*(RECVERR6 if ":" in addr else RECVERR4), 1)
        s.connect((addr, port))
        s.send(b"ask")
        try:
            s.recv(16)
        except OSError as exc:
            return exc.errno
    return None


def echo_udp(client, server, addr, n=200, port=7500):
    """Datagrams of every size there and back, one after the other, so that no socket overflows."""
    with sock(server, socket.SOCK_DGRAM, ":" in addr) as far, \
            sock(client, socket.SOCK_DGRAM, ":" in addr) as near:
        far.bind((addr, port))
        near.connect((addr, port))
        for i in range(n):
            text = bytes([i]) * (i * 1400 // n)
            near.send(text)
            got, peer = far.recvfrom(2000)
            far.sendto(got, peer)
            assert near.recv(2000) == text
