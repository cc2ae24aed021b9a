# SPDX-License-Identifier: Apache-2.0
"""ARP and ND suppression: the same questions to a Linux bridge and to Saklar, the same answers.

      asks --+-- network or bridge --+-- far (neigh_suppress; 10.64.0.9 and fd64::9 are behind it, silent)
"""

import pytest
from scapy.all import (ARP, Ether, ICMPv6ND_NA, ICMPv6ND_NS,  # pylint: disable=no-name-in-module
                       ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6)

from lib.wait import wait_until
from lib.wire import udp_frame, has, wire

ASKS, FAR = "52:54:00:64:00:01", "52:54:00:64:00:09"
BCAST, GROUP = "ff:ff:ff:ff:ff:ff", "33:33:ff:00:00:09"
SOURCE = ICMPv6NDOptSrcLLAddr(lladdr=ASKS)


def arp(target, dst=BCAST, sender="10.64.0.1", op=1):
    return Ether(src=ASKS, dst=dst) / ARP(op=op, hwsrc=ASKS, psrc=sender, pdst=target)


def solicit(target, dst=GROUP, sender="fe80::1"):
    return Ether(src=ASKS, dst=dst) / IPv6(src=sender, dst="ff02::1:ff00:9", hlim=255) \
        / ICMPv6ND_NS(tgt=target) / SOURCE


QUESTIONS = {
    "known by ARP": arp("10.64.0.9"),
    "unknown by ARP": arp("10.64.0.8"),
    "announced by ARP": arp("10.64.0.1"),
    "probed by ARP": arp("10.64.0.9", sender="0.0.0.0"),
    "known by ND": solicit("fd64::9"),
    "unknown by ND": solicit("fd64::8"),
    "probed by ND": solicit("fd64::9", sender="::"),
}
# What both do: is it answered, does it reach the far side?
EXPECTED = {
    "known by ARP": (True, False), "unknown by ARP": (False, True),
    "announced by ARP": (False, False), "probed by ARP": (False, False),
    "known by ND": (True, False), "unknown by ND": (False, True), "probed by ND": (False, False),
}


def is_answer(frame):
    p = Ether(frame)
    if ARP in p:
        return p[ARP].op == 2 and (p.src, p.dst, p[ARP].hwsrc) == (FAR, ASKS, FAR)
    return ICMPv6ND_NA in p and (p.src, p.dst) == (FAR, ASKS) \
        and p[ICMPv6NDOptDstLLAddr].lladdr == FAR and p[ICMPv6ND_NA].S and p[ICMPv6ND_NA].O


def ask(near, far, question):
    """Is @question answered, and is it flooded?  Markers behind it are broadcast: the kernel's short cut
    would let others overtake it."""
    with wire(near, "eth0") as asks, wire(far, "eth0") as hears:
        asks.write(bytes(question))
        asks.write(udp_frame(ASKS, BCAST, "marker"))
        heard = hears.read_until(has("marker"))
        hears.write(udp_frame(FAR, BCAST, "echo"))
        back = asks.read_until(has("echo"))
    return any(is_answer(f) for f in back), bytes(question) in [bytes(f) for f in heard]


@pytest.fixture(scope="module", name="sides")
def fixture_sides(lab):
    """{name: (near, far)} of a Linux bridge and of Saklar, taught the same."""
    host, made = lab.host, {}
    host.ip("link", "add", "lbr", "type", "bridge", "mcast_snooping", "0")
    host.ip("link", "set", "lbr", "up")
    for name in ("lnear", "lfar"):
        guest = host.guest(name)
        lab.veth(guest, name)
        host.ip("link", "set", name, "master", "lbr", "up")
        guest.ip("link", "set", "eth0", "up")
        made[name] = guest
    host.run("bridge", "link", "set", "dev", "lfar", "neigh_suppress", "on")
    for addr in ("10.64.0.9", "fd64::9"):
        host.ip("neigh", "replace", addr, "lladdr", FAR, "nud", "permanent", "dev", "lbr")
    lab.network("sup", "--neighbour", f"{FAR},10.64.0.9", "--neighbour", f"{FAR},fd64::9")
    made["snear"] = lab.guest("snear", "sup", "netdev")
    made["sfar"] = lab.guest("sfar", "sup", "netdev", args=["--neigh-suppress"])
    sides = {"linux": (made["lnear"], made["lfar"]), "saklar": (made["snear"], made["sfar"])}
    for near, far in sides.values():
        wait_until(lambda far=far, near=near: learned(near, far), 10)
    return sides


def learned(near, far):
    """Both bridges know where the two MACs are."""
    with wire(near, "eth0") as here, wire(far, "eth0") as there:
        there.write(udp_frame(FAR, BCAST, "hello"))
        here.write(udp_frame(ASKS, FAR, "hello"))
        try:
            there.read_until(has("hello"), timeout=1)
            here.read_until(has("hello"), timeout=1)
            return True
        except AssertionError:
            return False


@pytest.mark.parametrize("kind", QUESTIONS)
def test_what_is_answered_is_what_a_linux_bridge_answers(sides, kind):
    assert {name: ask(near, far, QUESTIONS[kind]) for name, (near, far) in sides.items()} \
        == {name: EXPECTED[kind] for name in sides}


def test_without_the_flag_all_is_flooded_again(lab, sides):
    lab.saklar("vif", "set", "sfar", "--no-neigh-suppress")
    assert ask(*sides["saklar"], QUESTIONS["known by ARP"]) == (False, True)
    lab.saklar("vif", "set", "sfar", "--neigh-suppress")
    assert ask(*sides["saklar"], QUESTIONS["known by ARP"]) == (True, False)
