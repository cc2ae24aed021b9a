# SPDX-License-Identifier: Apache-2.0
"""What a hostile guest or VMM can do over vhost-user to itself, and to nobody else.

    Guest (tests/lib/vhost_guest.py) --v1.sock--> saklar-vswitch <--v2.sock-- Guest
                                        test (fake daemon) --^
"""

import os
import socket
import struct
import time

import pytest

from test_vhost_user import A, B, frame, is_hung_up_on, passes, rig_fixture, vg  # noqa: F401

from lib.wait import wait_until

NEEDS_CSUM = 1
TCP4, UDP, TCP6 = 1, 3, 4


def header(flags=0, gso=0, hdr_len=0, size=0, start=0, offset=0):
    return struct.pack("=BBHHHHH", flags, gso, hdr_len, size, start, offset, 0)


def ip4(proto, length):
    """An Ethernet frame with @length bytes of TCP or UDP, header included, to B from A."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, 64, proto, 0, b"\n\0\0\1",
                     b"\n\0\0\2")
    total = sum(struct.unpack("!10H", ip))
    total = (total & 0xFFFF) + (total >> 16)
    ip = ip[:10] + struct.pack("!H", ~total & 0xFFFF) + ip[12:]
    tcp = struct.pack("!HHIIBBHHH", 1, 2, 3, 4, 0x50, 0x10, 100, 0, 0)
    udp = struct.pack("!HHHH", 1, 2, length, 0)
    head = tcp if proto == 6 else udp
    return B + A + b"\x08\x00" + ip + head + bytes(length - len(head))


TCP_FRAME, UDP_FRAME = ip4(6, 1200), ip4(17, 1200)
BAD_GSO = [(TCP_FRAME, header(NEEDS_CSUM, gso, 54, size, 34, 16))
           for gso, size in ((TCP4, 0), (7, 500), (2, 500), (TCP6, 500), (UDP, 500), (0x7F, 500))]
BAD_GSO += [(UDP_FRAME, header(NEEDS_CSUM, TCP4, 54, 500, 34, 6)),
            (TCP_FRAME, header(0, TCP4, 54, 500, 34, 16))]
BAD_GSO += [(TCP_FRAME, header(NEEDS_CSUM, TCP4, 54, size, 34, 16)) for size in range(1, 8)]
BAD_CSUM = [(TCP_FRAME, header(NEEDS_CSUM, 0, 0, 0, start, offset))
            for start in (0, 13, 33, 35, len(TCP_FRAME) - 1, len(TCP_FRAME), 65535)
            for offset in (0, 6, 16, 65535)]


@pytest.mark.parametrize("cases", (BAD_GSO, BAD_CSUM), ids=("gso", "csum"))
def test_claims_of_a_guest_that_its_frame_contradicts_lose_the_frame(rig, cases):
    """Each one, counted; the next honest frame arrives."""
    a, b = vg.Guest(rig.paths[0]), vg.Guest(rig.paths[1])
    passes(b, a, [frame(A, B, 0)], 1)
    for sent, hdr in cases:
        assert a.send(sent, hdr)
    passes(a, b, [frame(B, A, 1)], 1)
    wait_until(lambda: sum(rig.daemon.counters(1)["drops"].values()) == len(cases), 10,
               lambda: rig.daemon.counters(1))


def test_any_header_at_all_harms_nobody(rig):
    """Whatever of it passes is well-formed for whoever gets it."""
    a, b = vg.Guest(rig.paths[0]), vg.Guest(rig.paths[1])
    noise = os.urandom(20000 * 10)
    got = 0
    for i in range(20000):
        wait_until(lambda i=i: a.send((TCP_FRAME, UDP_FRAME)[i % 2], noise[10 * i:10 * i + 10]
                                      + b"\0\0"), 10)
        got += len(b.receive())
    passes(a, b, [frame(B, A, 1)], 1)
    drops = sum(rig.daemon.counters(1)["drops"].values())
    assert drops > 10000 and got <= 20000


@pytest.mark.parametrize("length", (0, 1, 11, 12))
def test_chains_not_longer_than_the_header_are_lost_alone(rig, length):
    a, b = vg.Guest(rig.paths[0]), vg.Guest(rig.paths[1])
    if length > 0:
        a.send_bytes(bytes(length))
        passes(a, b, [frame(B, A, 1)], 1)
    else:  # a descriptor without bytes is no chain at all
        a.send_bytes(b"")
        wait_until(lambda: rig.daemon.hear() or "no bytes" in rig.daemon.vhost_states[1][1], 10)
    passes(b, vg.Guest(rig.paths[0]) if reconnects(a, length) else a, [frame(A, B, 1)], 1)


def reconnects(guest, length):
    if length == 0:
        guest.close()
    return length == 0


def test_memory_that_shrinks_costs_others_nothing_and_ends_within_100_ms(rig):
    """While two honest guests talk through the same worker."""
    a, b = vg.Guest(rig.paths[0]), vg.Guest(rig.paths[1])
    took = []
    for _ in range(5):
        passes(a, b, [frame(B, A, 0)], 1)
        os.ftruncate(a.mem_fd, 0)
        began = time.monotonic()
        os.eventfd_write(a.kick[1], 1)
        assert is_hung_up_on(a)
        took.append(time.monotonic() - began)
        a = vg.Guest(rig.paths[0])
        passes(a, b, [frame(B, A, i) for i in range(40)], 40)
    assert rig.daemon.child.poll() is None
    assert sorted(took)[2] < 0.1, took


@pytest.mark.parametrize("kind", ("disk", "pipe", "socket", "proc"))
def test_memory_must_be_memory(rig, tmp_path, kind):
    """A file that could make a worker wait, or that is none."""
    ends = []
    if kind == "disk":
        ends = [os.open(os.environ.get("SAKLAR_DISK_FILE", __file__), os.O_RDONLY)]
    elif kind == "pipe":
        ends = list(os.pipe())
    elif kind == "socket":
        ends = [s.detach() for s in socket.socketpair()]
    else:
        ends = [os.open("/proc/self/mem", os.O_RDWR)]
    a = vg.Guest(rig.paths[0])
    before = rig.n_fds()
    a.say(vg.SET_MEM_TABLE, struct.pack("=II4Q", 1, 0, 0, 4096, vg.USER, 0), ends[:1])
    assert is_hung_up_on(a)
    assert rig.n_fds() < before
    for end in ends:
        os.close(end)


def test_a_call_fd_that_would_block_makes_no_worker_wait(rig):
    """The VMM takes O_NONBLOCK back and fills the counter: a write would wait for ever."""
    a, b = vg.Guest(rig.paths[0]), vg.Guest(rig.paths[1])
    passes(a, b, [frame(B, A, 0)], 1)
    for fd in a.call + b.call:
        os.set_blocking(fd, False)
        os.eventfd_read(fd)
        os.eventfd_write(fd, 2**64 - 2)
        os.set_blocking(fd, True)
    for i in range(100):
        passes(a, b, [frame(B, A, i)], 1)
        passes(b, a, [frame(A, B, i)], 1)


def test_a_vmm_that_talks_without_end_is_heard_in_its_turn(rig):
    """It gets 4,000 messages at once and 500 a second; frames pass meanwhile, and it is heard again."""
    a, b = vg.Guest(rig.paths[0]), vg.Guest(rig.paths[1])
    began = time.monotonic()
    a.sock.settimeout(60)
    for _ in range(4500):
        a.say(vg.SET_OWNER)
    passes(a, b, [frame(B, A, i) for i in range(40)], 40)
    a.sync()
    assert time.monotonic() - began > 0.5
    passes(b, a, [frame(A, B, i) for i in range(40)], 40)
