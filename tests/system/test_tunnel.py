# SPDX-License-Identifier: Apache-2.0
"""Super-frames that hide another frame, and UDP's own segmentation, arrive intact.

      container c1: vx7 10.18.9.1 over eth0            container c2: vx7 10.18.9.2 over eth0
             | netdev vif                                      | netdev vif
             +------------------ network lan, 10.18.0.0/24 ----+
             | host vif                                        | tap vif
      guest h1: vx7 10.18.9.3                          guest t1
"""

import json
import os
import socket
import struct

import pytest

from lib.traffic import iperf3, ping, wait_ping

SOL_UDP, UDP_SEGMENT, UDP_GRO = 17, 103, 104


def vxlan(guest, dev, vni, local, remote, inner, *more):
    """A tunnel device in @guest, between its own address and another's."""
    if guest.has_link(dev):
        guest.ip("link", "del", dev)
    guest.ip("link", "add", dev, "type", "vxlan", "id", str(vni), "dstport", "4789", *more,
             "remote", f"10.18.0.{remote}", "local", f"10.18.0.{local}", "dev", "eth0")
    guest.ip("link", "set", dev, "up", "mtu", "1450")
    guest.ip("addr", "add", f"{inner}/24", "dev", dev)


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.18.0.0/24", "--subnet", "fd18::/64")
    made = {}
    for i, name in enumerate(("c1", "c2", "h1", "t1"), 1):
        kind = {"c": "netdev", "h": "host", "t": "tap"}[name[0]]
        made[name] = lab.guest(name, "lan", kind, addr=[f"10.18.0.{i}/24", f"fd18::{i}/64"])
    vxlan(made["c1"], "vx7", 7, 1, 2, "10.18.9.1")
    vxlan(made["c2"], "vx7", 7, 2, 1, "10.18.9.2")
    return made


def bulk(lab, run, src="c1", dst="c2"):
    before = lab.saklar.vif(src), lab.saklar.vif(dst)
    run()
    after = lab.saklar.vif(src), lab.saklar.vif(dst)
    return ({k: after[0][k] - before[0][k] for k in ("rx_packets", "rx_bytes")},
            {k: after[1][k] - before[1][k] for k in ("tx_packets", "tx_bytes")})


def test_ping_in_vxlan_between_containers(guests):
    wait_ping(guests["c1"], "10.18.9.2")
    ping(guests["c1"], "10.18.9.2", size=1400)


def checksum_errors(guest):
    stats = json.loads(guest.out("nstat", "-a", "-z", "-j", env={
        **os.environ, "NSTAT_HISTORY": "/run/nstat"}))["kernel"]
    return {name: stats[name] for name in ("TcpInCsumErrors", "UdpInCsumErrors",
                                           "Udp6InCsumErrors") if stats.get(name)}


@pytest.mark.parametrize("csum", ("noudpcsum", "udpcsum"))
@pytest.mark.parametrize("dst,n", (("c2", 2), ("h1", 3)))
def test_tcp_in_vxlan_arrives_intact(lab, guests, dst, n, csum):
    """Received whole, but not sent as it is: a vnet header describes a tunnel's super-frame as plain
    TCP, which neither a packet socket nor a UDP tunnel behind a tap takes.  So the switch makes the
    tunnel's datagrams itself and sends many of them as one UDP_SEGMENT frame; no receiver may find a
    wrong checksum or miss one."""
    vxlan(guests["c1"], "vx7", 7, 1, n, "10.18.9.1", csum)
    vxlan(guests[dst], "vx7", 7, n, 1, f"10.18.9.{n}", csum)
    wait_ping(guests["c1"], f"10.18.9.{n}")
    results = []
    rx, tx = bulk(lab, lambda: results.append(
        iperf3(guests["c1"], guests[dst], f"10.18.9.{n}", size="96M")), dst=dst)
    assert rx["rx_bytes"] / rx["rx_packets"] > 10 * 1024, rx
    assert tx["tx_bytes"] / tx["tx_packets"] > 10 * 1024, tx
    assert not checksum_errors(guests[dst])
    drops = lab.saklar.vif(dst)["drops"]
    assert not drops.get("tx_refused") and not drops.get("tx_gso_failed"), drops
    # One in fifty of the 70,000 segments: a receiver on a loaded machine loses some by itself.
    assert results[0]["end"]["sum_sent"]["retransmits"] < 1400, results[0]["end"]["sum_sent"]


def udp_segment(src, dst, addr, n=40, size=1200, family=socket.AF_INET, port=6666):
    """One sendmsg of n datagrams; returns what arrives."""
    rx = dst.socket(family, socket.SOCK_DGRAM)
    rx.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)
    rx.bind(("", port))
    rx.settimeout(5)
    tx = src.socket(family, socket.SOCK_DGRAM)
    tx.setsockopt(SOL_UDP, UDP_SEGMENT, size)
    text = b"".join(struct.pack("!I", i) + bytes([i % 251]) * (size - 4) for i in range(n))
    try:
        tx.sendto(text, (addr, port))
        got = []
        while len(got) < n:
            got.append(rx.recv(70000))
        return text, got
    finally:
        rx.close()
        tx.close()


@pytest.mark.parametrize("src,dst,addr", (("c1", "c2", "10.18.0.2"), ("c1", "h1", "10.18.0.3"),
                                          ("h1", "c1", "10.18.0.1"), ("c1", "t1", "10.18.0.4"),
                                          ("t1", "c1", "10.18.0.1")))
def test_udp_segment_super_frame_arrives_as_its_datagrams(lab, guests, src, dst, addr):
    wait_ping(guests[src], addr)
    text, got = udp_segment(guests[src], guests[dst], addr)
    assert b"".join(got) == text
    assert all(len(d) == 1200 for d in got)
    drops = lab.saklar.vif(src)["drops"]
    assert not drops.get("rx_unexpressible"), drops


def test_udp_segment_over_v6(guests):
    wait_ping(guests["c1"], "fd18::2")
    text, got = udp_segment(guests["c1"], guests["c2"], "fd18::2", family=socket.AF_INET6)
    assert b"".join(got) == text


def test_udp_segment_stays_whole_between_netdevs(lab, guests):
    wait_ping(guests["c1"], "10.18.0.2")
    rx, tx = bulk(lab, lambda: [udp_segment(guests["c1"], guests["c2"], "10.18.0.2")
                                for _ in range(20)])
    assert 20 <= rx["rx_packets"] <= 40, rx
    assert tx["tx_packets"] <= 1.2 * rx["rx_packets"], (rx, tx)


def test_guest_sees_no_checksum_errors(guests):
    """What the receivers' stacks counted during all of the above."""
    assert {name: checksum_errors(g) for name, g in guests.items() if checksum_errors(g)} == {}
