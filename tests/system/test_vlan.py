# SPDX-License-Identifier: Apache-2.0
"""Frames that guests tag themselves arrive tagged: the kernel strips tags on the way in and hands
them over beside the frame, and the switch puts them back.

      guest n (netdev) --+-- network lan --+-- guest h (host)
      guest m (netdev) --+                 +-- guest t (tap)
"""

import itertools

import pytest
from scapy.all import IP, TCP, UDP, Dot1Q, Ether, Raw  # pylint: disable=no-name-in-module

from lib.vnet import write_partial_csum
from lib.wire import has, udp_frame, wire

NAMES = {"n": "netdev", "m": "netdev", "h": "host", "t": "tap"}


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan")
    return {name: lab.guest(name, "lan", kind) for name, kind in NAMES.items()}


def tagged(src, dst, text, vid=42, prio=5, tpid=0x8100, inner=None):
    tags = Dot1Q(vlan=vid, prio=prio)
    if inner is not None:
        tags = tags / Dot1Q(vlan=inner)
    frame = bytes(Ether(src=src, dst=dst) / tags / IP(src="10.1.1.1", dst="10.1.1.2")
                  / UDP(sport=1, dport=1) / Raw(text.encode()))
    return frame[:12] + tpid.to_bytes(2, "big") + frame[14:]


@pytest.mark.parametrize("src,dst", list(itertools.permutations(NAMES, 2)))
def test_tagged_frame_arrives_tagged(guests, src, dst):
    frame = tagged(guests[src].mac("eth0"), guests[dst].mac("eth0"), f"tag-{src}{dst}")
    with wire(guests[src], "eth0") as tx, wire(guests[dst], "eth0") as rx:
        tx.write(frame)
        assert rx.read_until(has(f"tag-{src}{dst}"))[-1] == frame


@pytest.mark.parametrize("kw", ({"vid": 0, "prio": 7}, {"vid": 4095}, {"vid": 1, "inner": 2},
                                {"vid": 7, "tpid": 0x88a8}, {"vid": 7, "inner": 9, "tpid": 0x88a8}))
def test_unusual_tags_arrive_unchanged(guests, kw):
    for src, dst in (("n", "h"), ("n", "m"), ("h", "n"), ("n", "t")):
        frame = tagged(guests[src].mac("eth0"), guests[dst].mac("eth0"), f"odd-{src}{dst}", **kw)
        with wire(guests[src], "eth0") as tx, wire(guests[dst], "eth0") as rx:
            tx.write(frame)
            assert rx.read_until(has(f"odd-{src}{dst}"))[-1] == frame


def test_tagged_broadcast_reaches_everybody(guests):
    frame = tagged(guests["n"].mac("eth0"), "ff:ff:ff:ff:ff:ff", "tagged-broadcast")
    with wire(guests["n"], "eth0") as tx, wire(guests["m"], "eth0") as m, \
            wire(guests["h"], "eth0") as h, wire(guests["t"], "eth0") as t:
        tx.write(frame)
        for rx in (m, h, t):
            assert rx.read_until(has("tagged-broadcast"))[-1] == frame


def test_tagged_full_size_frame_passes_the_mtu(guests):
    """1500 bytes of IP behind a tag: the tag does not count."""
    src, dst = guests["n"], guests["h"]
    text = "full" + "x" * (1500 - 20 - 8 - 4)
    frame = tagged(src.mac("eth0"), dst.mac("eth0"), text)
    assert len(frame) == 1518
    with wire(src, "eth0") as tx, wire(dst, "eth0") as rx:
        tx.write(frame)
        assert rx.read_until(has("full"))[-1] == frame


def test_checksum_left_to_the_switch_survives_a_tag(guests):
    """A tagged frame with a partial checksum: csum_start must move by the tag's four bytes, or the
    receiver's kernel finishes the checksum at the wrong place."""
    for src, dst in (("n", "h"), ("n", "m"), ("h", "n")):
        text = b"partial-" + f"{src}{dst}".encode()
        frame = bytes(Ether(src=guests[src].mac("eth0"), dst=guests[dst].mac("eth0"))
                      / Dot1Q(vlan=5) / IP(src="10.1.1.1", dst="10.1.1.2")
                      / TCP(sport=1, dport=2, flags="A") / Raw(text))
        with wire(guests[dst], "eth0") as rx:
            partial = write_partial_csum(guests[src], "eth0", frame, l3=18, l4=38, csum_at=16)
            got = rx.read_until(has(text))[-1]
        # Either still partial (the bytes that were sent) or finished; nothing else.
        assert got in (partial, frame), (src, dst)


def test_untagged_frames_stay_untagged(guests):
    frame = udp_frame(guests["n"].mac("eth0"), guests["h"].mac("eth0"), "plain")
    with wire(guests["n"], "eth0") as tx, wire(guests["h"], "eth0") as rx:
        tx.write(frame)
        assert rx.read_until(has("plain"))[-1] == frame
