# SPDX-License-Identifier: Apache-2.0
"""Load and losses: small packets under a flood, and the drop reasons that only real devices show.

Reasons that have their test here: rx_overflow, tx_queue_full, tx_refused, tx_link_down (see also
test_netdev.py), rx_unexpressible, rx_error, no_buffer.

      flooder f (netdev) --+-- network lan --+-- guest n (netdev)
      guest h (host) ------+                 +-- guest t (tap whose VMM may stop reading)
"""

import json
import os
import signal
import time

import pytest

from lib.traffic import iperf3, iperf3_server, ping, wait_ping
from lib.vnet import GSO_UDP, NEEDS_CSUM, open_tap, pseudo_sum, vnet_header
from lib.wait import wait_until
from lib.wire import has, udp_frame, wire

ADDR = {"f": 1, "n": 2, "h": 3}


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.19.0.0/24")
    return {"f": lab.guest("f", "lan", "netdev", addr="10.19.0.11/24"),
            "n": lab.guest("n", "lan", "netdev", addr="10.19.0.12/24"),
            "h": lab.guest("h", "lan", "host", addr="10.19.0.13/24")}


def flood(guest, addr, *more, seconds=2):
    """Small UDP datagrams as fast as one sender can; returns iperf3's JSON."""
    return json.loads(guest.out("iperf3", "-J", "-c", addr, "-u", "-b", "0", "-l", "64", "-t",
                                str(seconds), *more, timeout=seconds + 20))


@pytest.mark.parametrize("dst", ("n", "h"))
def test_small_packets_are_not_lost_at_a_moderate_rate(guests, dst):
    """20,000 a second for two seconds: every one arrives."""
    addr = f"10.19.0.{10 + ADDR[dst]}"
    wait_ping(guests["f"], addr)
    with iperf3_server(guests[dst]):
        done = json.loads(guests["f"].out("iperf3", "-J", "-c", addr, "-u", "-b", "10M", "-l",
                                          "64", "-t", "2", "-w", "4M", timeout=30))
    total = done["end"]["sum"]
    assert total["packets"] > 30000
    assert total["lost_packets"] <= total["packets"] * 0.001, total


def test_every_lost_packet_of_a_flood_is_counted(lab, guests):
    """What the sender's device sent = what the switch received + what it says was lost."""
    wait_ping(guests["f"], "10.19.0.12")

    def sent():
        stats = json.loads(lab.host.out("ip", "-j", "-s", "link", "show", "dev", "f"))[0]
        return stats["stats64"]["rx"]["packets"]

    def seen():
        vif = lab.saklar.vif("f")
        return vif["rx_packets"] + vif["drops"].get("rx_overflow", 0)

    before = sent() - seen()
    with iperf3_server(guests["n"]):
        flood(guests["f"], "10.19.0.12")
    wait_until(lambda: abs(sent() - seen() - before) <= 5, 5,
               "all packets accounted for", interval=0.1)


def test_flood_does_not_starve_others(guests):
    """A guest beside the flood still gets its answers."""
    with iperf3_server(guests["n"]):
        program = guests["f"].start("iperf3", "-c", "10.19.0.12", "-u", "-b", "0", "-l", "64",
                                    "-t", "3")
        wait_until(lambda: "connected" in program.output(), 5)
        done = guests["h"].out("ping", "-n", "-c", "50", "-i", "0.02", "-W", "2", "10.19.0.1")
        assert int(done.split(" received")[0].split()[-1]) >= 49, done
        program.stop(signal.SIGKILL)


@pytest.mark.usefixtures("through_engine")
def test_rx_overflow_is_counted_when_the_engine_cannot_keep_up(lab, guests):
    """The engine is stopped while a guest goes on sending."""
    wait_ping(guests["f"], "10.19.0.12")
    before = lab.saklar.drops("f", "rx_overflow")
    engine = lab.saklar.engine_pid()
    dst = guests["n"].mac("eth0")
    frame = udp_frame(guests["f"].mac("eth0"), dst, bytes(1400))
    lab.host.kill(engine, signal.SIGSTOP)
    try:
        with wire(guests["f"], "eth0") as tx:
            # Larger than any socket buffer: 32,768 frames of 2 KiB and more of kernel memory.
            for _ in range(60000):
                try:
                    tx.write(frame)
                except OSError:
                    pass
    finally:
        lab.host.kill(engine, signal.SIGCONT)
    wait_until(lambda: lab.saklar.drops("f", "rx_overflow") > before, 10, "rx_overflow counted")
    wait_ping(guests["f"], "10.19.0.12")


