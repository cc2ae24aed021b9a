# SPDX-License-Identifier: Apache-2.0
"""Guests that take everything from their network (DHCP, router advertisements, DNS) get out; the
network's mode changes under them; datagrams are forwarded.

      lan namespace: 203.0.113.9, 2001:db8::9 (the internet)
        | eth0 192.168.50.2, fd50::2
        | lan0 192.168.50.1, fd50::1
      host namespace --- network auto, 10.46.0.0/24, fd46::/64, --dhcp --- guest g (netdev)
"""

import socket
import time

import pytest

from lib.traffic import can_ping, ping, wait_ping
from lib.wait import wait_until
from lib.world import INTERNET4, INTERNET6, connect


@pytest.fixture(scope="module", name="net")
def make_net(lab):
    host, lan = lab.host, lab.host.guest("lan")
    lab.veth(lan, "lan0")
    for ns, dev, n in ((host, "lan0", 1), (lan, "eth0", 2)):
        ns.ip("link", "set", dev, "up")
        ns.ip("addr", "add", f"192.168.50.{n}/24", "dev", dev)
        ns.ip("addr", "add", f"fd50::{n}/64", "dev", dev, "nodad")
    for addr in (f"{INTERNET4}/32", f"{INTERNET6}/128"):
        lan.ip("addr", "add", addr, "dev", "lo")
    for family, via in (("-4", "192.168.50.2"), ("-6", "fd50::2")):
        host.ip(family, "route", "add", "default", "via", via)
    lab.saklar("network", "add", "auto", "--mode", "nat", "--nat-ipv6", "--subnet", "10.46.0.0/24",
               "--subnet", "fd46::/64", "--dhcp")
    lab.lan = lan
    lab.g = lab.guest("g", "auto", "netdev")
    return lab


def test_what_dhcp_and_advertisements_say_leads_out(net):
    g = net.g
    client = g.start("dhcpcd", "-B", "-d", "--noarp", "eth0")  # runs on: the addresses are its own
    wait_until(lambda: g.addresses("eth0"), 30, lambda: f"v4 address: {client.output()}")
    wait_until(lambda: [a for a in g.addresses("eth0", "inet6") if a.startswith("fd46:")], 30,
               lambda: f"v6 address: {client.output()}")
    wait_until(lambda: "default via 10.46.0.1" in g.out("ip", "route"), 10)
    wait_until(lambda: "default via fe80" in g.out("ip", "-6", "route"), 20, "a router's RA")
    wait_ping(g, INTERNET4)
    wait_ping(g, INTERNET6)
    via = g.out("ip", "-6", "route", "show", "default").split()[2]
    assert net.host.mac("auto") in g.out("ip", "-6", "neigh", "show", via), "the leg's MAC"


def test_when_nothing_happens_nobody_works(net):
    """No reconcile that causes the event which asks for the next one."""
    status = net.saklar.json("status")
    pids = [status["engine"]["pid"], status["daemon"]["pid"]]

    def cpu_ticks():
        stat = [net.host.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split() for pid in pids]
        return sum(int(f[11]) + int(f[12]) for f in stat)

    def ticks_of_two_seconds():
        before, begin = cpu_ticks(), time.monotonic()
        wait_until(lambda: time.monotonic() - begin >= 2, 5)
        return cpu_ticks() - before

    wait_until(lambda: ticks_of_two_seconds() <= 6, 20, "3 % of a core or less")


@pytest.mark.parametrize("family", (socket.AF_INET, socket.AF_INET6), ids=("v4", "v6"))
def test_datagrams_are_forwarded_and_answered_from_where_they_came_to(net, family):
    is_v6 = family == socket.AF_INET6
    own = [a for a in net.g.addresses("eth0", "inet6" if is_v6 else "inet")
           if a.startswith("fd46:" if is_v6 else "10.46")][0].split("/")[0]
    target = f"[{own}]:7000" if is_v6 else f"{own}:7000"
    outside = "fd50::1" if is_v6 else "192.168.50.1"
    net.saklar("forward", "add", "auto", "udp", 9053, target)
    try:
        with net.g.socket(family, socket.SOCK_DGRAM) as server, \
                net.lan.socket(family, socket.SOCK_DGRAM) as client:
            server.bind((own, 7000))
            server.settimeout(10)
            client.settimeout(10)
            client.sendto(b"ask", (outside, 9053))
            word, peer = server.recvfrom(64)
            assert word == b"ask"
            server.sendto(b"answer", peer)
            word, peer = client.recvfrom(64)
            assert (word, peer[0], peer[1]) == (b"answer", outside, 9053)
    finally:
        net.saklar("forward", "del", "auto", "udp", 9053)


def test_mode_open_lets_the_lan_in_and_translates_nothing(net):
    own = net.g.addresses("eth0")[0].split("/")[0]
    net.lan.ip("route", "add", "10.46.0.0/24", "via", "192.168.50.1")
    net.lan.ip("-6", "route", "add", "fd46::/64", "via", "fd50::1")
    assert not can_ping(net.lan, own)
    net.saklar("network", "set", "auto", "--mode", "open")
    wait_ping(net.lan, own)
    wait_ping(net.g, INTERNET4)
    seen, _ = connect(net.g, net.lan, INTERNET4, 8000)
    assert seen[0] == own
    connect(net.lan, net.g, own, 8001)
    net.saklar("network", "set", "auto", "--mode", "nat")
    wait_until(lambda: not can_ping(net.lan, own), 10, "nat keeps the LAN out again")
    wait_ping(net.g, INTERNET4)
    seen, _ = connect(net.g, net.lan, INTERNET4, 8000)
    assert seen[0] == "192.168.50.1"


def test_a_network_becomes_isolated_and_routed_under_its_guests(net):
    net.saklar("network", "set", "auto", "--mode", "isolated")
    wait_until(lambda: not can_ping(net.g, INTERNET4), 10, "isolated leads nowhere")
    ping(net.g, "10.46.0.1")
    net.saklar("network", "set", "auto", "--mode", "routed")
    wait_ping(net.g, INTERNET4)
    wait_ping(net.g, INTERNET6)


def test_ipv6_comes_to_a_network_later_and_goes_again(net):
    """It was switched off on both devices until now."""
    net.saklar("network", "add", "late", "--mode", "nat", "--subnet", "10.47.0.0/24")
    net.saklar("network", "set", "late", "--subnet", "10.47.0.0/24", "--subnet", "fd47::/64")
    network = net.saklar.network("late")
    assert (network["state"], network["reason"]) == ("up", None)
    assert "fd47::1/64" in net.host.addresses("late", "inet6")
    net.saklar("network", "set", "late", "--subnet", "10.47.0.0/24")
    assert not net.host.addresses("late", "inet6")
    net.saklar("network", "set", "late", "--subnet", "10.47.0.0/24", "--subnet", "fd48::/64")
    assert "fd48::1/64" in net.host.addresses("late", "inet6")
    assert net.saklar.network("late")["state"] == "up"
    net.saklar("network", "del", "late")
