# SPDX-License-Identifier: Apache-2.0
"""Guests of every type on one network: ping, TCP, counters, FDB.

      guest h (host)    guest n (netdev)    guest t (tap, a program plays the VMM)
         | tap             | veth              | tap
         +-----------------+---- network lan --+        10.10.0.0/24, fd10::/64
                           | leg lan: 10.10.0.1, fd10::1
                       host namespace
"""

import itertools

import pytest

from lib.traffic import iperf3, ping, wait_ping
from lib.topo import KINDS
from lib.wait import wait_until
from lib.wire import has, udp_frame, wire

ADDR = {"host": ("10.10.0.11", "fd10::11"), "netdev": ("10.10.0.12", "fd10::12"),
        "tap": ("10.10.0.13", "fd10::13")}
PAIRS = list(itertools.permutations(KINDS, 2))


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.10.0.0/24", "--subnet", "fd10::/64")
    return {kind: lab.guest(kind[0] + "0", "lan", kind,
                            addr=[ADDR[kind][0] + "/24", ADDR[kind][1] + "/64"])
            for kind in KINDS}


def test_status_names_a_running_engine_and_no_problem(lab, guests):
    status = lab.saklar.json("status")
    assert status["engine"]["state"] == "running"
    assert status["problems"] == [], status["problems"]
    assert status["vifs"] == 3 or len(status["vifs"]) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_vif_list_shows_what_was_asked_for(lab, guests, kind):
    vif = lab.saklar.vif(kind[0] + "0")
    assert vif["type"] == kind
    assert vif["network"] == "lan"
    assert vif["state"] == "up"
    assert vif["carrier"] is True
    assert vif["mtu"] == 1500


@pytest.mark.parametrize("src,dst", PAIRS)
def test_guests_ping_each_other_v4_and_v6(guests, src, dst):
    for addr in ADDR[dst]:
        ping(guests[src], addr)


@pytest.mark.parametrize("kind", KINDS)
def test_guest_pings_the_gateway_v4_and_v6(guests, kind):
    for addr in ("10.10.0.1", "fd10::1"):
        wait_ping(guests[kind], addr)
        ping(guests[kind], addr)


@pytest.mark.parametrize("size", (1472, 4000, 20000))
def test_large_pings_pass_in_fragments(guests, size):
    ping(guests["host"], ADDR["netdev"][0], size=size)
    ping(guests["netdev"], ADDR["tap"][0], size=size)


@pytest.mark.parametrize("src,dst", PAIRS)
def test_tcp_flows_without_loss(guests, src, dst):
    result = iperf3(guests[src], guests[dst], ADDR[dst][0], size="20M")
    assert result["end"]["sum_sent"]["bytes"] >= 20 << 20


def test_tcp_flows_over_v6(guests):
    iperf3(guests["host"], guests["netdev"], ADDR["netdev"][1], "-6", size="20M")
    iperf3(guests["netdev"], guests["host"], ADDR["host"][1], "-6", size="20M")


@pytest.mark.parametrize("kind", KINDS)
def test_guest_reaches_a_tcp_service_of_the_host(lab, guests, kind):
    iperf3(guests[kind], lab.host, "10.10.0.1", size="10M")
    iperf3(guests[kind], lab.host, "fd10::1", "-6", size="10M")


@pytest.mark.parametrize("kind", KINDS)
def test_host_reaches_a_tcp_service_of_the_guest(lab, guests, kind):
    iperf3(lab.host, guests[kind], ADDR[kind][0], size="10M")


def test_counters_agree_with_what_was_sent(lab, guests):
    before = {k: lab.saklar.vif(v) for k, v in (("src", "h0"), ("dst", "n0"))}
    src, dst = guests["host"], guests["netdev"]
    with wire(src, "eth0") as tx, wire(dst, "eth0") as rx:
        frames = [udp_frame(src.mac("eth0"), dst.mac("eth0"), f"count-{i}") for i in range(50)]
        for frame in frames:
            tx.write(frame)
        rx.read_until(has("count-49"))
    after = {k: lab.saklar.vif(v) for k, v in (("src", "h0"), ("dst", "n0"))}
    n_bytes = sum(len(f) for f in frames)
    assert 50 <= after["src"]["rx_packets"] - before["src"]["rx_packets"] <= 60
    assert 50 <= after["dst"]["tx_packets"] - before["dst"]["tx_packets"] <= 60
    assert n_bytes <= after["src"]["rx_bytes"] - before["src"]["rx_bytes"] <= n_bytes + 1500
    assert n_bytes <= after["dst"]["tx_bytes"] - before["dst"]["tx_bytes"] <= n_bytes + 1500


