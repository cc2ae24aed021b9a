# SPDX-License-Identifier: Apache-2.0
"""Super-frames cross the switch whole, whatever the types at both ends.

      guest h (host) --+-- network lan --+-- guest n (netdev)
      guest h2 (host) -+                 +-- guest n2 (netdev)
      guest t (tap) ---+                 +-- guest t2 (tap)
"""

import itertools

import pytest

from lib.traffic import iperf3
from lib.topo import KINDS

HOST_OF = {"host": 11, "netdev": 12, "tap": 13}
PAIRS = list(itertools.product(KINDS, KINDS))


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.11.0.0/24", "--subnet", "fd11::/64")
    made = {}
    for kind in KINDS:
        for copy in (0, 1):
            n = HOST_OF[kind] + 10 * copy
            made[kind, copy] = lab.guest(f"{kind[0]}{copy}", "lan", kind,
                                         addr=[f"10.11.0.{n}/24", f"fd11::{n}/64"])
    return made


def bulk(lab, guests, src, dst, *more, v6=False):
    """Run iperf3 from @src to @dst; returns what the switch received and sent meanwhile."""
    n = HOST_OF[dst] + 10
    vif_src, vif_dst = f"{src[0]}0", f"{dst[0]}1"
    before = lab.saklar.vif(vif_src), lab.saklar.vif(vif_dst)
    addr = f"fd11::{n}" if v6 else f"10.11.0.{n}"
    iperf3(guests[src, 0], guests[dst, 1], addr, *more, size="96M")
    after = lab.saklar.vif(vif_src), lab.saklar.vif(vif_dst)
    rx = {k: after[0][k] - before[0][k] for k in ("rx_packets", "rx_bytes")}
    tx = {k: after[1][k] - before[1][k] for k in ("tx_packets", "tx_bytes")}
    return rx, tx


def assert_whole(rx, tx):
    assert tx["tx_packets"] <= 1.05 * rx["rx_packets"], (rx, tx)
    assert rx["rx_bytes"] / rx["rx_packets"] > 10 * 1024, rx
    assert tx["tx_bytes"] / tx["tx_packets"] > 10 * 1024, tx


@pytest.mark.parametrize("src,dst", PAIRS)
def test_tcp_v4_super_frames_stay_whole(lab, guests, src, dst):
    assert_whole(*bulk(lab, guests, src, dst))


@pytest.mark.parametrize("src,dst", (("host", "netdev"), ("netdev", "host"), ("netdev", "netdev"),
                                     ("tap", "netdev")))
def test_tcp_v6_super_frames_stay_whole(lab, guests, src, dst):
    assert_whole(*bulk(lab, guests, src, dst, "-6", v6=True))


def test_super_frames_pass_between_guest_and_host_leg(lab, guests):
    before = lab.saklar.vif("n0"), lab.saklar.network("lan")["leg"]
    iperf3(guests["netdev", 0], lab.host, "10.11.0.1", size="96M")
    after = lab.saklar.vif("n0"), lab.saklar.network("lan")["leg"]
    assert_whole({k: after[0][k] - before[0][k] for k in ("rx_packets", "rx_bytes")},
                 {k: after[1][k] - before[1][k] for k in ("tx_packets", "tx_bytes")})


@pytest.mark.parametrize("v6", (False, True))
def test_device_whose_segmentation_is_off_gets_segments(lab, guests, v6):
    """And whole frames as soon as it is on again."""
    more = ["-6"] if v6 else []
    drops = lab.saklar.drops("n1", "tx_queue_full")
    lab.host.run("ethtool", "-K", "n1", "tso", "off")
    rx, tx = bulk(lab, guests, "host", "netdev", *more, v6=v6)
    assert rx["rx_bytes"] / rx["rx_packets"] > 10 * 1024, rx
    assert tx["tx_bytes"] / tx["tx_packets"] <= 1514, tx
    lab.host.run("ethtool", "-K", "n1", "tso", "on")
    assert_whole(*bulk(lab, guests, "host", "netdev", *more, v6=v6))
    assert lab.saklar.drops("n1", "tx_queue_full") == drops


def test_nothing_was_segmented_or_lost_in_software(lab, guests):
    for kind, copy in guests:
        drops = lab.saklar.vif(f"{kind[0]}{copy}")["drops"]
        assert not drops.get("tx_gso_failed") and not drops.get("gso_bad"), drops
