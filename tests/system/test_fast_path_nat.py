# SPDX-License-Identifier: Apache-2.0
"""Connections through nat networks are the kernel's once they are answered, until anything changes.

The topology is drawn in lib/world.py; the guests are h2 and h3, whose devices are netdevs of ours alone.  So is
the uplink of the latter; that of the other is shared with the host.
"""

import re
import socket

import pytest

from lib.traffic import can_ping, iperf3, ping, wait_ping
from lib.wait import wait_until
from lib.world import INTERNET4, INTERNET6, OUTSIDE, SEEN4, World

EACH = pytest.mark.parametrize("k", (2, 3), ids=["netdev", "vif"])
QUICK = ("-i", "0.01")
WORLD_LAN0 = ("--uplink-address", "192.168.50.77/24", "--uplink-address", "fd50::77/64", "--uplink-gateway",
              "192.168.50.2", "--uplink-gateway", "fd50::2")


@pytest.fixture(scope="module")
def world(lab):
    made = World(lab, "nat", "--nat-ipv6")
    for k in (2, 3):
        wait_ping(made.guests[k][1], INTERNET4)
        wait_ping(made.guests[k][1], INTERNET6)
    return made


def fast(world):
    status = world.saklar.json("status")["fast_path"]
    assert status["state"] == "on", status
    return status["packets"]


def engine(world):
    return world.saklar.json("worker", "list")[0]["packets"]


def connections(world, k, proto):
    return [c for c in world.saklar.json("connection", "list", "--network", f"n{k}") if c["proto"] == proto]


@EACH
@pytest.mark.parametrize("addr", (INTERNET4, INTERNET6), ids=["v4", "v6"])
def test_pings_behind_the_first_are_the_kernels(world, k, addr):
    guest = world.guests[k][1]
    before = fast(world)
    ping(guest, addr, count=30, more=QUICK)
    assert fast(world) - before >= 2 * 30 - 10


@EACH
@pytest.mark.parametrize("more", (("-4",), ("-4", "-R"), ("-6",), ("-6", "-R")), ids=" ".join)
def test_bulk_crosses_the_translation_whole_in_the_kernel(world, k, more):
    addr = INTERNET6 if "-6" in more else INTERNET4
    world.saklar("connection", "flush")
    before, of_engine = fast(world), engine(world)
    iperf3(world.guests[k][1], world.lan, addr, *more, size="64M")
    assert fast(world) - before > 1000
    assert engine(world) - of_engine < 400
    largest = max(c["bytes"] + c["reply_bytes"] for c in connections(world, k, "tcp"))
    assert largest > 60 << 20, "what the kernel passed is counted"


@EACH
def test_what_the_kernel_passes_on_keeps_a_connection_alive(world, k):
    guest = world.guests[k][1]
    pings = guest.start("ping", "-i", "0.05", INTERNET4)
    wait_until(lambda: "icmp_seq=20 " in pings.output(), 10)
    of_engine = engine(world)
    wait_until(lambda: "icmp_seq=80 " in pings.output(), 10)
    assert max(c["timeout_s"] for c in connections(world, k, "icmp")) >= 29, "of 30"
    assert engine(world) - of_engine < 60
    pings.stop()


@EACH
def test_a_flush_and_a_change_count_for_the_next_packet(world, k):
    guest = world.guests[k][1]
    with world.lan.socket(socket.AF_INET, socket.SOCK_DGRAM) as far, \
            guest.socket(socket.AF_INET, socket.SOCK_DGRAM) as near:
        far.bind((INTERNET4, 7777))
        far.settimeout(5)
        near.settimeout(5)
        for _ in range(20):
            near.sendto(b"ask", (INTERNET4, 7777))
            whom = far.recvfrom(100)[1]
            far.sendto(b"answer", whom)
            near.recvfrom(100)
        assert whom[0] == SEEN4[k]
        world.saklar("connection", "flush")
        far.sendto(b"late", whom)  # belongs to nothing any more
        near.sendto(b"ask", (INTERNET4, 7777))
        far.recvfrom(100)
        near.settimeout(0.2)
        with pytest.raises(TimeoutError):
            near.recvfrom(100)
    ping(guest, INTERNET4, count=10, more=QUICK)
    world.saklar("vif", "set", f"h{k}", "--down")
    assert not can_ping(guest, INTERNET4)
    world.saklar("vif", "set", f"h{k}", "--up")
    wait_ping(guest, INTERNET4)


