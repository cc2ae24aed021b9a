# SPDX-License-Identifier: Apache-2.0
"""Networks of mode open are routed like those of mode routed, and nothing at all is filtered.

The topology is drawn in lib/world.py; all networks are of mode open, and the LAN has routes.
"""

import pytest

from lib.reach import own_addresses_are_seen, ping_both_ways, tcp_and_udp_both_ways
from lib.traffic import can_ping, ping, wait_ping
from lib.wire import has, wire
from lib.world import INTERNET4, INTERNET6, NEXT4, OUTSIDE, UPLINKS, World

EACH = pytest.mark.parametrize("k", UPLINKS, ids=["host", "netdev", "vif"])


@pytest.fixture(scope="module")
def world(lab):
    made = World(lab, "open")
    made.lan_routes_to_guests()
    for guests in made.guests.values():
        for guest in guests:
            wait_ping(guest, INTERNET4)
            wait_ping(guest, INTERNET6)
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
def test_a_foreign_source_passes(world, k):
    """There is no rule that says whose address a guest may use; whether answers return is routing."""
    guest = world.guests[k][0]
    guest.ip("addr", "add", "10.99.99.9/32", "dev", "eth0")
    try:
        with wire(world.lan, OUTSIDE[k]) as outside:
            guest.run("ping", "-n", "-c", "1", "-W", "1", "-I", "10.99.99.9", "-p", "5a6b7c8d",
                      INTERNET4, check=False)
            outside.read_until(has(bytes.fromhex("5a6b7c8d5a6b7c8d")))
    finally:
        guest.ip("addr", "del", "10.99.99.9/32", "dev", "eth0")
    assert (f"g{k}", "policy_reject") not in {(d["vif"], d["reason"])
                                              for d in world.saklar.json("drops")}


@EACH
def test_a_route_by_a_guest_leads_in_from_the_host_and_from_outside(world, k):
    """h has an address behind itself; the host, its sibling and the LAN are led there."""
    behind = f"10.42.{k}.1"
    world.guests[k][1].ip("addr", "add", f"{behind}/32", "dev", "lo")
    world.lan.ip("route", "add", f"10.42.{k}.0/24", "via", NEXT4[k])
    world.saklar("route", "add", f"n{k}", f"10.42.{k}.0/24", f"10.41.{k}.12")
    wait_ping(world.host, behind)
    wait_ping(world.guests[k][0], behind)
    wait_ping(world.lan, behind)
    world.saklar("route", "del", f"n{k}", f"10.42.{k}.0/24")
    assert behind[:-1] not in world.host.out("ip", "route")
    assert not can_ping(world.guests[k][0], behind)


def test_no_rule_of_the_host_names_the_transit(world):
    forward = world.host.out("nft", "list", "ruleset").split("chain forward")[1].split("}")[0]
    assert f"iif {world.host.link('up-n1')['ifindex']}" not in forward
    assert '"up-n1"' not in forward
    assert "masquerade" not in world.host.out("nft", "list", "ruleset")


def test_an_isolated_network_stays_isolated(world):
    world.lab.network("iso", "--subnet", "10.49.9.0/24", mode="isolated")
    lonely = world.lab.guest("lonely", "iso", "netdev", addr=["10.49.9.11/24"])
    lonely.ip("route", "add", "default", "via", "10.49.9.1")
    wait_ping(lonely, "10.49.9.1")
    for k in UPLINKS:
        assert not can_ping(world.guests[k][0], "10.49.9.11")
        assert not can_ping(lonely, f"10.41.{k}.11")
    assert not can_ping(lonely, INTERNET4)


def test_it_goes_on_after_the_engine_was_killed(world):
    old = world.saklar.kill_engine()
    world.saklar.wait_engine(other_than=old)
    for k in UPLINKS:
        for guest in world.guests[k]:
            wait_ping(guest, INTERNET4)
            wait_ping(guest, INTERNET6)
        wait_ping(world.lan, f"10.41.{k}.11")