def test_tx_queue_full_is_counted_when_a_vmm_stops_reading(lab, guests):
    guest = lab.host.guest("t")
    lab.saklar("vif", "add", "t", "--network", "lan", "--type", "tap")
    tap = lab.saklar.vif("t")["ifname"]
    vmm = lab.vmm(lab.saklar, guest, "t")
    guest.ip("link", "set", "eth0", "up")
    guest.ip("addr", "add", "10.19.0.20/24", "dev", "eth0")
    lab.saklar.wait_vif("t")
    wait_ping(guests["f"], "10.19.0.20")
    frame = udp_frame(guests["f"].mac("eth0"), guest.mac("eth0"), "nobody reads this")
    vmm.send_signal(signal.SIGSTOP)
    before = lab.saklar.drops("t", "tx_queue_full")
    with wire(guests["f"], "eth0") as tx:
        def counted():
            for _ in range(500):
                tx.write(frame)
            return lab.saklar.drops("t", "tx_queue_full") > before
        wait_until(counted, 10, f"tx_queue_full on {tap}")
    ping(guests["f"], "10.19.0.12")  # the others go on
    vmm.send_signal(signal.SIGCONT)
    wait_ping(guests["f"], "10.19.0.20")
    lab.saklar("vif", "del", "t")
    vmm.stop(signal.SIGKILL)


def test_tx_link_down_is_counted_for_a_guest_that_sets_its_device_down(lab, guests):
    wait_ping(guests["f"], "10.19.0.13")
    mac = guests["h"].mac("eth0")
    before = lab.saklar.drops("h", "tx_link_down")
    guests["h"].ip("link", "set", "eth0", "down")
    with wire(guests["f"], "eth0") as tx:
        def counted():
            tx.write(udp_frame(guests["f"].mac("eth0"), mac, "nobody at home"))
            return lab.saklar.drops("h", "tx_link_down") > before
        wait_until(counted, 5, "tx_link_down is counted")
    guests["h"].ip("link", "set", "eth0", "up")
    wait_ping(guests["f"], "10.19.0.13")


def test_rx_unexpressible_is_counted_and_the_next_frame_passes(lab, guests):
    """A VMM hands over a UFO super-frame, which a packet socket cannot describe to its reader."""
    lab.saklar("vif", "add", "ufo", "--network", "lan", "--type", "tap")
    wait_until(lambda: lab.host.has_link("ufo"), 5)
    fd = open_tap(lab.host, "ufo")
    try:
        lab.saklar.wait_vif("ufo")
        dst = guests["n"].mac("eth0")
        frame = bytearray(udp_frame("02:00:00:00:00:0f", dst, bytes(4000)))
        frame[40:42] = pseudo_sum(bytes(frame), 14, 34, 17).to_bytes(2, "big")
        before = lab.saklar.drops("ufo", "rx_unexpressible")
        with wire(guests["n"], "eth0") as rx:
            os.write(fd, vnet_header(NEEDS_CSUM, GSO_UDP, 42, 1480, 34, 6) + frame)
            os.write(fd, vnet_header() + udp_frame("02:00:00:00:00:0f", dst, "behind it"))
            rx.read_until(has("behind it"))
        wait_until(lambda: lab.saklar.drops("ufo", "rx_unexpressible") == before + 1, 5)
    finally:
        os.close(fd)
    lab.saklar("vif", "del", "ufo")


def test_idle_engine_sleeps(lab, guests):
    """No turn of the worker's loop without a packet: CPU time stands still."""
    pid = lab.saklar.engine_pid()

    def cpu_ticks():
        field = lab.host.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
        return int(field[11]) + int(field[12])

    before, begin = cpu_ticks(), time.monotonic()
    wait_until(lambda: time.monotonic() - begin >= 2, 5)
    assert cpu_ticks() - before <= 6, "more than 3 % of a core while idle"


def test_tcp_beside_a_flood_still_moves(guests):
    with iperf3_server(guests["n"], 5301):
        program = guests["f"].start("iperf3", "-c", "10.19.0.12", "-p", "5301", "-u", "-b", "0",
                                    "-l", "64", "-t", "4")
        wait_until(lambda: "connected" in program.output(), 5)
        result = iperf3(guests["h"], guests["n"], "10.19.0.12", size="20M")
        assert result["end"]["sum_sent"]["bytes"] >= 20 << 20
        program.stop(signal.SIGKILL)
