# SPDX-License-Identifier: Apache-2.0
"""Nothing leads from one network to another, or between a network and the LAN, through the host.

                       lan namespace 192.168.50.2
                            | veth, host side 192.168.50.1, ip_forward=1
      host namespace -------+---------------------------+
            | leg red 10.16.1.1, fd16:1::1              | leg blue 10.16.2.1, fd16:2::1
      network red (isolated)                      network blue (bridge)
         r1         r2                               b1
"""

import socket

import pytest
from scapy.all import ICMP, IP, Ether, Raw  # pylint: disable=no-name-in-module

from lib.traffic import iperf3, ping, wait_ping
from lib.wait import wait_until
from lib.wire import has, wire



@pytest.fixture(scope="module")
def net(lab):
    host = lab.host
    host.sysctl("net.ipv4.ip_forward", 1)
    host.sysctl("net.ipv6.conf.all.forwarding", 1)
    lab.network("red", "--subnet", "10.16.1.0/24", "--subnet", "fd16:1::/64", mode="isolated")
    lab.network("blue", "--subnet", "10.16.2.0/24", "--subnet", "fd16:2::/64")
    outside = host.guest("lan")
    lab.veth(outside, "lan0")
    host.ip("addr", "add", "192.168.50.1/24", "dev", "lan0")
    host.ip("addr", "add", "fd50::1/64", "dev", "lan0")
    outside.ip("link", "set", "eth0", "up")
    lab.address(outside, "eth0", ["192.168.50.2/24", "fd50::2/64"])
    guests = {
        "r1": lab.guest("r1", "red", "netdev", addr=["10.16.1.11/24", "fd16:1::11/64"]),
        "r2": lab.guest("r2", "red", "host", addr=["10.16.1.12/24", "fd16:1::12/64"]),
        "b1": lab.guest("b1", "blue", "netdev", addr=["10.16.2.11/24", "fd16:2::11/64"]),
        "lan": outside,
    }
    for name, v4, v6 in (("r1", "10.16.1.1", "fd16:1::1"), ("r2", "10.16.1.1", "fd16:1::1"),
                         ("b1", "10.16.2.1", "fd16:2::1"), ("lan", "192.168.50.1", "fd50::1")):
        guests[name].ip("route", "add", "default", "via", v4)
        guests[name].ip("-6", "route", "add", "default", "via", v6)
    wait_ping(outside, "192.168.50.1")
    wait_ping(outside, "fd50::1")
    return guests


def test_guests_of_one_network_reach_each_other_and_the_gateway(net):
    for addr in ("10.16.1.12", "fd16:1::12", "10.16.1.1", "fd16:1::1"):
        wait_ping(net["r1"], addr)
        ping(net["r1"], addr)


def test_guest_reaches_services_of_the_host_on_the_gateway(lab, net):
    iperf3(net["r1"], lab.host, "10.16.1.1", size="4M")
    iperf3(net["r2"], lab.host, "fd16:1::1", "-6", size="4M")


PATHS = [("lan", "10.16.1.11"), ("lan", "fd16:1::11"), ("lan", "10.16.2.11"), ("lan", "fd16:2::11"),
         ("b1", "10.16.1.11"), ("b1", "fd16:1::11"), ("r1", "10.16.2.11"), ("r1", "fd16:2::11"),
         ("r1", "192.168.50.2"), ("r1", "fd50::2"), ("b1", "192.168.50.2"), ("b1", "fd50::2")]


@pytest.mark.parametrize("src,dst", PATHS)
def test_nothing_is_forwarded(net, src, dst):
    done = net[src].run("ping", "-n", "-c", "2", "-i", "0.05", "-W", "1", dst, check=False)
    assert " 0 received" in done.stdout, done.stdout


@pytest.mark.parametrize("src,dst", (("lan", "10.16.1.11"), ("b1", "10.16.1.11")))
def test_nothing_is_forwarded_after_the_ruleset_was_flushed(lab, net, src, dst):
    lab.host.run("nft", "flush", "ruleset")
    wait_until(lambda: "inet saklar" in lab.host.out("nft", "list", "tables"), 5)
    test_nothing_is_forwarded(net, src, dst)


def test_no_frame_of_the_lan_arrives_at_the_guest(lab, net):
    """Not even a request without an answer: seen at the guest itself."""
    mac = lab.host.mac("lan0")
    with wire(net["lan"], "eth0") as tx, wire(net["r1"], "eth0") as rx:
        tx.write(bytes(Ether(src=net["lan"].mac("eth0"), dst=mac)
                       / IP(src="192.168.50.2", dst="10.16.1.11") / ICMP() / Raw(b"from-the-lan")))
        ping(lab.host, "10.16.1.11", count=1)  # behind it, by the same leg
        net["r2"].run("ping", "-c1", "-W2", "-p", "5e471e15e471e1", "10.16.1.11")
        seen = rx.read_until(has(bytes.fromhex("5e471e15e471e1")))
    assert not [f for f in seen if b"from-the-lan" in f]


def test_broadcasts_stay_in_their_network(lab, net):
    with wire(net["r1"], "eth0") as tx, wire(net["r2"], "eth0") as same, \
            wire(net["b1"], "eth0") as other:
        tx.write(bytes(Ether(src=net["r1"].mac("eth0"), dst="ff:ff:ff:ff:ff:ff", type=0x88b5)
                       / Raw(b"only-for-red")))
        same.read_until(has("only-for-red"))
        lab.host.run("ping", "-c1", "-W2", "-p", "5e471e25e471e2", "10.16.2.11")
        seen = other.read_until(has(bytes.fromhex("5e471e25e471e2")))
    assert not [f for f in seen if b"only-for-red" in f]


def test_forwarding_of_the_host_itself_still_works(lab, net):
    """Only what comes from or goes to a host leg is rejected."""
    other = lab.host.guest("lan2")
    lab.veth(other, "lan20")
    lab.host.ip("addr", "add", "192.168.60.1/24", "dev", "lan20")
    other.ip("link", "set", "eth0", "up")
    lab.address(other, "eth0", "192.168.60.2/24")
    other.ip("route", "add", "default", "via", "192.168.60.1")
    wait_ping(other, "192.168.50.2")


def test_host_reaches_its_guests(lab, net):
    s = net["r1"].socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.16.1.11", 4444))
    s.settimeout(5)
    c = lab.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    c.sendto(b"hello", ("10.16.1.11", 4444))
    assert s.recv(100) == b"hello"
    s.close()
    c.close()
