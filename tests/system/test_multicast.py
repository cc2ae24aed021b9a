# SPDX-License-Identifier: Apache-2.0
"""Real kernels join groups, with filters of sources, behind Saklar and behind a Linux bridge: the same
guests hear the same.  Both ask by themselves, for IGMPv3 and MLDv2.

      guests sa sb sc sd (netdev) --- network mc (Saklar)
      guests ka kb kc kd (veth) ----- br-mc (the host's kernel)
"""

import socket
import struct

import pytest

from lib.wait import wait_until
from lib.wire import wire

NAMES = "abcd"  # a sends
JOIN, BLOCK, LEAVE, JOIN_SOURCE = 42, 43, 45, 46  # MCAST_*_GROUP, for both families
GROUPS = {4: "239.7.7.7", 6: "ff1e::7777"}
SOURCES = {4: ("10.77.0.1", "10.77.0.9"), 6: ("fd77::1", "fd77::9")}
LEVEL = {4: socket.IPPROTO_IP, 6: socket.IPPROTO_IPV6}


def storage(family, addr):
    if family == 4:
        text = struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(addr))
    else:
        text = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0,
                           socket.inet_pton(socket.AF_INET6, addr), 0)
    return text.ljust(128, b"\0")


class Member:
    """A socket of a guest that is in groups."""

    def __init__(self, guest, family):
        self.family = family
        self.sock = guest.socket(socket.AF_INET if family == 4 else socket.AF_INET6,
                                 socket.SOCK_DGRAM, 0)
        with guest.net():
            self.index = socket.if_nametoindex("eth0")

    def do(self, what, source=None):
        request = struct.pack("=IxxxxI", self.index, 0)[:8] + storage(self.family,
                                                                      GROUPS[self.family])
        if source:
            request += storage(self.family, source)
        self.sock.setsockopt(LEVEL[self.family], what, request)


def send(guest, family, source, dst, text):
    sock = guest.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM, 0)
    with sock, guest.net():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        sock.bind((source, 0))
        sock.sendto(text.encode(), (dst, 4077))


class Side:
    """Four guests behind one switch."""

    def __init__(self, guests):
        self.guests = guests
        self.members = {}

    def forget(self):
        """All leave."""
        for member in self.members.values():
            member.sock.close()
        self.members.clear()

    def member(self, name, family):
        key = name, family
        if key not in self.members:
            self.members[key] = Member(self.guests[name], family)
        return self.members[key]

    def hear(self, family, source):
        """Who sees a packet to the group; what a sends afterwards to all says that it is over."""
        seen = set()
        sender = self.guests["a"]
        with wire(self.guests["b"], "eth0") as b, wire(self.guests["c"], "eth0") as c, \
                wire(self.guests["d"], "eth0") as d:
            send(sender, family, source, GROUPS[family], "to the group")
            send(sender, 4, SOURCES[4][0], "255.255.255.255", "over")
            for name, rx in zip("bcd", (b, c, d)):
                frames = rx.read_until(lambda frame: frame.endswith(b"over"))
                assert frames[-1].endswith(b"over")
                if any(frame.endswith(b"to the group") for frame in frames):
                    seen.add(name)
        return seen

    def wait_hear(self, family, wanted):
        """Until the packets of both sources are heard by those who are to hear them."""
        def now():
            return [self.hear(family, source) for source in SOURCES[family]]
        wait_until(lambda: now() == wanted, 30, lambda: f"{wanted}, but it is {now()}")


