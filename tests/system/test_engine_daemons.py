# SPDX-License-Identifier: Apache-2.0
"""The engine and its daemons: devices that die, daemons that replace each other, hostile messages,
and no packet that is lost without a reason.

    test (fake daemon) --engine.sock--> saklar-vswitch --+-- h1, h2  taps (host vifs)
                                                         +-- p1, p2  veth ends (netdev vifs); q1, q2

All devices are in a network namespace of the test's own."""

import array
import ctypes
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
import fake_daemon as fd  # noqa: E402

from lib.instance import BUILD  # noqa: E402
from lib.wait import wait_until  # noqa: E402

ENGINE = str(BUILD / "saklar-vswitch")
CLONE_NEWNET = 0x40000000
RX_OVERFLOW = 18  # numbers of vswitch/abi/drop_reasons.h
libc = ctypes.CDLL(None, use_errno=True)


def ip(*words):
    subprocess.run(("ip", *words), check=True)


@pytest.fixture(scope="module")
def own_net():
    """Everything below happens in a new network namespace."""
    before = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    assert libc.unshare(CLONE_NEWNET) == 0
    pathlib.Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
    ip("link", "set", "lo", "up")
    yield
    assert libc.setns(before, CLONE_NEWNET) == 0
    os.close(before)


class Switch:
    """An engine with two taps (1, 2) and two netdevs (3, 4) in one network."""

    def __init__(self):
        self.fds = []
        self.daemon = fd.FakeDaemon(ENGINE, ["--no-huge"])
        self.daemon.segments_give()
        for i in (1, 2):
            self.open(i, fd.TYPE_HOST, fd.tap_open(f"h{i}")[0], f"h{i}")
            ip("link", "add", f"p{i}", "type", "veth", "peer", "name", f"q{i}")
            ip("link", "set", f"q{i}", "up")
            ip("link", "set", f"p{i}", "up")
            self.open(i + 2, fd.TYPE_NETDEV, fd.packet_socket(f"p{i}"), f"p{i}")
            ip("link", "set", f"h{i}", "up")
        self.daemon.snapshot_send([fd.network(1)], [fd.port(i, 1) for i in range(1, 5)])

    def open(self, vif_id, vif_type, fd_, name):
        self.fds.append(fd_)
        self.daemon.vif_open(vif_id, vif_type, [fd_], name=name)

    def close(self):
        self.daemon.stop()
        for fd_ in self.fds:
            os.close(fd_)
        for dev in ("p1", "p2"):
            subprocess.run(("ip", "link", "del", dev), check=False, stderr=subprocess.DEVNULL)

    def engine_fds(self):
        return len(os.listdir(f"/proc/{self.daemon.child.pid}/fd"))


@pytest.fixture
def switch(own_net):
    made = Switch()
    yield made
    made.close()


def await_event(daemon):
    got, seq, body, _ = daemon.receive()
    assert (got, seq) == (fd.EVENT, 0)
    return struct.unpack_from("=II", body)


def held(daemon):
    """(kinds of what the engine holds, events) as a daemon sees them that takes over."""
    daemon.events.clear()
    kinds = []
    for kind, _, fds in daemon.request(fd.FD_LIST, b"\0" * 4):
        kinds.append(kind)
        for fd_ in fds:
            os.close(fd_)
    return kinds, daemon.events


def test_dead_vif_is_reported_once_and_told_to_the_next_daemon(switch):
    first = switch.daemon
    ip("link", "del", "h1")
    assert await_event(first) == (1, 1)
    ip("link", "del", "h2")
    assert await_event(first) == (1, 2)
    first.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        first.receive()  # vif 1 is not reported again with vif 2
    old = first.sock
    first.connect()
    assert old.recv(1) == b"", "the old daemon was not hung up on"
    old.close()
    kinds, events = held(first)
    assert kinds.count(fd.HELD_VIF) == 4
    assert [e[:2] for e in events] == [(1, 1), (1, 2)]
    first.request(fd.VIF_CLOSE, struct.pack("=I", 1))
    switch.open(2, fd.TYPE_HOST, fd.tap_open("h2")[0], "h2")
    kinds, events = held(first)
    assert kinds.count(fd.HELD_VIF) == 3
    assert not events, "what was replaced is not dead"


def test_netdev_that_dies_while_nobody_sends_from_it_is_reported_by_the_next_frame_to_it(switch):
    ip("link", "del", "p1")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("q2", 0))
        s.send(frame(1))
    assert await_event(switch.daemon) == (1, 3)


