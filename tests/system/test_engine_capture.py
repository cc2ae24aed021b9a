# SPDX-License-Identifier: Apache-2.0
"""What a member of the capture group can do to the engine: nothing; and GSO frames in captures.

      guest a (netdev) --+-- network lan --+-- guest b (netdev)
        test --cap.sock--> saklard         engine --ring--> test, saklar capture
"""

import array
import fcntl
import json
import os
import signal
import socket

import pytest

from lib.pcapng import read_pcapng
from lib.traffic import iperf3, ping, wait_ping
from lib.wait import wait_until

BAD_PROGRAMS = {
    "jumps back": [[0x05, 0, 0, 0xFFFFFFFF], [0x06, 0, 0, 1]],
    "unknown return": [[0x106, 0, 0, 1]],
    "unknown operation": [[0x104, 0, 0, 1], [0x06, 0, 0, 1]],
    "memory never written": [[0x60, 0, 0, 3], [0x16, 0, 0, 0]],
    "no return": [[0x30, 0, 0, 0]],
    "jumps out": [[0x05, 0, 0, 9], [0x06, 0, 0, 1]],
    "divides by zero": [[0x34, 0, 0, 0], [0x06, 0, 0, 1]],
}


@pytest.fixture(scope="module")
def guests(lab):
    lab.network("lan", "--subnet", "10.23.0.0/24")
    made = {"a": lab.guest("a", "lan", "netdev", addr="10.23.0.11/24"),
            "b": lab.guest("b", "lan", "netdev", addr="10.23.0.12/24")}
    wait_ping(made["a"], "10.23.0.12")
    return made


class Reader:
    """A connection to cap.sock that says what it likes."""

    def __init__(self, lab):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(str(lab.saklar.run_dir / "cap.sock"))

    def open(self, **params):
        request = {"jsonrpc": "2.0", "id": 1, "method": "capture.open", "params": params}
        self.sock.sendall(json.dumps(request).encode() + b"\n")
        text, anc, _, _ = self.sock.recvmsg(1 << 16, socket.CMSG_SPACE(64))
        fds = array.array("i")
        for _, _, content in anc:
            fds.frombytes(content)
        return json.loads(text), list(fds)


@pytest.mark.parametrize("program", BAD_PROGRAMS.values(), ids=BAD_PROGRAMS.keys())
def test_program_that_is_not_sound_is_refused_and_the_engine_goes_on(lab, guests, program):
    engine = lab.saklar.engine_pid()
    reader = Reader(lab)
    answer, fds = reader.open(target="vif", name="a", filter=program)
    assert "error" in answer and not fds, answer
    ping(guests["a"], "10.23.0.12")
    assert lab.saklar.engine_pid() == engine


def test_reader_that_makes_its_wake_up_block_delays_nobody(lab, guests):
    reader = Reader(lab)
    answer, fds = reader.open(target="vif", name="a")
    assert "result" in answer and len(fds) == 2, answer
    flags = fcntl.fcntl(fds[1], fcntl.F_GETFL)
    fcntl.fcntl(fds[1], fcntl.F_SETFL, flags & ~os.O_NONBLOCK)
    try:
        os.write(fds[1], ((1 << 64) - 2).to_bytes(8, "little"))  # the most an eventfd holds
    except OSError:
        pass
    ping(guests["a"], "10.23.0.12", count=2000, more=("-i", "0.002"), timeout=30)
    for fd in fds:
        os.close(fd)


def test_super_frames_are_shown_whole_with_their_true_length(lab, guests):
    path = lab.workdir / "super.pcapng"
    program = lab.host.start(*lab.saklar.cmd("capture", "a", "-w", str(path), "tcp"),
                             env=lab.saklar.env)
    wait_until(lambda: path.exists() and path.stat().st_size >= 28, 5, "the capture runs")
    iperf3(guests["a"], guests["b"], "10.23.0.12", size="2M")
    assert program.stop(signal.SIGINT) == 0, program.output()
    packets, _ = read_pcapng(path.read_bytes())
    largest = max(packets, key=lambda p: len(p.frame))
    assert len(largest.frame) > 16 * 1024
    total_length = int.from_bytes(largest.frame[16:18], "big")
    assert len(largest.frame) == 14 + total_length, "not cut short"