def prepare(guest, name):
    number = NAMES.index(name) + 1
    guest.ip("addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
    guest.ip("addr", "add", f"fd77::{number}/64", "dev", "eth0", "nodad")
    if name == "a":
        guest.ip("addr", "add", "10.77.0.9/24", "dev", "eth0")
        guest.ip("addr", "add", "fd77::9/64", "dev", "eth0", "nodad")


@pytest.fixture(scope="module")
def sides(lab):
    lab.network("mc", "--multicast-querier", "--multicast-igmp", "3", "--multicast-mld", "2",
                "--multicast-intervals", "query=5,response=1,startup=2,last-member=0.5")
    saklar = {}
    for name in NAMES:
        saklar[name] = lab.guest("s" + name, "mc", "netdev")
        prepare(saklar[name], name)
    host, kernel = lab.host, {}
    host.ip("link", "add", "br-mc", "type", "bridge", "mcast_igmp_version", "3",
            "mcast_mld_version", "2", "mcast_query_response_interval", "100",
            "mcast_query_interval", "500", "mcast_startup_query_interval", "200",
            "mcast_last_member_interval", "50")
    for call in ("iptables", "ip6tables", "arptables"):
        host.run("sh", "-c", f"echo 0 > /proc/sys/net/bridge/bridge-nf-call-{call}")
    host.ip("link", "set", "br-mc", "up")
    for name in NAMES:
        kernel[name] = lab.host.guest("k" + name)
        lab.veth(kernel[name], "k" + name)
        host.ip("link", "set", "k" + name, "master", "br-mc")
        kernel[name].ip("link", "set", "eth0", "up")
        prepare(kernel[name], name)
    host.ip("link", "set", "br-mc", "type", "bridge", "mcast_querier", "1")
    return [Side(saklar), Side(kernel)]


@pytest.fixture(autouse=True)
def nobody_stays(sides):
    yield
    for side in sides:
        side.forget()


@pytest.mark.parametrize("family", [4, 6])
def test_guests_hear_what_their_kernels_asked_for(sides, family):
    one = SOURCES[family][0]
    steps = [
        ([("b", JOIN, None)], [{"b"}, {"b"}]),
        ([("c", JOIN_SOURCE, one)], [{"b", "c"}, {"b"}]),
        ([("d", JOIN, None), ("d", BLOCK, one)], [{"b", "c"}, {"b", "d"}]),
        ([("b", LEAVE, None)], [{"c"}, {"d"}]),
        ([("c", LEAVE, None), ("d", LEAVE, None)], [set(), set()]),
    ]
    for side in sides:
        for doings, wanted in steps:
            for name, what, source in doings:
                side.member(name, family).do(what, source)
            side.wait_hear(family, wanted)


def test_what_was_joined_is_listed_and_who_asks(lab, sides):
    sides[0].member("b", 4).do(JOIN)
    sides[0].member("c", 6).do(JOIN_SOURCE, SOURCES[6][0])

    def rows():
        return [(r["kind"], r["vif"], r["group"], r["source"], r["mode"])
                for r in lab.saklar.json("mdb", "list", "--network", "mc")]

    for row in (("group", "sb", GROUPS[4], None, "exclude"),
                ("source", "sc", GROUPS[6], SOURCES[6][0], "forwarding"),
                ("querier", None, None, "0.0.0.0", None)):
        wait_until(lambda row=row: row in rows(), 15, lambda row=row: f"{row} in {rows()}")


def test_static_groups_are_heard_and_go_again(lab, sides):
    side = sides[0]
    for family, group in GROUPS.items():
        lab.saklar("mdb", "add", "sd", f"{group},{SOURCES[family][1]}")
        wait_until(lambda f=family: "d" in side.hear(f, SOURCES[f][1]), 15, "d hears the source")
        assert "d" not in side.hear(family, SOURCES[family][0])
        lab.saklar("mdb", "del", "sd", f"{group},{SOURCES[family][1]}")
        wait_until(lambda f=family: "d" not in side.hear(f, SOURCES[f][1]), 15, "d hears no more")


def test_an_engine_that_dies_loses_no_group(lab, sides):
    side = sides[0]
    side.member("b", 4).do(JOIN)
    wait_until(lambda: side.hear(4, SOURCES[4][0]) == {"b"}, 20, "b alone hears")
    before = lab.saklar.json("status")["engine"]["pid"]
    lab.saklar.kill_engine()
    wait_until(lambda: lab.saklar.json("status")["engine"]["pid"] not in (before, None), 20,
               "another engine")
    for _ in range(20):
        assert "b" in side.hear(4, SOURCES[4][0])