@EACH
def test_a_gateway_with_another_mac_is_followed(world, k):
    guest, dev = world.guests[k][1], OUTSIDE[k]
    ping(guest, INTERNET4, count=10, more=QUICK)
    was = world.lan.mac(dev)

    def asks_and_is_found():  # its question tells its MAC
        world.lan.ip("neigh", "flush", "dev", dev)
        world.lan.run("ping", "-c1", "-W1", "-I", dev, SEEN4[k], check=False)
        return can_ping(guest, INTERNET4)
    for mac in ("02:00:00:00:77:01", was):
        world.lan.ip("link", "set", dev, "address", mac)
        wait_until(asks_and_is_found, 10)


@EACH
@pytest.mark.parametrize("which", ["engine", "daemon", "both"])
def test_killed_processes_leave_connections_alone(world, which, k):
    guest, saklar = world.guests[k][1], world.saklar
    for name in (f"h{k}", "wan"):
        saklar.wait_vif(name)
    wait_ping(guest, INTERNET4)
    before = saklar.engine_pid()
    pings = guest.start("ping", "-i", "0.005", "-c", "400", INTERNET4)
    wait_until(lambda: "icmp_seq=50 " in pings.output(), 10)
    if which in ("daemon", "both"):
        saklar.kill_daemon()
    if which in ("engine", "both"):
        world.host.kill(before)
    wait_until(lambda: "icmp_seq=300 " in pings.output(), 20, pings.output)
    if which in ("daemon", "both"):
        saklar.start()
    wait_until(lambda: not pings.is_running, 20)
    got = re.search(r"(\d+) packets transmitted, (\d+) received", pings.output()).groups()
    # with both gone nobody remembers the connection: an answer to what the old programs let out,
    # arriving at the first device that the new engine has, belongs to nothing
    may_miss = 20 if which == "both" else 0
    assert got[0] == "400" and int(got[1]) >= 400 - may_miss
    print("longest answer", max(map(float, re.findall(r"time=([\d.]+) ms", pings.output()))), "ms")


def slow_uplinks(world):
    return [p for p in world.saklar.json("status")["problems"] if "clsact" in p["text"]]


def test_the_host_keeps_its_device(world):
    """Its own address, TCP and pings go on beside those of two networks of guests."""
    guest, host = world.guests[2][1], world.host
    world.saklar("network", "add", "n4", "--mode", "nat", "--subnet", "10.41.4.0/24", "--uplink", "lan0",
                 "--uplink-address", "192.168.50.78/24", "--uplink-gateway", "192.168.50.2")
    other = world.lab.guest("h4", "n4", "netdev", addr=["10.41.4.12/24"])
    other.ip("route", "add", "default", "via", "10.41.4.1")
    wait_ping(other, INTERNET4)
    pings = [ns.start("ping", "-i", "0.01", "-c", "300", INTERNET4) for ns in (guest, other, host)]
    before = fast(world)
    result = iperf3(host, world.lan, INTERNET4, "-R", size="32M")
    assert result["end"]["sum_received"]["bytes"] >= 32 << 20
    for program in pings:
        wait_until(lambda p=program: not p.is_running, 20)
        assert "300 received" in program.output(), program.output()
    assert fast(world) - before > 2 * 2 * 250
    world.saklar("vif", "del", "h4")
    world.saklar("network", "del", "n4")
    ping(guest, INTERNET4, count=10, more=QUICK)


def test_programs_of_others_on_the_uplink_come_first(world):
    host, guest = world.host, world.guests[2][1]
    by_lan0 = ["network", "set", "n2", "--uplink", "lan0", *WORLD_LAN0]
    assert "saklar_shared" in host.out("tc", "filter", "show", "dev", "lan0", "ingress")
    world.saklar("network", "set", "n2", "--uplink", "host")
    assert "clsact" not in host.out("tc", "qdisc", "show", "dev", "lan0"), "as it was before"
    host.run("tc", "qdisc", "add", "dev", "lan0", "clsact")
    assert slow_uplinks(world) == []
    world.saklar(*by_lan0)
    problem, = wait_until(lambda: slow_uplinks(world), 5)
    assert problem["object"] == "network n2" and "lan0 has a clsact qdisc of somebody else" in problem["text"]
    assert "tc qdisc del dev lan0 clsact" in problem["cure"]
    wait_ping(guest, INTERNET4)
    before = fast(world)
    ping(guest, INTERNET4, count=20, more=QUICK)
    assert fast(world) == before, "all by the engine"
    host.run("tc", "qdisc", "del", "dev", "lan0", "clsact")
    world.saklar("network", "set", "n2", "--uplink", "host")
    world.saklar(*by_lan0)
    assert slow_uplinks(world) == []
    wait_ping(guest, INTERNET4)
    ping(guest, INTERNET4, count=20, more=QUICK)
    assert fast(world) - before >= 20