def test_daemon_that_does_not_read_gives_way_to_the_next(switch):
    mute = switch.daemon.sock
    mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    for _ in range(200):
        try:
            switch.daemon.send(fd.FDB_DUMP, struct.pack("=II", 0, 0))
        except OSError:
            break
        mute.setblocking(False)
    switch.daemon.connect()
    kinds, _ = held(switch.daemon)
    assert kinds.count(fd.HELD_VIF) == 4 and kinds.count(fd.HELD_SEGMENT) == 2
    mute.close()


def test_half_done_take_over_leaves_nothing_behind(switch):
    """Daemons that ask for everything and die before they have read it."""
    before = switch.engine_fds()
    for _ in range(20):
        switch.daemon.send(fd.FD_LIST, b"\0" * 4)
        switch.daemon.sock.close()
        switch.daemon.connect()
    kinds, _ = held(switch.daemon)
    assert kinds.count(fd.HELD_VIF) == 4
    assert switch.engine_fds() == before


@pytest.mark.parametrize("message", (b"", b"x" * 15, struct.pack("=IIII", 3, 9, 16, 4)),
                         ids=("empty", "short", "no body"))
def test_fds_of_malformed_messages_are_closed(switch, message):
    before = switch.engine_fds()
    for _ in range(50):
        fds = array.array("i", [0, 0, 0, 0])
        switch.daemon.sock.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        assert switch.daemon.sock.recv(100) == b""
        switch.daemon.sock.close()
        switch.daemon.connect()
    assert switch.engine_fds() == before


def test_tap_that_blocks_does_not_stop_the_worker(switch):
    tap = fd.tap_open("h3")[0]
    os.set_blocking(tap, True)
    switch.open(5, fd.TYPE_HOST, tap, "h3")
    ip("link", "set", "h3", "up")
    switch.daemon.sock.settimeout(5)
    switch.daemon.request(fd.FDB_FLUSH, struct.pack("=IIQ", 0, 0, 0))


def frame(src, dst=0xFF, size=60):
    return (b"\xff" * 6 if dst == 0xFF else bytes((2, 0, 0, 0, 0, dst))) + \
        bytes((2, 0, 0, 0, 0, src)) + b"\x88\xb5" + bytes(size - 14)


def stats(dev):
    done = subprocess.run(("ip", "-j", "-s", "link", "show", "dev", dev), check=True,
                          capture_output=True)
    return json.loads(done.stdout)[0]["stats64"]


def flood(dev, frame_, n):
    """Send n frames; returns how many the device took and did not lose itself: a tap that is not
    read drops and counts in its own statistics, which are its guest's."""
    before = stats(dev)["tx"]
    n_sent = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        s.bind((dev, 0))
        for _ in range(n):
            try:
                s.send(frame_)
                n_sent += 1
            except OSError:
                pass  # refused: never sent
    return n_sent - (stats(dev)["tx"]["dropped"] - before["dropped"])


def totals(daemon, src, dst):
    a, b = daemon.counters(src), daemon.counters(dst)
    return {"rx": a["rx_packets"], "overflow": a["drops"].get(RX_OVERFLOW, 0),
            "lost": sum(b["drops"].values()), "tx": b["tx_packets"],
            "refused": sum(a["drops"].values()) - a["drops"].get(RX_OVERFLOW, 0)}


@pytest.mark.parametrize("src,src_dev", ((3, "q1"), (1, "h1")), ids=("netdev", "host"))
@pytest.mark.parametrize("dst,dst_dev", ((4, "q2"), (2, "h2")), ids=("netdev", "host"))
@pytest.mark.parametrize("is_stopped", (False, True), ids=("running", "stopped"))
def test_every_packet_of_a_flood_is_received_or_counted(switch, src, src_dev, dst, dst_dev,
                                                       is_stopped):
    """N sent = received + lost on the way in; received = sent on + lost on the way out; sent on =
    arrived at the other side's device.  With and without an engine that cannot keep up."""
    daemon = switch.daemon
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((dst_dev, 0))
        s.send(frame(2))
    wait_until(lambda: daemon.counters(dst)["rx_packets"] == 1, 5)
    before = totals(daemon, src, dst)
    arrived = stats(dst_dev)["rx"]
    if is_stopped:
        os.kill(daemon.child.pid, signal.SIGSTOP)
    n = flood(src_dev, frame(1, 2), 40000)
    os.kill(daemon.child.pid, signal.SIGCONT)

    delta = {}

    def is_accounted_for():  # what is received is counted before it is sent
        now = totals(daemon, src, dst)
        delta.update((k, now[k] - before[k]) for k in now)
        return delta["rx"] + delta["overflow"] == n and \
            delta["rx"] == delta["tx"] + delta["lost"] + delta["refused"]
    wait_until(is_accounted_for, 10, "all of the flood is accounted for")
    assert n > 0 and delta["rx"] > 0, delta
    assert stats(dst_dev)["rx"]["packets"] - arrived["packets"] == delta["tx"], delta