def test_fdb_knows_every_guest_and_the_leg(lab, guests):
    for guest in guests.values():
        ping(guest, "10.10.0.1", count=1)
    fdb = lab.saklar.fdb("lan")
    for kind, guest in guests.items():
        entry = fdb[guest.mac("eth0")]
        assert entry["vif"] == kind[0] + "0"
        assert entry["origin"] == "learned"
        assert entry["age_s"] < 60
    leg = fdb[lab.host.mac("lan")]
    assert leg["vif"] == "lan"
    assert leg["origin"] == "local"


def test_unicast_to_a_known_mac_is_not_flooded(guests):
    src, dst, other = guests["host"], guests["netdev"], guests["tap"]
    ping(dst, ADDR["tap"][0], count=1)
    with wire(src, "eth0") as tx, wire(dst, "eth0") as rx, wire(other, "eth0") as third:
        for i in range(20):
            tx.write(udp_frame(src.mac("eth0"), dst.mac("eth0"), f"secret-{i:02}"))
        rx.read_until(has("secret-19"))
        # A broadcast behind them proves that the third guest has seen all it will ever see.
        tx.write(udp_frame(src.mac("eth0"), "ff:ff:ff:ff:ff:ff", "sentinel"))
        assert not [f for f in third.read_until(has("sentinel")) if b"secret" in f]


def test_mac_that_moves_is_followed(lab, guests):
    src, dst, other = guests["host"], guests["netdev"], guests["tap"]
    roaming = "02:00:00:00:77:77"
    with wire(src, "eth0") as s, wire(dst, "eth0") as d, wire(other, "eth0") as o:
        for at, at_wire, vif in ((dst, d, "n0"), (other, o, "t0"), (dst, d, "n0")):
            at_wire.write(udp_frame(roaming, src.mac("eth0"), f"here-{vif}"))
            s.read_until(has(f"here-{vif}"))
            assert lab.saklar.fdb("lan")[roaming]["vif"] == vif
            s.write(udp_frame(src.mac("eth0"), roaming, f"to-{vif}"))
            at_wire.read_until(has(f"to-{vif}"))
            assert at is not None
    assert lab.saklar.fdb("lan")[roaming]["moves"] >= 2


def test_vif_set_down_keeps_frames_out_and_up_lets_them_in(lab, guests):
    lab.saklar("vif", "set", "n0", "--down")
    try:
        lab.saklar.wait_vif("n0", "down")
        before = lab.saklar.drops("n0", "link_down")
        src, dst = guests["netdev"], guests["host"]
        with wire(src, "eth0") as tx, wire(dst, "eth0") as rx:
            def counted():
                tx.write(udp_frame("02:00:00:00:00:0a", dst.mac("eth0"), "must-not-pass"))
                return lab.saklar.drops("n0", "link_down") > before
            carrier = "UP" in src.link("eth0")["operstate"]
            if carrier:
                wait_until(counted, 5, "link_down is counted")
            guests["tap"].run("ping", "-c1", "-W2", ADDR["host"][0])
            assert not [f for f in iter(lambda: rx.read(0.001), None) if b"must-not-pass" in f]
    finally:
        lab.saklar("vif", "set", "n0", "--up")
    lab.saklar.wait_vif("n0", "up")
    wait_ping(guests["netdev"], ADDR["host"][0])


def test_vif_del_takes_the_device_away_and_add_brings_it_back(lab, guests):
    guest = lab.host.guest("x0")
    lab.attach(guest, "lan", "host", addr="10.10.0.20/24")
    wait_ping(guest, ADDR["netdev"][0])
    lab.saklar("vif", "del", "x0")
    wait_until(lambda: not guest.has_link("eth0"), 5, "eth0 is gone")
    lab.attach(guest, "lan", "host", addr="10.10.0.20/24")
    wait_ping(guest, ADDR["netdev"][0])
    lab.saklar("vif", "del", "x0")


def test_isolated_vifs_do_not_reach_each_other_but_the_others(lab, guests):
    a = lab.guest("i1", "lan", "host", addr="10.10.0.31/24", args=["--isolated"])
    b = lab.guest("i2", "lan", "netdev", addr="10.10.0.32/24", args=["--isolated"])
    for guest in (a, b):
        wait_ping(guest, ADDR["netdev"][0])
        wait_ping(guest, "10.10.0.1")
    before = lab.saklar.drops("i1", "isolated") + lab.saklar.drops("i2", "isolated")
    assert not a.ok("ping", "-c1", "-W1", "10.10.0.32")
    a.ip("neigh", "replace", "10.10.0.32", "lladdr", b.mac("eth0"), "dev", "eth0")
    assert not a.ok("ping", "-c1", "-W1", "10.10.0.32")
    assert lab.saklar.drops("i1", "isolated") + lab.saklar.drops("i2", "isolated") > before
    for vif in ("i1", "i2"):
        lab.saklar("vif", "del", vif)
