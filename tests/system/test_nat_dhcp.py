# SPDX-License-Identifier: Apache-2.0
"""Guests of networks that lead out need nothing but DHCP, advertisements and DNS to use them.

The topology is drawn in lib/world.py, with empty networks: n1, n2 and n3 of mode nat (with
--nat-ipv6) or routed, each with --dhcp and a domain.  The LAN has a resolver, of which the host's
resolv.conf knows.
"""

import contextlib
import pathlib
import signal

import pytest

from lib.traffic import wait_ping
from lib.wait import wait_until
from lib.world import INTERNET4, INTERNET6, NEAR4, SEEN4, SEEN6, UPLINKS, World, connect

EACH = pytest.mark.parametrize("k", UPLINKS, ids=["host", "netdev", "vif"])
RESOLVER = "192.168.50.2"


def with_resolver(host):
    """A resolver in the LAN that knows one name, and the host's resolv.conf."""
    lan = host.guests["lan"]
    resolver = lan.start("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv",
                         "--no-hosts", "--user=root", "--pid-file=", "--listen-address", RESOLVER,
                         "--bind-interfaces", f"--address=/server.example/{INTERNET4}",
                         f"--address=/server.example/{INTERNET6}")
    wait_until(lambda: lan.listens(53, udp=True), 10, resolver.output)
    host.run("sh", "-c", f"echo nameserver {RESOLVER} > /etc/resolv.conf")


@pytest.fixture(scope="module", params=["nat", "routed"])
def world(request, make_lab):
    mode = request.param
    lab = make_lab(start=False, name=f"dhcp-{mode}")
    lab.saklar.run_dir = pathlib.Path("/run/saklar")  # dnsmasq's user reads the resolvers there
    lab.saklar.start()
    made = World(lab, mode, "--dhcp", "--domain", "lab.test",
                 *(["--nat-ipv6"] if mode == "nat" else []), before=with_resolver,
                 has_guests=False)
    made.mode = mode
    if mode == "routed":
        made.lan_routes_to_guests()
    return made


def guest_of(world, k, name, kind):
    """A guest without any address; it takes advertisements, as guests do."""
    return world.lab.guest(f"{name}{k}", f"n{k}", kind)


@contextlib.contextmanager
def dhcpcd(guest):
    program = guest.start("dhcpcd", "-B", "-d", "--noarp", "eth0")
    try:
        yield program
    finally:
        program.stop(signal.SIGTERM)


def expected_source(world, k, guest, v6):
    if world.mode == "nat":
        return SEEN6[k] if v6 else SEEN4[k]
    return None if v6 else guest.addresses("eth0")[0].split("/")[0]


def lookup(guest, name, k):
    return guest.out("busybox", "nslookup", name, f"10.41.{k}.1")


@EACH
def test_udhcpc_is_enough_to_reach_the_internet(world, k):
    guest = guest_of(world, k, "u", "netdev")
    guest.run("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "20", "-T", "1", "-F", f"myself{k}",
              timeout=30)
    assert f"default via 10.41.{k}.1" in guest.out("ip", "route")
    assert f"nameserver 10.41.{k}.1" in guest.read("/etc/resolv.conf")
    wait_ping(guest, INTERNET4)
    assert connect(guest, world.lan, INTERNET4, 8000)[0][0] == expected_source(world, k, guest,
                                                                               False)
    assert INTERNET4 in lookup(guest, "server.example", k)
    assert INTERNET4 in guest.out("getent", "ahostsv4", "server.example")
    addr = guest.addresses("eth0")[0].split("/")[0]
    assert addr in lookup(guest, f"myself{k}.lab.test", k)


def test_a_forward_by_vif_follows_the_guest(world):
    """To the address that it is given first, and to the other one that it is promised then."""
    if world.mode != "nat":
        return
    guest = guest_of(world, 2, "f", "host")
    world.saklar("forward", "add", "n2", "tcp", 8600, "vif:f2:80")

    def leads_to(addr):
        wait_until(lambda: [f["address"] for f in world.saklar.json("forward", "list")] == [addr],
                   10, f"the forward leads to {addr}")
        assert connect(world.lan, guest, SEEN4[2], 8600, server_port=80)[0][0] == NEAR4[2]

    def ask():
        guest.ip("addr", "flush", "dev", "eth0", "scope", "global")
        guest.run("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "20", "-T", "1", timeout=30)
        return guest.addresses("eth0")[0].split("/")[0]
    leads_to(ask())
    mac = world.saklar.json("vif", "show", "f2")["mac"]
    world.saklar("network", "set", "n2", "--dhcp-host", f"{mac},10.41.2.99")
    assert ask() == "10.41.2.99"
    leads_to("10.41.2.99")
    world.saklar("network", "set", "n2", "--no-dhcp-host")
    world.saklar("forward", "del", "n2", "tcp", 8600)


@EACH
def test_dhcpcd_and_advertisements_give_both_families(world, k):
    guest = guest_of(world, k, "d", "host")
    with dhcpcd(guest) as program:
        wait_until(lambda: guest.addresses("eth0"), 30, program.output)
        wait_until(lambda: [a for a in guest.addresses("eth0", "inet6")
                            if a.startswith(f"fd41:{k}:")], 30, program.output)
        wait_until(lambda: "default via fe80::" in guest.out("ip", "-6", "route"), 30,
                   "a default route by advertisement")
        wait_ping(guest, INTERNET4)
        wait_ping(guest, INTERNET6)
        assert connect(guest, world.lan, INTERNET4, 8000)[0][0] == \
            expected_source(world, k, guest, False)
        seen = connect(guest, world.lan, INTERNET6, 8000)[0][0]
        assert seen == SEEN6[k] if world.mode == "nat" else seen.startswith(f"fd41:{k}:")
        # dhcpcd writes resolv.conf anew with each family that it gets
        wait_until(lambda: INTERNET6 in guest.run("getent", "ahostsv6", "server.example",
                                                  check=False).stdout, 10, "a name is found")
        assert "fd41" in guest.out("busybox", "nslookup", "server.example", f"fd41:{k}::1")


@EACH
def test_a_kernel_alone_gets_the_router_by_advertisements(world, k):
    """Addresses are given by DHCPv6 here; one that was set by hand needs no route set by hand."""
    guest = guest_of(world, k, "r", "netdev")
    wait_until(lambda: "default via fe80::" in guest.out("ip", "-6", "route"), 30, "a default route")
    assert not [a for a in guest.addresses("eth0", "inet6") if a.startswith("fd41")]
    guest.ip("addr", "add", f"fd41:{k}::77/64", "dev", "eth0", "nodad")
    wait_ping(guest, INTERNET6)


def test_names_outside_resolve_after_the_daemon_was_killed(world):
    guest = world.host.guests["u1"]
    world.saklar.kill_daemon()
    world.saklar.start()
    assert INTERNET4 in lookup(guest, "server.example", 1)
