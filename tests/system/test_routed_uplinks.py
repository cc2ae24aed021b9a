# SPDX-License-Identifier: Apache-2.0
"""Guests of routed networks keep their addresses by each kind of uplink, and are reached by them.

The topology is drawn in lib/world.py; all networks are of mode routed, and the LAN has routes.
"""

import pytest

from lib.reach import own_addresses_are_seen, ping_both_ways, tcp_and_udp_both_ways
from lib.traffic import can_ping, ping, wait_ping
from lib.wait import wait_until
from lib.world import INTERNET4, INTERNET6, UPLINKS, World, connect

EACH = pytest.mark.parametrize("k", UPLINKS, ids=["host", "netdev", "vif"])


def by_advertisement(host):
    """A route as an advertisement on lan0 leaves it."""
    host.sysctl("net.ipv6.conf.lan0.accept_ra", 1)
    host.ip("-6", "route", "add", "2001:db8:f::/48", "via", "fd50::2", "dev", "lan0", "proto", "ra")


@pytest.fixture(scope="module")
def world(lab):
    for key in ("all", "default"):
        lab.host.sysctl(f"net.ipv4.conf.{key}.rp_filter", 1)  # strict: the way back must be the way in
    made = World(lab, "routed", before=by_advertisement)
    made.lan_routes_to_guests()
    for guests in made.guests.values():
        wait_ping(guests[0], INTERNET4)
        wait_ping(guests[0], INTERNET6)
    return made


@EACH
def test_ping_passes_both_ways(world, k):
    ping_both_ways(world, k)


@EACH
def test_tcp_and_udp_pass_both_ways(world, k):
    tcp_and_udp_both_ways(world, k)


@EACH
def test_both_sides_see_each_others_own_addresses(world, k):
    own_addresses_are_seen(world, k)


@EACH
def test_a_foreign_source_is_rejected(world, k):
    guest = world.guests[k][0]
    guest.ip("addr", "add", "10.99.99.9/32", "dev", "eth0")
    try:
        assert not guest.ok("ping", "-n", "-c", "1", "-W", "1", "-I", "10.99.99.9", INTERNET4)
    finally:
        guest.ip("addr", "del", "10.99.99.9/32", "dev", "eth0")
    drops = {(d["vif"], d["reason"]) for d in world.saklar.json("drops")}
    assert (f"g{k}", "policy_reject") in drops, drops


@EACH
def test_traceroute_shows_the_gateway_first(world, k):
    done = world.guests[k][0].run("ping", "-n", "-c", "1", "-t", "1", "-W", "2", INTERNET4,
                                  check=False)
    assert f"From 10.41.{k}.1" in done.stdout and "Time to live exceeded" in done.stdout, done.stdout
    done = world.guests[k][0].run("ping", "-n", "-c", "1", "-t", "1", "-W", "2", INTERNET6,
                                  check=False)
    assert f"From fd41:{k}::1" in done.stdout, done.stdout


def test_the_host_and_its_guests_reach_each_other(world):
    ping(world.host, "10.41.1.11")
    ping(world.host, "fd41:1::11")
    ping(world.guests[1][0], "192.168.50.1")
    connect(world.guests[1][1], world.host, "192.168.50.1", 7777)


def test_an_isolated_network_stays_isolated(world):
    world.lab.network("iso", "--subnet", "10.41.9.0/24", mode="isolated")
    lonely = world.lab.guest("lonely", "iso", "netdev", addr=["10.41.9.11/24"])
    lonely.ip("route", "add", "default", "via", "10.41.9.1")
    wait_ping(lonely, "10.41.9.1")
    for k in UPLINKS:
        assert not can_ping(world.guests[k][0], "10.41.9.11")
        assert not can_ping(lonely, f"10.41.{k}.11")
    assert not can_ping(lonely, INTERNET4)


def test_a_device_with_advertised_routes_keeps_them(world):
    assert world.host.sysctl("net.ipv6.conf.all.forwarding") == "1"
    assert world.host.sysctl("net.ipv6.conf.lan0.accept_ra") == "2"


def test_the_uplink_changes_under_running_guests(world):
    guest = world.guests[1][0]
    world.saklar("network", "set", "n1", "--uplink", "lan0", "--uplink-address", "192.168.50.78/24",
                 "--uplink-address", "fd50::78/64", "--uplink-gateway", "192.168.50.2",
                 "--uplink-gateway", "fd50::2")
    assert not world.host.has_link("up-n1")
    assert "10.41.1.0/24" not in world.host.out("ip", "rule")
    world.lan.ip("route", "replace", "10.41.1.0/24", "via", "192.168.50.78")
    wait_ping(guest, INTERNET4)
    world.saklar("network", "set", "n1", "--uplink", "host")
    world.lan.ip("route", "replace", "10.41.1.0/24", "via", "192.168.50.1")
    wait_ping(guest, INTERNET4)
    wait_ping(world.lan, "10.41.1.11")


def test_an_uplink_too_narrow_for_ipv6_is_named_with_the_cure(world):
    def problems():
        return [p for p in world.saklar.json("status")["problems"] if p["object"] == "network n3"]
    assert problems() == []
    world.host.ip("link", "set", "wan0", "mtu", "1200")
    wait_until(problems, 5, "the problem is named")
    assert "no IPv6 leads out" in problems()[0]["text"] and "1200" in problems()[0]["text"]
    ping(world.guests[3][0], INTERNET4)
    world.host.run(*problems()[0]["cure"].split())
    wait_until(lambda: not problems(), 5, "the cure cures")
    wait_ping(world.guests[3][0], INTERNET6)


def test_the_rules_of_the_host_go_with_the_networks(world):
    assert "10.41.1.0/24" in world.host.out("ip", "rule")
    for name in ("g1", "h1"):
        world.saklar("vif", "del", name)
    world.saklar("network", "del", "n1")
    assert "10.41.1.0/24" not in world.host.out("ip", "rule")
    assert "fd41:1::" not in world.host.out("ip", "-6", "rule")
    assert world.host.sysctl("net.ipv4.ip_forward") == "0"
    assert world.host.sysctl("net.ipv6.conf.lan0.accept_ra") == "1"
