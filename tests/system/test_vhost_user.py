# SPDX-License-Identifier: Apache-2.0
"""vhost-user vifs of a running engine, with guests that are honest and VMMs that are not.

    Guest (tests/lib/vhost_guest.py) --v1.sock--> saklar-vswitch <--v2.sock-- Guest
                                        test (fake daemon) --^
"""

import os
import pathlib
import signal
import socket
import struct
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
import fake_daemon as fd  # noqa: E402
import vhost_guest as vg  # noqa: E402

from lib.instance import BUILD  # noqa: E402
from lib.wait import wait_until  # noqa: E402

ENGINE = str(BUILD / "saklar-vswitch")
TYPE_VHOST = 5
A, B = b"\x52\x54\0\0\0\x01", b"\x52\x54\0\0\0\x02"


def frame(to, of, n):
    return to + of + b"\x88\xb5" + struct.pack("!I", n) + bytes(46)


class Rig:
    """An engine with two vhost-user vifs in one network, and their listening sockets."""

    def __init__(self, folder):
        self.paths = [f"{folder}/v{i}.sock" for i in (1, 2)]
        self.listeners = []
        self.states = [fd.memfd(fd.VHOST_STATE_SIZE) for _ in self.paths]
        for path in self.paths:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            s.bind(path)
            s.listen(4)
            self.listeners.append(s)
        self.start()

    def start(self, deposits=()):
        deposits = dict(deposits)
        self.daemon = fd.FakeDaemon(ENGINE, ["--no-huge"])
        self.daemon.segments_give()
        for i, s in enumerate(self.listeners):
            self.daemon.vif_open(i + 1, TYPE_VHOST, [self.states[i], s.fileno()], n_queues=1)
            self.daemon.vhost_resume(i + 1, deposits)
        self.daemon.snapshot_send([fd.network(1)], [fd.port(1, 1), fd.port(2, 1)])

    def kill_engine(self):
        """Returns what it had deposited."""
        os.kill(self.daemon.child.pid, signal.SIGKILL)
        self.daemon.child.wait()
        self.daemon.hear()
        self.daemon.sock.close()
        return self.daemon.deposits

    def n_fds(self):
        return len(os.listdir(f"/proc/{self.daemon.child.pid}/fd"))

    def close(self):
        self.daemon.stop()
        for s in self.listeners:
            s.close()
        for state in self.states:
            os.close(state)


@pytest.fixture(name="rig")
def rig_fixture(tmp_path):
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def is_hung_up_on(guest):
    try:
        while guest.sock.recv(64):
            pass  # that it was refused
    except ConnectionResetError:  # it had not read all that was said
        pass
    return True


def passes(sender, receiver, frames, n):
    """Each of @frames arrives, once and in order."""
    got = []
    for f in frames:
        wait_until(lambda f=f: sender.send(f), 10)

    def all_there():
        got.extend(receiver.receive())
        return len(got) >= n

    wait_until(all_there, 10)
    assert got == frames


def test_frames_pass_between_two_guests_in_order(rig):
    a, b = vg.Guest(rig.paths[0]), vg.Guest(rig.paths[1])
    for turn in range(20):
        passes(a, b, [frame(B, A, 100 * turn + i) for i in range(30)], 30)
        passes(b, a, [frame(A, B, 100 * turn + i) for i in range(30)], 30)
    assert rig.daemon.worker()["denied"] == 0


def test_an_idle_guest_is_woken_by_its_kick_alone(rig):
    a, b = vg.Guest(rig.paths[0]), vg.Guest(rig.paths[1])
    for n in range(10):
        slept = rig.daemon.worker()["sleeps"]
        passes(a, b, [frame(B, A, n)], 1)
        wait_until(lambda slept=slept: rig.daemon.worker()["sleeps"] > slept, 10)


@pytest.mark.parametrize("is_resumed", (True, False))
def test_rings_go_on_after_the_engine_was_killed(rig, is_resumed):
    """With what the engine had deposited the VMM notices nothing; without, it connects anew."""
    a, b = vg.Guest(rig.paths[0]), vg.Guest(rig.paths[1])
    passes(a, b, [frame(B, A, i) for i in range(10)], 10)
    deposits = rig.kill_engine()
    assert a.send(frame(B, A, 10)) and a.send(frame(B, A, 11))  # nobody is there to take them
    rig.start(deposits if is_resumed else ())
    if not is_resumed:
        for fd_kept in deposits.values():
            os.close(fd_kept)
        b.connect()
        a.connect()
    got = []
    wait_until(lambda: got.extend(b.receive()) or len(got) >= 2, 10)
    assert got == [frame(B, A, 10), frame(B, A, 11)]
    passes(b, a, [frame(A, B, i) for i in range(10)], 10)


def test_memory_taken_away_costs_that_guest_alone(rig):
    a, b = vg.Guest(rig.paths[0]), vg.Guest(rig.paths[1])
    passes(a, b, [frame(B, A, i) for i in range(10)], 10)
    pid = rig.daemon.child.pid
    os.ftruncate(a.mem_fd, 0)
    os.eventfd_write(a.kick[1], 1)
    assert is_hung_up_on(a)
    assert rig.daemon.child.poll() is None and rig.daemon.child.pid == pid
    a = vg.Guest(rig.paths[0])
    passes(b, a, [frame(A, B, i) for i in range(10)], 10)


def test_hostile_messages_cost_their_session_and_no_fd(rig):
    b = vg.Guest(rig.paths[1])
    before = rig.n_fds()
    hostile = [
        (vg.NUM, struct.pack("=II", 0x10001, 64), 0), (vg.NUM, struct.pack("=II", 0, 0), 0),
        (vg.NUM, struct.pack("=II", 0, 64), 8), (6, struct.pack("=QQ", 8192, 2**64 - 4096), 1),
        (vg.SET_MEM_TABLE, struct.pack("=II", 9, 0) + bytes(256), 8), (31, bytes(24), 0),
        (vg.SET_MEM_TABLE, struct.pack("=II8Q", 2, 0, 0, vg.MEM, 0, 0, 4096, 4096, 0, 0), 2),
        (vg.ADDR, bytes(40), 0), (vg.SET_FEATURES, struct.pack("=Q", 1 << 63), 0),
        (vg.KICK, struct.pack("=Q", 1), 1), (vg.CALL, struct.pack("=Q", 1), 1), (255, b"", 0),
    ]
    for request, payload, n_fds in hostile:
        a = vg.Guest(rig.paths[0])
        a.say(request, payload, [a.mem_fd] * n_fds)
        assert is_hung_up_on(a), (request, payload)
        a.close()
    a = vg.Guest(rig.paths[0])
    passes(a, b, [frame(B, A, i) for i in range(10)], 10)
    a.close()
    wait_until(lambda: rig.n_fds() == before, 10)
    assert rig.daemon.worker()["denied"] == 0


def test_half_a_message_makes_nobody_busy(rig):
    a, b = vg.Guest(rig.paths[0]), vg.Guest(rig.paths[1])
    a.sock.send(struct.pack("=I", vg.SET_OWNER))
    passes(a, b, [frame(B, A, i) for i in range(10)], 10)
    a.sock.send(struct.pack("=II", 9, 0))  # the rest: version 1, acknowledgement asked for
    assert a.answer() == 0
