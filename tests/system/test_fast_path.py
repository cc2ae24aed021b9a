# SPDX-License-Identifier: Apache-2.0
"""What the engine has decided, the kernel passes on by itself, until anything changes.

      a, b, c -- veth --+-- network lan, 10.47.0.0/24
      t -- tap, a VMM --+
"""

import re

import pytest

from lib.capture import Capture
from lib.traffic import can_ping, iperf3, ping, wait_ping
from lib.wait import wait_until

ADDR = {"a": "10.47.0.11", "b": "10.47.0.12", "c": "10.47.0.13", "t": "10.47.0.14"}


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.47.0.0/24")
    made = {name: lab.guest(name, "lan", "tap" if name == "t" else "netdev",
                            addr=ADDR[name] + "/24") for name in ADDR}
    wait_ping(made["a"], ADDR["b"])
    return made


def fast(lab):
    status = lab.saklar.json("status")["fast_path"]
    assert status["state"] == "on", status
    return status["packets"]


def rest(lab, guests, count=20):
    """Packets of `count` pings there and back that went through the engine."""
    ping(guests["a"], ADDR["b"])  # verdicts that had ended are there again
    before = fast(lab)
    ping(guests["a"], ADDR["b"], count=count, more=("-i", "0.01"))
    return 2 * count - (fast(lab) - before)


def test_the_kernel_passes_on_what_the_engine_has_decided(lab, guests):
    assert rest(lab, guests) == 0
    assert re.search(r"^fast path +on, \d+ packets passed on by the kernel", lab.saklar("status"),
                     re.MULTILINE)


def test_counters_of_vifs_have_these_packets_too(lab, guests):
    before = {name: lab.saklar.vif(name) for name in "ab"}
    ping(guests["a"], ADDR["b"], count=50, more=("-i", "0.01", "-s", "1000"))
    for name in "ab":
        after = lab.saklar.vif(name)
        for way in ("rx", "tx"):
            assert after[f"{way}_packets"] >= before[name][f"{way}_packets"] + 50
            assert after[f"{way}_bytes"] >= before[name][f"{way}_bytes"] + 50 * 1042


@pytest.mark.parametrize("src, dst", [("a", "b"), ("a", "t"), ("t", "b")])
def test_bulk_crosses_whole_with_few_packets_of_the_engines(lab, guests, src, dst):
    wait_ping(guests[src], ADDR[dst])
    before, engine = fast(lab), lab.saklar.json("worker", "list")[0]["packets"]
    iperf3(guests[src], guests[dst], ADDR[dst], size="64M")
    assert fast(lab) - before > 1000
    assert lab.saklar.json("worker", "list")[0]["packets"] - engine < 400


def test_a_capture_sees_every_packet_and_ends_without_a_trace(lab, guests):
    assert rest(lab, guests) == 0
    capture = Capture(lab, "a", "icmp")
    wait_until(lambda: rest(lab, guests, count=5) == 10, 10, "the engine has them all")
    assert len(capture.end()[0]) >= 10
    wait_until(lambda: rest(lab, guests, count=5) == 0, 10, "the kernel has them again")


def test_a_change_counts_for_the_next_packet(lab, guests):
    for name in "ab":
        lab.saklar("vif", "set", name, "--isolated", "on")
    assert not can_ping(guests["a"], ADDR["b"])
    for name in "ab":
        lab.saklar("vif", "set", name, "--isolated", "off")
    ping(guests["a"], ADDR["b"])
    lab.saklar("vif", "set", "b", "--down")
    assert not can_ping(guests["a"], ADDR["b"])
    lab.saklar("vif", "set", "b", "--up")
    wait_ping(guests["a"], ADDR["b"])


def test_an_address_that_moves_is_followed(lab, guests):
    """b's address and MAC turn up behind c, while a pings it all the time."""
    mac_b, mac_c = guests["b"].mac("eth0"), guests["c"].mac("eth0")
    ping(guests["a"], ADDR["b"])
    guests["b"].ip("link", "set", "eth0", "down")
    guests["c"].ip("link", "set", "eth0", "address", mac_b)
    guests["c"].ip("addr", "add", ADDR["b"] + "/24", "dev", "eth0")
    guests["c"].run("ping", "-c1", "-W1", "-I", ADDR["b"], ADDR["a"], check=False)
    wait_ping(guests["a"], ADDR["b"])
    guests["c"].ip("addr", "del", ADDR["b"] + "/24", "dev", "eth0")
    guests["c"].ip("link", "set", "eth0", "address", mac_c)
    guests["b"].ip("link", "set", "eth0", "up")
    wait_ping(guests["b"], ADDR["a"])
    wait_ping(guests["a"], ADDR["b"])


def lost_of(text):
    sent, got = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", text).groups())
    return sent - got


@pytest.mark.parametrize("which", ["engine", "daemon", "both"])
def test_killed_processes_leave_the_flow_alone(lab, guests, which):
    wait_until(lambda: rest(lab, guests, count=5) == 0, 10)
    engine = lab.saklar.engine_pid()
    pings = guests["a"].start("ping", "-i", "0.005", "-c", "400", ADDR["b"])
    wait_until(lambda: "icmp_seq=50 " in pings.output(), 10)
    if which in ("daemon", "both"):
        lab.saklar.kill_daemon()
    if which in ("engine", "both"):
        lab.host.kill(engine)
    wait_until(lambda: "icmp_seq=300 " in pings.output(), 20, pings.output)
    if which in ("daemon", "both"):
        lab.saklar.start()
    wait_until(lambda: not pings.is_running, 20)
    # Both: what arrives between the program of the old daemon and the socket of the new one is lost,
    # on each of the two devices; a ping waits for its turn, so it is one or two of them.
    assert lost_of(pings.output()) <= (2 if which == "both" else 0), pings.output()
    times = [float(ms) for ms in re.findall(r"time=([\d.]+) ms", pings.output())]
    print("longest answer", max(times), "ms")
    lab.saklar.wait_vif("b")
    wait_until(lambda: rest(lab, guests, count=5) == 0, 10, "the kernel has them still or again")


def test_ports_of_before_and_after_a_new_daemon_reach_each_other(lab, guests):
    lab.saklar.kill_daemon()
    lab.saklar.start()
    lab.saklar.wait_vif("a")
    late = lab.guest("late", "lan", "netdev", addr="10.47.0.20/24")
    wait_ping(guests["a"], "10.47.0.20")
    before = fast(lab)
    ping(guests["a"], "10.47.0.20", count=20, more=("-i", "0.01"))
    ping(late, ADDR["b"], count=20, more=("-i", "0.01"))
    assert fast(lab) - before >= 70
    lab.drop_guest(late)
    lab.saklar("vif", "del", "late")


def test_a_daemon_without_it_sends_everything_through_the_engine(lab, guests):
    wait_until(lambda: rest(lab, guests, count=5) == 0, 10)
    lab.saklar.stop()
    lab.saklar.start("--no-fast-path")
    lab.saklar.wait_vif("b")
    status = lab.saklar.json("status")["fast_path"]
    assert (status["state"], status["reason"]) == ("off",
                                                   "saklard was started with --no-fast-path")
    ping(guests["a"], ADDR["b"])
    before = lab.saklar.json("status")["fast_path"]["packets"]
    ping(guests["a"], ADDR["b"], count=20, more=("-i", "0.01"))
    assert lab.saklar.json("status")["fast_path"]["packets"] == before
    lab.saklar.stop()
    lab.saklar.start()
    lab.saklar.wait_vif("b")
    ping(guests["a"], ADDR["b"])
