# SPDX-License-Identifier: Apache-2.0
"""What must pass both ways between the guests of a network that translates nothing and the LAN.

For the networks of lib/world.py in modes routed and open; @k is the network's number there.
"""

from .traffic import iperf3, ping
from .world import INTERNET4, INTERNET6, NEAR4, NEAR6, connect, echo_udp


def ping_both_ways(world, k):
    for last, guest in zip((11, 12), world.guests[k]):
        for addr in (INTERNET4, INTERNET6):
            ping(guest, addr)
        for addr in (f"10.41.{k}.{last}", f"fd41:{k}::{last}"):
            ping(world.lan, addr)


def tcp_and_udp_both_ways(world, k):
    guest = world.guests[k][1]
    for addr, more in ((INTERNET4, []), (INTERNET4, ["-R"]), (INTERNET6, ["-6"]),
                       (INTERNET6, ["-6", "-R"])):
        iperf3(guest, world.lan, addr, *more, size="8M")
    for addr, more in ((f"10.41.{k}.12", []), (f"fd41:{k}::12", ["-6"])):
        iperf3(world.lan, guest, addr, *more, size="8M")
    for addr in (NEAR4[k], NEAR6[k], INTERNET4, INTERNET6):
        echo_udp(guest, world.lan, addr)
    echo_udp(world.lan, guest, f"10.41.{k}.12")
    echo_udp(world.lan, guest, f"fd41:{k}::12")


def own_addresses_are_seen(world, k):
    guest = world.guests[k][0]
    assert connect(guest, world.lan, INTERNET4, 8000)[0][0] == f"10.41.{k}.11"
    assert connect(guest, world.lan, INTERNET6, 8000)[0][0] == f"fd41:{k}::11"
    assert connect(world.lan, guest, f"10.41.{k}.11", 8001)[0][0].startswith("192.168.")
    assert connect(world.lan, guest, f"fd41:{k}::11", 8001)[0][0].startswith("fd")
