# SPDX-License-Identifier: Apache-2.0
"""Both sides of a NAT can be watched: a network shows guests, its uplink what is seen outside.

The topology is drawn in lib/world.py; all networks are of mode nat with --nat-ipv6.
"""

import ipaddress

import pytest

from lib.capture import Capture
from lib.traffic import iperf3, wait_ping
from lib.wait import wait_until
from lib.world import INTERNET4, INTERNET6, SEEN4, SEEN6, UPLINKS, World, echo_udp

EACH = pytest.mark.parametrize("k", UPLINKS, ids=["host", "netdev", "vif"])
FAMILY = pytest.mark.parametrize("v6", [False, True], ids=["v4", "v6"])
PORT = 7500  # of echo_udp()


@pytest.fixture(scope="module")
def world(lab):
    made = World(lab, "nat", "--nat-ipv6")
    for guests in made.guests.values():
        for guest in guests:
            wait_ping(guest, INTERNET4)
            wait_ping(guest, INTERNET6)
    return made


def ends(frame):
    """(source, destination, port of the source, port of the destination) of a UDP or TCP frame."""
    is_v4 = frame[12:14] == b"\x08\x00"
    at, size, l4 = (26, 4, 34) if is_v4 else (22, 16, 54)
    addrs = [str(ipaddress.ip_address(frame[i:i + size])) for i in (at, at + size)]
    return (*addrs, *(int.from_bytes(frame[l4 + i:l4 + i + 2], "big") for i in (0, 2)))


def uplink(world, k):
    """(what the uplink is captured as, the addresses of the router on it)."""
    if k > 1:
        return "wan" if k == 3 else f"up-n{k}", {SEEN4[k], SEEN6[k]}
    ours = world.host.addresses("up-n1", scope="link") + world.host.addresses("up-n1") \
        + world.host.addresses("up-n1", "inet6")
    return "up-n1", {str(ipaddress.ip_interface(a).ip + 1) for a in ours}


@EACH
@FAMILY
def test_network_and_uplink_show_one_side_each(world, k, v6):
    guest = world.guests[k][1]
    name, own = uplink(world, k)
    server = INTERNET6 if v6 else INTERNET4
    client = f"fd41:{k}::12" if v6 else f"10.41.{k}.12"
    captures = {of: Capture(world.lab, of, f"udp port {PORT}") for of in (f"n{k}", f"h{k}", name)}
    echo_udp(guest, world.lan, server, n=50)
    seen = {}
    for of, capture in captures.items():
        wait_until(lambda c=capture: len(c.packets()) >= 100, 10, f"{of} is shown")
        packets, lost, _ = capture.end()
        assert lost == 0
        seen[of] = [ends(p.frame) for p in packets]
        assert len(seen[of]) == 100, f"{of}: each frame once, both ways"
    for of in (f"n{k}", f"h{k}"):
        assert {e[:2] for e in seen[of]} == {(client, server), (server, client)}
    there = {e for e in seen[name] if e[1] == server}
    assert len(there) == 1
    src, _, sport, dport = there.pop()
    assert src in own and sport >= 1024 and dport == PORT
    assert {e for e in seen[name] if e[1] != server} == {(server, src, PORT, sport)}


@EACH
def test_super_frames_are_whole_on_both_sides(world, k):
    captures = [Capture(world.lab, of, "--snaplen", "96", "tcp port 5201")
                for of in (f"n{k}", uplink(world, k)[0])]
    iperf3(world.guests[k][1], world.lan, INTERNET4, size="8M")
    for capture in captures:
        wait_until(lambda c=capture: any(p.orig_len > 10000 for p in c.packets()), 10,
                   "a super-frame is shown")
        capture.end()


@pytest.mark.parametrize("k", [2, 3], ids=["netdev", "vif"])
def test_what_the_lan_may_not_is_shown_among_the_drops(world, k):
    """By uplink host it is the host that rejects, and the engine never sees it."""
    capture = Capture(world.lab, "--drops", f"dst host fd41:{k}::11 or dst host 10.41.{k}.11")
    world.lan_routes_to_guests("replace")
    try:
        for addr in (f"10.41.{k}.11", f"fd41:{k}::11"):
            world.lan.run("ping", "-n", "-c", "1", "-W", "1", addr, check=False)
    finally:
        world.lan_routes_to_guests("del")
    wait_until(lambda: len(capture.packets()) == 2, 10, lambda: f"two drops: {capture.packets()}")
    packets, _, _ = capture.end()
    assert all("policy_reject" in c for p in packets for c in p.comments)
    assert {p.ifname for p in packets} == {"wan" if k == 3 else "up-n2"}
